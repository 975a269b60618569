//! A service behind the layer: ask it, and see what came and how often it ran.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use seiriken::http::{GuardedBody, Idempotency, Identity, ProblemKind, Reason};
use seiriken::store::{MemoryStore, Store};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

/// A request as the service behind the layer gets it.
pub(crate) type Inner = Request<GuardedBody<Body>>;

/// A guarded service.
#[derive(Clone)]
pub(crate) struct Guarded {
    service: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
    runs: Arc<AtomicUsize>,
}

/// An answer that was read to its end, or to where it broke off.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
    pub(crate) broke_off: bool,
    pub(crate) reason: Option<Reason>,
}

/// The layer over a fresh memory store, for anybody.
pub(crate) fn in_memory() -> Idempotency<Arc<MemoryStore>> {
    let store = MemoryStore::new().expect("randomness");
    Idempotency::new(Arc::new(store), Identity::anonymous())
}

/// `POST /` with this key and an empty body.
pub(crate) fn post(key: &str) -> Request<Body> {
    let request = Request::post("/").header("Idempotency-Key", key);
    request.body(Body::empty()).expect("a request")
}

/// An answer of this status and this body.
pub(crate) fn says(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).expect("a response")
}

impl Guarded {
    /// Guards `handler`, and counts how often it is called.
    pub(crate) fn new<S, H, F>(idempotency: &Idempotency<S>, handler: H) -> Self
    where
        S: Store + Clone,
        H: Fn(Inner) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let inner = tower::service_fn(move |request| {
            counted.fetch_add(1, Ordering::SeqCst);
            let answering = handler(request);
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let service = idempotency.layer().layer(inner);
        let service = service.map_response(|answer: Response<_>| answer.map(Body::new));
        Self { service: BoxCloneSyncService::new(service), runs }
    }

    /// Guards a service that always answers the same.
    pub(crate) fn answering<S: Store + Clone>(
        idempotency: &Idempotency<S>,
        answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::new(idempotency, move |_| std::future::ready(answer()))
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let Ok(answer) = self.service.clone().oneshot(request).await;
        Answer::read(answer).await
    }

    /// `POST /` with this key.
    pub(crate) async fn post(&self, key: &str) -> Answer {
        self.call(post(key)).await
    }

    /// The answer before its body is read.
    pub(crate) async fn unread(&self, key: &str) -> Response<Body> {
        let Ok(answer) = self.service.clone().oneshot(post(key)).await;
        answer
    }

    /// How often the service behind the layer was called.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Answer {
    pub(crate) async fn read(answer: Response<Body>) -> Self {
        let (parts, mut body) = answer.into_parts();
        let (mut data, mut trailers, mut broke_off) = (Vec::new(), HeaderMap::new(), false);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                broke_off = true;
                break;
            };
            match frame.into_data() {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(frame) => trailers.extend(frame.into_trailers().expect("the other kind")),
            }
        }
        let reason = parts.extensions.get().copied();
        let (status, headers, body) = (parts.status, parts.headers, data.into());
        Self { status, headers, body, trailers, broke_off, reason }
    }

    pub(crate) fn marker(&self) -> Option<&str> {
        let marker = self.headers.get("idempotent-replayed");
        marker.map(|marker| marker.to_str().expect("text"))
    }

    /// The values of a field, in their order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().expect("text")).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// That it ran now and is recorded.
    pub(crate) fn assert_executed(&self) {
        assert_eq!(
            (self.marker(), self.reason),
            (Some("false"), Some(Reason::Executed)),
            "{self:?}"
        );
    }

    /// That it ran now and is not recorded.
    pub(crate) fn assert_not_recorded(&self) {
        let expected = (Some("false"), Some(Reason::NotRecorded));
        assert_eq!((self.marker(), self.reason), expected, "{self:?}");
    }

    /// That it ran now, and is no definite answer: the key is not free.
    pub(crate) fn assert_not_definite(&self) {
        assert_eq!((self.marker(), self.reason), (None, Some(Reason::NotRecorded)), "{self:?}");
    }

    /// That it is this answer again: status, stored fields in their order, bytes and trailers.
    pub(crate) fn assert_replays(&self, first: &Self) {
        assert_eq!(
            (self.marker(), self.reason),
            (Some("true"), Some(Reason::Replayed)),
            "{self:?}"
        );
        let all = |answer: &Self| {
            let headers = answer.headers.clone();
            let mut headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            headers.retain(|(name, _)| name != "idempotent-replayed");
            (answer.status, headers, answer.body.clone(), answer.trailers.clone())
        };
        assert_eq!(all(self), all(first));
    }

    /// That the layer refused it: this problem and no marker.
    pub(crate) fn assert_refused(&self, kind: ProblemKind) {
        assert_eq!(self.marker(), None, "{self:?}");
        self.assert_problem(kind);
    }

    /// That it failed without an effect: an answer of an execution, so it carries the marker.
    pub(crate) fn assert_failed(&self) {
        assert_eq!(self.marker(), Some("false"), "{self:?}");
        self.assert_problem(ProblemKind::ExecutionFailed);
    }

    fn assert_problem(&self, kind: ProblemKind) {
        assert_eq!(self.reason, Some(Reason::Problem(kind)), "{self:?}");
        assert_eq!(self.status, kind.status());
        assert_eq!(self.values("content-type"), ["application/problem+json"]);
        let page = "/.well-known/idempotency";
        assert_eq!(self.values("link"), [format!("<{page}>; rel=\"describedby\"")]);
        let problem = self.json();
        let expected = match kind.fragment() {
            Some(fragment) => format!("{page}#{fragment}"),
            None => "about:blank".to_owned(),
        };
        assert_eq!(problem["type"], expected);
        assert_eq!(problem["title"], kind.title());
        assert_eq!(problem["status"], kind.status().as_u16());
    }
}
