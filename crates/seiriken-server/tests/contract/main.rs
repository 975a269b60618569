//! The HTTP contract of the library, requirement by requirement: each row of these tables names
//! what is required and where that is written (the draft is
//! draft-ietf-httpapi-idempotency-key-header-07), says what is sent to a real server and what must
//! come back.
//!
//! Where a requirement deserves more than a row, the tests of the layer and those of the order
//! service go into it. `documented` sends the examples of docs/http.md.
//!
//! A rule about keys gets its rows in `keys`, a new refusal in `refusals`, each as a table of its
//! own; a new situation gets its line and its example in docs/http.md first, and what brings it
//! about in `documented`.

mod expected;
mod handlers;
mod host;
mod page;
mod pattern;
#[path = "../readme/service.rs"]
mod program;
mod request;
mod row;
mod wire;

mod answers;
mod bodies;
mod documented;
mod keys;
mod outcomes;
mod refusals;
mod same_request;
mod transactional;
