//! The engine: claim → run → record → answer. No HTTP, no SQL, no clock of its own.
//!
//! [`Engine::run`] guards any work that has a key: an HTTP request (the layer in `http` is built
//! on it), a message from a queue, a job. The work runs at most once per key; whoever asks again
//! gets the first answer.
//!
//! What makes it safe, in the order in which it happens:
//!
//! 1. The claim is one atomic step of the store. Of many at once one is granted.
//! 2. From the claim on, the work belongs to the engine and not to the caller: when the caller
//!    goes away (a dropped connection drops its future), the work and its recording go on in a
//!    tracked task that [`Engine::drain`] waits for. Nothing is ever half-cancelled.
//! 3. While the work runs, its lease is renewed. Whoever waits for it in the same process does so
//!    without asking the store; when the lease is lost, one of them asks.
//! 4. A panic is caught and counts as "cannot say".
//! 5. The answer is recorded before anybody hears it. When it cannot be recorded the caller is
//!    told so ([`Decision::Pending`]), and recording goes on being tried; the key is never freed.
//! 6. A store that does not answer is not waited for longer than a lease (at least 5 seconds):
//!    that counts as a lost acknowledgement, so nobody who hangs keeps a key for ever.
//!
//! A message from a queue, delivered twice:
//!
//! ```
//! use std::sync::Arc;
//!
//! use seiriken::engine::{Decision, Ending, Engine, Operation};
//! use seiriken::record::RecordedResponse;
//! use seiriken::store::{MemoryStore, Store};
//! use seiriken::{IdempotencyKey, KeySyntax, Policy, Scope};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let engine = Engine::new(Arc::new(MemoryStore::new()?), Policy::default())?;
//! let scope = Scope::new("invoices");
//! let message_id = IdempotencyKey::parse(b"message-7", KeySyntax::Lenient)?;
//! let deliver = || {
//!     let secret = engine.store().secret();
//!     let operation = Operation::of_work(secret, &scope, &message_id, "send-invoice", b"order 7");
//!     engine.run(operation, |_execution| async {
//!         // … send it …
//!         Ending::Answered(RecordedResponse::of_work(b"sent"), ())
//!     })
//! };
//! assert!(matches!(deliver().await, Decision::Executed { .. }));
//! assert!(matches!(deliver().await, Decision::Replayed(result) if result.body() == "sent"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attempts;
mod caught;
mod decision;
mod detach;
mod execution;
mod heartbeat;
mod in_line;
mod in_time;
mod measured;
mod operation;
mod patience;
#[cfg(feature = "metrics")]
pub use measured::describe_metrics;
mod recording;
#[cfg(feature = "postgres")]
mod transaction;
mod waiting;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

pub use decision::{Decision, Ending};
pub use detach::Run;
pub use execution::{CommitFailed, CommitRefused, CommitState, Execution};
pub use operation::Operation;
#[cfg(feature = "postgres")]
pub use transaction::{PgTx, TxError};

use self::attempts::Attempts;
use self::caught::caught;
use self::in_time::in_time;
use self::patience::{Patience, Waited};
use self::waiting::{Request, Turn, Waiting};
use crate::failpoint::{Point, reached};
use crate::fingerprint::{Fingerprint, FingerprintKind};
use crate::planted::{Mistake, planted};
use crate::policy::{Policy, PolicyError};
use crate::record::transition::{Claim, ClaimOutcome, Grant, Granted};
use crate::record::{AttemptId, Token};
use crate::scope::RecordId;
use crate::store::{Store, StoreError};

/// Runs work at most once per key. Cloning it gives another handle to the same engine.
#[derive(Debug)]
pub struct Engine<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    store: S,
    policy: Policy,
    tasks: TaskTracker,
    waiting: Arc<Waiting>,
    attempts: Attempts,
}

/// How often a claim whose acknowledgement was lost is asked again.
const CLAIM_TRIES: usize = 3;

