//! Every COMMIT of SQLite at fault, where effect, key and answer are one transaction.
//!
//! A COMMIT that nobody knows the result of halts the store, and its process ends; the next one
//! opens what is on the disk. Here that is a copy of the file and its log, made after the halt.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::poll;
use seiriken::record::EffectClass;
use seiriken::store::sqlite::CommitFault;

use super::checker;
use super::dropped::after_polls;
use super::front::FrontKind;
use super::held::Held;
use super::ledger::{Ledger, Told};
use super::shop::{Placing, Shop};
use super::tally::Tally;
use super::world::LEASE;

/// How a COMMIT goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fails(CommitFault),
    /// It comes about after the lease has passed and a retry has asked.
    Delayed,
    /// It comes about after its client has gone.
    Hung,
}

const KINDS: [Kind; 5] = [
    Kind::Fails(CommitFault::Refused),
    Kind::Fails(CommitFault::Unwritten),
    Kind::Fails(CommitFault::Written),
    Kind::Delayed,
    Kind::Hung,
];

/// What is ordered, one after the other, under one key.
const SCRIPTS: [&[Placing]; 4] = [
    &[Placing::Commits, Placing::Commits],
    &[Placing::RollsBack, Placing::Commits, Placing::Commits],
    &[Placing::PanicsInside, Placing::Commits],
    &[Placing::PanicsAfterwards, Placing::Commits],
];

/// One COMMIT at fault, or that one and every later one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) commit: u64,
    pub(super) kind: Kind,
    pub(super) for_ever: bool,
}

/// Each COMMIT of each script, in every way.
pub(super) fn every_point(tally: &mut Tally) {
    // In real time: no lease passes here but by the store's own clock, which is moved by hand.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            for script in SCRIPTS {
                let commits = Play { front, script, point: None }.play(tally).await;
                for commit in 1..=commits {
                    for (kind, for_ever) in KINDS.into_iter().flat_map(|k| [(k, false), (k, true)])
                    {
                        let point = Point { commit, kind, for_ever };
                        let play = Play { front, script, point: Some(point) };
                        if play.play(tally).await < commit {
                            tally.find(format!("{play:?}: it was not reached"));
                        }
                        tally.commits += 1;
                        tally.lost += u64::from(kind == Kind::Fails(CommitFault::Written));
                    }
                }
            }
        }
    });
}

/// Drops the request after no poll, one, two, and so on, until it ends by itself.
pub(super) fn dropped_at_every_poll(tally: &mut Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let mut polls = 0;
            while !dropped_after(polls, front, tally).await {
                polls += 1;
            }
            if polls < 2 {
                tally.find(format!("SQLite {front:?}: a commit ended in {polls} polls"));
            }
        }
    });
}

/// Whether it had come to its end by then.
async fn dropped_after(polls: u64, front: FrontKind, tally: &mut Tally) -> bool {
    let ledger = Arc::new(Ledger::default());
    let shop = Shop::open(front, Arc::clone(&ledger)).await;
    let (request, asking) = shop.order(Placing::Commits);
    let told = after_polls(polls, asking).await;
    ledger.tell(request, told.as_ref().unwrap_or(&Told::GaveUp));
    let drained = shop.engine.drain(Duration::from_mins(1)).await;
    let (retry, retrying) = shop.order(Placing::Commits);
    let last = retrying.await;
    ledger.tell(retry, &last);
    let mut history = ledger.history();
    history.effects = shop.effects().await;
    let mut breaches = checker::breaches(&history, EffectClass::Transactional);
    if !drained || history.effects.len() != 1 || !matches!(last, Told::Answer { .. }) {
        breaches.push(format!("{} effects, then {last:?}", history.effects.len()));
    }
    for breach in breaches {
        tally.find(format!("SQLite {front:?}: a commit dropped after {polls} polls: {breach}"));
    }
    tally.polls += 1;
    tally.saw(&history);
    told.is_some()
}

#[derive(Debug, Clone, Copy)]
struct Play {
    front: FrontKind,
    script: &'static [Placing],
    point: Option<Point>,
}

impl Play {
    /// Plays the script, settles the key, and answers how many COMMITs there were before that.
    async fn play(self, tally: &mut Tally) -> u64 {
        let ledger = Arc::new(Ledger::default());
        let mut shop = Shop::open(self.front, Arc::clone(&ledger)).await;
        let held = Held::new(self.point);
        held.at_commits_of(&shop.store);
        for placing in self.script {
            self.order(&shop, *placing, &held, &ledger).await;
            shop = restarted_where_halted(shop, &held).await;
        }
        let commits = held.commits();
        held.heal();
        let mut last = Told::GaveUp;
        for _ in 0..3 {
            let (request, asking) = shop.order(Placing::Commits);
            last = asking.await;
            ledger.tell(request, &last);
        }
        let mut history = ledger.history();
        history.effects = shop.effects().await;
        let mut breaches = checker::breaches(&history, EffectClass::Transactional);
        if history.effects.len() != 1 || !matches!(last, Told::Answer { replayed: true, .. }) {
            let effects = history.effects.len();
            breaches.push(format!("{effects} effects, and in the end it is told {last:?}"));
        }
        for breach in breaches {
            tally.find(format!("SQLite {self:?}: {breach}"));
        }
        tally.saw(&history);
        commits
    }

    /// One order. Where its COMMIT is kept waiting, a retry comes meanwhile.
    async fn order(self, shop: &Shop, placing: Placing, held: &Arc<Held>, ledger: &Ledger) {
        let (request, asking) = shop.order(placing);
        let asking = match select(asking, pin!(held.reached())).await {
            Either::Left((told, _)) => return ledger.tell(request, &told),
            Either::Right(((), asking)) => asking,
        };
        let (retry, mut retrying) = shop.order(Placing::Commits);
        let hung = self.point.is_some_and(|point| point.kind == Kind::Hung);
        if hung {
            drop(asking);
            ledger.tell(request, &Told::GaveUp);
            let told = match poll!(&mut retrying) {
                std::task::Poll::Ready(told) => told,
                std::task::Poll::Pending => Told::GaveUp,
            };
            drop(retrying);
            ledger.tell(retry, &told);
            held.go_on();
        } else {
            shop.clock.advance(LEASE + Duration::from_secs(5));
            let early = poll!(&mut retrying);
            held.go_on();
            let told = held.let_through(asking).await;
            ledger.tell(request, &told);
            let told = match early {
                std::task::Poll::Ready(told) => told,
                std::task::Poll::Pending => held.let_through(retrying).await,
            };
            ledger.tell(retry, &told);
        }
        // What was left behind comes to its end.
        let drained = held.let_through(Box::pin(shop.engine.drain(Duration::from_mins(1)))).await;
        assert!(drained, "whatever the store has answered is recorded or freed at once");
    }
}

async fn restarted_where_halted(shop: Shop, held: &Arc<Held>) -> Shop {
    if !held.has_halted() {
        return shop;
    }
    shop.store.halted().await;
    let shop = shop.started_again().await;
    held.at_commits_of(&shop.store);
    shop
}
