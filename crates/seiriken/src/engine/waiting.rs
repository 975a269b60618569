//! Requests that wait for the first one of their key, in the same process.
//!
//! The store has compared the owner's request, or that of whoever asks about it, and theirs is the same
//! request of the same caller: so its answer can be handed to them without asking the store, also
//! where they have never asked. To no other: by the time that one begins to wait, the key may have
//! become somebody else's.
//!
//! One of them at a time has the [`Turn`]: it owns the execution, or, where the owner is in
//! another process, it alone asks the store now and then. When it ends without an answer the next
//! one gets the turn; the others go on waiting.
//!
//! Who asks the store in the moment between an owner's grant and its beginning gets a turn beside
//! the owner's. It [listens](Turn::listen) while it pauses: the owner of this process is heard.

#[cfg(all(test, seiriken_shuttle))]
mod schedules;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::planted::{Mistake, planted};
use crate::record::RecordedResponse;
use crate::scope::{IdHasher, RecordId};
use crate::sync::{Mutex, MutexGuard};

/// Whose turn it is, and who waits, by request.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    shards: [Mutex<Lines>; SHARDS],
}

/// Enough that a few cores rarely meet at one lock.
const SHARDS: usize = 16;

type Lines = HashMap<Request, Line, BuildHasherDefault<IdHasher>>;

/// Those who wait for one request, and how many turns of it are out. There is one turn as a rule;
/// an owner that was granted the key without waiting makes a second one.
#[derive(Debug, Default)]
struct Line {
    turns: usize,
    waiters: VecDeque<oneshot::Sender<Settled>>,
    /// Those who have a turn and pause.
    listeners: Vec<oneshot::Sender<RecordedResponse>>,
}

/// Which request of which caller, under which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: RecordId,
    pub(super) identity: IdentityDigest,
    pub(super) fingerprint: Fingerprint,
}

/// Few requests have one id, and that is a hash already.
impl Hash for Request {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.id.hash(hasher);
    }
}

/// What one that waits is told.
#[derive(Debug)]
pub(super) enum Settled {
    /// This is the answer.
    Completed(RecordedResponse),
    /// There is none yet: it is its turn to ask the store.
    YourTurn(Turn),
}

/// What a request finds that wants to wait.
pub(super) enum Joined {
    /// It will be told.
    Waiting(oneshot::Receiver<Settled>),
    /// Too many wait already.
    Full,
    /// The owner has just settled, or runs in another process: it is its turn to ask the store.
    YourTurn(Turn),
}

/// So many wait for one key; the next one is told 409.
const WAITERS_MAX: usize = 1024;

impl Waiting {
    /// Says that this process owns the execution, until the turn ends.
    pub(super) fn own(self: &Arc<Self>, request: Request) -> Turn {
        self.lines(&request).entry(request).or_default().turns += 1;
        Turn { waiting: Arc::clone(self), request, answer: None }
    }

    pub(super) fn join(self: &Arc<Self>, request: &Request) -> Joined {
        let mut lines = self.lines(request);
        let Some(line) = lines.get_mut(request) else {
            drop(lines);
            return Joined::YourTurn(self.own(*request));
        };
        line.append().map_or(Joined::Full, Joined::Waiting)
    }

    /// Gets in line behind a turn that is out, if there is one, and room.
    pub(super) fn follow(&self, request: &Request) -> Option<oneshot::Receiver<Settled>> {
        let mut lines = self.lines(request);
        lines.get_mut(request)?.append()
    }

    fn lines(&self, request: &Request) -> MutexGuard<'_, Lines> {
        let shard = &self.shards[request.id.shard_of(SHARDS)];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// One more that waits; none when it is full.
    fn append(&mut self) -> Option<oneshot::Receiver<Settled>> {
        assert!(self.turns > 0, "a line ends with its last turn: who would tell this one?");
        self.waiters.retain(|waiter| !waiter.is_closed());
        if self.waiters.len() >= WAITERS_MAX {
            return None;
        }
        let (tell, told) = oneshot::channel();
        self.waiters.push_back(tell);
        Some(told)
    }
}

