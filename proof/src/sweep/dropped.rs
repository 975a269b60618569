//! The request's future dropped at every poll: a server does so when its client goes away.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use seiriken::OnConcurrent;
use seiriken::record::EffectClass::{self, Keyed, Opaque};
use tokio::time::sleep;

use super::bench::{Bench, in_paused_time};
use super::checker;
use super::forgets::Forgets;
use super::front::FrontKind;
use super::ledger::{Told, Who};
use super::tally::Tally;
use super::work::Does;
use super::world::{LEASE, PATIENCE, Setting, World};

/// What the request finds, and how its work goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finds {
    /// A free key, and work that answers.
    Nothing,
    /// A free key, and work that has nothing to do.
    NothingToDo,
    /// A free key, and work that cannot say what it did.
    Doubt,
    /// A free key, and work that panics.
    Panic,
    /// The answer.
    Answer,
    /// The first request at work in another process: it waits for it.
    Running,
    /// The first request at work in this process, which then has nothing to do: it waits, and does it.
    InVain,
    /// What an owner left that is gone.
    Vanished,
    /// The answer to another request than its own.
    OtherRequest,
}

const ALL: [Finds; 9] = [
    Finds::Nothing,
    Finds::NothingToDo,
    Finds::Doubt,
    Finds::Panic,
    Finds::Answer,
    Finds::Running,
    Finds::InVain,
    Finds::Vanished,
    Finds::OtherRequest,
];

/// Drops each request after no poll, one, two, and so on, until it ends by itself.
pub(super) fn at_every_poll<S: Forgets>(bench: &Bench<S>, tally: &mut Tally) {
    for front in [FrontKind::Engine, FrontKind::Layer] {
        for class in [Opaque, Keyed] {
            for finds in ALL {
                let mut polls = 0;
                while !dropped_after(polls, bench, (front, class, finds), tally) {
                    polls += 1;
                }
                if polls < 3 {
                    let name = bench.on.name();
                    tally.find(format!("{name} {front:?} {finds:?}: it ended in {polls} polls"));
                }
            }
        }
    }
}

/// Whether it had come to its end by then.
fn dropped_after<S: Forgets>(
    polls: u64,
    bench: &Bench<S>,
    (front, class, finds): (FrontKind, EffectClass, Finds),
    tally: &mut Tally,
) -> bool {
    let on_concurrent = match finds {
        Finds::Running | Finds::InVain => OnConcurrent::Wait(PATIENCE),
        _ => OnConcurrent::Reject,
    };
    let setting = Setting { front, class, on_concurrent, dated: false, errand: None };
    in_paused_time(async {
        let world = World::new(&bench.store, setting, &[], Vec::new());
        let (request, ended) = finds.play(&world, polls).await;
        let settled = world.settle().await;
        let history = world.history();
        let mut breaches = checker::breaches(&history, class);
        let ran = history.effects.iter().any(|effect| effect.request == request);
        match &settled {
            Err(stuck) => breaches.push(stuck.clone()),
            Ok(told) if !finds.ends_as_it_should(class, told, ran) => {
                breaches.push(format!("it ends as {told:?}"));
            }
            Ok(_) => {}
        }
        if finds == Finds::Nothing && (history.effects.len(), history.recognised) != (1, 0) {
            breaches.push(format!("the work ran {} times", 1 + history.recognised));
        }
        for breach in breaches {
            let name = bench.on.name();
            tally.find(format!(
                "{name} {front:?} {class:?} {finds:?}, dropped after {polls} polls: {breach}"
            ));
        }
        tally.on(bench.on).polls += 1;
        tally.saw(&history);
        ended
    })
}

impl Finds {
    async fn play<S: Forgets>(self, world: &World<S>, polls: u64) -> (usize, bool) {
        let client = Who::Client;
        match self {
            Self::Nothing => polled(world, client, Does::Answers, polls).await,
            Self::NothingToDo => polled(world, client, Does::NothingDone, polls).await,
            Self::Doubt => polled(world, client, Does::CannotSay, polls).await,
            Self::Panic => polled(world, client, Does::Panics, polls).await,
            Self::Answer => {
                world.ask(client, Does::Answers).await;
                polled(world, client, Does::Answers, polls).await
            }
            Self::Running => {
                let work = Does::AnswersAfter(Duration::from_secs(3));
                let first = tokio::spawn(world.begin_elsewhere(client, work, PATIENCE));
                sleep(Duration::from_secs(1)).await;
                let ended = polled(world, client, Does::Answers, polls).await;
                let _ = first.await;
                ended
            }
            Self::InVain => {
                let work = Does::NothingDoneAfter(Duration::from_secs(3));
                let first = tokio::spawn(world.begin(client, work, PATIENCE));
                sleep(Duration::from_secs(1)).await;
                let ended = polled(world, client, Does::Answers, polls).await;
                let _ = first.await;
                ended
            }
            Self::Vanished => {
                let gone = world.stopped_owner(Does::Waits).await;
                sleep(LEASE).await;
                let ended = polled(world, client, Does::Answers, polls).await;
                drop(gone);
                ended
            }
            Self::OtherRequest => {
                world.ask(Who::OtherRequest, Does::Answers).await;
                polled(world, client, Does::Answers, polls).await
            }
        }
    }

    /// Where the request that was dropped had its effect, what it left must be told.
    fn ends_as_it_should(self, class: EffectClass, told: &Told, ran: bool) -> bool {
        let unknown = match self {
            Self::Doubt | Self::Panic => ran,
            Self::Vanished => true,
            _ => false,
        };
        match told {
            Told::Unknown => class == Opaque && unknown,
            Told::KeyReused => self == Self::OtherRequest,
            Told::Answer { replayed: true, .. } => {
                self != Self::OtherRequest && !(class == Opaque && unknown)
            }
            _ => false,
        }
    }
}

/// Sends a request, and drops it after so many polls.
async fn polled<S: Forgets>(world: &World<S>, who: Who, does: Does, polls: u64) -> (usize, bool) {
    let (request, asking) = world.send(who, does);
    let told = after_polls(polls, asking).await;
    world.tell(request, told.as_ref().unwrap_or(&Told::GaveUp));
    // What it left behind has time to end before the next request comes.
    sleep(PATIENCE).await;
    (request, told.is_some())
}

/// Polls a request so often, each time when it asks to be polled, and drops it. What it has been
/// told by then.
pub(super) async fn after_polls(polls: u64, mut asking: BoxFuture<'static, Told>) -> Option<Told> {
    let mut left = polls;
    let polling = poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match asking.as_mut().poll(cx) {
            Poll::Ready(told) => Poll::Ready(Some(told)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    polling.await
}