impl<S> Clone for Engine<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Store> Engine<S> {
    /// An engine on a store.
    ///
    /// # Errors
    /// When the policy cannot be kept with this store.
    pub fn new(store: S, policy: Policy) -> Result<Self, PolicyError> {
        policy.check(store.carries(policy.class), store.keeps_quotas())?;
        let (tasks, waiting) = (TaskTracker::new(), Arc::default());
        let shared = Shared { store, policy, tasks, waiting, attempts: Attempts::new() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Its rules.
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// Runs `work` if nobody did, and says what came of it.
    ///
    /// Everything it does stands in one `tracing` span `idempotency` (of level DEBUG), with the operation's `id` (the
    /// first digits of a keyed hash, never the key) and its `decision`
    /// ([`Decision::name`]).
    ///
    /// The future may be dropped at any time after it was first polled: the work goes on. It is
    /// not started at all when the key is found in use.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn run<F, W, Fut, T>(&self, operation: Operation<F>, work: W) -> Run<Decision<T>>
    where
        F: Fn(FingerprintKind) -> Fingerprint + Send + 'static,
        W: FnOnce(Execution<S>) -> Fut + Send + 'static,
        Fut: Future<Output = Ending<T>> + Send + 'static,
        T: Send + 'static,
    {
        let id = operation.id;
        let span = tracing::debug_span!("idempotency", %id, decision = tracing::field::Empty);
        Run::new(self.shared.tasks.clone(), span, self.clone().decide(operation, work))
    }

    /// Waits for the work whose callers have gone and for answers still being recorded, at most
    /// this long. `false` when something is left; it keeps its claim.
    pub async fn drain(&self, at_most: Duration) -> bool {
        self.shared.tasks.close();
        tokio::time::timeout(at_most, self.shared.tasks.wait()).await.is_ok()
    }

    #[expect(clippy::manual_async_fn, reason = "an async fn would keep its arguments twice")]
    fn decide<F, W, Fut, T>(
        self,
        operation: Operation<F>,
        work: W,
    ) -> impl Future<Output = Decision<T>> + Send
    where
        F: Fn(FingerprintKind) -> Fingerprint + Send,
        W: FnOnce(Execution<S>) -> Fut + Send,
        Fut: Future<Output = Ending<T>> + Send,
        T: Send,
    {
        async move {
            let id = operation.id;
            let mut claim = self.claim_for(&operation);
            let patience = Patience::new(self.shared.policy.on_concurrent);
            let mut turn = None;
            let request = request_of(id, &claim);
            if let Some(response) = self.follow(&request, &mut turn, &patience).await {
                return traced(Decision::Replayed(response));
            }
            let decision = loop {
                let outcome = match self.claim(id, &claim).await {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        if planted(Mistake::RunsWithoutTheStore) {
                            let request = request_of(id, &claim);
                            let grant = Grant {
                                token: Token::from_u128(0),
                                executions: 1,
                                how: Granted::First,
                            };
                            break self.execute(request, turn, grant, work).await;
                        }
                        tracing::error!(%id, error, "a key could not be claimed; nothing was run");
                        break Decision::StoreUnavailable;
                    }
                };
                reached(Point::ClaimAnswered);
                let request = request_of(id, &claim);
                match outcome {
                    ClaimOutcome::Granted(grant) => {
                        break self.execute(request, turn, grant, work).await;
                    }
                    ClaimOutcome::Completed(response) => {
                        if let Some(turn) = turn {
                            turn.settle(response.clone());
                        }
                        break Decision::Replayed(response);
                    }
                    ClaimOutcome::CredentialChanged => break Decision::CredentialChanged,
                    ClaimOutcome::Indeterminate => break Decision::Indeterminate,
                    ClaimOutcome::KeyExpired => break Decision::KeyExpired,
                    ClaimOutcome::KeyFromFuture => break Decision::KeyFromFuture,
                    ClaimOutcome::QuotaExceeded => break Decision::QuotaExceeded,
                    ClaimOutcome::Mismatch { recorded } => {
                        // Compared under another kind than it was recorded with: look once more.
                        let again = (operation.fingerprint)(recorded);
                        if recorded == claim.fingerprint.kind() || again.kind() != recorded {
                            break Decision::Mismatch;
                        }
                        claim.fingerprint = again;
                        turn = None;
                    }
                    ClaimOutcome::InProgress { retry_after } => {
                        match self.wait(&request, &mut turn, &patience).await {
                            Waited::Answer(response) => break Decision::Replayed(response),
                            Waited::LookAgain => {}
                            Waited::Enough => break Decision::InProgress { retry_after },
                        }
                    }
                }
            };
            traced(decision)
        }
    }

    fn claim_for<F: Fn(FingerprintKind) -> Fingerprint>(&self, operation: &Operation<F>) -> Claim {
        let policy = &self.shared.policy;
        Claim {
            attempt: self.shared.attempts.next(),
            identity: operation.identity,
            fingerprint: (operation.fingerprint)(operation.kind),
            scope: operation.scope,
            date: operation.date,
            class: policy.class,
            lease: policy.lease,
            retention: policy.retention,
            quota: policy.quota,
        }
    }

    /// Claims; when the acknowledgement was lost, asks again with the same attempt.
    async fn claim(&self, id: RecordId, claim: &Claim) -> Result<ClaimOutcome, StoreError> {
        reached(Point::ClaimAsked);
        let mut tries = 1;
        let mut attempt = claim.attempt;
        loop {
            let asking = self.shared.store.claim(id, Claim { attempt, ..*claim });
            match in_time("claim", claim.lease, pin!(asking)).await {
                Err(error) if tries < CLAIM_TRIES && error.may_have_been_applied() => {
                    tracing::warn!(%id, %error, "the acknowledgement of a claim was lost");
                    tries += 1;
                    if planted(Mistake::RepeatsAClaimAsAnother) {
                        attempt = AttemptId::from_random(attempt.as_u128() + 1);
                    }
                }
                told => return told,
            }
        }
    }

    fn execute<'e, W, Fut, T>(
        &'e self,
        request: Request,
        turn: Option<Turn>,
        grant: Grant,
        work: W,
    ) -> impl Future<Output = Decision<T>> + Send + 'e
    where
        W: FnOnce(Execution<S>) -> Fut + Send + 'e,
        Fut: Future<Output = Ending<T>> + Send + 'e,
        T: Send + 'e,
    {
        let id = request.id;
        if grant.how == Granted::TakenOver {
            let execution = grant.executions;
            measured::taken_over();
            tracing::warn!(%id, execution, "taken over from an owner that vanished; running it again");
        }
        tracing::debug!(execution = grant.executions, "executing");
        let mut turn = turn.or_else(|| self.turn_of(request));
        let execution = Execution::new(Arc::clone(&self.shared), id, grant);
        async move {
            let _freeing = planted(Mistake::FreesTheKeyWhenItsCallerGoes)
                .then(|| execution::FreedOnDrop(execution.clone()));
            reached(Point::WorkBegins);
            // Pinned here and handed on by reference: each move would make the future larger by as
            // much. Nor is it dropped before its answer stands: dropping it may panic.
            let mut working = pin!(caught(|| work(execution.clone())));
            let mut deciding = pin!(async {
                let ending = working.as_mut().await.ok();
                reached(Point::WorkEnded);
                let commit = execution.settled_commit().await;
                self.settle(&execution, commit, ending).await
            });
            // Whoever waits for an owner that others may have overtaken asks the store instead.
            let overtaken = || drop(turn.take());
            let decision = heartbeat::keep_alive(&execution, deciding.as_mut(), overtaken).await;
            match (&decision, turn) {
                (
                    Decision::Executed { response, .. } | Decision::Replayed(response),
                    Some(turn),
                ) => turn.settle(response.clone()),
                // The next one of those who wait asks the store what has become of it.
                (_, turn) => drop(turn),
            }
            decision
        }
    }
}

/// The decision, once it stands in the span of its operation.
fn traced<T>(decision: Decision<T>) -> Decision<T> {
    tracing::Span::current().record("decision", decision.name());
    measured::decided(decision.name());
    if decision.is_refusal() {
        tracing::debug!("refused");
    } else {
        tracing::debug!("decided");
    }
    decision
}

fn request_of(id: RecordId, claim: &Claim) -> Request {
    Request { id, identity: claim.identity, fingerprint: claim.fingerprint }
}
