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

use tokio::time::timeout;

use super::checker;
use super::dropped::after_polls;
use super::front::FrontKind;
use super::held::Held;
use super::ledger::{Ledger, Told};
use super::shop::{Placing, Shop};
use super::tally::{On, Tally};
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

const FRONTS: [FrontKind; 2] = [FrontKind::Engine, FrontKind::Layer];

/// A script does not come to its end.
struct Hung(String);

/// So long a script may take, in real time, before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is ordered, one after the other, under one key.
const SCRIPTS: [&[Placing]; 5] = [
    &[Placing::Commits, Placing::Commits],
    &[Placing::RollsBack, Placing::Commits, Placing::Commits],
    &[Placing::PanicsInside, Placing::Commits],
    &[Placing::PanicsAfterwards, Placing::Commits],
    &[Placing::CommitsLate, Placing::Commits],
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
    if let Err(Hung(play)) = runtime.expect("a runtime").block_on(all(tally)) {
        tally.find(play);
    }
}

async fn all(tally: &mut Tally) -> Result<(), Hung> {
    for (front, script) in FRONTS.into_iter().flat_map(|front| SCRIPTS.map(|it| (front, it))) {
        let commits = Play { front, script, point: None }.play(tally).await?;
        for commit in 1..=commits {
            for (kind, for_ever) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)])
            {
                let point = Point { commit, kind, for_ever };
                let play = Play { front, script, point: Some(point) };
                if play.play(tally).await? < commit {
                    tally.find(format!("{play:?}: it was not reached"));
                }
                tally.commits += 1;
                tally.lost += u64::from(kind == Kind::Fails(CommitFault::Written));
            }
        }
    }
    Ok(())
}

/// Drops the request after no poll, one, two, and so on, until it ends by itself.
pub(super) fn dropped_at_every_poll(tally: &mut Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        for front in FRONTS {
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
    tally.on(On::Sqlite).polls += 1;
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
    async fn play(self, tally: &mut Tally) -> Result<u64, Hung> {
        let playing = timeout(PATIENCE, self.to_its_end(tally)).await;
        playing.map_err(|_| Hung(format!("SQLite {self:?}: everybody waits for somebody")))
    }

    async fn to_its_end(self, tally: &mut Tally) -> u64 {
        let ledger = Arc::new(Ledger::default());
        let mut shop = Shop::open(self.front, Arc::clone(&ledger)).await;
        let held = Held::new(self.point);
        held.at_commits_of(&shop.store);
        for placing in self.script {
            if *placing == Placing::CommitsLate {
                self.overtaken(&shop, &held, &ledger).await;
            } else {
                self.order(&shop, *placing, &held, &ledger).await;
            }
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

    /// One order whose lease ends before it commits: its successor is first, and it comes too late.
    async fn overtaken(self, shop: &Shop, held: &Arc<Held>, ledger: &Ledger) {
        let (request, mut asking) = shop.order(Placing::CommitsLate);
        while ledger.history().waiting == 0 {
            assert!(poll!(&mut asking).is_pending(), "it is to wait");
            tokio::task::yield_now().await;
        }
        shop.clock.advance(LEASE);
        self.order(shop, Placing::Commits, held, ledger).await;
        shop.late.add_permits(1);
        let told = held.let_through(asking).await;
        ledger.tell(request, &told);
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
