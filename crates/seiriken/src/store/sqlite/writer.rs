//! The writer thread: takes what waits, runs it in one transaction, commits once, answers all.

#[cfg(all(test, seiriken_shuttle))]
mod schedules;
#[cfg(all(test, not(seiriken_shuttle)))]
mod tests;

use std::fmt;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::acknowledge::{Acknowledger, TOLD_BY_THEN};
use super::error::{OpenError, in_doubt, not_applied};
use super::file_lock::FileLock;
use super::group::{Group, Job};
use super::index::Index;
use super::recent::Recent;
use super::rows::Statements;
use super::snapshot;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::failpoint::{Point, reached};
use crate::store::StoreError;
use crate::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use crate::sync::thread;

/// A handle to the writer thread. The thread ends when the last handle is gone.
pub(super) struct Writer {
    queue: Sender<Message>,
    phase: watch::Receiver<Phase>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("phase", &*self.phase.borrow()).finish_non_exhaustive()
    }
}

/// What the thread shares with those who ask.
pub(super) struct WriterState {
    pub(super) index: Arc<Index>,
    pub(super) recent: Arc<Recent>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) acknowledger: Acknowledger,
    #[cfg(seiriken_proof)]
    pub(super) commit_faults: Arc<super::commit_faults::CommitFaults>,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Halted,
    Closed,
}

/// A COMMIT that nobody knows the result of.
struct Halt;

/// How many jobs share a transaction at most: beyond it a failed group costs more than an fsync.
const GROUP_MAX: usize = 256;

/// Statements of users' effects that are kept prepared.
const STATEMENTS_KEPT: usize = 128;

impl Writer {
    pub(super) fn start(
        connection: Connection,
        lock: FileLock,
        state: WriterState,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = channel();
        let (phase, watching) = watch::channel(Phase::Open);
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        thread::Builder::new()
            .name("seiriken-sqlite".into())
            .spawn(move || run(connection, lock, &state, &jobs, &phase))
            .map_err(OpenError::Thread)?;
        Ok(Self { queue, phase: watching })
    }

    /// Hands a job over and waits for its answer.
    pub(super) async fn submit<R, J: Job + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<R>) -> J,
    ) -> Result<R, StoreError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Job(Box::new(job(reply)));
        self.queue.send(message).map_err(|_| not_applied("the store is closed"))?;
        // A writer that was closed answers what it has taken; only one that broke off in the middle
        // leaves a job without an answer that it may have done.
        answer.await.map_err(|_| match *self.phase.borrow() {
            Phase::Closed => not_applied("the store was closed before it came to this"),
            Phase::Open | Phase::Halted => in_doubt("the writer stopped before it answered"),
        })
    }

    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        match *self.phase.borrow() {
            Phase::Open => Ok(()),
            Phase::Halted => Err(not_applied("the store has halted: a COMMIT failed")),
            Phase::Closed => Err(not_applied("the store is closed")),
        }
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).is_ok() {
            // An error says that the thread has ended already, which is what was asked for.
            let _ = closed.await;
        }
    }

    pub(super) async fn halted(&self) {
        let mut phase = self.phase.clone();
        if phase.wait_for(|phase| *phase == Phase::Halted).await.is_err() {
            // The thread ended without halting: it never will.
            std::future::pending::<()>().await;
        }
    }
}

/// The thread's life: groups until it is closed, or until a COMMIT fails.
fn run(
    connection: Connection,
    lock: FileLock,
    state: &WriterState,
    jobs: &Receiver<Message>,
    phase: &watch::Sender<Phase>,
) {
    let mut held = HeldLock { lock: Some(lock), phase };
    let Ok(asked_to_close) = write_groups(&connection, state, jobs) else {
        phase.send_replace(Phase::Halted);
        // The lock stays taken until the process ends: nobody may serve this file before it has
        // been opened, and made durable, anew.
        std::mem::forget(held.lock.take());
        refuse_the_rest(jobs);
        return;
    };
    if let Err(error) = snapshot::write(&connection, &state.index) {
        tracing::warn!(%error, "the index could not be kept; the next start reads every row");
    }
    phase.send_replace(Phase::Closed);
    drop(connection);
    drop(held.lock.take());
    if let Some(reply) = asked_to_close {
        let _ = reply.send(());
    }
}

