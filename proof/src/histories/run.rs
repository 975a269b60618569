//! One history: a plan is played to its end, and judged.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::Builder;

use super::client::pursue;
use super::cluster::Cluster;
use super::mark::Marks;
use super::plan::{Fault, Plan};
use super::service::Planned;
use super::world::World;

/// What a history was.
#[derive(Debug)]
pub struct Played {
    /// What must not have happened; empty as a rule.
    pub breaches: Vec<String>,
    /// How often what was seen.
    pub marks: Marks,
    /// The same in every run of the plan.
    pub hash: u64,
    /// What happened, where it was asked for.
    pub trace: Vec<String>,
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Panics that the plan wants are silent; all others are findings.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload().is::<Planned>() {
            return;
        }
        PANICS.with_borrow_mut(|panics| panics.push(format!("asserted: {panic}")));
    }));
}

/// Plays it. Nothing in it depends on anything else than the plan.
pub fn play(plan: &Plan, verbose: bool) -> Result<Played, String> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    PANICS.with_borrow_mut(Vec::clear);
    let world = {
        let _clock = runtime.enter();
        World::new(plan.clone(), verbose)?
    };
    let playing = AssertUnwindSafe(|| runtime.block_on(whole(Arc::clone(&world))));
    // What panicked is among the findings; a history may be cut short by it.
    if let Ok(Err(error)) = catch_unwind(playing) {
        return Err(error);
    }
    // What hangs for ever ends with the runtime.
    drop(runtime);
    let mut judge = world.judge();
    let (marks, hash, trace) = (judge.marks, judge.hash(), judge.trace());
    let mut breaches = std::mem::take(&mut judge.breaches);
    breaches.extend(PANICS.take());
    Ok(Played { breaches, marks, hash, trace })
}

async fn whole(world: Arc<World>) -> Result<(), String> {
    let cluster = Cluster::start(&world)?;
    let mut people = Vec::new();
    for fault in world.plan.faults.clone() {
        let befallen = tokio::spawn(Arc::clone(&cluster).befall(fault));
        if matches!(fault, Fault::Person { .. }) {
            people.push(befallen);
        }
    }
    let clients: Vec<_> = (0..world.plan.intents.len())
        .map(|which| tokio::spawn(pursue(Arc::clone(&cluster), which)))
        .collect();
    for client in clients {
        if client.await.is_err() {
            world.judge().breach("a client panicked");
        }
    }
    for person in people {
        // One that panicked has found something, which is told.
        let _ = person.await;
    }
    world.end_faults();
    cluster.sweep();
    let indeterminate = cluster.settle().await;
    late_copies(&world).await;
    cluster.finish().await;
    world.judge().finish(&indeterminate);
    Ok(())
}

/// Waits for the copies of requests that are still under way.
async fn late_copies(world: &World) {
    use super::plan::RequestFate;
    let last = world.plan.faults.iter().filter_map(|fault| match fault {
        Fault::Request {
            intent, fate: RequestFate::Twice(by) | RequestFate::Delayed(by), ..
        } => {
            let intent = world.plan.intents.get(*intent)?;
            Some(intent.at + intent.deadline + by)
        }
        _ => None,
    });
    if let Some(last) = last.max() {
        world.until(last + 1_000).await;
    }
}
