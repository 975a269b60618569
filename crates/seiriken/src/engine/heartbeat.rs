//! The owner's sign of life: while the work runs, its lease is renewed.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::execution::Execution;
use super::in_time::{done_within, in_time};
use super::measured;
use crate::failpoint::{Point, reached};
use crate::planted::{Mistake, planted};
use crate::record::transition::RenewOutcome;
use crate::store::Store;

/// Renewals that go on until this is dropped. One under way is never cut off.
pub(super) struct Beating {
    stop: DropGuard,
    /// Others may have taken the key over.
    lost: CancellationToken,
}

/// Runs `work`, and renews the lease as long as it takes. Work that ends within a quarter of
/// its lease costs no renewal at all. `overtaken` is called when the lease is lost meanwhile.
pub(super) async fn keep_alive<S: Store, F: Future>(
    execution: &Execution<S>,
    mut work: Pin<&mut F>,
    overtaken: impl FnOnce(),
) -> F::Output {
    if let Some(done) = done_within(interval(execution), work.as_mut()).await {
        return done;
    }
    // Boxed: few requests take so long, and all would be as large as if they did.
    Box::pin(kept_alive(execution, work, overtaken)).await
}

async fn kept_alive<S: Store, F: Future>(
    execution: &Execution<S>,
    mut work: Pin<&mut F>,
    overtaken: impl FnOnce(),
) -> F::Output {
    if planted(Mistake::NeverRenews) {
        return work.await;
    }
    let beating = start(execution);
    let done = tokio::select! {
        biased;
        done = work.as_mut() => done,
        () = beating.lost.cancelled() => {
            overtaken();
            work.await
        }
    };
    if planted(Mistake::RenewsWhatHasEnded) {
        beating.stop.disarm();
    }
    done
}

/// Renews the lease.
pub(super) fn start<S: Store>(execution: &Execution<S>) -> Beating {
    let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
    tokio::spawn(beat(execution.clone(), stop.clone(), lost.clone()).in_current_span());
    Beating { stop: stop.drop_guard(), lost }
}

async fn beat<S: Store>(execution: Execution<S>, stop: CancellationToken, lost: CancellationToken) {
    let (id, token) = (execution.id(), execution.token());
    let lease = execution.shared().policy.lease;
    let pause = interval(&execution);
    let mut renewed = Instant::now();
    loop {
        reached(Point::RenewalAsked);
        match in_time("renew", pause, pin!(execution.store().renew(id, token, lease))).await {
            Ok(RenewOutcome::Renewed) => {
                renewed = Instant::now();
                reached(Point::Renewed);
            }
            Ok(RenewOutcome::Lost) => {
                if !stop.is_cancelled() {
                    measured::lease_lost();
                    tracing::warn!(%id, "the lease was lost while the work was running");
                }
                return lost.cancel();
            }
            Err(error) => tracing::warn!(%id, %error, "a lease was not renewed; trying again"),
        }
        if renewed.elapsed() >= lease {
            lost.cancel();
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
