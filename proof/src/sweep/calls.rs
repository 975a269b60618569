//! Every store call of every scenario, at fault in every way.

use seiriken::record::EffectClass;
use seiriken::store::{Fault, FaultKind, Verb};

use super::bench::{Bench, in_paused_time};
use super::checker;
use super::forgets::Forgets;
use super::front::FrontKind;
use super::late::LateCalls;
use super::ledger::{History, Told, Who};
use super::scenario::Scenario;
use super::share::Share;
use super::tally::Tally;
use super::world::World;

const VERBS: [Verb; 6] =
    [Verb::Claim, Verb::Renew, Verb::Complete, Verb::Release, Verb::Resolve, Verb::Delete];

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotApplied,
    AcknowledgementLost,
    /// It is applied past the lease, when its caller has given it up.
    Late,
    Hung,
}

const KINDS: [Kind; 4] = [Kind::NotApplied, Kind::AcknowledgementLost, Kind::Late, Kind::Hung];

/// One call at fault, or that call and every later one of its verb.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    verb: Verb,
    call: u64,
    kind: Kind,
    for_ever: bool,
}

impl Point {
    fn fault(self) -> Option<Fault> {
        let kind = match self.kind {
            Kind::NotApplied => FaultKind::NotApplied,
            Kind::AcknowledgementLost => FaultKind::AcknowledgementLost,
            Kind::Hung => FaultKind::Hung,
            Kind::Late => return None,
        };
        let make = if self.for_ever { Fault::from } else { Fault::once };
        Some(make(self.verb, self.call, kind))
    }

    fn late(self) -> Option<LateCalls> {
        let Self { verb, call: first, kind, for_ever } = self;
        let last = if for_ever { u64::MAX } else { first };
        (kind == Kind::Late).then_some(LateCalls { verb, first, last })
    }

    /// Whether it must come to what it comes to without a fault, or to an answer. A key that could
    /// not be freed is not known to be free; nor is one that was claimed by nobody knows whom.
    fn heals(self, class: EffectClass) -> bool {
        match (self.verb, self.kind) {
            (Verb::Release, _) => class != EffectClass::Opaque,
            (Verb::Claim, Kind::AcknowledgementLost | Kind::Late) => !self.for_ever,
            _ => true,
        }
    }

    /// Whether an owner that lives can say so all the same.
    fn leaves_signs_of_life(self) -> bool {
        match self.verb {
            Verb::Complete | Verb::Resolve | Verb::Delete => true,
            Verb::Renew => !self.for_ever,
            Verb::Claim | Verb::Release => false,
        }
    }
}

/// A scenario on a store, as often as it is to be played.
pub(super) struct Stage<'b, S> {
    pub(super) bench: &'b Bench<S>,
    pub(super) front: FrontKind,
    pub(super) scenario: Scenario,
}

/// How often each verb was called while the scenario was played.
type Calls = [u64; 6];

impl<S: Forgets> Stage<'_, S> {
    /// Plays it without a fault, counts its calls, and plays it once for each point that is in the
    /// share. Answers all points.
    pub(super) fn every_point(&self, share: &mut Share, tally: &mut Tally) -> Vec<Point> {
        let (calls, told) = self.play(&[], tally);
        if !told.is_some_and(|told| self.scenario.ends_as_it_should(&told)) {
            tally.find(format!("{}: without a fault it ends otherwise", self.name()));
        }
        let mut points = Vec::new();
        for (verb, count) in VERBS.into_iter().zip(calls) {
            for (call, kind) in (1..=count).flat_map(|call| KINDS.map(|kind| (call, kind))) {
                points.extend([false, true].map(|for_ever| Point { verb, call, kind, for_ever }));
            }
        }
        for point in points.iter().filter(|_| share.takes_the_next()) {
            let (reached, _) = self.play(std::slice::from_ref(point), tally);
            if reached[point.verb as usize] < point.call {
                tally.find(format!("{}: {point:?} was not reached", self.name()));
            }
            tally.on(self.bench.on).calls += 1;
            tally.lost += u64::from(point.kind == Kind::AcknowledgementLost);
            tally.desk += u64::from(matches!(point.verb, Verb::Resolve | Verb::Delete));
        }
        points
    }

    /// Two faults at once.
    pub(super) fn pair(&self, points: [Point; 2], tally: &mut Tally) {
        self.play(&points, tally);
        tally.on(self.bench.on).pairs += 1;
    }

    /// Plays it with these faults, settles the key and checks what happened.
    fn play(&self, points: &[Point], tally: &mut Tally) -> (Calls, Option<Told>) {
        let faults: Vec<Fault> = points.iter().filter_map(|point| point.fault()).collect();
        let late = points.iter().filter_map(|point| point.late()).collect();
        in_paused_time(async {
            let setting = self.scenario.setting(self.front);
            let world = World::new(&self.bench.store, setting, &faults, late);
            self.scenario.play(&world).await;
            let calls = VERBS.map(|verb| world.store.calls(verb));
            let settled = world.settle().await;
            let history = world.history();
            let mut breaches = checker::breaches(&history, world.class());
            breaches.extend(settled.as_ref().err().cloned());
            breaches.extend(self.avoidable(points, &history, settled.as_ref().ok()));
            for breach in breaches {
                tally.find(format!("{}, {points:?}: {breach}", self.name()));
            }
            tally.saw(&history);
            (calls, settled.ok())
        })
    }

    /// What no promise forbids, and yet must not come of a single fault.
    fn avoidable(
        &self,
        points: &[Point],
        history: &History,
        settled: Option<&Told>,
    ) -> Option<String> {
        let ([] | [_]) = points else { return None };
        let answered = |told: &Told| matches!(told, Told::Answer { .. });
        // Or another one found it free, has used it, and was answered.
        let others = history.effects.iter().any(|effect| effect.who != Who::Client);
        let good = |told: &Told| others || self.scenario.ends_as_it_should(told) || answered(told);
        if points.iter().all(|point| point.heals(self.scenario.class)) && !settled.is_some_and(good)
        {
            return Some(format!("it does not heal, and ends as {settled:?}"));
        }
        if !points.iter().all(|point| point.leaves_signs_of_life()) {
            return None;
        }
        if history.takeovers > self.scenario.takeovers_at_most() {
            return Some(format!("{} takeovers, also from owners that live", history.takeovers));
        }
        let told = history.requests.iter().filter_map(|request| request.told.as_ref());
        let unknown = told.filter(|outcome| outcome.told == Told::Unknown).count();
        (unknown > 0 && self.scenario.every_owner_is_heard_of())
            .then(|| "an owner that lives is taken for gone".to_owned())
    }

    fn name(&self) -> String {
        format!("{} {:?} {:?}", self.bench.on.name(), self.front, self.scenario)
    }
}
