//! Traces: what a collector of OpenTelemetry gets of the real program, over real connections.
//!
//! The collector is one of the test's own, and so is the service behind the proxy. Most tests stop the
//! program and look then at what it has sent: that it has sent all of it is a part of each of them.

mod collector;
mod process;
mod upstream;

mod down;
mod named;
mod orders;
mod proxied;
mod settled;
