//! Locks, atomics, channels and threads: those of the standard library.
//!
//! In the build of `cargo xtask prove --only schedules` they are shuttle's, which decides at each of
//! them who goes on. What is shared without them (tokio's channels) is one step there, and every
//! atomic is sequentially consistent.

#[cfg(not(all(test, seiriken_shuttle)))]
mod chosen {
    pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic};
    #[cfg(feature = "sqlite")]
    pub(crate) use std::{sync::mpsc, thread};
}

#[cfg(all(test, seiriken_shuttle))]
mod chosen {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};
    #[cfg(feature = "sqlite")]
    pub(crate) use {crate::schedules::mpsc, shuttle::thread};
}

pub(crate) use chosen::*;
