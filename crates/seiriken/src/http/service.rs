//! See the [module's rules](super).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::GuardedBody;
use super::config::Rules;
use super::layer::Gate;
use super::problem::Problem;
use super::recording::{self, Beside};
use super::replay;
use super::request::{self, Arrived, Guarded, Named};
use crate::engine::{Ending, Execution};
use crate::failpoint::{Point, reached};
use crate::key::IdempotencyKey;
use crate::scope::RecordId;
use crate::store::Store;

/// A guarded service; see the [module's rules](super).
#[derive(Debug)]
pub struct IdempotencyService<I, S> {
    inner: I,
    gate: Arc<Gate<S>>,
}

impl<I, S> IdempotencyService<I, S> {
    pub(super) fn new(inner: I, gate: Arc<Gate<S>>) -> Self {
        Self { inner, gate }
    }
}

impl<I: Clone, S> Clone for IdempotencyService<I, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate) }
    }
}

type ResponseFuture<B, E> =
    Pin<Box<dyn Future<Output = Result<Response<GuardedBody<B>>, E>> + Send>>;

impl<I, S, Q, B> Service<Request<Q>> for IdempotencyService<I, S>
where
    I: Service<Request<GuardedBody<Q>>, Response = Response<B>> + Clone + Send + 'static,
    I::Future: Send + 'static,
    I::Error: Send + 'static,
    S: Store,
    Q: Body<Data = Bytes> + Send + 'static,
    Q::Error: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<GuardedBody<B>>;
    type Error = I::Error;
    type Future = ResponseFuture<B, I::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let Gate { engine, rules, .. } = &*self.gate;
        match request::guarded(rules, engine.store().issuing_secrets(), &parts) {
            Ok(Guarded::No) => {
                let request = Request::from_parts(parts, GuardedBody::through(body));
                let answering = self.inner.call(request);
                Box::pin(async move { Ok(answering.await?.map(|body| GuardedBody::through(body))) })
            }
            Ok(Guarded::By(named)) => {
                // The service that was polled ready is the one that is called; its clone stays for
                // later.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                Box::pin(guard(Arc::clone(&self.gate), inner, named, parts, body))
            }
            Err(problem) => {
                let refusal = refused_at_the_gate(rules, problem);
                Box::pin(std::future::ready(Ok(refusal)))
            }
        }
    }
}

/// A refusal before the engine is asked has a span of its own, of the same name as the engine's.
fn refused_at_the_gate<B>(rules: &Rules, problem: Problem) -> Response<GuardedBody<B>> {
    let decision = problem.name();
    tracing::debug_span!("idempotency", decision).in_scope(|| tracing::debug!("refused"));
    replay::refusal(rules, problem)
}

/// Whether a layer further out has claimed this very request and is running it: it would wait here
/// for itself. Another request under the same key, which a handler makes out of the one it got, is
/// another operation and is refused like any.
fn guarded_already<S: Store>(gate: &Gate<S>, key: &IdempotencyKey, parts: &Parts) -> bool {
    // The layer further out has put it there.
    let same_target = parts.extensions.get::<Arc<Arrived<S>>>().is_some_and(|claimed| {
        claimed.method == parts.method && claimed.uri == *request::target(parts)
    });
    same_target
        && parts.extensions.get::<Execution<S>>().is_some_and(|outer| {
            outer.class() == gate.engine.policy().class
                && outer.id() == RecordId::new(gate.secret(), &gate.rules.scope, key)
                && outer.let_through_once()
        })
}

#[expect(clippy::manual_async_fn, reason = "an async fn would keep its arguments twice")]
fn guard<I, S, Q, B>(
    gate: Arc<Gate<S>>,
    mut inner: I,
    named: Named,
    parts: Parts,
    body: Q,
) -> impl Future<Output = Result<Response<GuardedBody<B>>, I::Error>> + Send
where
    I: Service<Request<GuardedBody<Q>>, Response = Response<B>> + Send + 'static,
    I::Future: Send + 'static,
    I::Error: Send + 'static,
    S: Store,
    Q: Body<Data = Bytes> + Send + 'static,
    Q::Error: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    async move {
        if guarded_already(&gate, &named.key, &parts) {
            let answer = inner.call(Request::from_parts(parts, GuardedBody::through(body))).await?;
            return Ok(answer.map(GuardedBody::through));
        }
        let read = match request::read(&gate, &parts, body).await {
            Ok(read) => read,
            Err(problem) => return Ok(refused_at_the_gate(&gate.rules, problem)),
        };
        reached(Point::BodyRead);
        let (arrived, operation, body) = Arrived::new(gate, &named, &parts, read);
        let class = arrived.gate.engine.policy().class;
        let claimed = Arc::clone(&arrived);
        let decision = arrived.gate.engine.run(operation, move |execution| {
            let mut request = Request::from_parts(parts, GuardedBody::whole(body));
            request.extensions_mut().insert(execution.clone());
            request.extensions_mut().insert(Arc::clone(&claimed));
            // Joined by `then`, a future takes the room of its longer half and not of both.
            inner.call(request).then(async move |answered| match answered {
                Ok(answer) => {
                    let commit = execution.settled_commit().await;
                    recording::ending(&claimed.gate.rules, class, commit, answer).await
                }
                // It went wrong somewhere between here and the handler: nobody knows where.
                Err(error) => Ending::Unknown(Box::new(Beside::Failed(error))),
            })
        });
        let decision = decision.await;
        reached(Point::AnswerMade);
        replay::respond(&arrived.gate.rules, class, decision)
    }
}
