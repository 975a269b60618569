//! From how the work ended to what its caller is told: record, or free, before the reply.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tracing::Instrument;

use super::decision::{Decision, Ending};
use super::execution::{CommitFailed, CommitState, Execution};
use super::in_time::in_time;
use super::{Engine, heartbeat};
use crate::failpoint::{Point, reached};
use crate::planted::{Mistake, planted};
use crate::record::RecordedResponse;
use crate::record::transition::{CompleteOutcome, Ended, ReleaseOutcome};
use crate::store::Store;

/// What an owner that lost its execution is told to wait before it asks for the answer.
const AFTER_TAKEOVER: Duration = Duration::from_secs(1);

/// Pauses between tries to record an answer: they double from the first to the last.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// What the work wants of the store.
enum Wanted {
    Recorded(RecordedResponse),
    Released(Ended),
}

/// What has come of it.
enum Settled {
    /// This answer stands, and is this execution's.
    Answered(RecordedResponse),
    /// No answer does; whether the key is free.
    Unrecorded { freed: bool },
    /// Its caller is told something else in its place.
    Instead(Instead),
}

enum Instead {
    InProgress,
    Indeterminate,
    Pending,
    StoreUnavailable,
}

impl<S: Store> Engine<S> {
    /// Ends the execution. A panic of the work is `None`.
    pub(super) fn settle<'e, T: Send + 'e>(
        &'e self,
        execution: &'e Execution<S>,
        commit: CommitState,
        ending: Option<Ending<T>>,
    ) -> impl Future<Output = Decision<T>> + Send + 'e {
        let (wanted, beside) = match ending {
            Some(Ending::Answered(response, beside)) => (Wanted::Recorded(response), Some(beside)),
            Some(Ending::NotProcessed(beside)) => {
                (Wanted::Released(Ended::WithoutEffect), Some(beside))
            }
            Some(Ending::Unknown(beside)) => (Wanted::Released(Ended::EffectUnknown), Some(beside)),
            None => (Wanted::Released(Ended::EffectUnknown), None),
        };
        self.settled(execution, commit, wanted).map(move |settled| match (settled, beside) {
            (Settled::Answered(response), beside) => Decision::Executed { response, beside },
            (Settled::Unrecorded { freed }, Some(beside)) => {
                Decision::NotRecorded { beside, freed }
            }
            (Settled::Unrecorded { freed }, None) if execution.class().may_run_again() => {
                Decision::Panicked { freed }
            }
            (Settled::Unrecorded { .. }, None) => Decision::Indeterminate,
            (Settled::Instead(instead), _) => instead.decision(),
        })
    }

    async fn settled(
        &self,
        execution: &Execution<S>,
        commit: CommitState,
        wanted: Wanted,
    ) -> Settled {
        match (commit, wanted) {
            (CommitState::Committed(response), _) => Settled::Answered(response),
            (CommitState::Failed(failed), _) => self.settle_failed_commit(execution, failed).await,
            (CommitState::NotAsked | CommitState::Asked, Wanted::Recorded(response)) => {
                self.record(execution, response).await
            }
            (CommitState::NotAsked | CommitState::Asked, Wanted::Released(ended)) => {
                Settled::Unrecorded { freed: self.release(execution, ended).await }
            }
        }
    }

    async fn settle_failed_commit(
        &self,
        execution: &Execution<S>,
        failed: CommitFailed,
    ) -> Settled {
        match failed {
            // The work's own answer may go out.
            CommitFailed::RolledBack => {
                let freed = self.release(execution, Ended::WithoutEffect).await;
                Settled::Unrecorded { freed }
            }
            CommitFailed::LeaseLost => Settled::Instead(Instead::InProgress),
            CommitFailed::NotApplied => {
                self.release(execution, Ended::WithoutEffect).await;
                Settled::Instead(Instead::StoreUnavailable)
            }
            CommitFailed::InDoubt => Settled::Instead(Instead::Pending),
        }
    }

    async fn record(&self, execution: &Execution<S>, response: RecordedResponse) -> Settled {
        let (id, token) = (execution.id(), execution.token());
        if planted(Mistake::RepliesBeforeTheRecord) {
            self.shared.tasks.spawn(keep_recording(execution.clone(), response.clone()));
            return Settled::Answered(response);
        }
        reached(Point::RecordAsked);
        let recording = execution.store().complete(id, token, response.clone());
        let told = in_time("complete", self.shared.policy.lease, pin!(recording)).await;
        reached(Point::Recorded);
        match told {
            Ok(CompleteOutcome::Recorded) => Settled::Answered(response),
            Ok(CompleteOutcome::Stale(_)) if planted(Mistake::TellsAStaleAnswer) => {
                Settled::Answered(response)
            }
            Ok(CompleteOutcome::Stale(stands)) => {
                tracing::warn!(%id, "an answer came too late to be recorded; another outcome stands");
                // What stands may be somebody else's: the key may have been freed and used anew in
                // between. A retry is compared with it; this caller was not.
                if stands.is_some() || execution.class().may_run_again() {
                    Settled::Instead(Instead::Pending)
                } else {
                    Settled::Instead(Instead::Indeterminate)
                }
            }
            Err(error) => {
                tracing::error!(%id, %error, "an answer could not be recorded; trying on");
                if planted(Mistake::FreesWhatCannotBeRecorded) {
                    self.release(execution, Ended::WithoutEffect).await;
                    return Settled::Instead(Instead::Pending);
                }
                if planted(Mistake::TellsWhatIsNotRecorded) {
                    return Settled::Answered(response);
                }
                if planted(Mistake::GivesUpRecording) {
                    return Settled::Instead(Instead::Pending);
                }
                let recording = keep_recording(execution.clone(), response);
                self.shared.tasks.spawn(recording.in_current_span());
                Settled::Instead(Instead::Pending)
            }
        }
    }

    /// Whether the key is free now. One that could not be freed stays claimed until its lease runs
    /// out; that is safe, so the caller is answered all the same.
    async fn release(&self, execution: &Execution<S>, ended: Ended) -> bool {
        reached(Point::ReleaseAsked);
        let releasing = execution.store().release(execution.id(), execution.token(), ended);
        let told = in_time("release", self.shared.policy.lease, pin!(releasing)).await;
        reached(Point::Released);
        match told {
            Ok(outcome) => outcome == ReleaseOutcome::Freed,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                let id = execution.id();
                tracing::warn!(%id, error, "an execution could not be released; its lease will end");
                false
            }
        }
    }
}

