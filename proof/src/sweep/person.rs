//! A person who settles the key or has it forgotten: they look, say what is so, and say it again as
//! long as they do not hear what became of it.
//!
//! They know the ledger, and say nothing that is not so or may not stay so. A look is not one of the
//! calls at fault.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seiriken::RecordId;
use seiriken::record::transition::{DeleteOutcome, Resolution, ResolveOutcome};
use seiriken::record::{Record, RecordedResponse, State, Token};
use seiriken::store::{Operate, StoreError};
use tokio::time::{sleep, timeout};

use super::forgets::Forgets;
use super::front::Faulty;
use super::ledger::Ledger;
use super::timed::Timed;
use super::world::{LEASE, PATIENCE};

/// So often they say it in a row, if they hear nothing.
const SAID_AT_MOST: usize = 3;

/// So long they look for something to say: until nobody is left who may still do it.
const STAYS: Duration = LEASE.saturating_mul(3);

/// What somebody at the desk is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// To say what became of an outcome that nobody knows.
    Settles,
    /// To have the key forgotten.
    Forgets,
}

/// What they say of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Resolve(Resolution),
    Delete,
}

/// What they hear.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    /// It is as they said.
    Done,
    /// Nothing was changed, and this stands.
    Stands(Option<Record>),
}

/// What has become of their word so far.
#[derive(Debug, Clone)]
struct Said {
    token: Token,
    word: Word,
    /// Whether it may have been done without their having been told.
    in_doubt: bool,
    /// Whether they were told for certain what has become of it,
    heard: bool,
    /// and that it is as they said.
    done: bool,
}

/// Somebody at the desk.
#[derive(Debug)]
pub(super) struct Person {
    errand: Errand,
    said: Mutex<Option<Said>>,
}

/// The desk: where the store is asked, and what happened outside of it.
pub(super) struct Desk<'w, S> {
    pub(super) store: &'w Faulty<S>,
    pub(super) timed: &'w Timed<S>,
    pub(super) ledger: &'w Ledger,
    pub(super) id: RecordId,
}

impl Person {
    pub(super) fn new(errand: Errand) -> Self {
        Self { errand, said: Mutex::default() }
    }

    /// They look, until there is something to say or nothing to settle, and say it.
    pub(super) async fn comes<S: Forgets>(&self, desk: &Desk<'_, S>) {
        if let Some((token, word)) = self.looks(desk).await {
            let (in_doubt, heard, done) = (false, false, false);
            *self.said() = Some(Said { token, word, in_doubt, heard, done });
            self.insists(desk).await;
        }
    }

    /// They come again when nothing is at fault any more, unless they have heard what came of it: and look
    /// anew, unless it may have been done.
    pub(super) async fn comes_again<S: Forgets>(&self, desk: &Desk<'_, S>) {
        let said = self.said().as_ref().map(|said| (said.heard, said.in_doubt));
        match said {
            None | Some((false, false)) => self.comes(desk).await,
            Some((false, true)) => self.insists(desk).await,
            Some((true, _)) => {}
        }
    }

    /// They say the same once more, although they need not.
    pub(super) async fn repeats<S: Forgets>(&self, desk: &Desk<'_, S>) {
        let said = self.said().is_some();
        if said {
            self.says(desk).await;
        }
    }

    async fn insists<S: Forgets>(&self, desk: &Desk<'_, S>) {
        for _ in 0..SAID_AT_MOST {
            if self.says(desk).await {
                return;
            }
        }
    }

