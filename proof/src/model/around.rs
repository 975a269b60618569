//! What happens around the attempts: time passes, leases end, processes die, the sweeper comes.

use std::time::Duration;

use seiriken::KeyDate;
use seiriken::clock::Timestamp;
use seiriken::record::EffectClass;
use seiriken::record::transition;

use super::checker::Checked;
use super::event::Event;
use super::invariant::Invariant;
use super::record::{RETENTION, Stage, retention};
use super::setup::{Amnesia, Part};
use super::shipped;
use super::step::Step;
use super::world::{Worker, World};

const MS: Duration = Duration::from_millis(1);

impl Checked {
    pub(super) fn steps_around(&self, world: &World, steps: &mut Vec<Step>) {
        for (key, state) in world.keys.iter().enumerate() {
            let Some(record) = state.record else { continue };
            steps.push(Step::Sweep(key));
            let running = record.lease_until().is_some_and(|until| until > world.now);
            steps.extend((running && world.left.ends > 0).then_some(Step::CutLease(key)));
        }
        if world.left.ticks > 0 {
            let mut moments = self.moments(world);
            moments.retain(|moment| *moment > world.now);
            moments.sort_unstable();
            moments.dedup();
            steps.extend(moments.into_iter().map(Step::Pass));
        }
        steps.extend((world.left.fills > 0).then_some(Step::Fill));
        let anything = world.keys.iter().any(|key| key.record.is_some());
        steps.extend((world.left.forgets > 0 && anything).then_some(Step::Forget));
    }

    /// The moments at which something turns, and 1 ms before and after each.
    fn moments(&self, world: &World) -> Vec<Timestamp> {
        let mut turns = Vec::new();
        for key in &world.keys {
            let Some(record) = key.record else { continue };
            match record.stage {
                Stage::InProgress { lease_until, .. } => {
                    turns.push(lease_until);
                    turns.extend((record.class == EffectClass::Keyed).then_some(key.kept_until));
                }
                Stage::Indeterminate { .. } | Stage::Completed { .. } => turns.push(key.kept_until),
            }
        }
        if let Some(date) = self.setup.date {
            turns.extend(self.setup.parts.iter().map(|part| usable_until(date, part)));
            let early = date.minted.as_millis().saturating_sub(skew());
            turns.push(Timestamp::from_millis(early));
        }
        let before = |turn: Timestamp| Timestamp::from_millis(turn.as_millis().saturating_sub(1));
        turns.iter().flat_map(|turn| [before(*turn), *turn, turn.after(MS)]).collect()
    }

    pub(super) fn around(&self, world: &World, step: Step) -> Option<World> {
        let mut after = *world;
        match step {
            Step::Crash(worker) => {
                after.left.crashes -= 1;
                after.workers[worker] = Worker::Dead;
                self.seen.note(Event::Crash);
            }
            Step::CutLease(key) => {
                after.left.ends -= 1;
                // No clock is trusted: it ends at any moment, whatever its owner did.
                if let Some(record) = &mut after.keys[key].record
                    && let Stage::InProgress { lease_until, .. } = &mut record.stage
                {
                    *lease_until = world.now;
                }
                self.seen.note(Event::LeaseCut);
            }
            Step::Pass(to) => {
                after.left.ticks -= 1;
                after.now = to;
            }
            Step::Fill => {
                after.left.fills -= 1;
                after.full = !world.full;
            }
            Step::Forget => self.forgets(&mut after),
            Step::Sweep(key) => return self.sweeps(world, key),
            _ => return None,
        }
        Some(after)
    }

    fn forgets(&self, world: &mut World) {
        self.seen.note(Event::Amnesia);
        world.left.forgets -= 1;
        for key in &mut world.keys {
            key.record = None;
            if self.setup.amnesia == Amnesia::Restart {
                key.heard = 0;
            }
        }
        if self.setup.amnesia == Amnesia::Restart {
            world.swept_through = world.swept_through.max(world.now);
            for worker in &mut world.workers {
                if worker.alive() {
                    *worker = Worker::Dead;
                }
            }
        }
    }

    fn sweeps(&self, before: &World, key: usize) -> Option<World> {
        let record = before.record(key)?;
        let step = shipped::call(self.planted, || {
            let step = transition::sweep(&record, before.now);
            (before.changed(key, &step.change), step.outcome)
        });
        let Some((mut after, forgotten)) = step else {
            return Some(before.broken(Invariant::Asserted));
        };
        if let Some(through) = forgotten {
            after.swept_through = after.swept_through.max(through);
        }
        self.note_sweep(before, key, &after);
        let breach = Self::breach_of_sweep(before, key, forgotten, &after);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }
}

/// Until when a key with this date can be used for the first time, as the promise says.
pub(super) fn usable_until(date: KeyDate, part: &Part) -> Timestamp {
    let by_age = date.minted.after(retention(part.longer).answers);
    date.expires_at.map_or(by_age, |end| end.min(by_age))
}

fn skew() -> u64 {
    u64::try_from(RETENTION.skew.as_millis()).unwrap_or(u64::MAX)
}
