//! One execution of one operation: the right to run it, held by whoever was granted it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tracing::Span;

use super::Shared;
use super::detach::Run;
use super::measured::Asked;
use crate::record::transition::{Ended, Grant};
use crate::record::{EffectClass, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::store::Store;

/// The execution that the work belongs to. Cloning it gives another handle to the same one.
pub struct Execution<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    shared: Arc<Shared<S>>,
    id: RecordId,
    token: Token,
    number: u32,
    commit: Mutex<Commit>,
    commit_settled: Notify,
}

struct Commit {
    state: CommitState,
    /// The work has ended: none can be asked for any more.
    closed: bool,
    /// A layer further in has let the request through to the handler.
    #[cfg(feature = "http")]
    let_through: bool,
}

/// Whether the effect and its answer have been committed together by the work itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitState {
    /// It has not been asked for.
    NotAsked,
    /// It is on its way.
    Asked,
    /// It is done; this is the answer, whatever the work does next.
    Committed(RecordedResponse),
    /// It did not come about, or nobody knows.
    Failed(CommitFailed),
}

/// How a commit failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFailed {
    /// The work refused or panicked inside: rolled back.
    RolledBack,
    /// The execution had been taken over: nothing was written.
    LeaseLost,
    /// The store certainly wrote nothing.
    NotApplied,
    /// The store cannot say whether it is written.
    InDoubt,
}

/// A commit that was refused before any effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitRefused {
    /// The route or engine is not of class [`EffectClass::Transactional`].
    #[error("a commit on a route that is not transactional; nothing was written")]
    NotTransactional,
    /// The execution has committed, or tried to, already.
    #[error("a second commit of one execution; nothing was written by it")]
    Twice,
    /// The work has ended; this came from something that it left behind.
    #[error("a commit after the work had ended; nothing was written")]
    TooLate,
}

impl<S> Clone for Execution<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S> fmt::Debug for Execution<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("id", &self.inner.id)
            .field("number", &self.inner.number)
            .finish_non_exhaustive()
    }
}

impl<S> Execution<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, id: RecordId, grant: Grant) -> Self {
        let inner = Inner {
            shared,
            id,
            token: grant.token,
            number: grant.executions,
            commit: Mutex::new(Commit {
                state: CommitState::NotAsked,
                closed: false,
                #[cfg(feature = "http")]
                let_through: false,
            }),
            commit_settled: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Which operation.
    pub fn id(&self) -> RecordId {
        self.inner.id
    }

    /// How many executions of this operation have been started, 1 for the first: what a proxy
    /// sends on as `Idempotency-Attempt`.
    pub fn number(&self) -> u32 {
        self.inner.number
    }

    /// What may happen should this owner vanish.
    pub fn class(&self) -> EffectClass {
        self.inner.shared.policy.class
    }

    /// Whether it has been committed.
    pub fn commit_state(&self) -> CommitState {
        self.lock_commit().state.clone()
    }

    /// Lets a layer further in pass the request on unguarded: once, while the work runs. Whatever
    /// retries between the two layers would else run the handler again under one claim.
    #[cfg(feature = "http")]
    pub(crate) fn let_through_once(&self) -> bool {
        let mut commit = self.lock_commit();
        !commit.closed && !std::mem::replace(&mut commit.let_through, true)
    }

    /// The work has ended: takes no commit from now on, waits for one that is on its way, and says
    /// what came of it.
    pub(crate) async fn settled_commit(&self) -> CommitState {
        {
            let mut commit = self.lock_commit();
            commit.closed = true;
            if commit.state != CommitState::Asked {
                return commit.state.clone();
            }
        }
        loop {
            let settled = self.inner.commit_settled.notified();
            match self.commit_state() {
                CommitState::Asked => settled.await,
                state => return state,
            }
        }
    }

    fn lock_commit(&self) -> MutexGuard<'_, Commit> {
        self.inner.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn token(&self) -> Token {
        self.inner.token
    }

    pub(super) fn shared(&self) -> &Arc<Shared<S>> {
        &self.inner.shared
    }

    pub(super) fn set_commit(&self, state: CommitState) {
        self.lock_commit().state = state;
        self.inner.commit_settled.notify_waiters();
    }

    /// Takes the right to commit, once.
    pub(super) fn ask_commit(&self) -> Result<(), CommitRefused> {
        if self.class() != EffectClass::Transactional {
            return Err(CommitRefused::NotTransactional);
        }
        let mut commit = self.lock_commit();
        match commit.state {
            CommitState::NotAsked if commit.closed => Err(CommitRefused::TooLate),
            CommitState::NotAsked => {
                commit.state = CommitState::Asked;
                Ok(())
            }
            _ => Err(CommitRefused::Twice),
        }
    }
}

impl<S: Store> Execution<S> {
    pub(super) fn store(&self) -> &S {
        &self.inner.shared.store
    }
}

impl<S: Store> Execution<S> {
    /// For stores that commit effect and record together: makes the one commit that an execution
    /// may make. `commit` gets what names the execution and does it; `state_after` says what came
    /// of it, and so what the engine does when the work has ended.
    ///
    /// The future may be dropped: the commit goes on, and the engine waits for it.
    ///
    /// # Errors
    /// Refused before `commit` is called.
    pub async fn commit_by<R, F>(
        &self,
        commit: impl FnOnce(RecordId, Token) -> F,
        state_after: impl FnOnce(&R) -> CommitState + Send + 'static,
    ) -> Result<R, CommitRefused>
    where
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        self.ask_commit()?;
        let execution = self.clone();
        let commit = commit(self.id(), self.token());
        let committing = async move {
            let asked = Asked::now("commit");
            let result = commit.await;
            asked.answered();
            execution.set_commit(state_after(&result));
            result
        };
        // Polled at once: from here on it is asked for.
        Ok(Run::new(self.shared().tasks.clone(), Span::current(), committing).await)
    }
}