/// Writes group after group; answers who asked to close, if anybody did.
fn write_groups(
    connection: &Connection,
    state: &WriterState,
    jobs: &Receiver<Message>,
) -> Result<Option<oneshot::Sender<()>>, Halt> {
    let Ok(mut statements) = Statements::prepare(connection) else { return Err(Halt) };
    while let Some(first) = next(jobs, &state.acknowledger) {
        let mut group = Vec::new();
        let mut closing = None;
        for message in std::iter::once(first).chain(jobs.try_iter()) {
            match message {
                Message::Job(job) => group.push(job),
                Message::Close(reply) => closing = Some(reply),
            }
            if closing.is_some() || group.len() == GROUP_MAX {
                break;
            }
        }
        write_group(connection, &mut statements, state, group)?;
        if closing.is_some() {
            return Ok(closing);
        }
    }
    Ok(None)
}

/// What comes next; `None` when nobody is left who could ask. A group that has been handed over is not
/// left untold for long.
fn next(jobs: &Receiver<Message>, acknowledger: &Acknowledger) -> Option<Message> {
    if acknowledger.has_untold() {
        match jobs.recv_timeout(TOLD_BY_THEN) {
            Ok(message) => return Some(message),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => acknowledger.tell_the_last(),
        }
    }
    jobs.recv().ok()
}

/// One transaction: all jobs, one COMMIT, then the answers.
fn write_group<'c>(
    connection: &'c Connection,
    statements: &mut Statements<'c>,
    state: &WriterState,
    mut jobs: Vec<Box<dyn Job>>,
) -> Result<(), Halt> {
    let mut group = Group::new(connection, statements, state);
    let applied =
        group.statements.begin.execute([]).inspect(|_| reached(Point::GroupBegun)).and_then(|_| {
            jobs.iter_mut()
                .try_for_each(|job| job.apply(&mut group).inspect(|()| reached(Point::JobApplied)))
        });
    if let Err(error) = applied {
        return give_up(group, jobs, &error);
    }
    reached(Point::CommitAsked);
    match commit(&mut group) {
        Ok(_) => {
            reached(Point::CommitDone);
            group.settled();
            state.acknowledger.acknowledge(jobs);
            reached(Point::Acknowledged);
            Ok(())
        }
        Err(error) if refused_before_writing(connection, &error) => give_up(group, jobs, &error),
        Err(error) => {
            tracing::error!(%error, "a COMMIT failed; nobody knows what is on the disk; halting");
            for job in jobs {
                job.settle(Err(in_doubt(error.to_string())));
            }
            Err(Halt)
        }
    }
}

#[cfg(not(seiriken_proof))]
fn commit(group: &mut Group<'_, '_>) -> Result<usize, rusqlite::Error> {
    group.statements.commit.execute([])
}

#[cfg(seiriken_proof)]
fn commit(group: &mut Group<'_, '_>) -> Result<usize, rusqlite::Error> {
    group.state.commit_faults.commit(|| group.statements.commit.execute([]))
}

/// Nothing of the group was written: rolls it back and tells everybody so.
fn give_up(
    group: Group<'_, '_>,
    jobs: Vec<Box<dyn Job>>,
    error: &rusqlite::Error,
) -> Result<(), Halt> {
    tracing::warn!(%error, jobs = jobs.len(), "a group was rolled back; its keys are free");
    if !group.connection.is_autocommit() && group.statements.rollback.execute([]).is_err() {
        return Err(Halt);
    }
    group.undone();
    for job in jobs {
        job.settle(Err(not_applied(error.to_string())));
    }
    Ok(())
}

/// Whether COMMIT was refused for the transaction's content, before anything was written: a
/// deferred constraint, say. The transaction is then still open.
fn refused_before_writing(connection: &Connection, error: &rusqlite::Error) -> bool {
    let refusal = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy)
    );
    refusal && !connection.is_autocommit()
}

fn refuse_the_rest(jobs: &Receiver<Message>) {
    for message in jobs {
        match message {
            Message::Job(job) => job.settle(Err(not_applied("the store has halted"))),
            Message::Close(reply) => drop(reply.send(())),
        }
    }
}

/// The file's lock while the thread runs. A panic of the thread is a broken invariant: the store
/// halts, and keeps the lock until the process ends, as after a failed COMMIT.
struct HeldLock<'p> {
    lock: Option<FileLock>,
    phase: &'p watch::Sender<Phase>,
}

impl Drop for HeldLock<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.phase.send_replace(Phase::Halted);
            std::mem::forget(self.lock.take());
        }
    }
}
