//! Complete, renew and release: compare-and-set on the token.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use tokio::sync::oneshot;

use super::Shared;
use super::argument::Argument;
use super::claim::LOOKS_MAX;
use super::columns::{columns, millis, millis_of, number_of, response_check};
use super::error::{again, in_doubt, not_applied};
use super::lane::{Job, Lane, submit};
use super::row::{Seen, time};
use super::session::Kept;
use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome, Transition,
};
use crate::record::{Record, RecordedResponse, State, Token};
use crate::scope::RecordId;
use crate::store::StoreError;

/// Why a verb has come to nothing that others were faster than, again and again.
pub(super) const KEPT_CHANGING: &str = "the record kept changing while it was looked at";

/// An answer that waits for its statement. Told whether it was taken at the first try.
pub(super) struct CompleteJob {
    id: RecordId,
    token: Token,
    response: RecordedResponse,
    reply: oneshot::Sender<Result<bool, StoreError>>,
}

impl Job for CompleteJob {
    type Shared = Shared;
    type Kept = Kept;

    fn id(&self) -> RecordId {
        self.id
    }

    fn lane(shared: &Shared) -> &Lane<Self> {
        &shared.completions
    }

    async fn run(shared: &Shared, kept: &mut Kept, jobs: Vec<Self>) {
        let rows: Vec<_> = jobs.iter().map(Self::columns).collect();
        let mut arguments = vec![shared.now_argument()];
        arguments.extend(Argument::transposed(rows));
        match shared.sessions.run_here(kept, &shared.statements.complete, &arguments).await {
            Ok(rows) => {
                let taken: HashSet<Vec<u8>> =
                    rows.iter().filter_map(|row| row.try_get("id").ok()).collect();
                for job in jobs {
                    // Whoever asked may have gone.
                    let _ = job.reply.send(Ok(taken.contains(&job.id.as_bytes()[..])));
                }
            }
            Err(error) => {
                for job in jobs {
                    let _ = job.reply.send(Err(again(&error)));
                }
            }
        }
    }
}

impl CompleteJob {
    fn columns(&self) -> [Argument; 5] {
        let (int, token) = (|number: i64| Argument::Int(Some(number)), number_of(self.token));
        let response = self.response.as_bytes();
        [
            Argument::bytes(self.id.as_bytes()),
            int(token),
            int(self.response.status().into()),
            Argument::bytes(response),
            int(response_check(&self.id, token, response)),
        ]
    }
}

impl Shared {
    pub(super) async fn complete(
        self: &Arc<Self>,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        if let Some((running, finishing)) = self.running.finish(id, token) {
            let shared = Arc::clone(self);
            let recording = tokio::spawn(async move {
                let _finishing = finishing;
                shared.finish(id, &running, &response).await
            });
            return recording.await.unwrap_or_else(|gone| Err(in_doubt(gone)));
        }
        let (reply, answered) = oneshot::channel();
        submit(self, CompleteJob { id, token, response: response.clone(), reply });
        if answered.await.unwrap_or_else(|gone| Err(in_doubt(gone)))? {
            return Ok(CompleteOutcome::Recorded);
        }
        self.step(id, |record, now| transition::complete(record, token, &response, now)).await
    }

    /// Writes the record of an execution that has none yet, with its answer.
    async fn finish(
        &self,
        id: RecordId,
        running: &Record,
        response: &RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        for _ in 0..LOOKS_MAX {
            let arguments = self.with_now(finished(&id, running, response));
            if !self.sessions.run(&self.statements.finish, arguments).await?.is_empty() {
                self.running.end(id, running.token);
                return Ok(CompleteOutcome::Recorded);
            }
            let seen = self.read(id).await?;
            let Some(standing) = seen.standing()? else { continue };
            if standing.record.expired(seen.now) {
                // In the place of one that counts as absent.
                self.write(id, Some(standing), Change::Remove).await?;
                continue;
            }
            // Another node's record stands; or this one, of which no acknowledgement came.
            self.running.end(id, running.token);
            let record = Some(&standing.record);
            let step = transition::complete(record, running.token, response, seen.now);
            if step.change == Change::Keep {
                return Ok(step.outcome);
            }
        }
        Err(not_applied(KEPT_CHANGING))
    }

    pub(super) async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        if self.running.of(id, token).is_some() {
            let now = self.now().await?;
            let renewed = self.running.change(id, token, |record| {
                let step = transition::renew(record.as_ref(), token, lease, now);
                if let Change::Put(renewed) = step.change {
                    *record = Some(renewed);
                }
                step.outcome
            });
            return Ok(renewed.unwrap_or(RenewOutcome::Lost));
        }
        self.step(id, |record, now| transition::renew(record, token, lease, now)).await
    }

    pub(super) async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        let released = self.running.change_finished(id, token, |record| {
            // No time decides about a transactional one.
            let step = transition::release(record.as_ref(), token, ended, Timestamp::ZERO);
            if step.change == Change::Remove {
                *record = None;
            }
            step.outcome
        });
        let released = released.await;
        if let Some(outcome) = released {
            return Ok(outcome);
        }
        self.step(id, |record, now| transition::release(record, token, ended, now)).await
    }

    /// Reads the record, lets the transition function say what becomes of it, and writes that if
    /// nobody has changed it in between.
    pub(super) async fn step<O>(
        &self,
        id: RecordId,
        verb: impl Fn(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> Result<O, StoreError> {
        for _ in 0..LOOKS_MAX {
            let seen = self.read(id).await?;
            let standing = seen.standing()?;
            let step = verb(standing.map(|standing| &standing.record), seen.now);
            if self.write(id, standing, step.change).await? {
                return Ok(step.outcome);
            }
        }
        Err(not_applied(KEPT_CHANGING))
    }

    pub(super) async fn read(&self, id: RecordId) -> Result<Seen, StoreError> {
        let arguments = vec![self.now_argument(), Argument::bytes(id.as_bytes())];
        let rows = self.sessions.run(&self.statements.read, arguments).await?;
        let row = rows.first().ok_or_else(|| not_applied("the store's own row is gone"))?;
        Seen::read(row).map_err(not_applied)
    }

    pub(super) async fn now(&self) -> Result<Timestamp, StoreError> {
        let rows = self.sessions.run(&self.statements.now, vec![self.now_argument()]).await?;
        let row = rows.first().ok_or_else(|| not_applied("the database told no time"))?;
        row.try_get("now").map(time).map_err(not_applied)
    }

    /// The time where a test moves it; nothing where it is the database's.
    pub(super) fn now_argument(&self) -> Argument {
        Argument::Int(self.clock.as_ref().map(|clock| millis(clock.now())))
    }

    pub(super) fn with_now(&self, mut arguments: Vec<Argument>) -> Vec<Argument> {
        arguments.insert(0, self.now_argument());
        arguments
    }
}

/// The arguments from `$2` on of the statement that writes a record with its answer at once.
pub(super) fn finished(
    id: &RecordId,
    running: &Record,
    response: &RecordedResponse,
) -> Vec<Argument> {
    let State::InProgress { claimed_at, retention, .. } = running.state else {
        unreachable!("only running executions are kept in memory")
    };
    // When it expires, the statement says.
    let state = State::Completed { response: response.clone(), expires_at: Timestamp::ZERO };
    let mut arguments = columns(id, &Record { state, ..running.clone() });
    let at = |number: usize| number - 2;
    arguments[at(6)] = Argument::Int(Some(millis(claimed_at)));
    arguments[at(13)] = Argument::Int(Some(millis_of(retention.answers)));
    arguments[at(14)] = Argument::Int(Some(millis_of(retention.skew)));
    arguments
}
