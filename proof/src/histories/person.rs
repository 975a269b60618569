//! A person at the desk: comes upon a key that nobody can settle, or that is to be forgotten, and says
//! what is so. They know the world as the judge does, and say nothing that is not so or may not
//! stay so; what they say arrives later, perhaps twice, whatever has happened in between.

use std::sync::Arc;
use std::time::Duration;

use seiriken::RecordId;
use seiriken::record::transition::Resolution;
use seiriken::record::{Record, State, Token};
use seiriken::store::{MemoryStore, Operate};
use tokio::time::sleep;

use super::cluster::Cluster;
use super::plan::{Deed, LEASE};
use super::service::{id, settlement};
use super::store::now;
use super::world::World;

/// So often they look again, until there is something to say.
const LOOKS_EVERY: Duration = Duration::from_millis(100);
/// So long they stay.
const STAYS: u64 = 3 * LEASE;

/// What a person has made up their mind to.
#[derive(Debug, Clone)]
enum Verb {
    Resolve(Token, Resolution),
    Delete(Token),
}

impl Cluster {
    /// A person comes at some moment, and stays until they have done something.
    pub(super) async fn visited(&self, key: u8, does: Deed, takes: u64, again: Option<u64>) {
        let world = &self.world;
        let until = world.now() + STAYS;
        let (store, verb) = loop {
            if world.faults_are_over() || world.now() > until {
                return;
            }
            let store = world.store();
            let record = now(store.show(id(key)));
            if let Some(verb) = record.and_then(|record| decided(world, key, does, &record)) {
                break (store, verb);
            }
            sleep(LOOKS_EVERY).await;
        };
        for pause in [Some(takes), again].into_iter().flatten() {
            sleep(Duration::from_millis(pause)).await;
            // What they have seen is gone with a store that is lost.
            if world.faults_are_over() || !Arc::ptr_eq(&store, &world.store()) {
                return;
            }
            verb.arrives(world, id(key), &store);
        }
    }
}

/// What a truthful person says of a record, if anything.
fn decided(world: &World, key: u8, does: Deed, record: &Record) -> Option<Verb> {
    let judge = world.judge();
    let done = judge.done_under(key);
    let left = judge.somebody_is_left(key, |node| world.alive(node));
    let token = record.token;
    match (does, &record.state, done) {
        (Deed::Settles, State::Indeterminate { .. }, Some(execution)) => {
            Some(Verb::Resolve(token, Resolution::Done(settlement(execution))))
        }
        (Deed::Settles, State::Indeterminate { .. }, None) if !left => {
            Some(Verb::Resolve(token, Resolution::NotDone))
        }
        (Deed::Forgets, ..) if !left => Some(Verb::Delete(token)),
        _ => None,
    }
}

impl Verb {
    fn arrives(&self, world: &World, id: RecordId, store: &MemoryStore) {
        match self {
            Self::Resolve(token, as_said) => {
                let told = now(store.resolve(id, *token, as_said.clone()));
                world.judge().resolved(id, *token, as_said, &told, world.now());
            }
            Self::Delete(token) => {
                let told = now(store.delete(id, *token));
                world.judge().deleted(id, *token, &told);
            }
        }
    }
}
