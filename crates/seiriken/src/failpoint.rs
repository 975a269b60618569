//! Points at which a process can be stopped from outside, to see that nothing is lost or done
//! twice there.
//!
//! They exist in builds with `--cfg seiriken_proof` alone, which `cargo xtask prove` makes; in any
//! other build [`reached`] does nothing. There a point is armed by the environment:
//!
//! | variable | what it says |
//! | --- | --- |
//! | `SEIRIKEN_FAILPOINT` | `Name:N`: stop where `Name` is reached for the `N`th time |
//! | `SEIRIKEN_FAILPOINT_ADDR` | `IP:PORT`: whom to tell |
//!
//! Who reaches the armed point connects to that address, says the point's name and a newline, and
//! goes on when a byte comes back, or when the connection ends. In between the process may be
//! killed, or stopped for longer than a lease.

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A point, named after what has just happened or is about to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(
            not(seiriken_proof),
            allow(unreachable_pub, dead_code, reason = "a public thing in builds for the evidence")
        )]
        pub enum Point {
            $($(#[doc = $doc])+ $name,)+
        }

        #[cfg(seiriken_proof)]
        impl Point {
            /// All of them, in the order of a request's way, and of a start.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

points! {
    /// HTTP: key, identity and whole body are there; nothing is claimed.
    BodyRead,
    /// The engine is about to ask the store for the key.
    ClaimAsked,
    /// The store has decided about the key; nobody has acted on it.
    ClaimAnswered,
    /// The key is this execution's; its work has not begun.
    WorkBegins,
    /// A handler has begun, and has had no effect.
    HandlerBegun,
    /// A handler has had its effect and made no answer of it. In a transaction: its SQL has run.
    HandlerEffect,
    /// A handler's answer is made (in a transaction: committed), and nobody else has it.
    HandlerEnds,
    /// The work has ended; what becomes of its answer is not decided.
    WorkEnded,
    /// An owner is about to say that it is alive.
    RenewalAsked,
    /// Its lease runs anew.
    Renewed,
    /// An answer is about to be recorded.
    RecordAsked,
    /// It is recorded, and nobody has heard it.
    Recorded,
    /// A key is about to be freed, or its lease ended.
    ReleaseAsked,
    /// It is free, and nobody has heard so.
    Released,
    /// SQLite: a transaction has begun for those who wait.
    GroupBegun,
    /// SQLite: an effect stands in its savepoint, its record does not.
    EffectWritten,
    /// SQLite: effect and record stand in the transaction.
    RecordWritten,
    /// SQLite: a key's row is written, an earlier row of it not yet removed.
    RowWritten,
    /// SQLite: one job of the group is done, others may follow.
    JobApplied,
    /// SQLite: the group is whole, COMMIT comes next.
    CommitAsked,
    /// SQLite: COMMIT has come back, and nobody knows.
    CommitDone,
    /// SQLite: everybody in the group has been told.
    Acknowledged,
    /// HTTP: what is answered is decided, and about to be written.
    AnswerMade,
    /// A sweeper is about to look for what is due.
    SweepAsked,
    /// SQLite: what was due is settled in the transaction.
    SweepApplied,
    /// The sweeper has been told so.
    Swept,
    /// Opening: the file is this process's.
    LockTaken,
    /// Opening: the tables are there.
    TablesMade,
    /// Opening: the numbers of this process's executions are taken from those before.
    TokensReserved,
    /// Opening: what was in the log is in the file.
    LogEmptied,
    /// Opening: where every key's row is, is known.
    IndexRead,
}

#[cfg(seiriken_proof)]
pub use armed::reached;

/// Nothing, in a build that is not for the evidence.
#[cfg(not(seiriken_proof))]
#[inline]
#[allow(dead_code, reason = "each feature reaches some of the points")]
pub(crate) const fn reached(_: Point) {}

#[cfg(seiriken_proof)]
mod armed {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Point;

    struct Armed {
        point: Point,
        times: AtomicU64,
        stops_at: u64,
        address: String,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    /// Stops here if this is the armed point, until it is let go on.
    pub fn reached(point: Point) {
        let Some(armed) = ARMED.get_or_init(Armed::from_environment) else { return };
        if armed.point == point && armed.times.fetch_add(1, Ordering::SeqCst) + 1 == armed.stops_at
        {
            armed.stop();
        }
    }

    impl Armed {
        fn from_environment() -> Option<Self> {
            let armed = std::env::var("SEIRIKEN_FAILPOINT").ok()?;
            let address = std::env::var("SEIRIKEN_FAILPOINT_ADDR").ok()?;
            let (name, time) = armed.split_once(':')?;
            let point = Point::ALL.iter().find(|point| format!("{point:?}") == name)?;
            let stops_at = time.parse().ok()?;
            Some(Self { point: *point, times: AtomicU64::new(0), stops_at, address })
        }

        fn stop(&self) {
            wake_another_worker();
            let told = TcpStream::connect(&self.address).and_then(|mut outside| {
                writeln!(outside, "{:?}", self.point)?;
                outside.read(&mut [0])
            });
            if let Err(error) = told {
                eprintln!("nobody is told of {:?}: {error}", self.point);
            }
        }
    }

    /// A worker of the runtime that stops may be the one that watches sockets and timers for all of
    /// them: another one does so only when something wakes it.
    fn wake_another_worker() {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let waking = std::thread::spawn(move || drop(runtime.spawn(async {})));
            drop(waking.join());
        }
    }
}
