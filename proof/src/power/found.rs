//! What an image says of one key, against what its callers had been told.

use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Grant, Granted};
use seiriken::store::Store;
use seiriken::store::sqlite::SqliteStore;

use super::check::{Order, Wrong};
use super::deed::{Deed, End, Kind, START};
use super::promised::{Promised, Told};

/// One key in an image.
pub(super) struct Found<'f> {
    pub(super) deed: Deed,
    /// What its callers had been told.
    pub(super) told: &'f Told,
    /// Its order.
    pub(super) order: Option<&'f Order>,
}

/// What the store says of the key.
enum Says {
    /// This answer, by the process of this generation.
    Answer(u64),
    Unknown,
    Expired,
    New(Grant),
}

impl Found<'_> {
    /// Asks the store for it.
    pub(super) async fn is_right(
        &self,
        store: &SqliteStore,
        promised: &Promised,
    ) -> Result<(), Wrong> {
        let made = self.told.made.unwrap_or(START);
        let claim = self.deed.claim_whatever_its_age(store, made);
        let outcome = store.claim(self.deed.id(store), claim).await;
        let says = self.says(outcome.map_err(|error| Wrong::unusable(&error))?)?;
        if let Says::New(grant) = &says
            && grant.token.as_u128() <= promised.token
        {
            let (token, before) = (grant.token.as_u128(), promised.token);
            return Err(self.contradicts(format!("token {token} after token {before}")));
        }
        if self.told.contradiction {
            return Err(self.contradicts("two callers were given two answers"));
        }
        if self.deed.orders() {
            self.order_is_right(&says, self.deed.has_lapsed(made, promised.now))
        } else if self.order.is_some() {
            Err(self.contradicts("there is an order, and nothing of it was to be"))
        } else {
            self.separate_is_right(&says)
        }
    }

    fn says(&self, outcome: ClaimOutcome) -> Result<Says, Wrong> {
        match outcome {
            ClaimOutcome::Granted(grant) => Ok(Says::New(grant)),
            ClaimOutcome::Indeterminate => Ok(Says::Unknown),
            ClaimOutcome::KeyExpired => Ok(Says::Expired),
            ClaimOutcome::Completed(response) => {
                let body = String::from_utf8(response.body().to_vec()).unwrap_or_default();
                let asked = self.told.asked_by.iter().copied();
                let mut whole = asked.filter(|asked| self.deed.answer(*asked) == body);
                let by = whole.next().filter(|_| self.deed.is_answered());
                by.map(Says::Answer)
                    .ok_or_else(|| self.contradicts("an answer stands that nobody has given"))
            }
            other => Err(self.contradicts(format!("it is said to be {other:?}"))),
        }
    }

    /// Record and order are there together or not at all, and together where that was told.
    fn order_is_right(&self, says: &Says, lapsed: bool) -> Result<(), Wrong> {
        if let Some(order) = self.order
            && order.content != self.deed.answer(order.generation)
        {
            return Err(self.contradicts("its order has other bytes than it was made with"));
        }
        let order = self.order.map(|order| order.generation);
        if let Some(told) = self.told.answered
            && order != Some(told)
        {
            return Err(self.lost(format!("order of process {told}; there is {order:?}")));
        }
        match (says, order) {
            (Says::Answer(answer), Some(order)) if *answer == order => Ok(()),
            (Says::New(grant), None) if grant.how == Granted::First => Ok(()),
            // Its answer may have been forgotten; that it was used may not.
            (Says::Expired, _) if lapsed => Ok(()),
            (Says::New(_), Some(_)) if self.told.answered.is_some() => {
                Err(self.lost("record; its order is there"))
            }
            (says, order) => {
                let says = says.in_words();
                Err(self.contradicts(format!("the store says {says}, and its order is {order:?}")))
            }
        }
    }

    /// A claim and its end, where each is durable by itself.
    fn separate_is_right(&self, says: &Says) -> Result<(), Wrong> {
        let told = self.told;
        let Kind::Separate(class, end) = self.deed.kind else {
            // Nothing of it is ever written.
            return match says {
                Says::New(grant) if grant.how == Granted::First => Ok(()),
                says => Err(self.contradicts(format!("the store says {}", says.in_words()))),
            };
        };
        if let Some(promised) = told.answered {
            return match says {
                Says::Answer(answer) if *answer == promised => Ok(()),
                says => Err(self.lost(format!("answer; the store says {}", says.in_words()))),
            };
        }
        let may_be_free = end == End::Freed && (told.ending || told.freed);
        let right = match says {
            Says::Answer(_) => told.ending && end == End::Answered,
            Says::Unknown => class == EffectClass::Opaque && !told.freed,
            Says::Expired => false,
            Says::New(grant) => match grant.how {
                // It was free, or its claim had not been acknowledged yet.
                Granted::First => !told.unsaid && (!told.granted || may_be_free),
                Granted::TakenOver => class == EffectClass::Keyed && !told.freed,
                Granted::Yours => false,
            },
        };
        if right {
            return Ok(());
        }
        Err(self.lost(format!("claim, told {told:?}; the store says {}", says.in_words())))
    }

    fn lost(&self, what: impl AsRef<str>) -> Wrong {
        Wrong::Lost(format!("deed {} ({:?}): {}", self.deed.number, self.deed.kind, what.as_ref()))
    }

    fn contradicts(&self, what: impl AsRef<str>) -> Wrong {
        let Deed { number, kind, .. } = self.deed;
        Wrong::Contradiction(format!("deed {number} ({kind:?}): {}", what.as_ref()))
    }
}

impl Says {
    fn in_words(&self) -> String {
        match self {
            Self::Answer(generation) => format!("the answer of process {generation}"),
            Self::Unknown => "that the outcome is unknown".into(),
            Self::Expired => "that the key has expired".into(),
            Self::New(grant) => format!("go ahead ({:?})", grant.how),
        }
    }
}
