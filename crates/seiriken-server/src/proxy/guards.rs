//! Which layer a request goes through.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use seiriken::PolicyError;
use seiriken::engine::Engine;
use seiriken::http::{GuardedBody, IdempotencyService, PolicyPage, Problem};
use seiriken::store::Store;
use tower_layer::Layer;
use tower_service::Service;

use super::admit;
use super::forward::{AnswerBody, Forward, Shared};
use super::made::Made;
use super::options::ProxyOptions;
use super::outbound::{self, Peer};
use super::paced::Paced;
use super::route::Route;

/// The body of what a client is answered.
pub(super) type Told = Made<GuardedBody<AnswerBody>>;

/// All routes, on one store and one upstream.
pub(super) struct Guards<S> {
    routes: Vec<Guard<S>>,
    engines: Vec<Engine<S>>,
    page: String,
    body_allowance: std::time::Duration,
}

struct Guard<S> {
    route: Route,
    page: PolicyPage,
    service: IdempotencyService<Forward<S>, S>,
}

impl<S: Store + Clone> Guards<S> {
    /// The first route that has a request is the one that it goes; the last one has all.
    pub(super) fn new(
        options: &ProxyOptions,
        routes: Vec<Route>,
        store: &S,
        shared: Shared,
    ) -> Result<Self, PolicyError> {
        let (page, shared) = (shared.page.clone(), Arc::new(shared));
        let (mut guards, mut engines) = (Vec::new(), Vec::new());
        for route in routes {
            let layer = route.idempotency(options, store.clone()).try_layer()?;
            engines.push(layer.engine().clone());
            let service = layer.layer(Forward::new(Arc::clone(&shared)));
            guards.push(Guard { route, page: layer.policy_page(), service });
        }
        let body_allowance = options.deadlines.body_timeout;
        Ok(Self { routes: guards, engines, page, body_allowance })
    }

    /// The engines behind, to wait for at the end.
    pub(super) fn engines(&self) -> &[Engine<S>] {
        &self.engines
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Told> {
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
        let mut service = guard.service.clone();
        let request = Request::from_parts(parts, Paced::sent(body, self.body_allowance));
        let Ok::<_, Infallible>(answer) = service.call(request).await;
        guard.route.preset.rendered(answer.map(Made::Passed))
    }
}
