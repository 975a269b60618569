//! Where a request comes in: the engine itself, or the layer around an axum service.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::BodyExt;
use seiriken::engine::{Decision, Engine, Operation};
use seiriken::http::{Idempotency, Identity, ProblemKind, Reason};
use seiriken::record::EffectClass;
use seiriken::store::{FaultyStore, Store};
use seiriken::{
    AcceptedKeys, Fingerprint, FingerprintKind, IdempotencyKey, IdentityDigest, KeyDate, KeySyntax,
    Policy, RecordId, RequestParts, Scope, ScopeDigest, StoreSecret,
};
use tokio::task::yield_now;
use tower::ServiceExt;
use uuid::Uuid;

use super::late::Late;
use super::ledger::{Told, Who};
use super::work::Work;

/// The store of one point: what is at fault in it is this point's alone.
pub(super) type Faulty<S> = Arc<FaultyStore<Late<S>>>;

/// Which front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrontKind {
    Engine,
    Layer,
}

pub(super) enum Front<S: Store> {
    Engine { engine: Engine<Faulty<S>>, key: Uuid, date: Option<KeyDate> },
    Layer { service: Router, key: Uuid },
}

impl<S: Store> Front<S> {
    pub(super) fn new(
        kind: FrontKind,
        store: Faulty<S>,
        policy: &Policy,
        (key, date): (Uuid, Option<KeyDate>),
    ) -> Self {
        match kind {
            FrontKind::Engine => {
                let engine = Engine::new(store, policy.clone()).expect("the store carries it");
                Self::Engine { engine, key, date }
            }
            FrontKind::Layer => {
                let layer = Idempotency::new(store, Identity::credentials())
                    .retention(policy.retention.answers)
                    .skew(policy.retention.skew)
                    .lease(policy.lease)
                    .on_concurrent(policy.on_concurrent)
                    .require_key();
                let layer =
                    if date.is_some() { layer.accepted_keys(AcceptedKeys::Dated) } else { layer };
                let layer = match policy.class {
                    EffectClass::Keyed => layer.keyed(),
                    EffectClass::Transactional => layer.transactional(),
                    EffectClass::Opaque => layer,
                };
                let service = Router::new().route("/", post(Work::in_layer::<Faulty<S>>));
                Self::Layer { service: service.layer(layer.layer()), key }
            }
        }
    }

    /// Sends a request. As with a server, dropping the future is the caller's going away.
    pub(super) fn ask(&self, work: Work) -> BoxFuture<'static, Told> {
        match self {
            Self::Engine { engine, key, date } => {
                let operation = operation(engine.store(), *key, *date, work.who);
                let run = engine.run(operation, |execution| work.in_engine(execution));
                Box::pin(async { told_by_engine(run.await) })
            }
            Self::Layer { service, key } => {
                let answering = service.clone().oneshot(request(*key, work));
                Box::pin(async {
                    let Ok(answer) = answering.await;
                    told_by_layer(answer).await
                })
            }
        }
    }
}

fn operation<S: Store>(
    store: &S,
    key: Uuid,
    date: Option<KeyDate>,
    who: Who,
) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + Send + use<S>> {
    let secret = store.secret().clone();
    Operation {
        id: id_of(&secret, key),
        scope: ScopeDigest::new(&secret, &Scope::default()),
        date,
        identity: IdentityDigest::new(&secret, &[Some(credential(who).as_bytes())]),
        kind: FingerprintKind::Bytes,
        fingerprint: move |kind| {
            let body = body(who).concat();
            let request = RequestParts {
                method: b"POST",
                path: b"/",
                query: None,
                content_type: None,
                body: body.as_bytes(),
            };
            Fingerprint::new(&secret, kind, &request)
        },
    }
}

/// What a store knows the key by, whichever way its requests come in.
pub(super) fn id_of(secret: &StoreSecret, key: Uuid) -> RecordId {
    let text = key.to_string();
    let key = IdempotencyKey::parse(text.as_bytes(), KeySyntax::Lenient).expect("a UUID is a key");
    RecordId::new(secret, &Scope::default(), &key)
}

fn credential(who: Who) -> &'static str {
    if who == Who::OtherCaller { "Bearer mallory" } else { "Bearer alice" }
}

/// In two pieces, which come one after the other.
fn body(who: Who) -> [&'static str; 2] {
    if who == Who::OtherRequest { ["two ", "cakes"] } else { ["one ", "cake"] }
}

fn request(key: Uuid, work: Work) -> Request<Body> {
    let pieces = stream::unfold(body(work.who).into_iter(), |mut pieces| async move {
        yield_now().await;
        let piece = pieces.next()?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), pieces))
    });
    let request = Request::post("/")
        .header("Idempotency-Key", key.to_string())
        .header("Authorization", credential(work.who))
        .extension(work);
    request.body(Body::from_stream(pieces)).expect("a request")
}

pub(super) fn told_by_engine(decision: Decision<()>) -> Told {
    match decision {
        Decision::Executed { response, .. } => answer(response.body(), false),
        Decision::Replayed(response) => answer(response.body(), true),
        Decision::NotRecorded { freed: true, .. } | Decision::Panicked { freed: true } => {
            Told::NothingDone
        }
        Decision::NotRecorded { freed: false, .. } | Decision::Panicked { freed: false } => {
            Told::NotSure
        }
        Decision::InProgress { .. } => Told::InProgress,
        Decision::KeyExpired => Told::KeyExpired,
        Decision::Mismatch => Told::KeyReused,
        Decision::CredentialChanged => Told::CredentialChanged,
        Decision::Indeterminate => Told::Unknown,
        Decision::Pending => Told::Pending,
        Decision::StoreUnavailable => Told::Unavailable,
        Decision::KeyFromFuture | Decision::QuotaExceeded => Told::Else(decision.name().to_owned()),
    }
}

pub(super) async fn told_by_layer(response: Response<Body>) -> Told {
    let marked = response.headers().contains_key("idempotent-replayed");
    let reason = response.extensions().get::<Reason>().copied();
    let status = response.status();
    let body = match response.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Told::Else(format!("the answer broke off: {error}")),
    };
    match reason {
        Some(Reason::Executed) if status == 201 && marked => answer(body, false),
        Some(Reason::Replayed) if status == 201 && marked => answer(body, true),
        Some(Reason::NotRecorded | Reason::Problem(ProblemKind::ExecutionFailed)) => {
            if marked {
                Told::NothingDone
            } else {
                Told::NotSure
            }
        }
        Some(Reason::Problem(kind)) if !marked && kind.status() == status => match kind {
            ProblemKind::RequestInProgress => Told::InProgress,
            ProblemKind::KeyExpired => Told::KeyExpired,
            ProblemKind::KeyReused => Told::KeyReused,
            ProblemKind::CredentialChanged => Told::CredentialChanged,
            ProblemKind::OutcomeUnknown => Told::Unknown,
            ProblemKind::OutcomePending => Told::Pending,
            ProblemKind::StoreUnavailable => Told::Unavailable,
            _ => Told::Else(format!("{kind:?}")),
        },
        other => Told::Else(format!("{status} {other:?} {marked}")),
    }
}

fn answer(body: impl AsRef<[u8]>, replayed: bool) -> Told {
    Told::Answer { body: String::from_utf8_lossy(body.as_ref()).into_owned(), replayed }
}
