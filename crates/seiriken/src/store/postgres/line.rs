//! Handlers that wait for a connection, and the one on which a transaction has just ended.
//!
//! Through the pool it would be asked whether it still stands, and be told to begin: two round trips
//! that nobody needs while somebody waits. So it goes from hand to hand, with the next transaction
//! begun. Only on a pool that the store has made itself: on another one, hooks may
//! have to clean a session up after each use.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::oneshot;

/// A handler's transaction, and what it gives to the next one.
#[derive(Debug)]
pub(super) struct InLine {
    pub(super) tx: Transaction<'static, Postgres>,
    /// None on a pool whose connections are not passed on.
    place: Option<Place>,
    passed: u32,
}

/// A transaction that was begun, in which nothing was said yet.
struct Begun {
    tx: Transaction<'static, Postgres>,
    /// How often its connection was passed on before.
    passed: u32,
}

/// The right to one of as many transactions as the pool has connections. Whoever drops it lets the
/// next one take a connection from the pool.
struct Place {
    line: Arc<Line>,
    held: bool,
}

/// A place, and what comes with it from whoever had it before.
type Turn = (Place, Option<Begun>);

/// Who waits for a place.
pub(super) struct Line {
    waits: Mutex<Waits>,
    places: usize,
    waits_max: Duration,
}

#[derive(Default)]
struct Waits {
    taken: usize,
    next: VecDeque<oneshot::Sender<Turn>>,
}

/// So often a connection is passed on: then the pool may look at its age, and others have a turn.
const PASSED_MAX: u32 = 64;

impl Line {
    pub(super) fn of(pool: &PgPool) -> Arc<Self> {
        let options = pool.options();
        let places = usize::try_from(options.get_max_connections()).unwrap_or(usize::MAX);
        let waits_max = options.get_acquire_timeout();
        Arc::new(Self { waits: Mutex::default(), places: places.max(1), waits_max })
    }

    /// A transaction on the pool, or the one that somebody passes on. To be called in a task that
    /// is never aborted.
    pub(super) async fn begin(self: &Arc<Self>, pool: &PgPool) -> Result<InLine, sqlx::Error> {
        let (place, begun) = self.turn().await?;
        let Begun { tx, passed } = match begun {
            Some(begun) => begun,
            None => Begun { tx: pool.begin().await?, passed: 0 },
        };
        Ok(InLine { tx, place: Some(place), passed })
    }

    async fn turn(self: &Arc<Self>) -> Result<Turn, sqlx::Error> {
        let turn = {
            let mut waits = self.lock();
            if waits.taken < self.places {
                waits.taken += 1;
                return Ok((Place { line: Arc::clone(self), held: true }, None));
            }
            let (next, turn) = oneshot::channel();
            waits.next.push_back(next);
            turn
        };
        match tokio::time::timeout(self.waits_max, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            // A turn that comes too late is dropped with its channel, and so goes to the next one.
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InLine {
    /// On a pool whose connections go back to it each time.
    pub(super) async fn alone(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self { tx: pool.begin().await?, place: None, passed: 0 })
    }

    /// The last statement has ended this transaction and begun the next. Where nobody waits for it,
    /// it is rolled back together with the question that the pool asks anyway.
    pub(super) fn pass_on(self) {
        let Self { tx, place, passed } = self;
        let next = (passed < PASSED_MAX).then_some(Begun { tx, passed: passed + 1 });
        if let Some(place) = place {
            place.pass(next);
        }
    }

    /// A connection that breaks has its transaction rolled back by the server.
    pub(super) async fn roll_back(self) {
        let Self { tx, place, .. } = self;
        if let Err(error) = tx.rollback().await {
            tracing::debug!(%error, "a connection broke before it was told to roll back");
        }
        drop(place);
    }
}

impl Place {
    fn pass(mut self, mut begun: Option<Begun>) {
        loop {
            let next = {
                let mut waits = self.line.lock();
                let next = waits.next.pop_front();
                if next.is_none() {
                    waits.taken -= 1;
                    self.held = false;
                }
                next
            };
            let Some(next) = next else { return };
            // Whoever waited may have gone: then it comes back.
            match next.send((self, begun)) {
                Ok(()) => return,
                Err((place, back)) => (self, begun) = (place, back),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            self.held = false;
            Self { line: Arc::clone(&self.line), held: true }.pass(None);
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.lock();
        write!(f, "Line({} of {} taken, {} wait)", waits.taken, self.places, waits.next.len())
    }
}
