//! From how the work ended to what its caller is told: record, or free, before the reply.

use std::time::Duration;

use super::decision::{Decision, Ending};
use super::execution::{CommitFailed, CommitState, Execution};
use super::{Engine, heartbeat};
use crate::record::RecordedResponse;
use crate::record::transition::{CompleteOutcome, Ended};
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
        match commit {
            CommitState::Committed(response) => {
                let (Ending::Answered(_, beside)
                | Ending::NotProcessed(beside)
                | Ending::Unknown(beside)) = ending;
                Decision::Executed { response, beside: Some(beside) }
            }
            CommitState::Failed(failed) => {
                let (Ending::Answered(_, beside)
                | Ending::NotProcessed(beside)
                | Ending::Unknown(beside)) = ending;
                match self.settle_failed_commit(execution, failed).await {
                    Some(decision) => decision,
                    None => Decision::NotRecorded(beside),
                }
            }
            CommitState::NotAsked | CommitState::Asked => match ending {
                Ending::Answered(response, beside) => {
                    self.record(execution, response, beside).await
                }
                Ending::NotProcessed(beside) => {
                    self.release(execution, Ended::WithoutEffect).await;
                    Decision::NotRecorded(beside)
                }
                Ending::Unknown(beside) => {
                    self.release(execution, Ended::EffectUnknown).await;
                    Decision::NotRecorded(beside)
                }
            },
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
                self.settle_failed_commit(execution, failed).await.unwrap_or(Decision::Panicked)
            }
            CommitState::NotAsked | CommitState::Asked => {
                self.release(execution, Ended::EffectUnknown).await;
                if execution.class().may_run_again() {
                    Decision::Panicked
                } else {
                    Decision::Indeterminate
                }
            }
        }
    }

    /// `None` where the work's own answer may go out: it was rolled back and the key is free.
    async fn settle_failed_commit<T>(
        &self,
        execution: &Execution<S>,
        failed: CommitFailed,
    ) -> Option<Decision<T>> {
        match failed {
            CommitFailed::RolledBack => {
                self.release(execution, Ended::WithoutEffect).await;
                None
            }
            CommitFailed::LeaseLost => Some(Decision::InProgress { retry_after: AFTER_TAKEOVER }),
            CommitFailed::NotApplied => {
                self.release(execution, Ended::WithoutEffect).await;
                Some(Decision::StoreUnavailable)
            }
            CommitFailed::InDoubt => Some(Decision::Pending),
        }
    }

    async fn record<T: Send>(
        &self,
        execution: &Execution<S>,
        response: RecordedResponse,
        beside: T,
    ) -> Decision<T> {
        let (id, token) = (execution.id(), execution.token());
        match execution.store().complete(id, token, response.clone()).await {
            Ok(CompleteOutcome::Recorded) => Decision::Executed { response, beside: Some(beside) },
            Ok(CompleteOutcome::Stale(Some(stands))) => Decision::Replayed(stands),
            Ok(CompleteOutcome::Stale(None)) if execution.class().may_run_again() => {
                Decision::InProgress { retry_after: AFTER_TAKEOVER }
            }
            Ok(CompleteOutcome::Stale(None)) => Decision::Indeterminate,
            Err(error) => {
                tracing::error!(%id, %error, "an answer could not be recorded; trying on");
                let recording = keep_recording(execution.clone(), response);
                self.shared.tasks.spawn(recording);
                Decision::Pending
            }
        }
    }

    /// A key that could not be freed stays claimed until its lease runs out; that is safe, so the
    /// caller is answered all the same.
    async fn release(&self, execution: &Execution<S>, ended: Ended) {
        let id = execution.id();
        if let Err(error) = execution.store().release(id, execution.token(), ended).await {
            tracing::warn!(%id, %error, "an execution could not be released; its lease will end");
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
        match execution.store().complete(id, token, response.clone()).await {
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
