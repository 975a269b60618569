//! Which layer a request goes through.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use seiriken::engine::Engine;
use seiriken::http::{
    GuardedBody, IdempotencyLayer, IdempotencyService, PolicyPage, Problem, ProblemKind, Reason,
};
use seiriken::store::Operate;
use seiriken::{IdempotencyKey, KeySyntax};
use tower_layer::Layer;
use tower_service::Service;

use super::admit;
use super::forward::{AnswerBody, Forward, Shared};
use super::made::Made;
use super::options::ProxyOptions;
use super::outbound::{self, Peer};
use super::paced::Paced;
use super::reconcile::Reconciler;
use super::route::Route;
use super::sent::{Kept, Sent};

/// The body of what a client is answered.
pub(super) type Told = Made<GuardedBody<AnswerBody>>;

/// All routes on one store, once for the whole proxy.
pub(super) struct Layers<S> {
    routes: Vec<Guarded<S>>,
    body_allowance: std::time::Duration,
}

struct Guarded<S> {
    route: Arc<Route>,
    layer: IdempotencyLayer<S>,
    reconciler: Option<Arc<Reconciler<S>>>,
}

/// The same in front of connections to the upstream, which each core has of its own.
pub(super) struct Guards<S> {
    routes: Vec<Guard<S>>,
    page: String,
    body_allowance: std::time::Duration,
}

struct Guard<S> {
    route: Arc<Route>,
    page: PolicyPage,
    service: IdempotencyService<Forward<S>, S>,
    reconciler: Option<Arc<Reconciler<S>>>,
}

/// The field that holds the key.
const KEY: &str = "idempotency-key";

impl<S: Operate + Clone> Layers<S> {
    /// The first route that has a request is the one that it goes; the last one has all.
    pub(super) fn new(
        options: &ProxyOptions,
        routes: Vec<Route>,
        store: &S,
    ) -> Result<Self, String> {
        let mut guarded = Vec::new();
        for route in routes {
            let layer = route.idempotency(options, store.clone()).try_layer();
            let layer = layer.map_err(|error| error.to_string())?;
            let reconciler = route.reconcile.clone();
            let reconciler =
                reconciler.map(|template| Reconciler::new(template, options, store.clone()));
            let reconciler = reconciler.transpose()?.map(Arc::new);
            guarded.push(Guarded { route: Arc::new(route), layer, reconciler });
        }
        Ok(Self { routes: guarded, body_allowance: options.deadlines.body_timeout })
    }

    /// The engines behind, to wait for at the end.
    pub(super) fn engines(&self) -> impl Iterator<Item = &Engine<S>> {
        self.routes.iter().map(|guarded| guarded.layer.engine())
    }

    /// In front of these connections.
    pub(super) fn before(&self, shared: Shared) -> Guards<S> {
        let (page, shared) = (shared.page.clone(), Arc::new(shared));
        let guard = |guarded: &Guarded<S>| {
            let Guarded { route, layer, reconciler } = guarded;
            let service = layer.layer(Forward::new(Arc::clone(&shared)));
            let page = layer.policy_page();
            Guard { route: Arc::clone(route), page, service, reconciler: reconciler.clone() }
        };
        let routes = self.routes.iter().map(guard).collect();
        Guards { routes, page, body_allowance: self.body_allowance }
    }
}

impl<S: Operate + Clone> Guards<S> {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Response<Told> {
        let (mut parts, body) = request.into_parts();
        if let Err(refused) = admit::admit(&mut parts) {
            tracing::debug!(why = refused.why, "refused");
            let title = refused.status.canonical_reason().unwrap_or("Bad Request");
            let problem = Problem::other(refused.status, None, title, refused.why);
            let mut answer = problem.into_response(&self.page).map(Made::Here);
            // Where it ends may be what two readers differ about: nothing after it is read.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return answer;
        }
        if [Method::GET, Method::HEAD].contains(&parts.method)
            && let Some(guard) = self.routes.iter().find(|it| it.route.page == parts.uri.path())
        {
            return guard.page.respond(&parts.headers).map(Made::Here);
        }
        outbound::forwarded(&mut parts, peer);
        let path = parts.uri.path();
        let guard = self.routes.iter().find(|guard| guard.route.has(&parts.method, path));
        let Some(guard) = guard.or(self.routes.last()) else {
            let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            let problem = Problem::other(status, None, "Internal Server Error", "No route.");
            return problem.into_response(&self.page).map(Made::Here);
        };
        let answer = guard.answer(parts, Paced::sent(body, self.body_allowance)).await;
        guard.route.preset.rendered(answer.map(Made::Passed))
    }
}

impl<S: Operate + Clone> Guard<S> {
    /// Answers; where that met an unknown outcome, which the service then could tell, a second time.
    async fn answer(
        &self,
        mut parts: Parts,
        body: Paced<Incoming>,
    ) -> Response<GuardedBody<AnswerBody>> {
        let Some((reconciler, key)) = self.reconciler.as_ref().zip(self.key(&parts)) else {
            return self.call(Request::from_parts(parts, Sent::Coming(body, None))).await;
        };
        let kept = Kept::new();
        parts.extensions.insert(kept.clone());
        let body = Sent::Coming(body, Some(kept.clone()));
        let answer = self.call(Request::from_parts(parts.clone(), body)).await;
        let reason = Reason::Problem(ProblemKind::OutcomeUnknown);
        if answer.extensions().get() != Some(&reason) {
            return answer;
        }
        // Where this very request was sent on, it is too early to ask: the service may be at it.
        let Some(body) = kept.again() else { return answer };
        if !reconciler.settled(&key).await {
            return answer;
        }
        self.call(Request::from_parts(parts, body)).await
    }

    /// The key of a request that the layer guards.
    fn key(&self, parts: &Parts) -> Option<IdempotencyKey> {
        if !self.route.has(&parts.method, parts.uri.path()) {
            return None;
        }
        let lines = parts.headers.get_all(KEY).iter().map(HeaderValue::as_bytes);
        IdempotencyKey::from_field_lines(lines, KeySyntax::Lenient).ok().flatten()
    }

    async fn call(
        &self,
        request: Request<Sent<Paced<Incoming>>>,
    ) -> Response<GuardedBody<AnswerBody>> {
        let Ok::<_, Infallible>(answer) = self.service.clone().call(request).await;
        answer
    }
}
