//! A server that honours its keys, but for one mistake that can be switched on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::faults::Fault;
use crate::wire::{Order, created, key_of, problem};

/// What an operation takes: without it two requests would hardly meet.
pub(crate) const WORK: Duration = Duration::from_millis(30);

/// So long answers are kept.
pub(crate) const RETENTION: Duration = Duration::from_secs(4);

/// More at a time than this, and a server that is overrun gives up.
const CROWD: usize = 8;

/// A server that runs as long as this is there.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) shop: Arc<Shop>,
    _folder: TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keys, answers and effects.
pub(crate) struct Shop {
    fault: Fault,
    pub(crate) effects: AtomicUsize,
    inside: AtomicUsize,
    records: Mutex<HashMap<String, Record>>,
    /// Sent already, and stored when the server has nothing better to do.
    unstored: Mutex<Vec<(String, Record)>>,
    /// As long as this file is there, the server has not been restarted.
    pub(crate) alive: PathBuf,
}

#[derive(Clone)]
struct Record {
    caller: String,
    fingerprint: String,
    since: Instant,
    stage: Stage,
}

#[derive(Clone)]
enum Stage {
    Running,
    Answered(Order),
    Refused,
}

impl Server {
    pub(crate) async fn start(fault: Fault) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let alive = folder.path().join("alive");
        std::fs::write(&alive, "").expect("a file");
        let shop = Arc::new(Shop {
            fault,
            effects: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            records: Mutex::default(),
            unstored: Mutex::default(),
            alive,
        });
        let counted = |State(shop): State<Arc<Shop>>| async move {
            shop.store_what_was_sent();
            json!({ "effects": shop.effects.load(Ordering::SeqCst) }).to_string()
        };
        let router = Router::new()
            .route("/count", get(counted))
            .route("/policy", get(|| async { "Keys are kept for four seconds." }))
            .fallback(guarded)
            .with_state(Arc::clone(&shop));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = axum::serve(listener, router);
        let task = tokio::spawn(async move { serving.await.expect("it serves") });
        Self { url, shop, _folder: folder, task }
    }
}

async fn guarded(
    State(shop): State<Arc<Shop>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::POST {
        return StatusCode::NOT_FOUND.into_response();
    }
    let _inside = Inside::new(&shop);
    if shop.has(Fault::OverrunByAStorm) {
        // It looks at one after the other, so a crowd gathers.
        tokio::time::sleep(WORK / 3).await;
    }
    Arc::clone(&shop).handle(&uri, &headers, &body).await
}

/// Counts a request for as long as it is looked at, also when its client leaves.
struct Inside<'a>(&'a Shop);

