//! The memory store: one process, nothing survives it. The executable specification of the
//! contract: every verb is one call of the transition function under one lock.

#[cfg(all(test, seiriken_shuttle))]
mod schedules;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::sync::PoisonError;
use std::time::Duration;

use super::operate::NotACursor;
use super::swept_through::SweptThrough;
use super::usage::{Share, UsageTable};
use super::{Cursor, Filter, Operate, Page, Store, StoreError, Sweep, Swept};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::issuing::{IssuingSecrets, Numbered};
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome,
    RenewOutcome, Resolution, ResolveOutcome, Surroundings, Transition,
};
use crate::record::{EffectClass, Record, RecordedResponse, State, Token};
use crate::scope::{IdHasher, RecordId};
use crate::secret::StoreSecret;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Key records in the memory of one process.
///
/// For tests, for learning, and for services of one process whose effects end with it: a restart
/// forgets every key, so a retry that spans a restart runs again. Nothing is ever evicted to make
/// room: where there is a quota, a key beyond it is refused. Carries [`EffectClass::Opaque`] and [`EffectClass::Keyed`]; effects that commit with
/// their record need a database.
#[derive(Debug)]
pub struct MemoryStore {
    secret: StoreSecret,
    issuing: IssuingSecrets,
    clock: Box<dyn Clock>,
    next_token: AtomicU64,
    /// An earlier process may have run everything before this one's start.
    swept_through: SweptThrough,
    usage: UsageTable,
    shards: [Mutex<Records>; SHARDS],
}

/// Enough that a few cores rarely meet at one lock.
const SHARDS: usize = 16;

/// Boxed: a table that grows moves what is in it.
type Records = HashMap<RecordId, Box<Record>, BuildHasherDefault<IdHasher>>;

impl MemoryStore {
    /// An empty store on the system's clock.
    ///
    /// # Errors
    /// When the operating system has no randomness for the store's secret.
    pub fn new() -> Result<Self, getrandom::Error> {
        Self::with_clock(SystemClock)
    }

    /// An empty store on a clock of your own, for tests.
    ///
    /// # Errors
    /// As [`MemoryStore::new`].
    pub fn with_clock(clock: impl Clock) -> Result<Self, getrandom::Error> {
        let first = Numbered { number: 1, secret: StoreSecret::random()? };
        Ok(Self {
            secret: StoreSecret::random()?,
            issuing: IssuingSecrets::new(first, None),
            swept_through: SweptThrough::new(clock.now()),
            usage: UsageTable::default(),
            clock: Box::new(clock),
            next_token: AtomicU64::new(1),
            shards: std::array::from_fn(|_| Mutex::default()),
        })
    }

    /// Applies one verb to one record under its shard's lock.
    fn apply<O>(
        &self,
        id: RecordId,
        verb: impl FnOnce(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> O {
        let shard = &self.shards[id.shard_of(SHARDS)];
        // A panic in here is a broken invariant, asserted before anything is written.
        let mut records = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = records.entry(id);
        let before = match &entry {
            Entry::Occupied(record) => Some(&**record.get()),
            Entry::Vacant(_) => None,
        };
        let Transition { change, outcome } = verb(before, self.clock.now());
        self.write(entry, change);
        outcome
    }

    fn write(&self, entry: Entry<'_, RecordId, Box<Record>>, change: Change) {
        let (before, after) = match (entry, change) {
            (_, Change::Keep) | (Entry::Vacant(_), Change::Remove) => return,
            (Entry::Vacant(place), Change::Put(record)) => {
                (None, Some(share(place.insert(Box::new(record)))))
            }
            (Entry::Occupied(mut place), Change::Put(record)) => {
                let before = share(place.get());
                **place.get_mut() = record;
                (Some(before), Some(share(place.get())))
            }
            (Entry::Occupied(place), Change::Remove) => (Some(share(&place.remove())), None),
        };
        self.usage.change(before, after);
    }

    fn around(&self, claim: &Claim, now: Timestamp) -> Surroundings {
        Surroundings {
            now,
            fresh: self.fresh_token(),
            swept_through: self.swept_through.get(),
            used: self.usage.for_claim(claim),
        }
    }

    fn fresh_token(&self) -> Token {
        Token::from_u128(self.next_token.fetch_add(1, Ordering::Relaxed).into())
    }
}

#[cfg(seiriken_proof)]
impl MemoryStore {
    /// [`Mistake::ClaimsInTwoSteps`]: decides by what it reads now; what it answers with writes that.
    pub fn read_for_claim(
        &self,
        id: RecordId,
        claim: &Claim,
    ) -> impl FnOnce(&Self) -> ClaimOutcome + Send + 'static {
        let shard = id.shard_of(SHARDS);
        let now = self.clock.now();
        let around = self.around(claim, now);
        let records = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get(&id).map(|record| &**record);
        let Transition { change, outcome } = transition::claim(record, claim, &around);
        move |store| {
            let mut records = store.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
            store.write(records.entry(id), change);
            outcome
        }
    }
}

impl Store for MemoryStore {
    fn secret(&self) -> &StoreSecret {
        &self.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.issuing
    }

