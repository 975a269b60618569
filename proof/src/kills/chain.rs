//! One service, on one store, through one life after another.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::careful::Careful;
use super::dice::Dice;
use super::ledger::Ledger;
use super::lines;
use super::load::Load;
use super::plan::{Fault, Life};
use super::server::{Armed, LEASE, PATIENCE, Program, Server, Service, Stopped, Stops};
use super::tally::Tally;
use crate::witness::check::check;
use crate::witness::effects::{Effects, Orders};
use crate::witness::history::History;
use crate::witness::operation::Kind;
use crate::witness::told::Told;

/// So many careful clients ask all along.
const CAREFUL: usize = 2;

/// A life without a point is stopped within this time after it began.
const MOMENT_MAX_MS: u64 = 120;

/// So long clients ask before a point counts as one that nobody comes to.
const TO_THE_POINT: Duration = Duration::from_secs(10);

/// A service with all that is known of it.
pub(super) struct Chain {
    program: Program,
    history: Arc<History>,
    dice: Dice,
    lives: Arc<AtomicU32>,
    orders: Orders,
    tally: Tally,
    _folder: TempDir,
}

/// A life under way.
struct Living {
    server: Server,
    load: Arc<Load>,
    clients: Option<JoinHandle<()>>,
}

impl Chain {
    pub(super) fn new(
        service: Service,
        built: PathBuf,
        address: SocketAddr,
        dice: Dice,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let program = Program { service, built, folder: folder.path().to_owned(), address };
        Ok(Self {
            program,
            history: Arc::default(),
            dice,
            lives: Arc::default(),
            orders: Orders::default(),
            tally: Tally::default(),
            _folder: folder,
        })
    }

    /// Lives these lives, settles all that is left, and checks everything.
    pub(super) async fn run(mut self, lives: Vec<Life>) -> Tally {
        let over = Arc::new(AtomicBool::new(false));
        let careful: Vec<_> = (0..CAREFUL).map(|_| self.careful(&over)).collect();
        for life in lives {
            if let Err(error) = self.live(&life).await {
                let number = self.lives.load(Ordering::SeqCst);
                self.tally.find(format!("life {number}, {life:?}: {error}"));
                return self.tally;
            }
        }
        over.store(true, Ordering::SeqCst);
        if let Err(error) = self.settle_all(careful).await {
            self.tally.find(format!("in the end: {error}"));
        }
        self.tally
    }

    fn careful(&mut self, over: &Arc<AtomicBool>) -> JoinHandle<Result<u64, String>> {
        let careful = Careful {
            address: self.program.address,
            history: Arc::clone(&self.history),
            life: Arc::clone(&self.lives),
            kinds: self.program.service.kinds(),
            over: Arc::clone(over),
        };
        tokio::spawn(careful.run(self.dice.split()))
    }

    /// From a start to a kill.
    async fn live(&mut self, life: &Life) -> io::Result<()> {
        self.lives.fetch_add(1, Ordering::SeqCst);
        let stops = Stops::open().await?;
        let mut server = Server::start(&self.program, life.work_ms, life.armed.as_ref(), &stops)?;
        let early = in_time("the start", async {
            tokio::select! {
                stopped = stops.next() => Ok(Some(stopped?)),
                listens = server.listens() => { listens?; Ok(None) }
            }
        })
        .await?;
        let mut living = Living { server, load: self.load(life.kinds), clients: None };
        let reached = early.is_some();
        if reached {
            if life.fault == Fault::Kill {
                return self.kill(living, early).await;
            }
            self.disturb(&living, life.fault, early).await?;
            in_time("the start", living.server.listens()).await?;
        }
        self.read_orders().await;
        let left = if life.settles { self.history.unsure() } else { Vec::new() };
        living.clients = Some(tokio::spawn(Arc::clone(&living.load).run(left, self.dice.split())));
        let stopped = if let Some(Armed { point, .. }) = life.armed.as_ref().filter(|_| !reached) {
            let Ok(stopped) = timeout(TO_THE_POINT, stops.next()).await else {
                self.tally.find(format!("{point} is not reached: {life:?}"));
                return self.kill(living, None).await;
            };
            Some(stopped?)
        } else {
            sleep(Duration::from_millis(self.dice.below(MOMENT_MAX_MS))).await;
            None
        };
        if life.fault == Fault::Kill {
            return self.kill(living, stopped).await;
        }
        if !reached {
            self.disturb(&living, life.fault, stopped).await?;
        }
        // All that was asked for is answered, before this one is killed as well.
        living.load.end();
        clients_end(living.clients.take()).await?;
        self.kill(living, None).await
    }

    fn load(&self, kinds: &'static [Kind]) -> Arc<Load> {
        Arc::new(Load {
            address: self.program.address,
            history: Arc::clone(&self.history),
            life: self.lives.load(Ordering::SeqCst),
            kinds,
            over: AtomicBool::new(false),
            first: self.history.len(),
        })
    }