/// [`FreesTheKeyWhenItsCallerGoes`](crate::planted::Mistake::FreesTheKeyWhenItsCallerGoes).
pub(super) struct FreedOnDrop<S: Store>(pub(super) Execution<S>);

impl<S: Store> Drop for FreedOnDrop<S> {
    fn drop(&mut self) {
        let execution = self.0.clone();
        drop(tokio::spawn(async move {
            let (id, token) = (execution.id(), execution.token());
            let _ = execution.store().release(id, token, Ended::WithoutEffect).await;
        }));
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{CommitFailed, CommitRefused, CommitState, Execution};
    use crate::record::RecordedResponse;
    use crate::store::sqlite::{CommitError, Committed, SqliteStore, SqliteTx};

    impl Execution<SqliteStore> {
        /// Commits `effect` together with the key and the answer that it gives, in one SQLite
        /// transaction: *exactly once*. `effect` runs on the store's writer thread; keep it short,
        /// other requests' effects wait behind it.
        ///
        /// What it answers beside the response is handed back. The future may be dropped: the
        /// commit goes on, and the engine waits for it.
        ///
        /// # Errors
        /// The outer error refuses before any effect; the inner one says what came of the commit.
        pub async fn commit<T, E>(
            &self,
            effect: impl FnOnce(&SqliteTx<'_>) -> Result<(RecordedResponse, T), E> + Send + 'static,
        ) -> Result<Result<Committed<T>, CommitError<E>>, CommitRefused>
        where
            T: Send + 'static,
            E: Send + 'static,
        {
            let execution = self.clone();
            let commit = |id, token| async move {
                let result = execution.store().commit(id, token, effect).await;
                if let Err(CommitError::Store(error)) = &result {
                    let error = error as &dyn std::error::Error;
                    tracing::error!(%id, error, "an effect could not be committed");
                }
                result
            };
            self.commit_by(commit, state_after).await
        }
    }

    fn state_after<T, E>(result: &Result<Committed<T>, CommitError<E>>) -> CommitState {
        CommitState::Failed(match result {
            Ok(committed) => return CommitState::Committed(committed.response.clone()),
            Err(CommitError::RolledBack(_) | CommitError::Panicked(_)) => CommitFailed::RolledBack,
            Err(CommitError::LeaseLost) => CommitFailed::LeaseLost,
            Err(CommitError::Store(error)) if error.may_have_been_applied() => {
                CommitFailed::InDoubt
            }
            Err(CommitError::Store(_)) => CommitFailed::NotApplied,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::store::StoreError;

        fn after(error: StoreError) -> CommitState {
            state_after(&Err::<Committed<()>, _>(CommitError::<()>::Store(error)))
        }

        #[test]
        fn only_what_was_certainly_not_applied_has_not_happened() {
            let source = || "the disk".into();
            let not_applied = StoreError::NotApplied { store: "sqlite", source: source() };
            assert_eq!(after(not_applied), CommitState::Failed(CommitFailed::NotApplied));
            let in_doubt = StoreError::InDoubt { store: "sqlite", source: source() };
            assert_eq!(after(in_doubt), CommitState::Failed(CommitFailed::InDoubt));
        }
    }
}