/// The right to be waited for. However it ends, those who wait are told.
#[derive(Debug)]
pub(super) struct Turn {
    waiting: Arc<Waiting>,
    request: Request,
    answer: Option<RecordedResponse>,
}

impl Turn {
    /// Tells everybody who waits the answer.
    pub(super) fn settle(mut self, answer: RecordedResponse) {
        self.answer = Some(answer);
    }

    /// Hears the answer of another turn of the same request. An error says that one has ended
    /// without: it is worth while to ask the store.
    pub(super) fn listen(&self) -> oneshot::Receiver<RecordedResponse> {
        let (tell, told) = oneshot::channel();
        let mut lines = self.waiting.lines(&self.request);
        let line = lines.entry(self.request).or_default();
        line.listeners.retain(|listener| !listener.is_closed());
        line.listeners.push(tell);
        told
    }

    /// Takes the turn out of its line: whom to tell, and whether one of them gets the turn.
    fn leave(&self) -> Left {
        let mut lines = self.waiting.lines(&self.request);
        let Some(line) = lines.get_mut(&self.request) else { return Left::default() };
        line.turns = line.turns.saturating_sub(1);
        let last = line.turns == 0;
        let waiters = if self.answer.is_some() || last {
            std::mem::take(&mut line.waiters)
        } else {
            // Another turn is out, whose end they are told.
            VecDeque::new()
        };
        let listeners = std::mem::take(&mut line.listeners);
        if last {
            lines.remove(&self.request);
        }
        Left { waiters, listeners, last }
    }
}

/// Who is to be told of a turn's end.
#[derive(Debug, Default)]
struct Left {
    waiters: VecDeque<oneshot::Sender<Settled>>,
    listeners: Vec<oneshot::Sender<RecordedResponse>>,
    /// No other turn is out.
    last: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Left { mut waiters, listeners, last } = self.leave();
        if planted(Mistake::WakesNobody) {
            waiters.into_iter().for_each(std::mem::forget);
            return;
        }
        if let Some(answer) = &self.answer {
            // One that no longer waits does not need to know.
            for listener in listeners {
                let _ = listener.send(answer.clone());
            }
            for waiter in waiters {
                let _ = waiter.send(Settled::Completed(answer.clone()));
            }
            return;
        }
        drop(listeners);
        assert!(last || waiters.is_empty(), "who waits is left to the turn that is still out");
        waiters.retain(|waiter| !waiter.is_closed());
        if let Some(next) = waiters.pop_front() {
            let turn = self.waiting.own(self.request);
            turn.put_back(waiters);
            // One that has just gone drops the turn with it, and so hands it to the next one.
            let _ = next.send(Settled::YourTurn(turn));
        }
    }
}

impl Turn {
    /// Those who wait go on waiting, before whoever has come since.
    fn put_back(&self, mut waiters: VecDeque<oneshot::Sender<Settled>>) {
        let mut lines = self.waiting.lines(&self.request);
        let line = lines.entry(self.request).or_default();
        waiters.append(&mut line.waiters);
        line.waiters = waiters;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_pause_hear_the_answer_of_another_turn() {
        let waiting = Arc::new(Waiting::default());
        let request = Request {
            id: RecordId::from_bytes([5; 16]),
            identity: IdentityDigest::from_bytes([1; 16]),
            fingerprint: Fingerprint::from_stored(1, [1; 16]).unwrap(),
        };
        let (first, second) = (waiting.own(request), waiting.own(request));
        let owner = waiting.own(request);
        let (heard_first, heard_second) = (first.listen(), second.listen());
        owner.settle(RecordedResponse::of_work(b"done"));
        assert_eq!(heard_first.await, Ok(RecordedResponse::of_work(b"done")));
        assert_eq!(heard_second.await, Ok(RecordedResponse::of_work(b"done")));
    }
}