impl<'a> Inside<'a> {
    fn new(shop: &'a Shop) -> Self {
        shop.inside.fetch_add(1, Ordering::SeqCst);
        Self(shop)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shop {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    async fn handle(self: Arc<Self>, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        if self.has(Fault::IgnoresKeys) {
            return self.work().await.answer(None);
        }
        let key = match key_of(headers, self.has(Fault::TwoSpellingsTwoKeys)) {
            Ok(key) => key,
            Err(_) if self.has(Fault::FailsOnNonAscii) && !is_ascii(headers) => {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            Err(wrong) => return self.without_a_key(headers, wrong).await,
        };
        if self.has(Fault::OverrunByAStorm) && self.inside.load(Ordering::SeqCst) > CROWD {
            return self.work().await.answer(Some(false));
        }
        let valid = serde_json::from_slice::<Value>(body).is_ok_and(|body| body.is_object());
        if !valid && !self.has(Fault::BurnsTheKey) {
            return self.refuse(400, "order-invalid", "The body is no order");
        }
        let caller = headers.get("authorization").map(|caller| format!("{caller:?}"));
        let path = if self.has(Fault::KeysByRoutePattern) { "/{*path}" } else { uri.path() };
        let mut fingerprint = format!("{path} {body:?}");
        let mut id = key;
        match self.fault {
            Fault::RunsAnotherBody => id += &fingerprint,
            Fault::AnswersAnotherBody => fingerprint = path.to_owned(),
            _ => {}
        }
        let record = Record {
            caller: caller.unwrap_or_default(),
            fingerprint,
            since: Instant::now(),
            stage: if valid { Stage::Running } else { Stage::Refused },
        };
        if let Some(answer) = self.claim(&id, &record) {
            return answer;
        }
        if !valid {
            return self.refuse(400, "order-invalid", "The body is no order");
        }
        self.run(id, record).await
    }

    async fn without_a_key(&self, headers: &HeaderMap, wrong: &str) -> Response {
        let missing = !headers.contains_key("idempotency-key");
        let as_none = self.has(Fault::TreatsABadKeyAsNone) && !missing;
        if missing && self.has(Fault::FailsWithoutAKey) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let runs_first = self.has(Fault::RunsWhatItRefuses) && missing;
        if as_none || runs_first {
            let order = self.work().await;
            if as_none {
                return order.answer(None);
            }
        }
        self.refuse(400, if missing { "key-missing" } else { "key-invalid" }, wrong)
    }

    /// The answer that the key has already; `None` when it is claimed by this request.
    fn claim(&self, id: &str, asked: &Record) -> Option<Response> {
        let mut records = self.records.lock().expect("no panic holds it");
        if self.has(Fault::ForgetsOnRestart) && !self.alive.exists() {
            records.clear();
            std::fs::write(&self.alive, "").expect("a file");
        }
        let kept = if self.has(Fault::ForgetsEarly) { RETENTION / 2 } else { RETENTION };
        records.retain(|_, record| record.since.elapsed() < kept);
        let Some(record) = records.get(id) else {
            let late = [Fault::ReadsThenWrites, Fault::AnswersBeforeStoring];
            if !late.contains(&self.fault) {
                records.insert(id.to_owned(), asked.clone());
            }
            return None;
        };
        if record.caller != asked.caller && !self.has(Fault::LeaksAcrossCredentials) {
            return Some(self.refuse(422, "credential-changed", "The key is another caller's"));
        }
        if record.fingerprint != asked.fingerprint {
            return Some(self.reused(record));
        }
        Some(match &record.stage {
            Stage::Running => self.refuse(409, "request-in-progress", "It is running"),
            Stage::Refused => self.refuse(400, "order-invalid", "The body is no order"),
            Stage::Answered(order) => {
                let order = order.clone();
                if self.has(Fault::ReplaysOnce) {
                    records.remove(id);
                }
                self.replay(&order)
            }
        })
    }

    fn reused(&self, record: &Record) -> Response {
        let detail = match &record.stage {
            Stage::Answered(order) if self.has(Fault::TellsTheOtherAnswer) => {
                format!("The key has made order {}", order.id)
            }
            _ => "The key was used for another request".to_owned(),
        };
        self.refuse(422, "key-reused", &detail)
    }

    fn replay(&self, order: &Order) -> Response {
        let mut order = order.clone();
        if self.has(Fault::NewDateOnReplay) {
            order.at = Order::new().at;
        }
        let mut answer = order.answer(Some(true));
        let headers = answer.headers_mut();
        match self.fault {
            Fault::OkForCreated => *answer.status_mut() = StatusCode::OK,
            Fault::LosesAField => drop(headers.remove("location")),
            Fault::LosesRepeatedFields => {
                let first = headers.get("link").cloned().expect("two of them");
                headers.insert("link", first);
            }
            Fault::WritesJsonAnew => {
                let body = serde_json::to_string_pretty(&order.json()).expect("JSON");
                let (head, _) = answer.into_parts();
                answer = created(head.headers, body);
            }
            _ => {}
        }
        answer
    }

    /// Works, and records the answer before it is sent. The work outlives its connection.
    async fn run(self: Arc<Self>, id: String, record: Record) -> Response {
        let marked = Some(self.has(Fault::MarksTheFirstAnswer));
        let shop = Arc::clone(&self);
        let work = async move {
            let unfinished = Unfinished { shop: &shop, id: &id };
            let order = shop.work().await;
            std::mem::forget(unfinished);
            let done = Record { stage: Stage::Answered(order.clone()), ..record };
            if shop.has(Fault::AnswersBeforeStoring) {
                shop.unstored.lock().expect("no panic holds it").push((id, done));
            } else {
                shop.records.lock().expect("no panic holds it").insert(id, done);
            }
            order
        };
        let ends_with_its_client =
            [Fault::RunsAgainAfterDisconnect, Fault::WedgedAfterDisconnect].contains(&self.fault);
        let order = if ends_with_its_client {
            work.await
        } else {
            tokio::spawn(work).await.expect("no panic")
        };
        order.answer(marked)
    }

    fn store_what_was_sent(&self) {
        let unstored = std::mem::take(&mut *self.unstored.lock().expect("no panic holds it"));
        self.records.lock().expect("no panic holds it").extend(unstored);
    }

    /// The effect comes first, as in a payment that takes its time to be answered.
    async fn work(&self) -> Order {
        self.effects.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(WORK).await;
        Order::new()
    }

    fn refuse(&self, status: u16, kind: &str, detail: &str) -> Response {
        let stated = if self.has(Fault::ProblemSaysAnotherStatus) { 499 } else { status };
        let policy = if self.has(Fault::PolicyIsGone) { "/gone-policy" } else { "/policy" };
        problem(status, stated, policy, kind, detail)
    }
}

/// What is left when the client goes away in the middle of the work.
struct Unfinished<'a> {
    shop: &'a Shop,
    id: &'a str,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.shop.has(Fault::RunsAgainAfterDisconnect) {
            self.shop.records.lock().expect("no panic holds it").remove(self.id);
        }
    }
}

fn is_ascii(headers: &HeaderMap) -> bool {
    headers.get("idempotency-key").is_none_or(|key| key.as_bytes().is_ascii())
}
