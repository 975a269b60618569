//! One point's world: a store, a front on it, one key, and the clients.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use seiriken::record::{EffectClass, Retention};
use seiriken::store::{Fault, FaultyStore, Store};
use seiriken::{KeyDate, OnConcurrent, Policy, RecordId};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::checker;
use super::forgets::Forgets;
use super::front::{Faulty, Front, FrontKind, id_of};
use super::late::{Late, LateCalls};
use super::ledger::{History, Ledger, Told, Who};
use super::person::{Desk, Errand, Person};
use super::timed::Timed;
use super::work::{Does, Work};

/// How long an owner is believed to be alive.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How long a client waits for an answer, unless it says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long answers are kept, and for how long more for clocks that disagree.
pub(super) const RETENTION: Retention =
    Retention { answers: Duration::from_mins(10), skew: Duration::from_mins(1) };

/// So soon after the last fault a key must be settled: a call that hangs is a fault until it is
/// given up, after a lease; its owner's lease then runs out; and recording is tried again every
/// five seconds.
const SETTLED_WITHIN: Duration = Duration::from_secs(2 * 30 + 10);

/// What a scenario needs to be set up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) front: FrontKind,
    pub(super) class: EffectClass,
    pub(super) on_concurrent: OnConcurrent,
    pub(super) dated: bool,
    /// What somebody comes to the desk for, when the script lets them.
    pub(super) errand: Option<Errand>,
}

pub(super) struct World<S: Store> {
    pub(super) store: Faulty<S>,
    front: Arc<Front<S>>,
    /// That of another process, on the same store.
    elsewhere: Front<S>,
    class: EffectClass,
    id: RecordId,
    person: Option<Person>,
    ledger: Arc<Ledger>,
    processes: Processes,
}

/// Processes that have been stopped: what is left of them lies there until the point is over.
type Processes = Arc<Mutex<Vec<Runtime>>>;

impl<S: Store> Drop for World<S> {
    fn drop(&mut self) {
        lock(&self.processes).drain(..).for_each(Runtime::shutdown_background);
    }
}

impl<S: Forgets> World<S> {
    /// A world with a key of its own. To be called in the runtime that its time is.
    pub(super) fn new(
        timed: &Arc<Timed<S>>,
        setting: Setting,
        faults: &[Fault],
        late: Vec<LateCalls>,
    ) -> Self {
        timed.begin();
        let now = timed.now();
        let store = Arc::new(FaultyStore::new(Late::new(Arc::clone(timed), late)));
        for fault in faults {
            store.fail(*fault);
        }
        let mut policy = Policy::default();
        (policy.class, policy.on_concurrent) = (setting.class, setting.on_concurrent);
        (policy.lease, policy.retention) = (LEASE, RETENTION);
        let random = Uuid::new_v4().into_bytes();
        let key = uuid::Builder::from_unix_timestamp_millis(
            now.as_millis(),
            random.first_chunk().expect("ten of sixteen bytes"),
        );
        let date = setting.dated.then_some(KeyDate { minted: now, expires_at: None });
        let key = (key.into_uuid(), date);
        let id = id_of(store.secret(), key.0);
        let front = || Front::new(setting.front, Arc::clone(&store), &policy, key);
        let (front, elsewhere) = (Arc::new(front()), front());
        Self {
            store,
            front,
            elsewhere,
            class: setting.class,
            id,
            person: setting.errand.map(Person::new),
            ledger: Arc::default(),
            processes: Arc::default(),
        }
    }

    /// A client asks, and waits for its answer.
    pub(super) async fn ask(&self, who: Who, does: Does) -> Told {
        self.begin(who, does, PATIENCE).await
    }

