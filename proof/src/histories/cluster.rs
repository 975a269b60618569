//! The processes of a service on one store, and what befalls them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use seiriken::engine::Decision;
use seiriken::store::Sweep;
use tokio::time::sleep;

use super::plan::{Fault, Intent, LEASE};
use super::service::{Own, Request, Service};
use super::world::World;

/// Each process has one life at a time; its earlier ones go on in vain.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) world: Arc<World>,
    services: Mutex<Vec<Service>>,
}

/// So often a probe looks again.
const PROBE: u64 = 250;
/// So long after the faults everything is settled: a lease, the longest work that is still under
/// way (three leases), the longest pause between two tries to record, and the way there.
const SETTLED_WITHIN: u64 = 5 * LEASE + 6_000;

impl Cluster {
    pub(super) fn start(world: &Arc<World>) -> Result<Arc<Self>, String> {
        let node = |number| world.node(number).ok_or("a process is down before it was up");
        let services: Result<Vec<_>, String> =
            (0..world.plan.nodes).map(|number| Service::start(world, node(number)?)).collect();
        Ok(Arc::new(Self { world: Arc::clone(world), services: Mutex::new(services?) }))
    }

    /// The process, if it is up.
    pub(super) fn service(&self, number: usize) -> Option<Service> {
        let node = self.world.node(number)?;
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if services[number].node() != node {
            services[number] = Service::start(&self.world, node).ok()?;
        }
        Some(services[number].clone())
    }

    /// Lets a fault of the world happen at its time.
    pub(super) async fn befall(self: Arc<Self>, fault: Fault) {
        let world = &self.world;
        let at = match fault {
            Fault::Crash { at, .. }
            | Fault::Pause { at, .. }
            | Fault::ClockJump { at, .. }
            | Fault::Sweep { at }
            | Fault::Person { at, .. }
            | Fault::Amnesia { at } => at,
            Fault::Store { .. } | Fault::Request { .. } | Fault::Work { .. } => return,
        };
        world.until(at).await;
        if world.faults_are_over() && !matches!(fault, Fault::Sweep { .. }) {
            return;
        }
        match fault {
            Fault::Crash { node, down, .. } if world.node(node).is_some() => {
                world.crash(node);
                sleep(Duration::from_millis(down)).await;
                world.start(node);
            }
            Fault::Pause { node, lasts, .. } => world.pause(node, lasts),
            Fault::ClockJump { by, .. } => world.jump(by),
            Fault::Sweep { .. } => self.sweep(),
            Fault::Person { key, does, takes, again, .. } => {
                self.visited(key, does, takes, again).await;
            }
            Fault::Amnesia { .. } => {
                if let Err(error) = world.forget() {
                    world.judge().breach(error);
                }
            }
            _ => {}
        }
    }

    pub(super) fn sweep(&self) {
        let swept = self.world.store().sweep().now_or_never();
        assert!(matches!(swept, Some(Ok(_))), "the store in memory sweeps at once");
    }

    /// The faults are over: every key comes to its end. Answers those that are indeterminate.
    pub(super) async fn settle(self: &Arc<Self>) -> Vec<u8> {
        let mut keys: Vec<u8> = self.world.plan.intents.iter().map(|intent| intent.key).collect();
        keys.sort_unstable();
        keys.dedup();
        {
            let mut judge = self.world.judge();
            judge.probing = judge.note("faults are over", &[]);
        }
        let mut indeterminate = Vec::new();
        for key in keys {
            let until = self.world.now() + SETTLED_WITHIN;
            if self.settle_key(key, until).await {
                indeterminate.push(key);
            }
        }
        indeterminate
    }

    /// Late owners come to their end.
    pub(super) async fn finish(&self) {
        let until = self.world.now() + SETTLED_WITHIN;
        while self.world.judge().unfinished() && self.world.now() < until {
            sleep(Duration::from_millis(PROBE)).await;
        }
    }

    async fn settle_key(self: &Arc<Self>, key: u8, until: u64) -> bool {
        let mut asking: Vec<(usize, Intent)> = {
            let intents = self.world.plan.intents.iter().copied().enumerate();
            intents.filter(|(_, intent)| intent.key == key).collect()
        };
        while let Some((which, intent)) = asking.last().copied() {
            match self.probe(Request { which, intent }).await {
                Some(Decision::Indeterminate) => return true,
                // It is another request's: its own client finds out.
                Some(Decision::Mismatch | Decision::CredentialChanged) => {
                    asking.pop();
                }
                Some(Decision::InProgress { .. } | Decision::Pending) | None => {
                    if self.world.now() > until {
                        self.world.judge().breach("L1: a key never comes to its end");
                        return false;
                    }
                    sleep(Duration::from_millis(PROBE)).await;
                }
                Some(_) => return false,
            }
        }
        false
    }

    async fn probe(self: &Arc<Self>, request: Request) -> Option<Decision<Own>> {
        let service = self.service(0)?;
        let now = self.world.now();
        let arrival = self.world.judge().arrives(request.which, service.node(), now);
        let limit = Duration::from_millis(SETTLED_WITHIN);
        let decision = tokio::time::timeout(limit, service.serve(request)).await.ok()?;
        let mut judge = self.world.judge();
        judge.told(request, arrival, self.world.now(), &decision);
        Some(decision)
    }
}
