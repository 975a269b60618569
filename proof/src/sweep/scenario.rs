//! The scripted scenarios: what clients, owners, time and the sweeper do under one key.

use std::time::Duration;

use seiriken::OnConcurrent;
use seiriken::record::EffectClass::{self, Keyed, Opaque};
use tokio::time::sleep;

use super::forgets::Forgets;
use super::front::FrontKind;
use super::ledger::{Told, Who};
use super::person::Errand;
use super::visited;
use super::work::Does;
use super::world::{LEASE, PATIENCE, Setting, World};

/// A script and what it is played with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) script: Script,
    pub(super) class: EffectClass,
}

/// What happens, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// A request and its retry.
    Retry,
    /// Two at once; the second one is told so.
    TwoAtOnce,
    /// A second one while the first is at work, which waits for the answer.
    SecondWaits,
    /// Two more while the first is at work in vain: one of them does it, the other one waits on.
    TwoWaitOn,
    /// A second one while the first is at work in another process: it waits for that.
    WaitsForElsewhere,
    /// Work that takes more than two leases, and retries while it runs.
    Slow,
    /// The work finds that there is nothing to do. The retry does it.
    NothingDone,
    /// The work cannot say whether it had its effect.
    CannotSay,
    /// The work panics.
    Panics,
    /// Another request under the same key, while the first one runs and after it.
    OtherRequest,
    /// Somebody else with the same key, while the first request runs and after it.
    OtherCaller,
    /// The owner's process is gone after the effect.
    Vanished,
    /// The same, and its successor finds that there is nothing to do: that frees nothing.
    VanishedInVain,
    /// The owner's process is stopped after the effect, past its lease, and goes on.
    Late,
    /// The owner's process is stopped before any effect, past its lease, and goes on while its
    /// successor is at work: it has nothing to say any more.
    LateInVain,
    /// The client goes away in the middle of the work, and comes again.
    ClientGone,
    /// A key with a date, until its retention is over.
    Dated,
    /// The owner is gone, and the sweeper comes between the retries.
    Swept,
    /// The owner is gone after the effect, and a person says what it answered.
    SettledAsDone,
    /// The owner is gone before any effect, and a person says so. The retry does it.
    SettledAsNotDone,
    /// The owner is stopped after the effect, and goes on while a person says what it answered.
    SettledBesideLate,
    /// A person has an answer forgotten. The retry does it once more.
    Forgotten,
    /// A person has a key forgotten that its owner left before any effect. The retry does it.
    ForgottenAbandoned,
}

