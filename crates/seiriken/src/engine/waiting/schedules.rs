//! The requests that wait, under chosen schedules: each is told, and one alone runs the work.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::Mutex;
use shuttle::thread;
use tokio::sync::oneshot;

use super::{Joined, Request, Settled, Turn, Waiting};
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::RecordedResponse;
use crate::schedules;
use crate::scope::RecordId;

const WAITERS: usize = 3;

/// What the store knows of the key.
#[derive(Default)]
struct Key {
    answer: Option<RecordedResponse>,
    owned: bool,
    executions: u32,
}

struct Process {
    waiting: Arc<Waiting>,
    key: Mutex<Key>,
}

fn request() -> Request {
    Request {
        id: RecordId::from_bytes([5; 16]),
        identity: IdentityDigest::from_bytes([1; 16]),
        fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
    }
}

impl Process {
    fn new() -> Arc<Self> {
        Arc::new(Self { waiting: Arc::default(), key: Mutex::default() })
    }

    /// As the first request: the key is claimed before its turn begins.
    fn own(&self) -> Turn {
        self.key.lock().expect("nobody panics").owned = true;
        self.waiting.own(request())
    }

    /// The answer is recorded, then told.
    fn finish(&self, turn: Turn) -> RecordedResponse {
        let answer = RecordedResponse::of_work(b"done");
        let mut key = self.key.lock().expect("nobody panics");
        key.executions += 1;
        key.answer = Some(answer.clone());
        drop(key);
        turn.settle(answer.clone());
        answer
    }

    /// The key is freed, then its turn ends.
    fn free(&self, turn: Turn) {
        self.key.lock().expect("nobody panics").owned = false;
        drop(turn);
    }

    /// A request that has not asked the store yet.
    fn follow(&self) -> RecordedResponse {
        match self.waiting.follow(&request()) {
            Some(told) => self.in_line(told),
            // The store tells it "in progress", or it finds that out when it is its turn.
            None => self.wait(),
        }
    }

    /// A request that was told "in progress": it waits, and asks the store when it is its turn.
    fn wait(&self) -> RecordedResponse {
        match self.waiting.join(&request()) {
            Joined::Waiting(told) => self.in_line(told),
            Joined::YourTurn(turn) => self.ask(turn),
            Joined::Full => panic!("three are not too many"),
        }
    }

    fn in_line(&self, told: oneshot::Receiver<Settled>) -> RecordedResponse {
        match block_on(told).expect("who waits is told, or gets the turn") {
            Settled::Completed(answer) => answer,
            Settled::YourTurn(turn) => self.ask(turn),
        }
    }

    /// With a turn: the store is asked until it has an answer, or grants the key.
    fn ask(&self, turn: Turn) -> RecordedResponse {
        loop {
            let mut key = self.key.lock().expect("nobody panics");
            if let Some(answer) = key.answer.clone() {
                drop(key);
                turn.settle(answer.clone());
                return answer;
            }
            if !key.owned {
                key.owned = true;
                drop(key);
                return self.finish(turn);
            }
            drop(key);
            // Another turn of this process has the key. An error says that it ended without.
            let listening = turn.listen();
            // It may have ended just before; that is seen in the store.
            let key = self.key.lock().expect("nobody panics");
            let still_owned = key.owned && key.answer.is_none();
            drop(key);
            if still_owned && let Ok(answer) = block_on(listening) {
                turn.settle(answer.clone());
                return answer;
            }
        }
    }
}

fn waiters(process: &Arc<Process>, count: usize) -> Vec<thread::JoinHandle<RecordedResponse>> {
    let wait = |number| {
        let process = Arc::clone(process);
        thread::spawn(move || if number % 2 == 0 { process.follow() } else { process.wait() })
    };
    (0..count).map(wait).collect()
}

fn all_are_told(process: &Process, waiters: Vec<thread::JoinHandle<RecordedResponse>>) {
    for waiter in waiters {
        let answer = waiter.join().expect("no waiter panics");
        assert_eq!(answer, RecordedResponse::of_work(b"done"));
    }
    assert_eq!(process.key.lock().expect("nobody panics").executions, 1, "one of them ran it");
    assert!(process.waiting.lines(&request()).is_empty(), "nothing is kept of who waited");
}

#[test]
fn everybody_is_told_the_answer() {
    schedules::hold("waiting for an answer", || {
        let process = Process::new();
        let turn = process.own();
        let waiters = waiters(&process, WAITERS);
        process.finish(turn);
        all_are_told(&process, waiters);
    });
}

#[test]
fn when_the_owner_frees_the_key_one_that_waits_runs_it() {
    schedules::hold("waiting for a freed key", || {
        let process = Process::new();
        let turn = process.own();
        let waiters = waiters(&process, WAITERS);
        process.free(turn);
        all_are_told(&process, waiters);
    });
}

#[test]
fn one_that_leaves_takes_no_turn_with_it() {
    schedules::hold("waiting beside one that leaves", || {
        let process = Process::new();
        let turn = process.own();
        let leaver = Arc::clone(&process);
        let leaver = thread::spawn(move || {
            // Whatever it is given at that moment, it drops.
            drop(leaver.waiting.join(&request()));
        });
        let waiters = waiters(&process, 2);
        process.free(turn);
        leaver.join().expect("leaving does not panic");
        all_are_told(&process, waiters);
    });
}