    async fn looks<S: Forgets>(&self, desk: &Desk<'_, S>) -> Option<(Token, Word)> {
        let looking = async {
            loop {
                let record = desk.timed.show(desk.id).await.expect("the store behind is sound")?;
                if matches!(record.state, State::Completed { .. }) {
                    let forgets = self.errand == Errand::Forgets;
                    return forgets.then_some((record.token, Word::Delete));
                }
                let runs = matches!(record.state,
                    State::InProgress { lease_until, .. } if desk.timed.now() < lease_until);
                let word = self.word(desk.ledger).filter(|_| !runs);
                if let Some(word) = word {
                    return Some((record.token, word));
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        timeout(STAYS, looking).await.unwrap_or_default()
    }

    /// What is so, of a key without an answer, and will be so when it arrives.
    fn word(&self, ledger: &Ledger) -> Option<Word> {
        let left = ledger.somebody_is_left();
        match (self.errand, ledger.history().effects.last()) {
            (Errand::Settles, Some(effect)) => {
                let answer = settlement(&effect.answer);
                let answer = RecordedResponse::new(201, &[], &[], answer.as_bytes());
                Some(Word::Resolve(Resolution::Done(answer.expect("a short answer"))))
            }
            _ if left => None,
            (Errand::Settles, None) => Some(Word::Resolve(Resolution::NotDone)),
            (Errand::Forgets, _) => Some(Word::Delete),
        }
    }

    /// They say it once. Whether they were told what came of it.
    async fn says<S: Forgets>(&self, desk: &Desk<'_, S>) -> bool {
        let Some(said) = self.said().clone() else { return true };
        if said.word == Word::Delete {
            desk.ledger.is_to_be_forgotten(said.token);
        }
        let asking = async {
            Ok::<_, StoreError>(match &said.word {
                Word::Resolve(resolution) => {
                    let told = desk.store.resolve(desk.id, said.token, resolution.clone()).await?;
                    match told {
                        ResolveOutcome::Resolved => Heard::Done,
                        ResolveOutcome::Stands(stands) => Heard::Stands(stands),
                    }
                }
                Word::Delete => match desk.store.delete(desk.id, said.token).await? {
                    DeleteOutcome::Deleted => Heard::Done,
                    DeleteOutcome::Stands(stands) => Heard::Stands(stands),
                },
            })
        };
        let heard = match timeout(PATIENCE, asking).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(StoreError::NotApplied { .. })) => return false,
            Ok(Err(_)) | Err(_) => {
                if let Some(said) = &mut *self.said() {
                    said.in_doubt = true;
                }
                return false;
            }
        };
        if let Some(breach) = breach(&said, &heard) {
            desk.ledger.misleads(format!("a person says {:?} and is told {breach}", said.word));
        }
        desk.ledger.person_heard(&came_to(&said, &heard));
        if let Some(said) = &mut *self.said() {
            said.heard = true;
            said.done |= heard == Heard::Done;
        }
        true
    }

    fn said(&self) -> MutexGuard<'_, Option<Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a person's word has come to, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CameTo {
    /// This is the answer.
    Answered(String),
    /// The key is free: nothing had been done under it.
    Freed,
    /// The key is forgotten, with all that was done under it.
    Forgotten,
    /// What they said before had been done already, or somebody else has settled it.
    Nothing,
}

fn came_to(said: &Said, heard: &Heard) -> CameTo {
    match (heard, &said.word) {
        (Heard::Done, Word::Resolve(Resolution::Done(response))) => {
            CameTo::Answered(String::from_utf8_lossy(&response.body()).into_owned())
        }
        (Heard::Done, Word::Resolve(Resolution::NotDone)) => CameTo::Freed,
        (Heard::Done, Word::Delete) => CameTo::Forgotten,
        // It was they themselves, and they had not been told.
        (Heard::Stands(_), Word::Delete) if said.in_doubt && !said.heard => CameTo::Forgotten,
        (Heard::Stands(_), _) => CameTo::Nothing,
    }
}

/// Why a person must not be told this, of an execution that nobody takes over.
fn breach(said: &Said, heard: &Heard) -> Option<&'static str> {
    let frees = !matches!(said.word, Word::Resolve(Resolution::Done(_)));
    match heard {
        Heard::Done => (frees && said.done).then_some("that what was freed was freed once more"),
        Heard::Stands(Some(record)) if record.token == said.token => match record.state {
            State::InProgress { .. } => Some("that it runs, though nobody is left"),
            State::Indeterminate { .. } => Some("that it stands, and nobody knows of it"),
            // An owner that was only late was faster.
            State::Completed { .. } if matches!(said.word, Word::Resolve(_)) && !said.done => None,
            State::Completed { .. } => Some("that another answer stands, after what was said"),
        },
        // It was there when they looked, and nobody else removes it.
        Heard::Stands(_) if !frees => Some("that it is gone, though its answer is to stand"),
        Heard::Stands(_) => (!said.in_doubt && !said.heard).then_some("that somebody was faster"),
    }
}

/// The answer of an execution, as a person gives it who has found it out.
pub(super) fn settlement(answer: &str) -> String {
    format!("{answer}, says a person")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(word: Word, done: bool, in_doubt: bool) -> Said {
        Said { token: Token::from_u128(1), word, in_doubt, heard: done, done }
    }

    #[test]
    fn who_was_told_nothing_may_find_it_gone_and_nobody_else() {
        let gone = Heard::Stands(None);
        for word in [Word::Delete, Word::Resolve(Resolution::NotDone)] {
            assert!(breach(&said(word.clone(), false, false), &gone).is_some(), "{word:?}");
            assert_eq!(breach(&said(word.clone(), false, true), &gone), None, "{word:?}");
            assert_eq!(breach(&said(word.clone(), true, false), &gone), None, "{word:?}");
            assert_eq!(breach(&said(word.clone(), false, false), &Heard::Done), None);
            assert!(breach(&said(word, true, false), &Heard::Done).is_some(), "freed twice");
        }
    }

    #[test]
    fn an_answer_that_a_person_gave_may_be_given_again_and_never_goes() {
        let word = || Word::Resolve(Resolution::Done(RecordedResponse::of_work(b"done")));
        assert_eq!(breach(&said(word(), true, false), &Heard::Done), None);
        for (done, in_doubt) in [(false, false), (false, true), (true, false)] {
            let gone = breach(&said(word(), done, in_doubt), &Heard::Stands(None));
            assert!(gone.is_some(), "{done} {in_doubt}");
        }
    }
}
