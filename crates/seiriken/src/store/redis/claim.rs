//! The claim: one call, unless something stands that has to be replaced.

use std::time::Duration;

use super::error::{Unexpected, corrupt, not_applied};
use super::layout::{self, capped, millis};
use super::script::CLAIM;
use super::state::{Answer, State};
use super::{Put, Shared, TRIES};
use crate::clock::Timestamp;
use crate::policy::Quota;
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, Grant, Granted, Surroundings, Transition, Usage,
};
use crate::record::{EffectClass, INDETERMINATE_KEPT_MIN, Token};
use crate::scope::RecordId;
use crate::store::StoreError;

// What the script answers.
const GRANTED: i64 = 1;
const STANDS: i64 = 2;
const REFUSED: i64 = 3;
const FULL: i64 = 4;
const UNKNOWN_HISTORY: i64 = 5;

impl Shared {
    pub(super) async fn claim(
        &self,
        id: RecordId,
        claim: Claim,
    ) -> Result<ClaimOutcome, StoreError> {
        let key = self.key(id);
        let token = fresh_token()?;
        let mut state = self.state_for(&claim).await?;
        for _ in 0..TRIES {
            let told = self.ask(&key, &claim, token, &state).await?;
            let now = told.now;
            match (told.code, told.stored) {
                (GRANTED, None) => {
                    let grant = Grant { token, executions: 1, how: Granted::First };
                    return Ok(ClaimOutcome::Granted(grant));
                }
                (FULL, None) => return Ok(ClaimOutcome::QuotaExceeded),
                (REFUSED, None) => return self.refused(&claim, token, &state, now),
                (UNKNOWN_HISTORY, None) => state = self.look().await?,
                (STANDS, Some(stored)) => {
                    let stored = layout::decode(&key, stored).map_err(corrupt)?;
                    let around = self.around(&claim, token, &state, now);
                    let Transition { change, outcome } =
                        transition::claim(Some(&stored.record), &claim, &around);
                    let put = match change {
                        Change::Keep => return Ok(outcome),
                        Change::Put(record) => Put::Record(record),
                        Change::Remove => Put::Nothing,
                    };
                    let counted = stored.counted || self.is_counted(&claim);
                    if self.put(&key, &stored.head, &put, counted, now).await? {
                        return Ok(outcome);
                    }
                }
                _ => return Err(not_applied(Unexpected)),
            }
        }
        Err(not_applied("the record was changed by others again and again"))
    }

    async fn ask(
        &self,
        key: &str,
        claim: &Claim,
        token: Token,
        state: &State,
    ) -> Result<Answer, StoreError> {
        let counted = self.is_counted(claim);
        let stands_for = stands_for(claim);
        let keys = [key, &self.state_key];
        // In a cluster the state is on another node: there it is looked at now and then.
        let mut command = CLAIM.on(if self.counts { &keys } else { &keys[..1] });
        command.arg(self.time()).arg(&state.epoch);
        command
            .arg(layout::claimed(claim, token, counted))
            .arg(&layout::retention(&claim.retention));
        match claim.date {
            Some(date) => command.arg(capped(date.minted.as_millis())),
            None => command.arg(""),
        };
        command.arg(capped(millis(claim.retention.skew))).arg(capped(millis(claim.lease)));
        match claim.date {
            Some(_) => {
                let (from, until) = self.new_within(claim, state);
                command.arg(capped(from)).arg(capped(until)).arg(&state.histories);
            }
            None => {
                command.arg("").arg("").arg("");
            }
        }
        command.arg(self.time_to_live(stands_for));
        for most in [claim.quota.keys, claim.quota.bytes] {
            match most {
                Some(most) if self.counts => command.arg(capped(most)),
                _ => command.arg(""),
            };
        }
        command.arg(self.usage_prefix()).arg(capped(millis(stands_for)));
        command.arg(capped(millis(self.options.grace)));
        Answer::read(self.servers.run(key, &CLAIM, &command).await?)
    }

    /// From and until when a dated key of which nothing is found is new: within it, the script
    /// grants it by itself. Outside of it the transition function says what it is.
    fn new_within(&self, claim: &Claim, state: &State) -> (u64, u64) {
        let Some(date) = claim.date else { return (0, u64::MAX) };
        if date.minted < state.forgotten {
            return (u64::MAX, 0);
        }
        let until = date
            .usable_until(claim.retention.answers)
            .min(state.new_until(date.minted, self.options.grace));
        let from = date.minted.as_millis().saturating_sub(millis(claim.retention.skew));
        (from, until.as_millis())
    }

    /// A dated key of which nothing is found, and that is not new.
    fn refused(
        &self,
        claim: &Claim,
        token: Token,
        state: &State,
        now: Timestamp,
    ) -> Result<ClaimOutcome, StoreError> {
        let around = self.around(claim, token, state, now);
        let lost = claim.date.is_some_and(|date| date.minted < state.forgotten);
        match transition::claim(None, claim, &around).outcome {
            // Its record may be one of those that were forgotten.
            ClaimOutcome::Granted(_) | ClaimOutcome::QuotaExceeded if lost => {
                Ok(ClaimOutcome::Indeterminate)
            }
            ClaimOutcome::Granted(_) => Err(not_applied(Unexpected)),
            outcome => Ok(outcome),
        }
    }

    fn around(&self, claim: &Claim, fresh: Token, state: &State, now: Timestamp) -> Surroundings {
        let forgotten =
            claim.date.is_some_and(|date| now >= state.new_until(date.minted, self.options.grace));
        // What is counted the script has looked at.
        let (used, end) =
            (Usage::default(), if forgotten { Timestamp::MAX } else { Timestamp::ZERO });
        Surroundings { now, fresh, swept_through: end, used }
    }

    /// What is known of the servers, with the retention of this claim in it: from the first dated
    /// record on, everybody has to know how soon it may be forgotten.
    async fn state_for(&self, claim: &Claim) -> Result<std::sync::Arc<State>, StoreError> {
        self.check_own()?;
        let state = self.state();
        if claim.date.is_none() {
            return Ok(state);
        }
        let kept = claim.retention.answers.saturating_add(claim.retention.skew);
        if self.uses(kept) && state.is_recent() { Ok(state) } else { self.look().await }
    }

    fn is_counted(&self, claim: &Claim) -> bool {
        self.counts && claim.quota != Quota::default()
    }
}

/// How long a new record stands at least: what became of an opaque effect is kept for a person to
/// look at. A date may be ahead by the skew.
fn stands_for(claim: &Claim) -> Duration {
    let retention = claim.retention.answers.saturating_add(claim.retention.skew * 2);
    match claim.class {
        EffectClass::Keyed | EffectClass::Transactional => retention.max(claim.lease),
        EffectClass::Opaque => retention.max(INDETERMINATE_KEPT_MIN).saturating_add(claim.lease),
    }
}

/// A number of 128 random bits. A key may be released and claimed again with the same attempt, so
/// the attempt is no token.
fn fresh_token() -> Result<Token, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(not_applied)?;
    Ok(Token::from_u128(u128::from_le_bytes(bytes)))
}
