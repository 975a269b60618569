//! The store on Redis, and what servers do to it: they are full, restarted, emptied, promoted, damaged.
//! In a process of its own: a child holds what its parent had locked until it is another program, and
//! the SQLite store would find its file in use.
#![cfg(feature = "redis")]

mod asking;
#[cfg(feature = "conformance")]
mod conformance;
mod damage;
mod failover;
mod faults;
mod forgotten;
mod kept;
mod moving;
mod opening;
mod restarts;
#[cfg(feature = "redis-tls")]
mod tls;
