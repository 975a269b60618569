//! Telling those who wait that their group is committed.
//!
//! Each wake-up from a thread outside the runtime costs a lock and, often, a system call. So the
//! writer hands over the whole group with one, and a task of the runtime wakes everybody else from
//! within.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::group::Job;

#[derive(Debug)]
pub(super) struct Acknowledger {
    groups: Option<UnboundedSender<Committed>>,
}

impl Acknowledger {
    /// With a task on the runtime at hand, if there is one that runs by itself: a runtime of one
    /// thread runs only while somebody waits for it, who may be waiting for us.
    pub(super) fn start() -> Self {
        let runtime = Handle::try_current().ok();
        let by_itself = |runtime: &Handle| runtime.runtime_flavor() == RuntimeFlavor::MultiThread;
        let groups = runtime.filter(by_itself).map(|runtime| {
            let (groups, mut committed) = unbounded_channel();
            runtime.spawn(async move {
                while let Some(group) = committed.recv().await {
                    drop(group);
                }
            });
            groups
        });
        Self { groups }
    }

    /// The jobs' group is committed: tells all who wait.
    pub(super) fn acknowledge(&self, jobs: Vec<Box<dyn Job>>) {
        let committed = Committed(jobs);
        // One is told sooner from here. An error says that the runtime is gone; who still waits is
        // on another one, and hears it from here as well.
        if let Some(groups) = self.groups.as_ref().filter(|_| committed.0.len() > 1) {
            drop(groups.send(committed));
        }
    }
}

/// Jobs whose group is committed. Wherever it is dropped, also in a queue that nobody reads any more,
/// they are told: one that was never told would take its effect for undone.
struct Committed(Vec<Box<dyn Job>>);

impl Drop for Committed {
    fn drop(&mut self) {
        for job in self.0.drain(..) {
            job.settle(Ok(()));
        }
    }
}
