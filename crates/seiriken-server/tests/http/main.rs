//! The order service as its clients see it: the real program, over real connections.
//!
//! Each test starts a process of its own on a port and a store of its own. What a test waits for is
//! an event: an answer, the line that says where the service listens, or the log line that says
//! that an execution has begun.

mod description;
mod place;
mod relay;
mod service;
mod shop;
mod wire;

mod at_rest;
mod bodies;
mod concurrent;
mod crashes;
mod credentials;
mod dated;
mod disconnects;
mod keys;
mod listening;
mod log;
mod openapi;
mod openapi_bounds;
mod options;
mod orders;
mod promises;
mod refusals;
mod send;
mod send_killed;
mod send_lossy;
mod stops;
mod usage;