impl Scenario {
    /// All of them: every script under every class of effect that any store carries in it, and that
    /// can come to what it is about.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        use Script::{
            CannotSay, ClientGone, Dated, Forgotten, ForgottenAbandoned, Late, LateInVain,
            NothingDone, OtherCaller, OtherRequest, Panics, Retry, SecondWaits, SettledAsDone,
            SettledAsNotDone, SettledBesideLate, Slow, Swept, TwoAtOnce, TwoWaitOn, Vanished,
            VanishedInVain, WaitsForElsewhere,
        };
        let scripts = [
            Retry,
            TwoAtOnce,
            SecondWaits,
            TwoWaitOn,
            WaitsForElsewhere,
            Slow,
            NothingDone,
            CannotSay,
            Panics,
            OtherRequest,
            OtherCaller,
            Vanished,
            VanishedInVain,
            Late,
            LateInVain,
            ClientGone,
            Dated,
            Swept,
            SettledAsDone,
            SettledAsNotDone,
            SettledBesideLate,
            Forgotten,
            ForgottenAbandoned,
        ];
        let of = |script: Script| [Opaque, Keyed].map(|class| Self { script, class });
        // What is keyed is never unknown.
        let can_be = |scenario: &Self| {
            scenario.class == Opaque || scenario.errand() != Some(Errand::Settles)
        };
        scripts.into_iter().flat_map(of).filter(can_be)
    }

    /// What the person comes for in whose script there is one.
    fn errand(self) -> Option<Errand> {
        match self.script {
            Script::SettledAsDone | Script::SettledAsNotDone | Script::SettledBesideLate => {
                Some(Errand::Settles)
            }
            Script::Forgotten | Script::ForgottenAbandoned => Some(Errand::Forgets),
            _ => None,
        }
    }

    pub(super) fn setting(self, front: FrontKind) -> Setting {
        let on_concurrent = match self.script {
            Script::SecondWaits | Script::TwoWaitOn | Script::WaitsForElsewhere => {
                OnConcurrent::Wait(2 * PATIENCE)
            }
            _ => OnConcurrent::Reject,
        };
        let dated = self.script == Script::Dated;
        Setting { front, class: self.class, on_concurrent, dated, errand: self.errand() }
    }

    /// Whether this is what it must come to where nothing is at fault.
    pub(super) fn ends_as_it_should(self, told: &Told) -> bool {
        match (self.script, self.class) {
            (Script::Dated, _) => *told == Told::KeyExpired,
            (
                Script::CannotSay
                | Script::Panics
                | Script::Vanished
                | Script::VanishedInVain
                | Script::LateInVain
                | Script::Swept,
                Opaque,
            ) => *told == Told::Unknown,
            _ => matches!(told, Told::Answer { replayed: true, .. }),
        }
    }

    /// How often its work is run again, at most, where every owner that lives can say so.
    pub(super) fn takeovers_at_most(self) -> u64 {
        match self.script {
            _ if self.class != Keyed || self.every_owner_is_heard_of() => 0,
            Script::VanishedInVain => 2,
            _ => 1,
        }
    }

    /// Whether nobody's work ends without an answer, and nobody's process does.
    pub(super) fn every_owner_is_heard_of(self) -> bool {
        use Script::{CannotSay, Late, LateInVain, Panics, Swept, Vanished, VanishedInVain};
        let given_up = matches!(self.script, CannotSay | Panics | Vanished | VanishedInVain);
        let settled = self.errand() == Some(Errand::Settles);
        let abandoned = settled || self.script == Script::ForgottenAbandoned;
        !given_up && !abandoned && !matches!(self.script, Late | LateInVain | Swept)
    }

    pub(super) async fn play<S: Forgets>(self, world: &World<S>) {
        let client = |does| world.ask(Who::Client, does);
        let seconds = Duration::from_secs;
        match self.script {
            Script::Retry => retried(world, Does::Answers).await,
            Script::TwoAtOnce => {
                let at_once = || client(Does::AnswersAfter(seconds(2)));
                tokio::join!(at_once(), at_once());
                client(Does::Answers).await;
            }
            Script::SecondWaits => {
                let work = Does::AnswersAfter(seconds(5));
                let first = tokio::spawn(world.begin(Who::Client, work, PATIENCE));
                sleep(seconds(1)).await;
                client(Does::Answers).await;
                let _ = first.await;
                client(Does::Answers).await;
            }
            Script::TwoWaitOn => two_wait_on(world).await,
            Script::WaitsForElsewhere => waits_for_elsewhere(world).await,
            Script::Slow => {
                let work = Does::AnswersAfter(2 * LEASE + seconds(10));
                let first = tokio::spawn(world.begin(Who::Client, work, 4 * LEASE));
                sleep(seconds(20)).await;
                client(Does::Answers).await;
                sleep(seconds(35)).await;
                client(Does::Answers).await;
                let _ = first.await;
            }
            Script::NothingDone => retried(world, Does::NothingDone).await,
            Script::CannotSay => retried(world, Does::CannotSay).await,
            Script::Panics => retried(world, Does::Panics).await,
            Script::OtherRequest => self.intruded(world, Who::OtherRequest).await,
            Script::OtherCaller => self.intruded(world, Who::OtherCaller).await,
            Script::Vanished => {
                let gone = world.stopped_owner(Does::Waits).await;
                client(Does::Answers).await;
                sleep(LEASE).await;
                client(Does::Answers).await;
                drop(gone);
            }
            Script::VanishedInVain => {
                let gone = world.stopped_owner(Does::Waits).await;
                sleep(LEASE).await;
                client(Does::NothingDone).await;
                client(Does::Answers).await;
                drop(gone);
            }
            Script::Late => {
                let owner = world.stopped_owner(Does::Waits).await;
                sleep(LEASE).await;
                client(Does::Answers).await;
                world.continued(owner).await;
                client(Does::Answers).await;
            }
            Script::LateInVain => {
                let owner = world.stopped_owner(Does::WaitsInVain).await;
                sleep(LEASE).await;
                let work = Does::AnswersAfter(seconds(5));
                let second = tokio::spawn(world.begin(Who::Client, work, PATIENCE));
                sleep(seconds(1)).await;
                world.continued(owner).await;
                client(Does::Answers).await;
                let _ = second.await;
                client(Does::Answers).await;
            }
            Script::ClientGone => {
                let work = Does::AnswersAfter(seconds(5));
                world.begin(Who::Client, work, seconds(1)).await;
                client(Does::Answers).await;
                sleep(seconds(10)).await;
                client(Does::Answers).await;
            }
            Script::Dated => {
                client(Does::Answers).await;
                client(Does::Answers).await;
                world.expire().await;
                client(Does::Answers).await;
                world.sweep().await;
                client(Does::Answers).await;
            }
            Script::Swept => {
                world.sweep().await;
                let gone = world.stopped_owner(Does::Waits).await;
                world.sweep().await;
                sleep(LEASE).await;
                world.sweep().await;
                client(Does::Answers).await;
                world.sweep().await;
                client(Does::Answers).await;
                drop(gone);
            }
            Script::SettledAsDone => visited::after_it_vanished(world, Does::Waits).await,
            Script::SettledAsNotDone => visited::after_it_vanished(world, Does::WaitsInVain).await,
            Script::SettledBesideLate => visited::beside_its_late_owner(world).await,
            Script::Forgotten => visited::after_its_answer(world).await,
            Script::ForgottenAbandoned => visited::before_its_retry(world).await,
        }
    }

    async fn intruded<S: Forgets>(self, world: &World<S>, intruder: Who) {
        let work = Does::AnswersAfter(Duration::from_secs(5));
        let first = tokio::spawn(world.begin(Who::Client, work, PATIENCE));
        sleep(Duration::from_secs(1)).await;
        world.ask(intruder, Does::Answers).await;
        let _ = first.await;
        world.ask(intruder, Does::Answers).await;
        world.ask(Who::Client, Does::Answers).await;
    }
}

async fn retried<S: Forgets>(world: &World<S>, first: Does) {
    world.ask(Who::Client, first).await;
    world.ask(Who::Client, Does::Answers).await;
}

async fn two_wait_on<S: Forgets>(world: &World<S>) {
    let client = |does| world.ask(Who::Client, does);
    let seconds = Duration::from_secs;
    let work = Does::NothingDoneAfter(seconds(3));
    let first = tokio::spawn(world.begin(Who::Client, work, PATIENCE));
    sleep(seconds(1)).await;
    let waits = || client(Does::AnswersAfter(seconds(2)));
    tokio::join!(waits(), waits());
    let _ = first.await;
    client(Does::Answers).await;
}

async fn waits_for_elsewhere<S: Forgets>(world: &World<S>) {
    let seconds = Duration::from_secs;
    let work = Does::AnswersAfter(seconds(2));
    let first = tokio::spawn(world.begin_elsewhere(Who::Client, work, PATIENCE));
    sleep(seconds(1)).await;
    world.ask(Who::Client, Does::Answers).await;
    let _ = first.await;
    world.ask(Who::Client, Does::Answers).await;
}
