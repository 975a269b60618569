//! A shop on SQLite whose effect commits with its key and its answer, and its restarts.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, body::Body};
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::engine::{Ending, Engine, Execution, Operation};
use seiriken::http::{Idempotency, Identity, NotProcessed, Once};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::sqlite::{SqliteStore, SqliteTx, rusqlite};
use seiriken::{IdempotencyKey, KeySyntax, Policy, Scope};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use uuid::Uuid;

use super::front::{self, FrontKind};
use super::ledger::{Effect, Ledger, Told, Who};
use super::work::ON_PURPOSE;
use super::world::LEASE;

/// What one order's work does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placing {
    /// Commits its effect with its answer.
    Commits,
    /// Waits before it commits, past its lease, until a retry has taken it over.
    CommitsLate,
    /// Refuses inside the transaction.
    RollsBack,
    /// Panics inside the transaction.
    PanicsInside,
    /// Commits, and panics after that.
    PanicsAfterwards,
}

/// The store in its file, and the front on it.
pub(super) struct Shop {
    pub(super) store: SqliteStore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) engine: Engine<SqliteStore>,
    ledger: Arc<Ledger>,
    front: FrontKind,
    service: Router,
    key: Uuid,
    folder: TempDir,
    /// What the late owner waits for.
    pub(super) late: Arc<Semaphore>,
}

/// One order.
#[derive(Debug, Clone)]
struct Order {
    placing: Placing,
    request: usize,
    ledger: Arc<Ledger>,
    late: Arc<Semaphore>,
}

const FILE: &str = "shop.db";

impl Shop {
    pub(super) async fn open(front: FrontKind, ledger: Arc<Ledger>) -> Self {
        let folder = TempDir::new().expect("a folder for the file");
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let shop = Self::on(folder, clock, front, ledger, Uuid::new_v4()).await;
        let table = "CREATE TABLE things (request INTEGER NOT NULL, answer TEXT NOT NULL) STRICT";
        let made = shop.store.write(move |tx| tx.execute_batch(table)).await;
        made.expect("a store that runs").expect("a table");
        shop
    }

    async fn on(
        folder: TempDir,
        clock: Arc<ManualClock>,
        front: FrontKind,
        ledger: Arc<Ledger>,
        key: Uuid,
    ) -> Self {
        let opening = SqliteStore::open_with_clock(folder.path().join(FILE), Arc::clone(&clock));
        let store = opening.await.expect("the file is opened");
        let layer = Idempotency::new(store.clone(), Identity::credentials())
            .transactional()
            .lease(LEASE)
            .require_key()
            .layer();
        let engine = match front {
            FrontKind::Layer => layer.engine().clone(),
            FrontKind::Engine => {
                let mut policy = Policy::default();
                (policy.class, policy.lease) = (EffectClass::Transactional, LEASE);
                Engine::new(store.clone(), policy).expect("SQLite carries it")
            }
        };
        let service = Router::new().route("/", post(take)).layer(layer);
        let late = Arc::new(Semaphore::new(0));
        Self { store, clock, engine, ledger, front, service, key, folder, late }
    }

    /// The process has ended; the next one opens what it has left on the disk.
    pub(super) async fn started_again(self) -> Self {
        let left = TempDir::new().expect("a folder for the file");
        for file in [FILE.to_owned(), format!("{FILE}-wal")] {
            let (from, to) = (self.folder.path().join(&file), left.path().join(&file));
            std::fs::copy(from, to).expect("the file is there");
        }
        let (clock, ledger) = (Arc::clone(&self.clock), Arc::clone(&self.ledger));
        Self::on(left, clock, self.front, ledger, self.key).await
    }

    /// An order, which its client may leave by dropping the future.
    pub(super) fn order(&self, placing: Placing) -> (usize, BoxFuture<'static, Told>) {
        let request = self.ledger.asks(Who::Client);
        let (ledger, late) = (Arc::clone(&self.ledger), Arc::clone(&self.late));
        let order = Order { placing, request, ledger, late };
        let asking: BoxFuture<'static, Told> = match self.front {
            FrontKind::Engine => {
                let secret = self.store.secret();
                let key =
                    IdempotencyKey::parse(self.key.to_string().as_bytes(), KeySyntax::Lenient)
                        .expect("a UUID is a key");
                let operation =
                    Operation::of_work(secret, &Scope::default(), &key, "order", b"an order");
                let run = self.engine.run(operation, |execution| order.in_engine(execution));
                Box::pin(async { front::told_by_engine(run.await) })
            }
            FrontKind::Layer => {
                let key = self.key.to_string();
                let request = Request::post("/").header("Idempotency-Key", key).extension(order);
                let request = request.body(Body::from("an order")).expect("a request");
                let answering = self.service.clone().oneshot(request);
                Box::pin(async {
                    let Ok(answer) = answering.await;
                    front::told_by_layer(answer).await
                })
            }
        };
        (request, asking)
    }

    /// The effects that are in the file.
    pub(super) async fn effects(&self) -> Vec<Effect> {
        let read = self.store.read(|db| {
            let mut rows = db.prepare("SELECT request, answer FROM things")?;
            let rows = rows.query_map([], |row| {
                let request = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
                Ok(Effect { who: Who::Client, request, answer: row.get(1)? })
            })?;
            rows.collect::<Result<Vec<_>, rusqlite::Error>>()
        });
        read.await.expect("a store that runs").expect("the table is there")
    }
}

/// Why an order is rolled back.
struct Refused;

impl From<rusqlite::Error> for Refused {
    fn from(_: rusqlite::Error) -> Self {
        Self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, NotProcessed).into_response()
    }
}

impl Order {
    /// Inside the transaction.
    fn effect(&self, tx: &SqliteTx<'_>) -> Result<String, Refused> {
        let answer = format!("the effect of request {}", self.request + 1);
        let row = (i64::try_from(self.request).unwrap_or(i64::MAX), &answer);
        tx.execute("INSERT INTO things (request, answer) VALUES (?1, ?2)", row)?;
        match self.placing {
            Placing::RollsBack => Err(Refused),
            Placing::PanicsInside => panic!("{ON_PURPOSE}"),
            Placing::Commits | Placing::CommitsLate | Placing::PanicsAfterwards => Ok(answer),
        }
    }

    async fn before(&self, number: u32) {
        self.ledger.executes(number);
        if self.placing == Placing::CommitsLate {
            self.ledger.waits();
            self.late.acquire().await.expect("it is not thrown away").forget();
        }
    }

    fn afterwards(&self) {
        assert_ne!(self.placing, Placing::PanicsAfterwards, "{ON_PURPOSE}");
    }

    async fn in_engine(self, execution: Execution<SqliteStore>) -> Ending<()> {
        self.before(execution.number()).await;
        let order = self.clone();
        let committed = execution.commit(move |tx| {
            let answer = order.effect(tx)?;
            Ok::<_, Refused>((RecordedResponse::of_work(answer.as_bytes()), ()))
        });
        let committed = committed.await;
        self.afterwards();
        match committed {
            Ok(Ok(committed)) => Ending::Answered(committed.response, ()),
            Ok(Err(_)) | Err(_) => Ending::NotProcessed(()),
        }
    }
}

/// As axum calls it.
async fn take(
    Extension(order): Extension<Order>,
    once: Once<SqliteStore>,
) -> Result<Response, Refused> {
    order.before(once.execution().number()).await;
    let inside = order.clone();
    let answer = once.commit(move |tx| inside.effect(tx).map(|it| (StatusCode::CREATED, it)));
    let answer = answer.await;
    order.afterwards();
    answer
}
