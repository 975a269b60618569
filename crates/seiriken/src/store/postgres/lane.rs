//! Requests that wait at the same time share one statement.
//!
//! Nobody waits for a fuller one: what has come while another was under way goes together. A second
//! one beside it is sent where enough have come for it, or where the first takes long: for fewer it
//! would cost nearly as much as for all.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::scope::RecordId;

/// The requests of one kind.
pub(super) struct Lane<J> {
    waiting: Mutex<Waiting<J>>,
}

struct Waiting<J> {
    jobs: VecDeque<J>,
    /// Tasks that take from it.
    takers: usize,
    /// Those of them whose statement takes long.
    slow: usize,
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

/// So many statements of a kind are under way at a time: one that waits for a slow disk, or for a
/// key that another node is just writing, does not hold up the next.
const TAKERS_MAX: usize = 2;

/// So many are worth a statement of their own while another is under way: of a statement for these,
/// a third of the time goes into beginning and ending it.
const WORTH_ANOTHER: usize = 8;

/// What takes longer than this is slow: a few times as long as a full statement and its sync.
const SLOW: Duration = Duration::from_millis(5);

impl<J> Default for Lane<J> {
    fn default() -> Self {
        Self { waiting: Mutex::new(Waiting { jobs: VecDeque::new(), takers: 0, slow: 0 }) }
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
    if waiting.wants_a_taker() {
        waiting.takers += 1;
        drop(waiting);
        Taker::<J>::start(shared);
    }
}

impl<J> Waiting<J> {
    /// Whether somebody waits for whom nobody is about to come, or enough for one more statement.
    fn wants_a_taker(&self) -> bool {
        let nobody_comes = !self.jobs.is_empty() && self.takers == self.slow;
        (nobody_comes || self.jobs.len() >= WORTH_ANOTHER) && self.takers < TAKERS_MAX
    }

    /// Whether another one comes soon enough for those who wait.
    fn does_without_one(&self) -> bool {
        let another_comes = self.takers - self.slow > 1;
        self.jobs.is_empty() || (another_comes && self.jobs.len() < WORTH_ANOTHER)
    }
}

/// Takes from a lane for as long as it is worth it.
struct Taker<J: Job> {
    shared: Arc<J::Shared>,
    takes: bool,
    slow: bool,
}

impl<J: Job> Taker<J> {
    /// One that has been counted.
    fn start(shared: &Arc<J::Shared>) {
        let taker = Self { shared: Arc::clone(shared), takes: true, slow: false };
        tokio::spawn(taker.take());
    }

    async fn take(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut kept = J::Kept::default();
        while let Some(jobs) = self.next() {
            let mut running = pin!(J::run(&shared, &mut kept, jobs));
            if timeout(SLOW, &mut running).await.is_err() {
                self.is_slow();
                running.await;
            }
        }
    }

    /// Those that wait are not to wait for this one.
    fn is_slow(&mut self) {
        let mut waiting = J::lane(&self.shared).lock();
        self.slow = true;
        waiting.slow += 1;
        if waiting.wants_a_taker() {
            waiting.takers += 1;
            drop(waiting);
            Self::start(&self.shared);
        }
    }

    /// The next ones that go together, of different keys. With none left, or few for whom another
    /// comes, this one takes no more.
    fn next(&mut self) -> Option<Vec<J>> {
        let mut waiting = J::lane(&self.shared).lock();
        waiting.slow -= usize::from(mem::take(&mut self.slow));
        if waiting.does_without_one() {
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
            let mut waiting = J::lane(&self.shared).lock();
            waiting.slow -= usize::from(self.slow);
            waiting.takers -= 1;
        }
    }
}
