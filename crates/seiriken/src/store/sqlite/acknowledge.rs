//! Telling those who wait that their group is committed.
//!
//! Each wake-up from a thread outside the runtime costs a lock and, often, a system call. So the
//! writer hands over the whole group with one, and a task of the runtime wakes everybody else from
//! within. Should that task not come to it (its threads are blocked, its runtime is gone), the
//! writer tells them itself: nobody's answer rests on a runtime that runs.

use std::cell::RefCell;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::group::Job;

/// Whoever tells those of a group; the writer thread's own.
pub(super) struct Acknowledger {
    groups: Option<UnboundedSender<Arc<Committed>>>,
    /// The group that was handed over last.
    last: RefCell<Option<Arc<Committed>>>,
}

/// A task that runs at all comes to it sooner.
pub(super) const TOLD_BY_THEN: Duration = Duration::from_millis(20);

impl Acknowledger {
    /// With a task on the runtime at hand, if there is one that runs by itself: a runtime of one
    /// thread runs only while somebody waits for it, who may be waiting for us.
    pub(super) fn start() -> Self {
        let runtime = Handle::try_current().ok();
        let by_itself = |runtime: &Handle| runtime.runtime_flavor() == RuntimeFlavor::MultiThread;
        let groups = runtime.filter(by_itself).map(|runtime| {
            let (groups, mut committed) = unbounded_channel::<Arc<Committed>>();
            runtime.spawn(async move {
                while let Some(group) = committed.recv().await {
                    group.tell();
                }
            });
            groups
        });
        Self { groups, last: RefCell::default() }
    }

    /// The jobs' group is committed: tells all who wait.
    pub(super) fn acknowledge(&self, jobs: Vec<Box<dyn Job>>) {
        self.tell_the_last();
        // One is told sooner from here.
        let groups = self.groups.as_ref().filter(|_| jobs.len() > 1);
        let committed = Arc::new(Committed(Mutex::new(jobs)));
        if let Some(groups) = groups
            && groups.send(Arc::clone(&committed)).is_ok()
        {
            self.last.replace(Some(committed));
        }
    }

    /// Whether the group that was handed over last may not have been told yet.
    pub(super) fn has_untold(&self) -> bool {
        self.last.borrow().as_ref().is_some_and(|last| !last.jobs().is_empty())
    }

    /// Tells it from here, unless it has been.
    pub(super) fn tell_the_last(&self) {
        if let Some(last) = self.last.take() {
            last.tell();
        }
    }
}

impl Drop for Acknowledger {
    fn drop(&mut self) {
        self.tell_the_last();
    }
}

/// Jobs whose group is committed. Whoever comes first takes them out and tells them; and wherever it
/// is dropped, also in a queue that nobody reads any more, they are told: one that was never told
/// would take its effect for undone.
struct Committed(Mutex<Vec<Box<dyn Job>>>);

impl Committed {
    fn tell(&self) {
        for job in take(&mut *self.jobs()) {
            job.settle(Ok(()));
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Box<dyn Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Committed {
    fn drop(&mut self) {
        self.tell();
    }
}
