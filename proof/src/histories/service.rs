//! A process of the service: the shipped engine, a handler, and the words for what it decides.

use std::panic::panic_any;
use std::sync::Arc;
use std::time::Duration;

use seiriken::engine::{CommitState, Decision, Ending, Engine, Execution, Operation, Run};
use seiriken::record::{EffectClass, RecordedResponse, Retention};
use seiriken::{
    Fingerprint, FingerprintKind, IdentityDigest, KeyDate, OnConcurrent, Policy, RecordId,
    ScopeDigest,
};
use seiriken_client::verdict::{Problem, Reply};
use tokio::time::sleep;

use super::plan::{Effect, Intent, LEASE, RETENTION, SKEW, WorkEnds};
use super::store::RemoteStore;
use super::world::{Node, World};
use crate::random::mixed;

/// A panic of a handler, which the plan wants.
#[derive(Debug)]
pub(super) struct Planned;

/// One life of a process.
#[derive(Debug, Clone)]
pub(super) struct Service {
    world: Arc<World>,
    node: Node,
    store: RemoteStore,
    engine: Engine<RemoteStore>,
}

/// What the work says beside what is recorded: the answer of an execution that records none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) status: u16,
}

/// A request as it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) which: usize,
    pub(super) intent: Intent,
}

impl Service {
    pub(super) fn start(world: &Arc<World>, node: Node) -> Result<Self, String> {
        let store = RemoteStore::new(world, node);
        let policy = policy(world);
        let engine = Engine::new(store.clone(), policy).map_err(|error| error.to_string())?;
        Ok(Self { world: Arc::clone(world), node, store, engine })
    }

    pub(super) fn node(&self) -> Node {
        self.node
    }

    /// Serves one request.
    pub(super) fn serve(&self, request: Request) -> Run<Decision<Own>> {
        let service = self.clone();
        self.engine.run(operation(&self.world, request), move |execution| async move {
            service.work(request, execution).await
        })
    }

    async fn work(self, request: Request, execution: Execution<RemoteStore>) -> Ending<Own> {
        let Self { world, node, store, .. } = self;
        let number = world.judge().begins(request.which, execution.id(), node, execution.number());
        let usual = (WorkEnds::Well, mixed(&[world.plan.seed, number, 3]) % 60);
        let (mut ends, takes) = world.plan.work(number).unwrap_or(usual);
        if world.plan.effect == Effect::DeduplicatedByKey && ends == WorkEnds::Refused {
            // Downstream would say the same to every execution of a key, and so does this.
            ends = WorkEnds::Well;
        }
        sleep(Duration::from_millis(takes / 2)).await;
        world.gate(node).await;
        let acts = matches!(ends, WorkEnds::Well | WorkEnds::UnknownAfter | WorkEnds::PanicAfter);
        let status = if acts { 201 } else { 402 };
        let answer = answer(status, number);
        let mut committed = true;
        if acts && world.plan.effect == Effect::InTheRecordsTransaction {
            let response = answer.clone();
            let commit = |id, token| store.commit(id, token, number, response);
            let state = execution.commit_by(commit, CommitState::clone).await;
            committed = matches!(state, Ok(CommitState::Committed(_)));
        } else if acts {
            world.judge().effect(number);
        }
        sleep(Duration::from_millis(takes - takes / 2)).await;
        world.gate(node).await;
        world.judge().ends(number, ends);
        match ends {
            WorkEnds::Well if !committed => Ending::NotProcessed(Own { status: 500 }),
            WorkEnds::Well | WorkEnds::Refused => Ending::Answered(answer, Own { status }),
            WorkEnds::NotProcessed => Ending::NotProcessed(Own { status: 429 }),
            WorkEnds::UnknownBefore | WorkEnds::UnknownAfter => {
                Ending::Unknown(Own { status: 504 })
            }
            WorkEnds::PanicBefore | WorkEnds::PanicAfter => panic_any(Planned),
        }
    }
}

fn policy(world: &World) -> Policy {
    let mut policy = Policy::default();
    policy.class = class(world.plan.effect);
    policy.lease = Duration::from_millis(LEASE);
    policy.retention =
        Retention { answers: Duration::from_millis(RETENTION), skew: Duration::from_millis(SKEW) };
    policy.on_concurrent = match world.plan.waits {
        None => OnConcurrent::Reject,
        Some(limit) => OnConcurrent::Wait(Duration::from_millis(limit)),
    };
    policy
}

pub(super) fn class(effect: Effect) -> EffectClass {
    match effect {
        Effect::InTheRecordsTransaction => EffectClass::Transactional,
        Effect::DeduplicatedByKey => EffectClass::Keyed,
        Effect::Elsewhere => EffectClass::Opaque,
    }
}

fn operation(
    world: &World,
    request: Request,
) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + Send + 'static> {
    let intent = request.intent;
    let kind = FingerprintKind::Bytes;
    let fingerprint = Fingerprint::from_stored(kind.code(), [intent.request; 16]);
    let fingerprint = fingerprint.expect("a kind that is known");
    // The first intent of a key makes it.
    let made = world.plan.intents.iter().filter(|other| other.key == intent.key);
    let minted = World::date(made.map(|other| other.at).min().unwrap_or(intent.at));
    Operation {
        id: id(intent.key),
        scope: ScopeDigest::from_bytes([1; 8]),
        date: world.plan.dated.then_some(KeyDate { minted, expires_at: None }),
        identity: IdentityDigest::from_bytes([intent.caller; 16]),
        kind,
        fingerprint: move |_| fingerprint,
    }
}

pub(super) fn id(key: u8) -> RecordId {
    RecordId::from_bytes([key; 16])
}

/// An answer that says whose it is.
fn answer(status: u16, execution: u64) -> RecordedResponse {
    RecordedResponse::new(status, &[], &[], &execution.to_le_bytes()).expect("a short answer")
}

/// The answer that a person gives for an execution, which is not its own.
pub(super) fn settlement(execution: u64) -> RecordedResponse {
    let body = [&execution.to_le_bytes()[..], b"by a person"].concat();
    RecordedResponse::new(201, &[], &[], &body).expect("a short answer")
}

/// The answer's execution.
pub(super) fn execution_of(response: &RecordedResponse) -> u64 {
    response.body().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What goes over the wire, as the HTTP layer says it.
pub(super) fn reply(decision: &Decision<Own>, effect: Effect) -> Reply {
    let plain = |status, problem| Reply { status, marker: None, problem };
    match decision {
        Decision::Executed { response, .. } => {
            Reply { status: response.status(), marker: Some(false), problem: None }
        }
        Decision::Replayed(response) => {
            Reply { status: response.status(), marker: Some(true), problem: None }
        }
        Decision::NotRecorded { beside, freed } => {
            Reply { status: beside.status, marker: freed.then_some(false), problem: None }
        }
        Decision::Panicked { freed } => {
            debug_assert!(effect != Effect::Elsewhere, "an opaque panic is indeterminate");
            Reply { status: 500, marker: freed.then_some(false), problem: None }
        }
        Decision::InProgress { .. } => plain(409, Some(Problem::InProgress)),
        Decision::KeyExpired => plain(400, Some(Problem::KeyExpired)),
        Decision::KeyFromFuture => plain(400, None),
        Decision::QuotaExceeded => plain(429, None),
        Decision::Mismatch | Decision::CredentialChanged => plain(422, None),
        Decision::Indeterminate => plain(500, Some(Problem::OutcomeUnknown)),
        Decision::Pending => plain(503, Some(Problem::OutcomePending)),
        Decision::StoreUnavailable => plain(503, None),
    }
}
