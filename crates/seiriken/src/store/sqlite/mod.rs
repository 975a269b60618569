//! The SQLite store, the embedded default: durable, for one process per file, and the one where
//! an effect in the same file commits together with its key and its answer.
//!
//! # How it works
//!
//! - One writer thread owns the writing connection. It takes what waits, runs it in one
//!   transaction and commits once: many requests share one fsync (`journal_mode=WAL`,
//!   `synchronous=FULL`). Every acknowledgement comes after that commit.
//! - Rows are appended: a row's number is its token. Where a key's row is stands in an index in
//!   memory, kept in the file at a clean stop and made from the rows after any other end. A random
//!   key as primary key would touch a new page per commit.
//! - The file is locked for one process (`PATH.lock`). Whoever holds the lock knows that the
//!   owners of all executions found in the file are gone, so no lease needs to be waited for.
//! - A failed COMMIT leaves nobody knowing what is on the disk. The store halts
//!   ([`SqliteStore::halted`]): the process should end, with status 74, and the next start reads
//!   what is really there.
//!
//! `rusqlite` bundles SQLite; the `sqlite` feature of `sqlx` links another copy, and the two
//! cannot stand in one program.

mod acknowledge;
mod commit;
#[cfg(seiriken_proof)]
mod commit_faults;
mod compact;
mod error;
mod expiries;
mod file_lock;
mod group;
mod index;
mod issuing;
mod operate;
mod reader;
mod recent;
mod rows;
mod scan;
mod schema;
mod snapshot;
mod sweep;
mod tokens;
mod tx;
mod verb;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use commit::{CommitError, Committed};
#[cfg(seiriken_proof)]
pub use commit_faults::CommitFault;
pub use error::OpenError;
pub use rusqlite;
pub use tx::SqliteTx;

use self::acknowledge::Acknowledger;
use self::commit::CommitJob;
use self::group::WriteJob;
use self::index::{Index, Looked};
use self::reader::Readers;
use self::recent::Recent;
use self::tokens::Tokens;
use self::verb::VerbJob;
use self::writer::{Writer, WriterState};
use super::{Store, StoreError};
use crate::clock::{Clock, SystemClock};
use crate::issuing::IssuingSecrets;
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use crate::record::{EffectClass, Record, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::secret::StoreSecret;

/// Key records in a SQLite file, beside the data of the service itself.
///
/// Carries every [`EffectClass`]. Cloning it gives another handle to the same store.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    secret: StoreSecret,
    issuing: Arc<IssuingSecrets>,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    index: Arc<Index>,
    recent: Arc<Recent>,
    readers: Readers,
    writer: Writer,
    #[cfg(seiriken_proof)]
    commit_faults: Arc<commit_faults::CommitFaults>,
}

/// How often a claim looks again at a key that changes under its eyes, before it gives up.
const LOOKS_MAX: usize = 8;

