//! What servers do to the store on Redis: they are full, restarted, emptied, promoted, damaged.
#![cfg(feature = "redis")]

mod asking;
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