impl Instead {
    fn decision<T>(self) -> Decision<T> {
        match self {
            Self::InProgress => Decision::InProgress { retry_after: AFTER_TAKEOVER },
            Self::Indeterminate => Decision::Indeterminate,
            Self::Pending => Decision::Pending,
            Self::StoreUnavailable => Decision::StoreUnavailable,
        }
    }
}

/// Tries to record an answer until it is recorded, or somebody else's stands. Never gives up: the
/// effect has happened, and its caller was told that the answer will come.
async fn keep_recording<S: Store>(execution: Execution<S>, response: RecordedResponse) {
    let _beating = heartbeat::start(&execution);
    let (id, token) = (execution.id(), execution.token());
    let mut pause = RETRY_FIRST;
    loop {
        tokio::time::sleep(pause).await;
        let recording = execution.store().complete(id, token, response.clone());
        match in_time("complete", execution.shared().policy.lease, pin!(recording)).await {
            Ok(CompleteOutcome::Recorded) => {
                tracing::info!(%id, "the answer is recorded after all");
                return;
            }
            Ok(CompleteOutcome::Stale(_)) => {
                tracing::error!(%id, "the answer came too late; another outcome stands");
                return;
            }
            Err(error) => tracing::warn!(%id, %error, "the answer is still not recorded"),
        }
        pause = (pause * 2).min(RETRY_LAST);
    }
}
