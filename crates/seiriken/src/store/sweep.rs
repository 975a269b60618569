//! Forgetting what has been kept long enough, and settling what nobody asks for again.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Store, StoreError};
use crate::record::transition::Change;
use crate::record::{Record, State};

/// A store that can be swept. Apart from [`Store`]: a key that is asked for is judged by its own
/// times, swept or not, so nothing that is answered depends on it.
pub trait Sweep: Store {
    /// Takes one step, of bounded length, of what is due by the store's clock: removes expired
    /// answers and unresolved outcomes, removes transactional claims whose owner vanished, and
    /// makes the opaque ones indeterminate.
    ///
    /// Guarantee: does to each record what
    /// [`transition::sweep`](crate::record::transition::sweep) says, under the record's own lock;
    /// a claim at the same moment comes wholly before or after it.
    fn sweep(&self) -> impl Future<Output = Result<Swept, StoreError>> + Send;
}

impl<S: Sweep> Sweep for std::sync::Arc<S> {
    fn sweep(&self) -> impl Future<Output = Result<Swept, StoreError>> + Send {
        S::sweep(self)
    }
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Answers and claims that were removed.
    pub removed: usize,
    /// Unresolved outcomes that were removed: nobody ever looked at them.
    pub unresolved_removed: usize,
    /// Claims whose owner vanished, now indeterminate.
    pub became_indeterminate: usize,
    /// Whether more is due.
    pub more: bool,
}

impl Swept {
    pub(super) fn count(&mut self, before: &Record, change: &Change) {
        match (&before.state, change) {
            (_, Change::Keep) => {}
            (_, Change::Put(_)) => self.became_indeterminate += 1,
            (State::Indeterminate { .. }, Change::Remove) => self.unresolved_removed += 1,
            (_, Change::Remove) => self.removed += 1,
        }
    }

    /// Whether to take the next step at once: rows that cannot be swept are due each time.
    fn goes_on(&self) -> bool {
        self.more && *self != Self { more: true, ..Self::default() }
    }
}

/// Sweeps for ever: what is due at once, then again after each `pause`. Spawn it beside the
/// service. It holds a handle to the store; abort its task where the store is to be dropped.
///
/// # Panics
/// When `pause` is zero.
pub async fn keep_swept<S: Sweep>(store: S, pause: Duration) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            match store.sweep().await {
                Ok(swept) => {
                    tell(&swept);
                    if !swept.goes_on() {
                        break;
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what is due could not be swept; trying again later");
                    break;
                }
            }
        }
    }
}

fn tell(swept: &Swept) {
    let Swept { removed, unresolved_removed, became_indeterminate, .. } = *swept;
    if became_indeterminate > 0 {
        tracing::warn!(became_indeterminate, "owners vanished; what they did is not known");
    }
    if unresolved_removed > 0 {
        tracing::warn!(unresolved_removed, "unresolved outcomes were forgotten: their time is up");
    }
    if removed > 0 {
        tracing::debug!(removed, "swept");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::identity::IdentityDigest;
    use crate::policy::Quota;
    use crate::record::transition::{Claim, ClaimOutcome};
    use crate::record::{AttemptId, EffectClass, RecordedResponse, Retention};
    use crate::scope::{RecordId, Scope, ScopeDigest};
    use crate::store::MemoryStore;
    use crate::{Fingerprint, StoreSecret};

    const RETENTION: Retention =
        Retention { answers: Duration::from_mins(1), skew: Duration::from_secs(5) };

    fn claim(class: EffectClass) -> Claim {
        let secret = StoreSecret::from_bytes([1; 32]);
        Claim {
            attempt: AttemptId::from_random(1),
            identity: IdentityDigest::anonymous(&secret),
            fingerprint: Fingerprint::of_work(&secret, "job", b"1"),
            scope: ScopeDigest::new(&secret, &Scope::default()),
            date: None,
            class,
            lease: Duration::from_secs(30),
            retention: RETENTION,
            quota: Quota::default(),
        }
    }

    /// A store with an answer, an unknown outcome and an opaque claim, and its clock.
    async fn store() -> (Arc<MemoryStore>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
        let granted = async |key, class| {
            let id = RecordId::from_bytes([key; 16]);
            match store.claim(id, claim(class)).await.expect("it is in memory") {
                ClaimOutcome::Granted(grant) => (id, grant.token),
                other => panic!("{other:?}"),
            }
        };
        let (id, token) = granted(1, EffectClass::Opaque).await;
        let answer = RecordedResponse::of_work(b"done");
        store.complete(id, token, answer).await.expect("it is in memory");
        granted(2, EffectClass::Opaque).await;
        (Arc::new(store), clock)
    }

    #[tokio::test]
    async fn a_step_says_what_it_did() {
        let (store, clock) = store().await;
        assert_eq!(store.sweep().await.expect("it is in memory"), Swept::default());
        clock.advance(Duration::from_secs(30));
        let vanished = Swept { became_indeterminate: 1, ..Swept::default() };
        assert_eq!(store.sweep().await.expect("it is in memory"), vanished);
        clock.advance(Duration::from_secs(35));
        let forgotten = Swept { removed: 1, ..Swept::default() };
        assert_eq!(store.sweep().await.expect("it is in memory"), forgotten);
        clock.advance(Duration::from_hours(30 * 24));
        let unresolved = Swept { unresolved_removed: 1, ..Swept::default() };
        assert_eq!(store.sweep().await.expect("it is in memory"), unresolved);
    }

    #[test]
    fn another_step_follows_at_once_where_this_one_did_something_and_more_is_due() {
        for did in 0..8 {
            let swept = Swept {
                removed: did & 1,
                unresolved_removed: (did >> 1) & 1,
                became_indeterminate: did >> 2,
                more: true,
            };
            assert_eq!(swept.goes_on(), did > 0, "{swept:?}");
            assert!(!Swept { more: false, ..swept }.goes_on(), "{swept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_swept_after_each_pause() {
        let (store, clock) = store().await;
        let pause = Duration::from_secs(1);
        let sweeping = tokio::spawn(keep_swept(Arc::clone(&store), pause));
        clock.advance(Duration::from_secs(65));
        tokio::time::sleep(pause * 2).await;
        assert_eq!(store.sweep().await.expect("it is in memory"), Swept::default(), "done before");
        sweeping.abort();
    }

    /// What is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_lost_for_good_is_a_warning() {
        let told = |swept: &Swept| {
            let log = Log::default();
            let writer = log.clone();
            let lines = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false)
                .without_time()
                .with_writer(move || writer.clone());
            tracing::subscriber::with_default(lines.finish(), || tell(swept));
            let log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
            let text = String::from_utf8_lossy(&log).into_owned();
            let level = |line: &str| line.split_whitespace().next().map(str::to_owned);
            text.lines().filter_map(level).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(&Swept { more: true, ..Swept::default() }), "");
        assert_eq!(told(&Swept { became_indeterminate: 1, ..Swept::default() }), "WARN");
        assert_eq!(told(&Swept { unresolved_removed: 1, ..Swept::default() }), "WARN");
        assert_eq!(told(&Swept { removed: 1, ..Swept::default() }), "DEBUG");
    }
}
