//! How often a service is asked: about one key once at a time, and not again at once.
//!
//! A service that has just failed has many unknown outcomes, and clients that retry. It must not be
//! asked by each of them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seiriken::RecordId;
use tokio::sync::watch;
use tokio::time::Instant;

/// So many keys are asked about at a time; who meets another one is told that it is unknown.
const AT_A_TIME: usize = 32;

/// Who asks, and who has asked.
#[derive(Debug)]
pub(super) struct Askings {
    /// The shortest time from an asking that found nothing out to the next one about that key.
    pause: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    running: HashMap<RecordId, Told>,
    resting: HashSet<RecordId>,
    /// Until when, in that order: all rest equally long.
    until: VecDeque<(Instant, RecordId)>,
}

/// What comes of an asking: true, when it is worth while to look at the key again. An asking that has
/// ended without has gone.
pub(super) type Told = watch::Receiver<bool>;

/// What one is to do that meets an unknown outcome.
#[derive(Debug)]
pub(super) enum Next {
    /// Ask.
    Ask(Asking),
    /// Somebody asks: wait for what they are told.
    Wait(Told),
    /// Do not ask now.
    NotNow,
}

/// The right to ask about a key, until it goes away.
#[derive(Debug)]
pub(super) struct Asking {
    askings: Arc<Askings>,
    id: RecordId,
    tell: watch::Sender<bool>,
}

impl Askings {
    pub(super) fn new(pause: Duration) -> Arc<Self> {
        Arc::new(Self { pause, table: Mutex::default() })
    }

    pub(super) fn next(self: &Arc<Self>, id: RecordId) -> Next {
        let mut table = self.table();
        table.let_go(Instant::now());
        if let Some(told) = table.running.get(&id) {
            return Next::Wait(told.clone());
        }
        if table.resting.contains(&id) || table.running.len() >= AT_A_TIME {
            return Next::NotNow;
        }
        let (tell, told) = watch::channel(false);
        table.running.insert(id, told);
        Next::Ask(Asking { askings: Arc::clone(self), id, tell })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // It is never left half-changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn let_go(&mut self, now: Instant) {
        while let Some((_, id)) = self.until.pop_front_if(|(until, _)| *until <= now) {
            self.resting.remove(&id);
        }
    }
}

impl Asking {
    /// About which key.
    pub(super) fn id(&self) -> RecordId {
        self.id
    }

    /// Hears what comes of it.
    pub(super) fn told(&self) -> Told {
        self.tell.subscribe()
    }

    /// It is worth while to look at the key again.
    pub(super) fn settled(self) {
        self.tell.send_replace(true);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut table = self.askings.table();
        table.running.remove(&self.id);
        if !*self.tell.borrow() {
            table.resting.insert(self.id);
            table.until.push_back((Instant::now() + self.askings.pause, self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> RecordId {
        RecordId::from_bytes((number as u128).to_be_bytes())
    }

    fn asking(askings: &Arc<Askings>, number: usize) -> Option<Asking> {
        match askings.next(id(number)) {
            Next::Ask(asking) => Some(asking),
            Next::Wait(_) | Next::NotNow => None,
        }
    }

    #[tokio::test]
    async fn one_asks_about_a_key_and_the_others_hear_it() {
        let askings = Askings::new(Duration::from_hours(1));
        let first = asking(&askings, 1).expect("nobody asks yet");
        let Next::Wait(mut second) = askings.next(id(1)) else { panic!("the first one asks") };
        let other = asking(&askings, 2).expect("another key is asked about meanwhile");
        first.settled();
        second.wait_for(|settled| *settled).await.expect("it is told");
        let again = asking(&askings, 1).expect("what was settled may be asked about anew");
        let mut told = other.told();
        drop((other, again));
        told.wait_for(|settled| *settled).await.expect_err("it has ended without");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_of_which_nothing_was_found_out_rests() {
        let askings = Askings::new(Duration::from_secs(10));
        drop(asking(&askings, 1));
        tokio::time::advance(Duration::from_secs(9)).await;
        drop(asking(&askings, 2).expect("another one does not rest"));
        assert!(asking(&askings, 1).is_none());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(asking(&askings, 1).is_some() && asking(&askings, 2).is_none());
        tokio::time::advance(Duration::from_secs(10)).await;
        drop(asking(&askings, 3));
        let table = askings.table();
        assert_eq!((table.resting.len(), table.until.len(), table.running.len()), (1, 1, 0));
    }

    #[tokio::test]
    async fn few_are_asked_about_at_a_time() {
        let askings = Askings::new(Duration::ZERO);
        let all: Vec<_> = (0..AT_A_TIME + 5).filter_map(|at| asking(&askings, at)).collect();
        assert_eq!(all.len(), AT_A_TIME);
        drop(all);
        assert!(asking(&askings, 99).is_some());
    }
}
