//! The work that the scenarios guard: an effect in the middle, and an end.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use seiriken::engine::{Ending, Execution};
use seiriken::http::{NotProcessed, Once};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::ledger::{Ledger, Left, Who};

/// How it goes.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// Has its effect and answers.
    Answers,
    /// The same after this long.
    AnswersAfter(Duration),
    /// Has its effect, and then waits for a permit before it answers.
    Waits(Arc<Semaphore>),
    /// Waits for a permit, and then finds that there is nothing to do.
    WaitsInVain(Arc<Semaphore>),
    /// Finds that there is nothing to do, and says so.
    NothingDone,
    /// The same after this long.
    NothingDoneAfter(Duration),
    /// Has its effect, and cannot say so.
    CannotSay,
    /// Has its effect, and panics.
    Panics,
}

/// What a panic on purpose says.
pub(super) const ON_PURPOSE: &str = "on purpose, by the sweep";

/// One request's work.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) request: usize,
    pub(super) who: Who,
    pub(super) does: Does,
    pub(super) class: EffectClass,
    pub(super) ledger: Arc<Ledger>,
    /// Nobody knows that it is never done before this is dropped.
    pub(super) _left: Arc<Left>,
}

enum Ended {
    Answered(String),
    NothingDone,
    CannotSay,
}

impl Work {
    async fn run(self, number: u32) -> Ended {
        self.ledger.executes(number);
        yield_now().await;
        if let Does::AnswersAfter(pause) | Does::NothingDoneAfter(pause) = self.does {
            tokio::time::sleep(pause).await;
        }
        match &self.does {
            Does::NothingDone | Does::NothingDoneAfter(_) => return Ended::NothingDone,
            Does::WaitsInVain(gate) => {
                self.wait_for(gate).await;
                return Ended::NothingDone;
            }
            _ => {}
        }
        let answer = match self.class {
            EffectClass::Keyed => self.ledger.keyed_effect(self.who, self.request),
            EffectClass::Opaque | EffectClass::Transactional => {
                self.ledger.effect(self.who, self.request)
            }
        };
        yield_now().await;
        match &self.does {
            Does::Panics => panic!("{ON_PURPOSE}"),
            Does::CannotSay => return Ended::CannotSay,
            Does::Waits(gate) => self.wait_for(gate).await,
            _ => {}
        }
        Ended::Answered(answer)
    }

    async fn wait_for(&self, gate: &Semaphore) {
        self.ledger.waits();
        gate.acquire().await.expect("the gate is not thrown away").forget();
    }

    /// As the engine calls it.
    pub(super) async fn in_engine<S>(self, execution: Execution<S>) -> Ending<()> {
        match self.run(execution.number()).await {
            Ended::Answered(answer) => {
                Ending::Answered(RecordedResponse::of_work(answer.as_bytes()), ())
            }
            Ended::NothingDone => Ending::NotProcessed(()),
            Ended::CannotSay => Ending::Unknown(()),
        }
    }

    /// As axum calls it.
    pub(super) async fn in_layer<S: Store>(
        Extension(work): Extension<Self>,
        once: Once<S>,
        _body: String,
    ) -> Response {
        match work.run(once.execution().number()).await {
            Ended::Answered(answer) => (StatusCode::CREATED, answer).into_response(),
            Ended::NothingDone => (StatusCode::BAD_REQUEST, NotProcessed).into_response(),
            Ended::CannotSay => StatusCode::GATEWAY_TIMEOUT.into_response(),
        }
    }
}

/// Keeps panics on purpose out of the log while it lives.
pub(super) struct Quiet;

impl Quiet {
    pub(super) fn new() -> Self {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let mut said = String::new();
            let _ = write!(said, "{panic}");
            if !said.contains(ON_PURPOSE) {
                before(panic);
            }
        }));
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = std::panic::take_hook();
    }
}
