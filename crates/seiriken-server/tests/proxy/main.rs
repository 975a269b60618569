//! The proxy in front of real services: Node's HTTP server, Python's, and a wire of the test's own.
//!
//! Each test starts a proxy and a service of its own. What a test waits for is an event: an answer,
//! a line on standard output, or a line of the log.

mod asked;
mod client;
mod frames;
mod nginx;
mod process;
mod upstream;
mod wire;

mod answers;
mod configured;
mod forwarded;
mod http2;
mod killed;
mod outcomes;
mod overtaken;
mod reconciled;
mod smuggled;
mod tls;
