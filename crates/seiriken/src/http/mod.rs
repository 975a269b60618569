//! The tower layer: an `Idempotency-Key` on HTTP requests, as
//! draft-ietf-httpapi-idempotency-key-header-07 describes it (an expired Internet-Draft, not a
//! standard), with errors as RFC 9457 problem details.
//!
//! What happens to a request, in this order:
//!
//! 1. Its method is not guarded (POST and PATCH are): it passes untouched.
//! 2. It has no key: it passes untouched; where a key is required, 400 `#key-missing`.
//! 3. Its key is malformed or repeated: 400 `#key-invalid`.
//! 4. Nobody can tell whose it is: 403 `#identity-unknown`.
//! 5. Its body is longer than is taken: 413 `#body-too-large`; cut short: 400.
//! 6. The store cannot be asked: 503 `#store-unavailable`. Nothing ran.
//! 7. Somebody else used the key: 422 `#credential-changed`.
//! 8. The key was used for another request: 422 `#key-reused`.
//! 9. The first request is still running: 409 `#request-in-progress`, or wait for its answer.
//! 10. It has been answered: the same answer again, marked `Idempotent-Replayed: true`.
//! 11. Nobody knows whether its effect happened: 500 `#outcome-unknown`.
//! 12. Otherwise it is run, here and now, and its answer is recorded before it is sent, marked
//!     `Idempotent-Replayed: false`. Could the answer not be recorded: 503 `#outcome-pending`.
//!
//! The layer reads a guarded request's body whole, since the body is part of what makes it the
//! same request, and the answer's body whole, up to a limit each.
//!
//! # Where to put it
//!
//! *Inside* whatever checks credentials, so that a revoked right also stops the replay; inside
//! compression, so that what is recorded is not encoded. A timeout layer belongs *outside*: one
//! inside cancels the work half-way, and the key then becomes indeterminate. Two layers of one
//! store on the way of a request count as one.
//!
//! The path is compared as it was sent, also inside nested axum routers. Another framework that
//! shortens the path before the layer sees it needs a [`Scope`](crate::Scope) per mount. The host
//! is compared where the layer is told so ([`Idempotency::comparing_host`]).
//!
//! A guarded answer is read to its end before it is sent, so endless ones (server-sent events) and
//! protocol upgrades do not belong on guarded routes.

mod body;
mod collect;
mod config;
mod identity;
mod layer;
mod policy_page;
mod problem;
mod reason;
mod recording;
mod replay;
mod request;
mod service;
mod verdict;

#[cfg(feature = "axum")]
mod axum;
#[cfg(all(feature = "axum", any(feature = "sqlite", feature = "postgres")))]
mod commit;

pub use body::{GuardedBody, WholeBody};
pub use config::{Idempotency, KeyRequirement};
pub use identity::{Identity, IdentityUnknown};
pub use layer::IdempotencyLayer;
pub use policy_page::PolicyPage;
pub use problem::{Problem, ProblemKind};
pub use reason::Reason;
pub use recording::{NotProcessed, is_recorded};
pub use service::IdempotencyService;
pub use verdict::Recording;

#[cfg(feature = "axum")]
pub use self::axum::{NotGuarded, Once};
#[cfg(all(feature = "axum", feature = "postgres"))]
pub use self::commit::OnceTx;
