//! The fault at SQLite's COMMITs: counts them, makes one fail or wait, and says so.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, Either, select};
use seiriken::store::sqlite::{CommitFault, SqliteStore};
use tokio::sync::Notify;

use super::commits::{Kind, Point};

/// What the writer thread and the script share.
#[derive(Debug)]
pub(super) struct Held {
    state: Mutex<State>,
    may_go_on: Condvar,
    reached: Notify,
}

#[derive(Debug)]
struct State {
    point: Option<Point>,
    commits: u64,
    halted: bool,
    /// So many may pass that wait.
    permits: u64,
}

impl Held {
    pub(super) fn new(point: Option<Point>) -> Arc<Self> {
        let state = State { point, commits: 0, halted: false, permits: 0 };
        let (may_go_on, reached) = (Condvar::new(), Notify::new());
        Arc::new(Self { state: Mutex::new(state), may_go_on, reached })
    }

    pub(super) fn at_commits_of(self: &Arc<Self>, store: &SqliteStore) {
        let held = Arc::clone(self);
        store.at_commits(move || held.at_commit());
    }

    /// On the writer thread, before each COMMIT.
    fn at_commit(&self) -> Option<CommitFault> {
        let mut state = self.lock();
        state.commits += 1;
        let concerns = |point: &Point| {
            state.commits == point.commit || (point.for_ever && state.commits > point.commit)
        };
        match state.point.filter(concerns)?.kind {
            Kind::Fails(fault) => {
                state.halted = fault != CommitFault::Refused;
                Some(fault)
            }
            Kind::Delayed | Kind::Hung => {
                self.reached.notify_one();
                while state.permits == 0 {
                    let waiting = self.may_go_on.wait(state);
                    state = waiting.unwrap_or_else(PoisonError::into_inner);
                }
                state.permits -= 1;
                None
            }
        }
    }

    /// Waits until a COMMIT waits.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets the COMMIT that waits come about.
    pub(super) fn go_on(&self) {
        self.lock().permits += 1;
        self.may_go_on.notify_one();
    }

    /// Awaits a request, and lets its COMMITs come about.
    pub(super) async fn let_through<T>(&self, mut asking: BoxFuture<'_, T>) -> T {
        loop {
            match select(asking, std::pin::pin!(self.reached())).await {
                Either::Left((told, _)) => return told,
                Either::Right(((), rest)) => {
                    asking = rest;
                    self.go_on();
                }
            }
        }
    }

    /// No fault any more.
    pub(super) fn heal(&self) {
        self.lock().point = None;
    }

    pub(super) fn commits(&self) -> u64 {
        self.lock().commits
    }

    /// Whether the store has halted since this was asked the last time.
    pub(super) fn has_halted(&self) -> bool {
        std::mem::take(&mut self.lock().halted)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
