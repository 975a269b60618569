//! Seiriken (整理券, the numbered ticket): retries of HTTP requests that run the work at most once
//! and give every retry the first answer, byte for byte.
//!
//! A client makes an `Idempotency-Key` per operation and repeats it on every retry. Within the
//! retention window, for one key:
//!
//! 1. There is at most one effect.
//! 2. Every recorded answer is the first one, durable before it is sent.
//! 3. An outcome that is not known is reported as not known: never as success, never as failure.
//! 4. A key used for another request, or by somebody else, runs nothing and reveals nothing.
//!
//! What happens when a process dies half-way depends on where the effect is written; whoever builds
//! the layer says which [`EffectClass`](record::EffectClass) it is. *Exactly once* is promised for
//! one of them alone: effect and record in one database transaction.
//!
//! # Quick start
//!
//! An axum service on SQLite whose orders are made exactly once:
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "sqlite"))] mod example {
//! use axum::http::StatusCode;
//! use axum::response::{IntoResponse, Response};
//! use axum::{Json, Router, routing::post};
//! use seiriken::http::{Idempotency, Identity, Once};
//! use seiriken::store::sqlite::{SqliteStore, rusqlite};
//!
//! async fn create_order(
//!     once: Once<SqliteStore>,
//!     Json(cake): Json<String>,
//! ) -> Result<Response, OrderError> {
//!     once.commit(move |tx| {
//!         tx.execute("INSERT INTO orders (cake) VALUES (?1)", [&cake])?;
//!         Ok((StatusCode::CREATED, Json(cake))) // the answer, recorded in the same commit
//!     })
//!     .await
//! }
//!
//! pub async fn app() -> Result<Router, Box<dyn std::error::Error>> {
//!     # let folder = tempfile::tempdir()?; let path = folder.path().join("orders.db");
//!     # /*
//!     let path = "orders.db";
//!     # */
//!     let store = SqliteStore::open(path).await?;
//!     store
//!         .write(|tx| tx.execute_batch("CREATE TABLE IF NOT EXISTS orders (cake TEXT) STRICT"))
//!         .await??;
//!     let idempotency =
//!         Idempotency::new(store, Identity::credentials()).transactional().require_key();
//!     Ok(Router::new().route("/orders", post(create_order)).layer(idempotency.layer()))
//! }
//!
//! struct OrderError(rusqlite::Error);
//!
//! impl From<rusqlite::Error> for OrderError {
//!     fn from(error: rusqlite::Error) -> Self {
//!         Self(error)
//!     }
//! }
//!
//! impl IntoResponse for OrderError {
//!     fn into_response(self) -> Response {
//!         eprintln!("{}", self.0); // for the log; the client is not shown SQL
//!         StatusCode::INTERNAL_SERVER_ERROR.into_response()
//!     }
//! }
//! # }
//! # #[cfg(all(feature = "axum", feature = "sqlite"))]
//! # tokio::runtime::Runtime::new().unwrap().block_on(async { example::app().await.map(drop) }).unwrap();
//! ```
//!
//! A handler that knows nothing of Seiriken is guarded as well, on a layer without
//! `.transactional()`. For work that is no HTTP request there is the [`engine`].
//!
//! # Where to look
//!
//! | module | what it has |
//! | --- | --- |
//! | [`http`] | the tower layer: the rules by which a request is decided, as a numbered list |
//! | [`engine`] | claim, run, record, answer: for any work that has a key |
//! | [`record`] | the key record, its states, and the one transition function |
//! | [`store`] | the store contract; memory, SQLite, PostgreSQL, Redis |
//! | [`clock`] | time, as it is passed in |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `http` | with `axum` | the tower layer |
//! | `axum` | yes | extractors and responses for axum 0.8 |
//! | `sqlite` | yes | the embedded durable store (a C compiler is needed to build it) |
//! | `postgres` | no | the store for several nodes that share a PostgreSQL database |
//! | `redis` | no | the store on Redis or Valkey: one server, Sentinel, Cluster |
//! | `redis-tls` | no | `rediss://` for it (a C compiler is needed to build it) |
//! | `metrics` | no | counts for whoever watches, through the `metrics` facade |
//! | `faults` | no | a store that fails on purpose, for your tests |
//! | `conformance` | no | the suite that every store passes, for stores written elsewhere |
//!
//! Without any feature there are the engine and the memory store.

// The tables above name modules that a build without their feature does not have.
#![cfg_attr(not(feature = "http"), allow(rustdoc::broken_intra_doc_links))]

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod dated_key;
pub mod engine;
#[cfg(not(seiriken_proof))]
mod failpoint;
#[cfg(seiriken_proof)]
pub mod failpoint;
mod fingerprint;
#[cfg(feature = "http")]
pub mod http;
mod identity;
mod issued_key;
mod issuing;
mod key;
#[cfg(not(seiriken_proof))]
mod planted;
#[cfg(seiriken_proof)]
pub mod planted;
mod policy;
pub mod record;
#[cfg(all(test, seiriken_shuttle))]
mod schedules;
mod scope;
mod secret;
pub mod store;
mod sync;

pub use dated_key::{AcceptedKeys, KeyDate, KeyNotAccepted};
pub use fingerprint::{Fingerprint, FingerprintKind, IgnoredMembers, InvalidPointer, RequestParts};
pub use identity::IdentityDigest;
pub use issued_key::{IssuedKey, NotIssued};
pub use issuing::{IssuingSecrets, Numbered};
pub use key::{IdempotencyKey, InvalidIdempotencyKey, KEY_CHARACTERS_MAX, KeySyntax};
pub use policy::{OnConcurrent, Policy, PolicyError, Quota};
pub use scope::{RecordId, Scope, ScopeDigest};
pub use secret::StoreSecret;
