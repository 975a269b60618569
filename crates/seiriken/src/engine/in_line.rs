//! A request gets in line behind the first one of its key: before it asks the store, or after.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Engine;
use super::patience::{Patience, Waited};
use super::waiting::{Joined, Request, Settled, Turn};
use crate::policy::OnConcurrent;
use crate::record::RecordedResponse;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Waits for the same request of the same caller where this process has it already: a thousand
    /// of them cost the store one claim. Nothing, when the store is to be asked.
    pub(super) async fn follow(
        &self,
        request: &Request,
        turn: &mut Option<Turn>,
        patience: &Patience,
    ) -> Option<RecordedResponse> {
        let until = patience.until?;
        let settled = self.shared.waiting.follow(request)?;
        match in_line(until, settled, turn).await {
            Waited::Answer(response) => Some(response),
            Waited::LookAgain | Waited::Enough => None,
        }
    }

    /// Of an owner that was granted the key without waiting. None, where nobody ever waits.
    pub(super) fn turn_of(&self, request: Request) -> Option<Turn> {
        let waited_for = self.shared.policy.on_concurrent != OnConcurrent::Reject;
        waited_for.then(|| self.shared.waiting.own(request))
    }

    /// Waits for the first request, after the store has said that it is running.
    pub(super) async fn wait(
        &self,
        request: &Request,
        turn: &mut Option<Turn>,
        patience: &Patience,
    ) -> Waited {
        let Some(until) = patience.until.filter(|until| Instant::now() < *until) else {
            return Waited::Enough;
        };
        if let Some(turn) = turn {
            return Patience::pause(until, turn.listen()).await;
        }
        match self.shared.waiting.join(request) {
            Joined::Waiting(settled) => in_line(until, settled, turn).await,
            Joined::Full => Waited::Enough,
            Joined::YourTurn(mine) => {
                *turn = Some(mine);
                Waited::LookAgain
            }
        }
    }
}

/// Waits until its turn comes, it is told the answer, or its patience is over: then it looks once more.
async fn in_line(
    until: Instant,
    settled: oneshot::Receiver<Settled>,
    turn: &mut Option<Turn>,
) -> Waited {
    match tokio::time::timeout_at(until, settled).await {
        Ok(Ok(Settled::Completed(response))) => Waited::Answer(response),
        Ok(Ok(Settled::YourTurn(mine))) => {
            *turn = Some(mine);
            Waited::LookAgain
        }
        Ok(Err(_)) | Err(_) => Waited::LookAgain,
    }
}
