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

    fn did_something(&self) -> bool {
        self.removed + self.unresolved_removed + self.became_indeterminate > 0
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
                    if !(swept.more && swept.did_something()) {
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