impl SqliteStore {
    /// Opens the file, or makes it, and takes its lock.
    ///
    /// What was committed before a crash is made durable before this returns.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_with_clock(path, SystemClock).await
    }

    /// [`SqliteStore::open`] on a clock of your own, for tests.
    pub async fn open_with_clock(
        path: impl Into<PathBuf>,
        clock: impl Clock,
    ) -> Result<Self, OpenError> {
        let path = path.into();
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let opening = tokio::task::spawn_blocking(move || {
            let path = file_lock::one_name(&path)?;
            let opened = schema::open(&path)?;
            let (index, tokens) = (Arc::new(opened.index), Arc::new(opened.tokens));
            #[cfg(seiriken_proof)]
            let commit_faults = Arc::<commit_faults::CommitFaults>::default();
            let recent = Arc::<Recent>::default();
            let state = WriterState {
                index: Arc::clone(&index),
                recent: Arc::clone(&recent),
                tokens: Arc::clone(&tokens),
                clock: Arc::clone(&clock),
                acknowledger: Acknowledger::start(),
                #[cfg(seiriken_proof)]
                commit_faults: Arc::clone(&commit_faults),
            };
            let writer = Writer::start(opened.connection, opened.lock, state)?;
            let readers = Readers::new(path);
            let (secret, issuing) = (opened.secret, Arc::new(opened.issuing));
            let shared = Shared {
                secret,
                issuing,
                clock,
                tokens,
                index,
                recent,
                readers,
                writer,
                #[cfg(seiriken_proof)]
                commit_faults,
            };
            Ok(Self { shared: Arc::new(shared) })
        });
        opening.await.unwrap_or_else(|gone| Err(OpenError::Interrupted(gone.to_string())))
    }

    /// Writes what waits, makes it durable, closes the file and gives its lock back. Every handle
    /// to this store refuses further work. Dropping all handles does the same, later.
    pub async fn close(self) {
        self.shared.writer.close().await;
    }

    /// Waits until the store has halted because a COMMIT failed; for ever if it never does.
    ///
    /// Nothing is served from then on. End the process with status 74: the next start finds out
    /// what is on the disk.
    pub async fn halted(&self) {
        self.shared.writer.halted().await;
    }

    /// Runs `read` on a connection that cannot write, beside the writer and without waiting for
    /// it. It sees what has been committed.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.readers.run(read).await
    }

    /// Runs `write` in a transaction of the writer, without any key: for tables of your own. An
    /// `Err` rolls it back alone.
    pub async fn write<T, E>(
        &self,
        write: impl FnOnce(&SqliteTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.shared.writer.submit(|reply| WriteJob::new(write, reply)).await?
    }

    /// Asks `hook` on the writer thread before each COMMIT whether and how it is to fail. The hook may
    /// keep the thread waiting, as a slow disk would.
    #[cfg(seiriken_proof)]
    pub fn at_commits(&self, hook: impl FnMut() -> Option<CommitFault> + Send + 'static) {
        self.shared.commit_faults.ask(Box::new(hook));
    }

    /// Commits an effect together with its record. `effect` runs on the writer thread, in a
    /// savepoint of its own; what it answers is recorded in the same commit.
    ///
    /// The execution must still be its token's. That it is of a transactional engine is checked
    /// there.
    pub(crate) async fn commit<T, E>(
        &self,
        id: RecordId,
        token: Token,
        effect: impl FnOnce(&SqliteTx<'_>) -> Result<(RecordedResponse, T), E> + Send + 'static,
    ) -> Result<Committed<T>, CommitError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let job = |reply| CommitJob::new(id, token, effect, reply);
        self.shared.writer.submit(job).await.unwrap_or_else(|lost| Err(CommitError::Store(lost)))
    }

    /// A record whose answer stands in the file, or `None` when its row is gone.
    async fn stored(&self, id: RecordId, token: i64) -> Result<Option<Record>, StoreError> {
        let Shared { recent, readers, .. } = &*self.shared;
        if let Some(record) = recent.record(token) {
            return Ok(Some(record));
        }
        let record = readers.record(id, token).await?;
        if let Some(record) = &record {
            recent.keep(token, record.clone());
        }
        Ok(record)
    }

    /// Claims on the writer thread.
    async fn write_claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        let index = Arc::clone(&self.shared.index);
        let verb = move |record: Option<&_>, fresh, now| {
            transition::claim(record, &claim, &index.around(&claim, fresh, now))
        };
        self.write_verb(id, verb).await
    }

    /// Runs a verb on the writer thread, which makes its change durable.
    async fn write_verb<O: Send + 'static>(
        &self,
        id: RecordId,
        verb: impl verb::Verb<O>,
    ) -> Result<O, StoreError> {
        self.shared.writer.submit(|reply| VerbJob::new(id, verb, reply)).await?
    }
}

impl Store for SqliteStore {
    fn secret(&self) -> &StoreSecret {
        &self.shared.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.shared.issuing
    }

    fn carries(&self, _: EffectClass) -> bool {
        true
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    fn promise(&self) -> Option<String> {
        Some("What is acknowledged is on the disk: a restart forgets nothing.".into())
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.shared.writer.check_open()?;
        for _ in 0..LOOKS_MAX {
            let now = self.shared.clock.now();
            let fresh = || self.shared.tokens.fresh();
            match self.shared.index.look(id, &claim, fresh, now) {
                Looked::Told(outcome) => return Ok(outcome),
                Looked::Stored { token } => {
                    // A stored answer never changes; it can only be gone, and then we look again.
                    let Some(record) = self.stored(id, token).await? else { continue };
                    // Nothing is granted here: a replay takes no token.
                    let none = Token::from_u128(0);
                    let around = self.shared.index.around(&claim, none, now);
                    let step = transition::claim(Some(&record), &claim, &around);
                    return match step.change {
                        Change::Keep => Ok(step.outcome),
                        Change::Put(_) | Change::Remove => self.write_claim(id, claim).await,
                    };
                }
                Looked::Ask => return self.write_claim(id, claim).await,
            }
        }
        Err(error::not_applied("the record kept changing while it was looked at"))
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        // Leases of one process live in its memory: after a crash no owner is left to renew.
        self.shared.writer.check_open()?;
        let now = self.shared.clock.now();
        if let Some(outcome) = self.shared.index.renew(id, token, lease, now) {
            return Ok(outcome);
        }
        let verb = move |record: Option<&_>, _, now| transition::renew(record, token, lease, now);
        self.write_verb(id, verb).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        let verb =
            move |record: Option<&_>, _, now| transition::complete(record, token, &response, now);
        self.write_verb(id, verb).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.shared.writer.check_open()?;
        let now = self.shared.clock.now();
        if let Some(outcome) = self.shared.index.release_unwritten(id, token, ended, now) {
            return Ok(outcome);
        }
        let verb = move |record: Option<&_>, _, now| transition::release(record, token, ended, now);
        self.write_verb(id, verb).await
    }
}
