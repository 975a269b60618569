//! HTTP requests that are safe to send again: one `Idempotency-Key` for each intent, and a result
//! that never calls an unknown outcome a failure.
//!
//! Whoever sends an order and sees a timeout does not know whether the order exists. This client
//!
//! 1. makes **one key per intent** and freezes the request's bytes: every attempt is the same one;
//! 2. **sends again** only what helps, with full jitter, `Retry-After`, a retry budget and a deadline;
//!    a replayed answer is never retried;
//! 3. tells what it knows: [`Outcome::Definite`], an answer that stands; [`Outcome::Unknown`], with the
//!    key to ask again with; or [`NothingSent`], a definite failure;
//! 4. survives its own death, with a [`Journal`]: the key is on the disk before the first byte is sent;
//! 5. follows no redirect, so the key goes to nobody else, and writes no key, credential or body into
//!    the log.
//!
//! That it happens **at most once** is the server's half of the promise: it has to honour keys, as
//! those guarded by the library `seiriken` do. Sent to a server that ignores them, a retry is one more
//! order.
//!
//! # Quick start
//!
//! ```no_run
//! use seiriken_client::{Client, Journal, Outcome, Request};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().journal(Journal::open("pending.journal")?).build()?;
//!
//! // What a crash left behind goes first, with the keys it had.
//! for mut intent in client.unsettled() {
//!     client.send(&mut intent).await?;
//! }
//!
//! let order = Request::post("http://localhost:3000/orders")?;
//! let order = order.json(&json!({"itemId": "cake-001", "qty": 1}))?;
//! let mut intent = client.intent(order)?; // the key is made here, once
//! match client.send(&mut intent).await? {
//!     Outcome::Definite(answer) => println!("{}: {:?}", answer.status, answer.body),
//!     Outcome::Unknown(unknown) => println!("ask again later, with {}", unknown.key.as_str()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `send` ends in an error only when certainly nothing was sent.
//!
//! # Where to look
//!
//! | module | what it has |
//! | --- | --- |
//! | [`verdict`] | the table: what an attempt says about its intent |
//! | [`journal`] | what a client that was killed needs to know |
//! | [`middleware`] | the same rules for `reqwest-middleware` |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `rustls` | yes | `https://`, trusting whom the operating system trusts |
//! | `middleware` | no | a middleware for `reqwest-middleware` |

// The table above names a module that a build without its feature does not have.
#![cfg_attr(not(feature = "middleware"), allow(rustdoc::broken_intra_doc_links))]

mod answer;
mod attempt;
mod budget;
mod client;
mod intent;
pub mod journal;
mod key;
#[cfg(feature = "middleware")]
pub mod middleware;
mod operation;
mod outcome;
mod outside;
#[cfg(not(seiriken_proof))]
mod planted;
#[cfg(seiriken_proof)]
pub mod planted;
mod policy;
mod prepare;
mod retry;
mod settings;
pub mod verdict;

pub use answer::Answer;
pub use budget::Budget;
pub use client::{Client, ClientBuilder};
pub use intent::{Intent, InvalidRequest, Request, is_credential};
pub use journal::{Journal, JournalError};
pub use key::{InvalidKey, Key};
pub use operation::Progress;
pub use outcome::{NothingSent, Outcome, Unknown};
pub use outside::{Outside, System};
pub use retry::{Backoff, retry_after};
