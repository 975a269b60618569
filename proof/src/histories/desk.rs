//! What the judge knows of persons: what is so when they look, and what their word has led to.

use seiriken::RecordId;
use seiriken::record::transition::{DeleteOutcome, Resolution, ResolveOutcome};
use seiriken::record::{RecordedResponse, Token};

use super::judge::{Arrival, Judge, Seen, key_of};
use super::mark::Mark;
use super::world::Node;

/// A claim that was granted to a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    key: usize,
    node: Node,
    number: u32,
    /// Whether the work has begun, so that the process has heard of it.
    begun: bool,
}

impl Judge {
    pub(super) fn granted(&mut self, key: usize, node: Node, number: u32) {
        self.grants.push(Grant { key, node, number, begun: false });
    }

    /// The work of the last such grant begins.
    pub(super) fn begun(&mut self, key: usize, node: Node, number: u32) {
        let same =
            |grant: &&mut Grant| (grant.key, grant.node, grant.number) == (key, node, number);
        if let Some(grant) = self.grants.iter_mut().rev().find(same) {
            grant.begun = true;
        }
    }
}

/// What a person knows.
impl Judge {
    /// The execution whose effect happened under a key, since it was last forgotten.
    pub(super) fn done_under(&self, key: u8) -> Option<u64> {
        let done =
            |seen: &Seen| seen.key == usize::from(key) && seen.effect && seen.freed.is_none();
        self.executions.iter().position(done).map(|at| at as u64 + 1)
    }

    /// Whether anybody may still make the effect of a key: work that goes on, or that will begin, for
    /// its process was granted the key and may not know it yet.
    pub(super) fn somebody_is_left(&self, key: u8, alive: impl Fn(Node) -> bool) -> bool {
        let key = usize::from(key);
        let works = self.executions.iter().any(|seen| {
            seen.key == key && !seen.effect && seen.ended.is_none() && alive(seen.node)
        });
        let begins = |grant: &Grant| grant.key == key && !grant.begun && alive(grant.node);
        works || self.grants.iter().any(begins)
    }
}

/// What their word has led to.
impl Judge {
    pub(super) fn resolved(
        &mut self,
        id: RecordId,
        token: Token,
        said: &Resolution,
        told: &ResolveOutcome,
        now: u64,
    ) {
        let number = key_of(id);
        let done = matches!(said, Resolution::Done(_));
        let resolved = *told == ResolveOutcome::Resolved;
        self.note("resolved", &[number as u64, u64::from(done), u64::from(resolved)]);
        if !resolved {
            return self.mark(Mark::PersonTooLate);
        }
        if self.keys[number].token != Some(token) {
            self.breach("a person settles an execution that they have not seen");
        }
        match said {
            Resolution::Done(response) => {
                self.mark(Mark::ResolvedAsDone);
                self.stands(number, response, now);
            }
            Resolution::NotDone => {
                self.mark(Mark::ResolvedAsNotDone);
                if self.keys[number].effects > 0 {
                    self.breach("a key is freed whose effect has happened");
                }
                self.ends_here(number);
            }
        }
    }

    pub(super) fn deleted(&mut self, id: RecordId, token: Token, told: &DeleteOutcome) {
        let number = key_of(id);
        let deleted = *told == DeleteOutcome::Deleted;
        self.note("deleted", &[number as u64, u64::from(deleted)]);
        if !deleted {
            return self.mark(Mark::PersonTooLate);
        }
        self.mark(Mark::Deleted);
        if self.keys[number].token != Some(token) {
            self.breach("a person deletes an execution that they have not seen");
        }
        self.ends_here(number);
    }

    /// The key is as if it had never been used: what was done and told under it is of the past.
    fn ends_here(&mut self, number: usize) {
        for seen in self.executions.iter_mut().filter(|seen| seen.key == number) {
            seen.freed = Some(self.moment);
        }
        let key = &mut self.keys[number];
        key.past.extend(key.durable.take().map(|answer| (self.moment, answer)));
        (key.effects, key.holder, key.token, key.heard) = (0, None, None, None);
        key.indeterminate = false;
    }

    /// Whether an answer was one of a key's past when it was heard.
    pub(super) fn of_the_past(&self, key: u8, response: &RecordedResponse) -> bool {
        self.keys[usize::from(key)].past.iter().any(|(_, past)| past == response)
    }

    /// Whether an answer that was forgotten may be told still: to whoever came before that, and by the
    /// process whose work it was to those who wait beside it.
    pub(super) fn told_late(&self, key: u8, arrival: Arrival, response: &RecordedResponse) -> bool {
        let beside = self.of(response).is_some_and(|seen| seen.node == arrival.node);
        let mut past = self.keys[usize::from(key)].past.iter();
        past.any(|(when, past)| past == response && (beside || arrival.moment < *when))
    }
}
