//! The engine on the memory store and on SQLite: the work runs once, and its answer is recorded
//! before anybody hears it, whatever fails or goes away in between.
#![cfg(feature = "sqlite")]

#[path = "engine/bench.rs"]
mod bench;
#[path = "engine/commit.rs"]
mod commit;
#[path = "engine/concurrent.rs"]
mod concurrent;
#[path = "engine/dropped.rs"]
mod dropped;
#[path = "engine/faults.rs"]
mod faults;
#[path = "engine/hooked.rs"]
mod hooked;
#[path = "engine/lease.rs"]
mod lease;
#[path = "engine/ways_to_end.rs"]
mod ways_to_end;
