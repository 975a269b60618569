//! `ledgered`: a service whose effects are outside of its store, for the kill campaign.
//!
//! Both calls append a line to a ledger. `POST /opaque` is guarded as whatever it is: nobody runs
//! it again. `POST /keyed` is deduplicated by the key downstream: the first line counts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use seiriken::Scope;
#[cfg(seiriken_proof)]
use seiriken::failpoint::{Point, reached};
use seiriken::http::{Idempotency, Identity};
use seiriken::store::keep_swept;
use seiriken::store::sqlite::SqliteStore;
use seiriken_proof::kills::{Ledger, Line};
use serde::{Deserialize, Serialize};

#[derive(Debug, Parser)]
struct Cli {
    #[arg(long)]
    listen: String,
    #[arg(long)]
    store: PathBuf,
    #[arg(long)]
    ledger: PathBuf,
    #[arg(long)]
    lease_ms: u64,
    /// How long the work takes before its effect
    #[arg(long)]
    work_ms: u64,
}

/// What the calls share.
#[derive(Debug, Clone)]
struct Service {
    ledger: Ledger,
    work: Duration,
}

#[derive(Debug, Deserialize)]
struct Asked {
    operation: String,
    refuse: bool,
}

#[derive(Debug, Serialize)]
struct Done {
    operation: String,
    effect: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let warnings = tracing_subscriber::EnvFilter::new("warn");
    let log = tracing_subscriber::fmt().with_env_filter(warnings).with_ansi(false);
    log.with_writer(std::io::stderr).init();
    match serve(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledgered: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(&cli.listen).await?;
    let store = SqliteStore::open(cli.store).await?;
    let lease = Duration::from_millis(cli.lease_ms);
    let guarded = Idempotency::new(store.clone(), Identity::anonymous()).require_key().lease(lease);
    let opaque = guarded.clone().scope(Scope::new("opaque")).try_layer()?;
    let keyed = guarded.scope(Scope::new("keyed")).keyed().try_layer()?;
    let work = Duration::from_millis(cli.work_ms);
    let app = Router::new()
        .route("/opaque", post(append).layer(opaque))
        .route("/keyed", post(append_once).layer(keyed))
        .with_state(Service { ledger: Ledger::at(cli.ledger), work });
    tokio::spawn(keep_swept(store, lease));
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn append(State(service): State<Service>, Json(asked): Json<Asked>) -> Response {
    if asked.refuse {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    match service.work(asked.operation).await {
        Ok(line) => done(line),
        Err(error) => failed(&error),
    }
}

/// What the ledger's first line of the operation says is what was done, by whichever execution.
async fn append_once(State(service): State<Service>, Json(asked): Json<Asked>) -> Response {
    let ended = service.work(asked.operation).await;
    match ended.and_then(|line| service.ledger.first_of(&line.operation)) {
        Ok(Some(first)) => done(first),
        Ok(None) => failed(&std::io::Error::other("a line is gone")),
        Err(error) => failed(&error),
    }
}

impl Service {
    async fn work(&self, operation: String) -> std::io::Result<Line> {
        #[cfg(seiriken_proof)]
        reached(Point::HandlerBegun);
        if !self.work.is_zero() {
            tokio::time::sleep(self.work).await;
        }
        let line = Line { operation, effect: uuid::Uuid::new_v4().to_string() };
        self.ledger.append(&line)?;
        #[cfg(seiriken_proof)]
        reached(Point::HandlerEffect);
        Ok(line)
    }
}

fn done(line: Line) -> Response {
    let Line { operation, effect } = line;
    let answer = (StatusCode::CREATED, Json(Done { operation, effect })).into_response();
    #[cfg(seiriken_proof)]
    reached(Point::HandlerEnds);
    answer
}

fn failed(error: &std::io::Error) -> Response {
    eprintln!("the ledger: {error}");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
