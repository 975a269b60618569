//! Requests that wait at the same time share one statement.
//!
//! Nobody waits for a fuller one: what has come while others were under way goes together.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::scope::RecordId;

/// The requests of one kind.
pub(super) struct Lane<J> {
    waiting: Mutex<Waiting<J>>,
}

struct Waiting<J> {
    jobs: VecDeque<J>,
    /// Tasks that take from it.
    takers: usize,
}

/// One request of a kind that shares statements.
pub(super) trait Job: Send + Sized + 'static {
    /// Where they run.
    type Shared: Send + Sync + 'static;

    /// What a task that runs them keeps from one statement to the next.
    type Kept: Default + Send;

    fn id(&self) -> RecordId;

    fn lane(shared: &Self::Shared) -> &Lane<Self>;

    /// Runs them all, and answers each. No two are of one key.
    fn run(
        shared: &Self::Shared,
        kept: &mut Self::Kept,
        jobs: Vec<Self>,
    ) -> impl Future<Output = ()> + Send;
}

/// So many share a statement at most.
const TOGETHER_MAX: usize = 64;

/// So many statements of a kind are under way at a time: one that waits for a slow disk does not
/// hold up the next.
const TAKERS_MAX: usize = 2;

impl<J> Default for Lane<J> {
    fn default() -> Self {
        Self { waiting: Mutex::new(Waiting { jobs: VecDeque::new(), takers: 0 }) }
    }
}

impl<J> fmt::Debug for Lane<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({} wait)", self.lock().jobs.len())
    }
}

impl<J> Lane<J> {
    fn lock(&self) -> MutexGuard<'_, Waiting<J>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands a job over.
pub(super) fn submit<J: Job>(shared: &Arc<J::Shared>, job: J) {
    let mut waiting = J::lane(shared).lock();
    waiting.jobs.push_back(job);
    if waiting.takers < TAKERS_MAX {
        waiting.takers += 1;
        drop(waiting);
        let taker = Taker::<J> { shared: Arc::clone(shared), takes: true };
        tokio::spawn(taker.take());
    }
}

/// Takes from a lane until it is empty.
struct Taker<J: Job> {
    shared: Arc<J::Shared>,
    takes: bool,
}

impl<J: Job> Taker<J> {
    async fn take(mut self) {
        let mut kept = J::Kept::default();
        while let Some(jobs) = self.next() {
            J::run(&self.shared, &mut kept, jobs).await;
        }
    }

    /// The next ones that go together, of different keys. With none left this one takes no more:
    /// whoever comes from now on starts another.
    fn next(&mut self) -> Option<Vec<J>> {
        let mut waiting = J::lane(&self.shared).lock();
        if waiting.jobs.is_empty() {
            waiting.takers -= 1;
            self.takes = false;
            return None;
        }
        let mut keys = HashSet::new();
        let (mut together, mut later) = (Vec::new(), VecDeque::new());
        while let Some(job) = waiting.jobs.pop_front() {
            if keys.insert(job.id()) {
                together.push(job);
            } else {
                later.push_back(job);
            }
            if together.len() == TOGETHER_MAX {
                break;
            }
        }
        later.append(&mut waiting.jobs);
        waiting.jobs = later;
        // In one order everywhere: two statements that wait for one another would be a deadlock.
        together.sort_unstable_by_key(Job::id);
        Some(together)
    }
}

/// A job has panicked, or the runtime goes away.
impl<J: Job> Drop for Taker<J> {
    fn drop(&mut self) {
        if self.takes {
            J::lane(&self.shared).lock().takers -= 1;
        }
    }
}
