//! A person at the desk: looks at a key, looks at the world, says what became of it, or has the key
//! forgotten. What is said arrives later, perhaps twice, and whatever has happened in between.
//!
//! A *truthful* person says only what is so and will stay so:
//!
//! - "done" where the effect has happened;
//! - "not done" where it has not happened, and nobody is left who could still make it;
//! - has a key forgotten where nobody is left who could still make its effect. The next effect under
//!   it is then no second one: that is what was asked for.
//!
//! Nobody is left when no attempt that was granted the key is alive, also one that does not know of
//! it yet; an effect in the record's transaction cannot happen once the record has gone.

use seiriken::record::transition::{self, DeleteOutcome, Resolution, ResolveOutcome, Transition};

use super::checker::Checked;
use super::event::Event;
use super::invariant::Invariant;
use super::record::{Small, answer, token};
use super::setup::Person;
use super::shipped;
use super::step::Step;
use super::world::{Said, Saying, Worker, World};

/// The answer that a person gives. It is nobody's own.
pub(super) const BY_A_PERSON: u8 = 31;

/// What a person was told of what they have said.
#[derive(Debug)]
pub(super) enum Told {
    /// It was done: the outcome is settled, the key is forgotten.
    Done,
    /// Nothing was changed; this stands.
    Stands(Option<Small>),
}

impl Checked {
    pub(super) fn steps_of_a_person(world: &World, steps: &mut Vec<Step>) {
        if world.desk.is_some() {
            steps.push(Step::Say);
            steps.extend((world.left.losses > 0).then_some(Step::SayUnheard));
        } else if world.left.people > 0 {
            let keys = (0..world.keys.len()).filter(|key| world.keys[*key].record.is_some());
            let said = |key| Saying::ALL.map(|what| Step::Look(key, what));
            steps.extend(keys.flat_map(said));
        }
    }

    /// A look: at the record as the store shows it, and at the world. `None` where there is nothing
    /// to say.
    pub(super) fn looks(&self, before: &World, key: usize, what: Saying) -> Option<World> {
        let record = before.record(key);
        let shown = shipped::call(self.planted, || transition::show(record.as_ref(), before.now));
        let Some(Transition { outcome: shown, .. }) = shown else {
            return Some(before.broken(Invariant::Asserted));
        };
        let shown = shown.as_ref().map(Small::of);
        if shown != before.keys[key].shown(before.now) {
            return Some(before.broken(Invariant::Swept));
        }
        let shown = shown?;
        let may_say = shown.unresolved() || what == Saying::Forget;
        if !may_say || !self.would_say(before, key, what) {
            return None;
        }
        let mut after = *before;
        after.left.people -= 1;
        after.desk = Some(Said { key, token: shown.token, what });
        Some(after)
    }

    /// What a person of this kind says of the world as it is.
    fn would_say(&self, world: &World, key: usize, what: Saying) -> bool {
        let happened = world.keys[key].effects > 0;
        let left = self.somebody_is_left(world, key);
        match self.setup.person {
            Person::Truthful => match what {
                Saying::Done => happened,
                Saying::NotDone => !happened && !left,
                Saying::Forget => !left,
            },
            Person::Hasty => what == Saying::NotDone && !happened,
            Person::Denies => what == Saying::NotDone && happened,
            Person::Affirms => what == Saying::Done && !happened,
            Person::Careless => what == Saying::Forget,
        }
    }

    fn somebody_is_left(&self, world: &World, key: usize) -> bool {
        let mut attempts = self.setup.parts.iter().zip(&world.workers);
        attempts.any(|(part, worker)| {
            let may_act = matches!(worker, Worker::Unsure | Worker::Owns(_));
            part.key == key && may_act && !part.effect.commits_with_the_record()
        })
    }

    /// What was said arrives. Whoever has not heard of it says it again.
    pub(super) fn says(&self, before: &World, unheard: bool) -> Option<World> {
        let said = before.desk?;
        let Said { key, what, .. } = said;
        let record = before.record(key);
        let (owner, now) = (token(said.token), before.now);
        let step = shipped::call(self.planted, || {
            let resolve = |as_said| {
                let step = transition::resolve(record.as_ref(), owner, &as_said, now);
                (before.changed(key, &step.change), Told::of_resolution(&step.outcome))
            };
            match what {
                Saying::Done => resolve(Resolution::Done(answer(BY_A_PERSON))),
                Saying::NotDone => resolve(Resolution::NotDone),
                Saying::Forget => {
                    let step = transition::delete(record.as_ref(), owner, now);
                    (before.changed(key, &step.change), Told::of_deletion(&step.outcome))
                }
            }
        });
        let Some((mut after, told)) = step else { return Some(before.broken(Invariant::Asserted)) };
        let changed = after.keys[key].record != before.keys[key].record;
        if unheard && !changed {
            return None;
        }
        if unheard {
            after.left.losses -= 1;
            self.seen.note(Event::PersonUnheard);
        } else {
            after.desk = None;
        }
        let breach = Self::breach_of_a_person(before, said, &told, &after);
        if what == Saying::Forget && changed {
            after.keys[key].is_forgotten();
        }
        self.note_person(before, said, &told, changed);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }

    fn note_person(&self, before: &World, said: Said, told: &Told, changed: bool) {
        let record = before.keys[said.key].record;
        let running = record.is_some_and(|record| record.lease_until().is_some());
        self.seen.note(match (said.what, told) {
            (Saying::Done, Told::Done) if !changed => Event::SaidAgain,
            (Saying::Done | Saying::NotDone, Told::Done) if running => Event::ResolvedUnfound,
            (Saying::Done, Told::Done) => Event::ResolvedAsDone,
            (Saying::NotDone, Told::Done) => Event::ResolvedAsNotDone,
            (Saying::Forget, Told::Done) => Event::Deleted,
            (_, Told::Stands(None)) => Event::PersonTooLate,
            (_, Told::Stands(Some(shown))) if shown.token != said.token => Event::PersonOutdated,
            (Saying::Forget, Told::Stands(Some(_))) => Event::DeletionRefused,
            (_, Told::Stands(Some(_))) => Event::OwnerWasFirst,
        });
    }
}

impl Told {
    fn of_resolution(told: &ResolveOutcome) -> Self {
        match told {
            ResolveOutcome::Resolved => Self::Done,
            ResolveOutcome::Stands(record) => Self::Stands(record.as_ref().map(Small::of)),
        }
    }

    fn of_deletion(told: &DeleteOutcome) -> Self {
        match told {
            DeleteOutcome::Deleted => Self::Done,
            DeleteOutcome::Stands(record) => Self::Stands(record.as_ref().map(Small::of)),
        }
    }
}
