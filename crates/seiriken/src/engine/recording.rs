//! From how the work ended to what its caller is told: record, or free, before the reply.

use std::time::Duration;
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

impl<S: Store> Engine<S> {
    pub(super) async fn settle<T: Send>(
        &self,
        execution: &Execution<S>,
        commit: CommitState,
        ending: Ending<T>,
    ) -> Decision<T> {
        match (commit, ending) {
            (
                CommitState::Committed(response),
                Ending::Answered(_, beside)
                | Ending::NotProcessed(beside)
                | Ending::Unknown(beside),
            ) => Decision::Executed { response, beside: Some(beside) },
            (
                CommitState::Failed(failed),
                Ending::Answered(_, beside)
                | Ending::NotProcessed(beside)
                | Ending::Unknown(beside),
            ) => match self.settle_failed_commit(execution, failed).await {
                Err(decision) => decision,
                Ok(freed) => Decision::NotRecorded { beside, freed },
            },
            (CommitState::NotAsked | CommitState::Asked, Ending::Answered(response, beside)) => {
                self.record(execution, response, beside).await
            }
            (CommitState::NotAsked | CommitState::Asked, Ending::NotProcessed(beside)) => {
                let freed = self.release(execution, Ended::WithoutEffect).await;
                Decision::NotRecorded { beside, freed }
            }
            (CommitState::NotAsked | CommitState::Asked, Ending::Unknown(beside)) => {
                let freed = self.release(execution, Ended::EffectUnknown).await;
                Decision::NotRecorded { beside, freed }
            }
        }
    }

    pub(super) async fn settle_panic<T>(
        &self,
        execution: &Execution<S>,
        commit: CommitState,
    ) -> Decision<T> {
        match commit {
            CommitState::Committed(response) => Decision::Executed { response, beside: None },
            CommitState::Failed(failed) => {
                match self.settle_failed_commit(execution, failed).await {
                    Err(decision) => decision,
                    Ok(freed) => Decision::Panicked { freed },
                }
            }
            CommitState::NotAsked | CommitState::Asked => {
                let freed = self.release(execution, Ended::EffectUnknown).await;
                if execution.class().may_run_again() {
                    Decision::Panicked { freed }
                } else {
                    Decision::Indeterminate
                }
            }
        }
    }

    /// `Ok` where the work's own answer may go out, and whether the key is free. `Err` is what the
    /// caller is told in its place.
    async fn settle_failed_commit<T>(
        &self,
        execution: &Execution<S>,
        failed: CommitFailed,
    ) -> Result<bool, Decision<T>> {
        match failed {
            CommitFailed::RolledBack => Ok(self.release(execution, Ended::WithoutEffect).await),
            CommitFailed::LeaseLost => Err(Decision::InProgress { retry_after: AFTER_TAKEOVER }),
            CommitFailed::NotApplied => {
                self.release(execution, Ended::WithoutEffect).await;
                Err(Decision::StoreUnavailable)
            }
            CommitFailed::InDoubt => Err(Decision::Pending),
        }
    }

    async fn record<T: Send>(
        &self,
        execution: &Execution<S>,
        response: RecordedResponse,
        beside: T,
    ) -> Decision<T> {
        let (id, token) = (execution.id(), execution.token());
        if planted(Mistake::RepliesBeforeTheRecord) {
            self.shared.tasks.spawn(keep_recording(execution.clone(), response.clone()));
            return Decision::Executed { response, beside: Some(beside) };
        }
        reached(Point::RecordAsked);
        let recording = execution.store().complete(id, token, response.clone());
        let told = in_time(self.shared.policy.lease, recording).await;
        reached(Point::Recorded);
        match told {
            Ok(CompleteOutcome::Recorded) => Decision::Executed { response, beside: Some(beside) },
            Ok(CompleteOutcome::Stale(_)) if planted(Mistake::TellsAStaleAnswer) => {
                Decision::Executed { response, beside: Some(beside) }
            }
            Ok(CompleteOutcome::Stale(stands)) => {
                tracing::warn!(%id, "an answer came too late to be recorded; another outcome stands");
                // What stands may be somebody else's: the key may have been freed and used anew in
                // between. A retry is compared with it; this caller was not.
                if stands.is_some() || execution.class().may_run_again() {
                    Decision::Pending
                } else {
                    Decision::Indeterminate
                }
            }
            Err(error) => {
                tracing::error!(%id, %error, "an answer could not be recorded; trying on");
                if planted(Mistake::FreesWhatCannotBeRecorded) {
                    self.release(execution, Ended::WithoutEffect).await;
                    return Decision::Pending;
                }
                if planted(Mistake::TellsWhatIsNotRecorded) {
                    return Decision::Executed { response, beside: Some(beside) };
                }
                if planted(Mistake::GivesUpRecording) {
                    return Decision::Pending;
                }
                let recording = keep_recording(execution.clone(), response);
                self.shared.tasks.spawn(recording.in_current_span());
                Decision::Pending
            }
        }
    }

    /// Whether the key is free now. One that could not be freed stays claimed until its lease runs
    /// out; that is safe, so the caller is answered all the same.
    async fn release(&self, execution: &Execution<S>, ended: Ended) -> bool {
        reached(Point::ReleaseAsked);
        let releasing = execution.store().release(execution.id(), execution.token(), ended);
        let told = in_time(self.shared.policy.lease, releasing).await;
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

/// Tries to record an answer until it is recorded, or somebody else's stands. Never gives up: the
/// effect has happened, and its caller was told that the answer will come.
async fn keep_recording<S: Store>(execution: Execution<S>, response: RecordedResponse) {
    let _beating = heartbeat::start(&execution);
    let (id, token) = (execution.id(), execution.token());
    let mut pause = RETRY_FIRST;
    loop {
        tokio::time::sleep(pause).await;
        let recording = execution.store().complete(id, token, response.clone());
        match in_time(execution.shared().policy.lease, recording).await {
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
