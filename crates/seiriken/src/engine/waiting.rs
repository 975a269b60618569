//! Requests that wait for the first one of their key, in the same process.
//!
//! They have passed the store's comparisons already (it told them "in progress"), so the answer to
//! the same request of the same caller can be handed to them without asking the store again. To no
//! other: between what the store told them and their beginning to wait, the key may have become
//! somebody else's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::RecordedResponse;
use crate::scope::RecordId;

/// The executions of this process, and who waits for each.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    running: Mutex<Running>,
}

type Running = HashMap<Request, Vec<oneshot::Sender<Settled>>>;

/// Which request of which caller, under which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) id: RecordId,
    pub(super) identity: IdentityDigest,
    pub(super) fingerprint: Fingerprint,
}

/// What the first request came to.
#[derive(Debug, Clone)]
pub(super) enum Settled {
    /// This answer.
    Completed(RecordedResponse),
    /// Something that each has to ask the store about.
    Otherwise,
}

/// What a request finds that wants to wait.
pub(super) enum Joined {
    /// It will be told.
    Waiting(oneshot::Receiver<Settled>),
    /// Too many wait already.
    Full,
    /// The owner has just settled, or runs in another process.
    NobodyHere,
}

/// So many wait for one key; the next one is told 409.
const WAITERS_MAX: usize = 1024;

impl Waiting {
    /// Says that this process owns the execution, until the guard is settled or dropped.
    pub(super) fn own(&self, request: Request) -> Owned<'_> {
        self.running().entry(request).or_default();
        Owned { waiting: self, request, settled: Settled::Otherwise }
    }

    pub(super) fn join(&self, request: &Request) -> Joined {
        match self.running().get_mut(request) {
            None => Joined::NobodyHere,
            Some(waiters) => {
                waiters.retain(|waiter| !waiter.is_closed());
                if waiters.len() >= WAITERS_MAX {
                    return Joined::Full;
                }
                let (tell, told) = oneshot::channel();
                waiters.push(tell);
                Joined::Waiting(told)
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The execution is this process's. Whoever waits is told when this goes away, however it does.
pub(super) struct Owned<'w> {
    waiting: &'w Waiting,
    request: Request,
    settled: Settled,
}

impl Owned<'_> {
    pub(super) fn settle(mut self, settled: Settled) {
        self.settled = settled;
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        let waiters = self.waiting.running().remove(&self.request).unwrap_or_default();
        for waiter in waiters {
            // One that no longer waits does not need to know.
            let _ = waiter.send(self.settled.clone());
        }
    }
}
