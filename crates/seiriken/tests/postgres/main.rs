//! The PostgreSQL store and the layer on it, on a real server that these tests start.

#[path = "../sweep/clauses.rs"]
mod clauses;
#[path = "../layer/guarded.rs"]
#[expect(dead_code, reason = "it serves the tests of the layer first")]
mod guarded;
mod shelf;

mod committed;
#[cfg(feature = "conformance")]
mod conformance;
mod cut;
mod desk;
mod dropped;
mod nodes;
mod opening;
mod passed_on;
mod rows;
mod standby;
mod sweeping;
mod turns;
mod uncommitted;
