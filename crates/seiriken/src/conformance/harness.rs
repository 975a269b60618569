//! What the suite has to be told of a store.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, ManualClock, Timestamp};
use crate::record::{EffectClass, Retention};
use crate::store::Store;

/// How the suite gets a store, and what that store is like.
pub trait Harness: Send + Sync {
    /// The store.
    type Store: Store;

    /// An empty store. Each clause asks for its own.
    fn fresh(&self) -> impl Future<Output = Self::Store> + Send;

    /// The effect classes that it carries.
    fn classes(&self) -> &[EffectClass];

    /// How its time passes.
    fn time(&self) -> Time;

    /// What a restart leaves of it.
    fn restarts(&self) -> Restarts;

    /// Ends the store as `stop` says and opens it anew; for [`Restarts::Forgets`], a fresh one.
    fn restart(&self, store: Self::Store, stop: Stop) -> impl Future<Output = Self::Store> + Send;
}

/// How the time of a store passes.
#[derive(Debug, Clone)]
pub enum Time {
    /// As the suite moves it: the store reads this clock and no other. Leases and retention are
    /// then tested to the millisecond.
    Moved(Arc<ManualClock>),
    /// By itself: the store's clock belongs to somebody else (a database server, say), and the
    /// suite waits. Limits are then tested from a distance, and those of days not at all.
    Waited {
        /// What the suite makes its leases of; retention is five of it. Longer than the store
        /// ever takes for a few verbs: half a second is a good start.
        unit: Duration,
        /// A clock that goes about as the store's does: [`SystemClock`](crate::clock::SystemClock)
        /// as a rule. Keys that say their age are dated by it.
        clock: Arc<dyn Clock>,
    },
}

/// What a restart leaves of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarts {
    /// Nothing: it lives in the memory of its process.
    Forgets,
    /// Everything that was acknowledged.
    Keeps {
        /// What it knows of the executions that were running.
        owners: OwnersAfterRestart,
    },
}

/// What a store that was opened again knows of the executions that it finds running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnersAfterRestart {
    /// Their owners are gone: it serves one process at a time. No lease is waited for.
    Gone,
    /// They may be alive in another process: their leases go on.
    MayLive,
}

/// How a store ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// In order.
    Clean,
    /// As when its process is killed: what was not acknowledged may be lost.
    Killed,
}

// === impl Time ===

impl Time {
    /// A lease that outlasts a clause in which no time passes.
    pub(super) fn lease(&self) -> Duration {
        match self {
            Self::Moved(_) => Duration::from_secs(30),
            Self::Waited { unit, .. } => *unit,
        }
    }

    pub(super) fn retention(&self) -> Retention {
        match self {
            Self::Moved(_) => {
                Retention { answers: Duration::from_hours(24), skew: Duration::from_mins(5) }
            }
            Self::Waited { unit, .. } => Retention { answers: *unit * 4, skew: *unit },
        }
    }

    /// Lets this much time pass on the store's clock.
    pub(super) async fn pass(&self, by: Duration) {
        match self {
            Self::Moved(clock) => clock.advance(by),
            Self::Waited { .. } => tokio::time::sleep(by).await,
        }
    }

    /// The store's time, for the reference. A clock that cannot be seen stands still: the clauses
    /// that ask let no time pass on it.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Moved(clock) => clock.now(),
            Self::Waited { .. } => Timestamp::ZERO,
        }
    }

    /// The time now, as clients put it into their keys: they have clocks of their own.
    pub(super) fn dated(&self) -> Timestamp {
        match self {
            Self::Moved(clock) => clock.now(),
            Self::Waited { clock, .. } => clock.now(),
        }
    }

    /// Times around the end of `span`, each with whether it has ended by then.
    pub(super) fn around(&self, span: Duration) -> Vec<(Duration, bool)> {
        let millisecond = Duration::from_millis(1);
        match self {
            Self::Moved(_) => {
                let before = span.saturating_sub(millisecond);
                vec![(before, false), (span, true), (span + millisecond, true)]
            }
            Self::Waited { unit, .. } => vec![(span / 2, false), (span + *unit, true)],
        }
    }
}
