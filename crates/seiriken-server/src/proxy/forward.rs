//! The service inside the layer: it asks the upstream, and says what is known when there is no
//! answer.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use seiriken::engine::Execution;
use seiriken::http::{NotProcessed, Problem, ProblemKind};
use tokio::time::Instant;
use tower_service::Service;

use super::made::Made;
use super::paced::{Cut, Paced, fault_of_the_sender};
use super::sent::Kept;
use super::upstream::{Answer, Asked, Failed, Outgoing, Upstream};
use super::{admit, outbound};

/// The body of an answer: the upstream's, or one that is made here.
pub(super) type AnswerBody = Made<Paced<Answer>>;

/// Asks the upstream.
pub(super) struct Forward<S> {
    shared: Arc<Shared>,
    store: PhantomData<fn() -> S>,
}

/// What all requests share.
pub(super) struct Shared {
    pub(super) upstream: Upstream,
    /// The upstream's own name, where it is told that and not what the client said.
    pub(super) host: Option<HeaderValue>,
    /// How long an answer may take.
    pub(super) total: Duration,
    /// How long an answer that is passed through may pause.
    pub(super) idle: Duration,
    /// The address of the policy page.
    pub(super) page: String,
}

impl<S> Forward<S> {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, store: PhantomData }
    }
}

impl<S> Clone for Forward<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<S: Send + Sync + 'static> Service<Request<Asked>> for Forward<S> {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Asked>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // It is sent from here, and so never again.
        if let Some(kept) = request.extensions_mut().remove::<Kept>() {
            kept.forget();
        }
        // The layer's mark on what it runs.
        let attempt = request.extensions().get::<Execution<S>>().map(Execution::number);
        let request = request.map(Made::Passed);
        Box::pin(async move { Ok(shared.exchange(request, attempt).await) })
    }
}

impl Shared {
    async fn exchange(
        &self,
        mut request: Request<Outgoing>,
        attempt: Option<u32>,
    ) -> Response<AnswerBody> {
        let deadline = Instant::now() + self.total;
        let is_head = request.method() == Method::HEAD;
        outbound::finish(request.headers_mut(), self.host.as_ref(), attempt);
        let answered = self.upstream.send(request, deadline).await;
        let answered = answered.and_then(|answer| match answer.status() {
            // Nobody asked for it.
            StatusCode::SWITCHING_PROTOCOLS => {
                Err(Failed::Unknown("the upstream changed the protocol".into()))
            }
            _ => Ok(answer),
        });
        match answered {
            Ok(answer) => self.passed_on(answer, is_head, attempt.is_some(), deadline),
            Err(failed) if attempt.is_some() => self.guarded_failure(&failed),
            Err(failed) => self.failure(&failed),
        }
    }

    fn passed_on(
        &self,
        mut answer: Response<Answer>,
        is_head: bool,
        guarded: bool,
        deadline: Instant,
    ) -> Response<AnswerBody> {
        let headers = answer.headers_mut();
        admit::leave_out_the_connections(headers);
        headers.remove(TRANSFER_ENCODING);
        // The length is said anew where there is a body; else it is that of another answer.
        if !is_head && answer.status() != StatusCode::NOT_MODIFIED {
            answer.headers_mut().remove(CONTENT_LENGTH);
        }
        answer.map(|body| {
            Made::Passed(if guarded {
                Paced::ending(body, deadline.saturating_duration_since(Instant::now()))
            } else {
                Paced::going_on(body, self.idle)
            })
        })
    }

    /// What certainly did not arrive frees the key. Of all else nobody knows what it did.
    fn guarded_failure(&self, failed: &Failed) -> Response<AnswerBody> {
        tracing::warn!(why = %failed, "a guarded request has no answer");
        match failed {
            Failed::NotDelivered(_) => {
                let mut answer = self.not_delivered();
                answer.extensions_mut().insert(NotProcessed);
                answer
            }
            Failed::Unknown(_) | Failed::Late => {
                let problem = Problem::new(ProblemKind::OutcomeUnknown);
                problem.into_response(&self.page).map(Made::Here)
            }
        }
    }

    fn failure(&self, failed: &Failed) -> Response<AnswerBody> {
        tracing::warn!(why = %failed, "a request has no answer");
        let sender = match failed {
            Failed::NotDelivered(error) | Failed::Unknown(error) => fault_of_the_sender(&**error),
            Failed::Late => None,
        };
        let (status, title, detail) = match (sender, failed) {
            (Some(Cut::TooSlow), _) => (
                StatusCode::REQUEST_TIMEOUT,
                "Request Timeout",
                "The rest of the request did not come in time.",
            ),
            (Some(Cut::Broke(_)), _) => (
                StatusCode::BAD_REQUEST,
                "Bad Request",
                "The request's body broke off, or cannot be read.",
            ),
            (None, Failed::NotDelivered(_)) => return self.not_delivered(),
            (None, Failed::Unknown(_)) => (
                StatusCode::BAD_GATEWAY,
                "Bad Gateway",
                "The service behind broke off without an answer. What it did is not known.",
            ),
            (None, Failed::Late) => (
                StatusCode::GATEWAY_TIMEOUT,
                "Gateway Timeout",
                "The service behind did not answer in time. What it did is not known.",
            ),
        };
        Problem::other(status, None, title, detail).into_response(&self.page).map(Made::Here)
    }

    fn not_delivered(&self) -> Response<AnswerBody> {
        let detail = "The service behind cannot be reached. Nothing was sent, so nothing ran. \
                      Send the same request again, with the same key, later.";
        let problem = Problem::other(StatusCode::BAD_GATEWAY, None, "Bad Gateway", detail);
        problem.into_response(&self.page).map(Made::Here)
    }
}