    fn carries(&self, class: EffectClass) -> bool {
        class != EffectClass::Transactional
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    fn promise(&self) -> Option<String> {
        Some("A process that is restarted has forgotten every key.".into())
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        Ok(self
            .apply(id, |record, now| transition::claim(record, &claim, &self.around(&claim, now))))
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        Ok(self.apply(id, |record, now| transition::renew(record, token, lease, now)))
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        Ok(self.apply(id, |record, now| transition::complete(record, token, &response, now)))
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        Ok(self.apply(id, |record, now| transition::release(record, token, ended, now)))
    }
}

impl Sweep for MemoryStore {
    /// One step sweeps everything, a shard at a time.
    async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for shard in &self.shards {
            let mut records = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            let steps: Vec<_> = records
                .iter()
                .map(|(id, record)| (*id, transition::sweep(record, now)))
                .filter(|(_, step)| step.change != Change::Keep)
                .collect();
            for (id, Transition { change, outcome: forgotten }) in steps {
                if let Some(record) = records.get(&id) {
                    swept.count(record, &change);
                }
                self.swept_through.raise(forgotten.unwrap_or(Timestamp::ZERO));
                self.write(records.entry(id), change);
            }
        }
        Ok(swept)
    }
}

impl Operate for MemoryStore {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        Ok(self.apply(id, transition::show))
    }

    /// By id.
    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        let after = match from {
            Some(cursor) => Some(cursor.id().ok_or_else(|| StoreError::NotApplied {
                store: "memory",
                source: NotACursor.into(),
            })?),
            None => None,
        };
        let now = self.clock.now();
        let mut records = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let later = shard.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
            records.extend(later.filter_map(|(id, record)| filter.take(*id, record, now)));
        }
        records.sort_unstable_by_key(|listed| listed.id);
        let more = records.len() > at_most;
        records.truncate(at_most.max(1));
        let next = records.last().filter(|_| more).map(|last| Cursor::new(last.id.hex()));
        Ok(Page { records, next })
    }

    async fn about_how_many(&self) -> Result<u64, StoreError> {
        let kept =
            |shard: &Mutex<Records>| shard.lock().unwrap_or_else(PoisonError::into_inner).len();
        Ok(self.shards.iter().map(kept).sum::<usize>() as u64)
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        Ok(self.apply(id, |record, now| transition::resolve(record, token, &resolution, now)))
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        Ok(self.apply(id, |record, now| transition::delete(record, token, now)))
    }
}

/// What a record counts for: its answer, and about what the rest of it takes.
fn share(record: &Record) -> Share {
    const REST: usize = 150;
    let answer = match &record.state {
        State::Completed { response, .. } => response.as_bytes().len(),
        State::InProgress { .. } | State::Indeterminate { .. } => 0,
    };
    Share { scope: record.scope, bytes: u32::try_from(answer + REST).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::identity::IdentityDigest;
    use crate::policy::Quota;
    use crate::record::{AttemptId, Minted, Retention, Why};
    use crate::scope::{Scope, ScopeDigest};

    /// Whoever asks for the next page of a list that is at its end gets an empty one.
    #[tokio::test]
    async fn a_full_page_that_is_the_last_one_is_followed_by_none() {
        let store = MemoryStore::new().expect("the system has randomness");
        let claim = Claim {
            attempt: AttemptId::from_random(1),
            identity: IdentityDigest::anonymous(store.secret()),
            fingerprint: Fingerprint::of_work(store.secret(), "job", b"1"),
            scope: ScopeDigest::new(store.secret(), &Scope::default()),
            date: None,
            class: EffectClass::Opaque,
            lease: Duration::from_secs(30),
            retention: Retention { answers: Duration::from_hours(1), skew: Duration::ZERO },
            quota: Quota::default(),
        };
        for key in 0..2 {
            let claimed = store.claim(RecordId::from_bytes([key; 16]), claim).await;
            assert!(matches!(claimed, Ok(ClaimOutcome::Granted(_))), "{claimed:?}");
        }
        for (at_most, listed, more) in [(1, 1, true), (2, 2, false), (3, 2, false)] {
            let page = store.list(&Filter::default(), None, at_most).await.expect("it is told");
            assert_eq!((page.records.len(), page.next.is_some()), (listed, more), "{at_most}");
        }
    }

    #[test]
    fn a_record_counts_for_its_answer_and_a_little_more() {
        let secret = StoreSecret::from_bytes([1; 32]);
        let mut record = Record {
            token: Token::from_u128(1),
            identity: IdentityDigest::anonymous(&secret),
            fingerprint: Fingerprint::of_work(&secret, "job", b"1"),
            scope: ScopeDigest::new(&secret, &Scope::default()),
            minted: Minted::By(Timestamp::ZERO),
            class: EffectClass::Opaque,
            executions: 1,
            state: State::Indeterminate {
                why: Why::OwnerVanished,
                retention: Retention { answers: Duration::ZERO, skew: Duration::ZERO },
                forget_at: Timestamp::ZERO,
            },
        };
        assert_eq!(share(&record).bytes, 150);
        let response = RecordedResponse::of_work(b"done");
        let answer = u32::try_from(response.as_bytes().len()).expect("a short answer");
        record.state = State::Completed { response, expires_at: Timestamp::ZERO };
        assert_eq!(share(&record).bytes, 150 + answer);
    }
}
