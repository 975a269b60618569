//! The scripts in which a person comes to the desk.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::forgets::Forgets;
use super::ledger::Who;
use super::work::Does;
use super::world::{LEASE, World};

/// The owner is gone, and a client has been told that nobody knows.
pub(super) async fn after_it_vanished<S: Forgets>(
    world: &World<S>,
    does: fn(Arc<Semaphore>) -> Does,
) {
    let gone = world.stopped_owner(does).await;
    world.is_gone(&gone);
    sleep(LEASE).await;
    asks(world).await;
    world.person_comes().await;
    asks(world).await;
    asks(world).await;
    drop(gone);
}

/// The owner goes on at the moment when the person comes.
pub(super) async fn beside_its_late_owner<S: Forgets>(world: &World<S>) {
    let owner = world.stopped_owner(Does::Waits).await;
    sleep(LEASE).await;
    asks(world).await;
    tokio::join!(world.person_comes(), world.continued(owner));
    asks(world).await;
}

/// The key has its answer.
pub(super) async fn after_its_answer<S: Forgets>(world: &World<S>) {
    asks(world).await;
    asks(world).await;
    world.person_comes().await;
    asks(world).await;
    asks(world).await;
}

/// The owner is gone, and nobody has come upon that.
pub(super) async fn before_its_retry<S: Forgets>(world: &World<S>) {
    let gone = world.stopped_owner(Does::WaitsInVain).await;
    world.is_gone(&gone);
    sleep(LEASE).await;
    world.person_comes().await;
    asks(world).await;
    asks(world).await;
    drop(gone);
}

async fn asks<S: Forgets>(world: &World<S>) {
    world.ask(Who::Client, Does::Answers).await;
}
