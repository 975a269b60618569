//! The owner's sign of life: while the work runs, its lease is renewed.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::execution::Execution;
use super::in_time::{done_within, in_time};
use crate::failpoint::{Point, reached};
use crate::planted::{Mistake, planted};
use crate::record::transition::RenewOutcome;
use crate::store::Store;

/// Runs `work`, and renews the lease as long as it takes. Work that ends within a quarter of
/// its lease costs no renewal at all.
pub(super) async fn keep_alive<S: Store, F: Future>(
    execution: &Execution<S>,
    mut work: Pin<&mut F>,
) -> F::Output {
    if let Some(done) = done_within(interval(execution), work.as_mut()).await {
        return done;
    }
    if planted(Mistake::NeverRenews) {
        return work.await;
    }
    let beating = start(execution);
    let done = work.await;
    if planted(Mistake::RenewsWhatHasEnded) {
        beating.disarm();
    }
    done
}

/// Renews the lease until the guard is dropped. A renewal under way is never cut off.
pub(super) fn start<S: Store>(execution: &Execution<S>) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(beat(execution.clone(), stop.clone()).in_current_span());
    stop.drop_guard()
}

async fn beat<S: Store>(execution: Execution<S>, stop: CancellationToken) {
    let (id, token) = (execution.id(), execution.token());
    let lease = execution.shared().policy.lease;
    let pause = interval(&execution);
    loop {
        reached(Point::RenewalAsked);
        match in_time(pause, pin!(execution.store().renew(id, token, lease))).await {
            Ok(RenewOutcome::Renewed) => reached(Point::Renewed),
            Ok(RenewOutcome::Lost) => {
                if !stop.is_cancelled() {
                    tracing::warn!(%id, "the lease was lost while the work was running");
                }
                return;
            }
            Err(error) => tracing::warn!(%id, %error, "a lease was not renewed; trying again"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Three signs of life fall within a lease: two may get lost. (In thirds, the third would come as
/// the lease ends.)
fn interval<S: Store>(execution: &Execution<S>) -> Duration {
    execution.shared().policy.lease / 4
}