    /// A client's request, to be awaited by whoever likes to. It waits so long for its answer.
    pub(super) fn begin(
        &self,
        who: Who,
        does: Does,
        patience: Duration,
    ) -> impl Future<Output = Told> + Send + 'static {
        self.awaited(self.send(who, does), patience)
    }

    /// The same to another process.
    pub(super) fn begin_elsewhere(
        &self,
        who: Who,
        does: Does,
        patience: Duration,
    ) -> impl Future<Output = Told> + Send + 'static {
        self.awaited(self.send_to(&self.elsewhere, who, does), patience)
    }

    fn awaited(
        &self,
        (request, asking): (usize, BoxFuture<'static, Told>),
        patience: Duration,
    ) -> impl Future<Output = Told> + Send + 'static {
        let ledger = Arc::clone(&self.ledger);
        async move {
            let told = timeout(patience, asking).await.unwrap_or(Told::GaveUp);
            ledger.tell(request, &told);
            told
        }
    }

    /// A request whose future is the caller's to drop, at whatever point.
    pub(super) fn send(&self, who: Who, does: Does) -> (usize, BoxFuture<'static, Told>) {
        self.send_to(&self.front, who, does)
    }

    fn send_to(&self, front: &Front<S>, who: Who, does: Does) -> (usize, BoxFuture<'static, Told>) {
        let request = self.ledger.asks(who);
        let (class, ledger) = (self.class, Arc::clone(&self.ledger));
        let left = ledger.works(request);
        (request, front.ask(Work { request, who, does, class, ledger, _left: left }))
    }

    pub(super) fn tell(&self, request: usize, told: &Told) {
        self.ledger.tell(request, told);
    }

    /// Another process is sent the request and is stopped in the middle of its work.
    pub(super) async fn stopped_owner(&self, does: impl FnOnce(Arc<Semaphore>) -> Does) -> Stopped {
        let process = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let gate = Arc::new(Semaphore::new(0));
        let (request, asking) = {
            let _there = process.enter();
            self.send(Who::Client, does(Arc::clone(&gate)))
        };
        let mut owner = Stopped {
            request,
            asking: Some(asking),
            gate,
            process: Some(process),
            processes: Arc::clone(&self.processes),
        };
        let in_the_middle = poll_fn(|cx| {
            if let Some(told) = owner.poll(cx) {
                self.tell(request, &told);
                return Poll::Ready(());
            }
            if self.ledger.history().waiting > 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        // Where the store hangs it is stopped as far as it came.
        let _ = timeout(PATIENCE, in_the_middle).await;
        owner
    }

    /// The stopped process goes on, late.
    pub(super) async fn continued(&self, mut owner: Stopped) {
        owner.gate.add_permits(1);
        let Some(asking) = owner.asking.take() else { return };
        // Its caller may go away; the process, which lives again, goes on.
        let told = timeout(PATIENCE, tokio::spawn(asking)).await;
        let told = told.ok().and_then(Result::ok).unwrap_or(Told::GaveUp);
        self.tell(owner.request, &told);
    }

    /// The stopped process is gone for good.
    pub(super) fn is_gone(&self, owner: &Stopped) {
        self.ledger.is_gone(owner.request);
    }

    /// Somebody comes to the desk, on their errand.
    pub(super) async fn person_comes(&self) {
        if let Some(person) = &self.person {
            person.comes(&self.desk()).await;
        }
    }

    fn desk(&self) -> Desk<'_, S> {
        let timed = self.store.inner().inner();
        Desk { store: &self.store, timed, ledger: &self.ledger, id: self.id }
    }

    pub(super) async fn sweep(&self) {
        // Sweeping is not one of the calls at fault.
        self.store.inner().inner().forget().await.expect("the store behind is sound");
    }

    /// Nobody asks after this any more: the key's retention is over.
    pub(super) async fn expire(&self) {
        sleep(RETENTION.answers + RETENTION.skew + Duration::from_mins(1)).await;
        self.ledger.expires();
    }

    /// The faults end; whoever stands at the desk is heard; the client asks until the key is settled,
    /// and again when all that was late must have come, and when the person has said the same once
    /// more. `Err` is the breach, if that is one.
    pub(super) async fn settle(&self) -> Result<Told, String> {
        self.store.heal();
        self.store.inner().heal();
        if let Some(person) = &self.person {
            person.comes_again(&self.desk()).await;
        }
        let mut told = None;
        let settling = async {
            loop {
                let last = self.ask(Who::Client, Does::Answers).await;
                if checker::settled(&self.ledger.history(), told.insert(last)) {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        if timeout(SETTLED_WITHIN, settling).await.is_err() {
            return Err(format!("stuck: after {SETTLED_WITHIN:?} it is told {told:?}"));
        }
        sleep(3 * LEASE).await;
        if let Some(person) = &self.person {
            person.repeats(&self.desk()).await;
        }
        let last = self.ask(Who::Client, Does::Answers).await;
        if checker::settled(&self.ledger.history(), &last) {
            Ok(last)
        } else {
            Err(format!("settled as {told:?}, and later it is told {last:?}"))
        }
    }

    pub(super) fn history(&self) -> History {
        self.ledger.history()
    }

    pub(super) fn class(&self) -> EffectClass {
        self.class
    }
}

/// A process that is stopped (SIGSTOP), or gone: none of its timers and tasks ever runs again.
pub(super) struct Stopped {
    request: usize,
    asking: Option<BoxFuture<'static, Told>>,
    gate: Arc<Semaphore>,
    process: Option<Runtime>,
    processes: Processes,
}

impl Stopped {
    /// Polls the request there; `Some` when it has ended.
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Option<Told> {
        let process = self.process.as_ref()?;
        let _there = process.enter();
        match Pin::new(self.asking.as_mut()?).poll(cx) {
            Poll::Ready(told) => {
                self.asking = None;
                Some(told)
            }
            Poll::Pending => None,
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            // What is left of the request is dropped as its caller's connection would be, there.
            let _there = process.handle().enter();
            drop(self.asking.take());
            lock(&self.processes).push(process);
        }
    }
}

fn lock(processes: &Processes) -> MutexGuard<'_, Vec<Runtime>> {
    processes.lock().unwrap_or_else(PoisonError::into_inner)
}