    /// Kills the process; the thread at a point is held there until it is gone.
    async fn kill(&mut self, living: Living, held: Option<Stopped>) -> io::Result<()> {
        self.count(held.as_ref());
        let Living { server, load, clients } = living;
        load.end();
        let log = server.kill().await?;
        self.tally.kills += 1;
        self.tally.hear(log);
        drop(held);
        clients_end(clients).await
    }

    /// Makes an owner late: the process stands still for longer than a lease, or one thread of it,
    /// and others ask for the same.
    async fn disturb(
        &mut self,
        living: &Living,
        fault: Fault,
        held: Option<Stopped>,
    ) -> io::Result<()> {
        self.count(held.as_ref());
        let longer_than_a_lease = LEASE + LEASE / 2;
        let mut others;
        if let Fault::Pause { .. } = fault {
            living.server.stop().await?;
            others = living.ask_for_the_same(&self.history);
            sleep(longer_than_a_lease).await;
            living.server.go_on()?;
            self.tally.pauses += 1;
        } else {
            sleep(longer_than_a_lease).await;
            others = living.ask_for_the_same(&self.history);
            self.tally.holds += 1;
        }
        if fault != (Fault::Pause { thread_last: false }) && !others.is_empty() {
            // Where the writer itself is held nobody is answered, and the time just passes.
            let _ = timeout(LEASE, others.join_next()).await;
        }
        if let Some(held) = held {
            held.let_go().await?;
        }
        in_time("those who asked meanwhile", async { Ok(others.join_all().await) }).await?;
        Ok(())
    }

    fn count(&mut self, held: Option<&Stopped>) {
        if let Some(Stopped { point, .. }) = held {
            *self.tally.points.entry(point.clone()).or_default() += 1;
        }
    }

    /// Lists the orders, and compares them with what was listed and answered before.
    async fn read_orders(&mut self) {
        if self.program.service != Service::Orders {
            return;
        }
        let at = self.history.now();
        match Orders::read(self.program.address).await {
            Some(Ok(orders)) => {
                for finding in orders.check(&self.orders, &self.history.courses(), at) {
                    self.tally.find(finding);
                }
                self.orders = orders;
            }
            Some(Err(wrong)) => self.tally.find(wrong),
            None => self.tally.find("the orders could not be listed"),
        }
    }

    /// After the last fault: whoever asks hears how each operation has ended.
    async fn settle_all(
        &mut self,
        careful: Vec<JoinHandle<Result<u64, String>>>,
    ) -> io::Result<()> {
        let living = self.undisturbed().await?;
        for client in careful {
            let asked = in_time("a careful client", async { Ok(client.await) }).await?;
            self.tally.careful += asked.map_err(io::Error::other)?.map_err(io::Error::other)?;
        }
        // What that client gave up waiting for may be running still, in this process.
        self.kill(living, None).await?;
        let living = self.undisturbed().await?;
        living.load.settle(self.history.sent()).await;
        self.read_orders().await;
        self.kill(living, None).await?;
        let effects = match self.program.service {
            Service::Orders => self.orders.effects(),
            Service::Ledgered => {
                lines::in_ledger(&Ledger::at(self.program.ledger())).map_err(io::Error::other)?
            }
        };
        self.check(effects);
        Ok(())
    }

    async fn undisturbed(&mut self) -> io::Result<Living> {
        self.lives.fetch_add(1, Ordering::SeqCst);
        let stops = Stops::open().await?;
        let mut server = Server::start(&self.program, 0, None, &stops)?;
        in_time("the start", server.listens()).await?;
        Ok(Living { server, load: self.load(self.program.service.kinds()), clients: None })
    }

    fn check(&mut self, mut effects: Effects) {
        for course in self.history.courses() {
            let done = effects.remove(&course.operation.number).unwrap_or_default();
            self.tally.see(&course);
            for finding in check(&course, &done) {
                self.tally.find(finding);
            }
        }
        for (operation, _) in effects {
            self.tally.find(format!("I5: {operation} was done, and nobody asked for it"));
        }
    }
}

impl Living {
    /// Others ask for all that is waited for.
    fn ask_for_the_same(&self, history: &History) -> JoinSet<Told> {
        let mut others = JoinSet::new();
        for operation in history.waiting() {
            let load = Arc::clone(&self.load);
            others.spawn(async move { load.ask(&operation).await });
        }
        others
    }
}

async fn clients_end(clients: Option<JoinHandle<()>>) -> io::Result<()> {
    match clients {
        Some(clients) => {
            in_time("the clients", async { clients.await.map_err(io::Error::other) }).await
        }
        None => Ok(()),
    }
}

async fn in_time<T>(what: &str, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::other(format!("{what}: nothing happens"));
    timeout(PATIENCE, doing).await.map_err(late)?
}
