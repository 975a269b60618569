//! Which lives a process is to live: where it is stopped, and what happens to it there.

use super::dice::Dice;
use super::server::{Armed, Service};
use crate::witness::operation::Kind;

/// One life: from a start to the kill that ends each.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// Without one the fault comes at some moment.
    pub(super) armed: Option<Armed>,
    pub(super) fault: Fault,
    /// How long the work takes, in milliseconds.
    pub(super) work_ms: u64,
    pub(super) kinds: &'static [Kind],
    /// What earlier processes left is asked for at once.
    pub(super) settles: bool,
}

/// What happens there. Whatever it is, a kill follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGSTOP for longer than a lease, while others ask for the same; then all go on at once, or
    /// the thread at the point goes on after one of the others was answered.
    Pause { thread_last: bool },
    /// The thread alone stands still, for longer than a lease; the others go on.
    Hold,
}

/// Long enough for a lease to be renewed, in milliseconds.
const UNTIL_RENEWED: u64 = 60;

/// Long enough that some work is still going on when the kill comes, also where the machine is busy
/// with other things in between, in milliseconds.
const LEFT_BEHIND: u64 = 400;

/// So many lives without a point.
const AT_RANDOM: u64 = 16;

/// How often a point is reached at least.
pub(super) const TIMES: u64 = 3;

const ORDERS: &[Kind] = &[Kind::Order, Kind::Order, Kind::Order, Kind::BadOrder];
const LEDGERED: &[Kind] =
    &[Kind::Opaque, Kind::Opaque, Kind::Keyed, Kind::Keyed, Kind::OpaqueRefused];

impl Service {
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Orders => ORDERS,
            Self::Ledgered => LEDGERED,
        }
    }

    /// A transactional claim leaves nothing to sweep, and its answer is recorded with its effect;
    /// only there an effect stands in the store.
    fn reaches(self, point: &str) -> bool {
        match self {
            Self::Orders => {
                !["RecordAsked", "Recorded", "SweepAsked", "SweepApplied", "Swept"].contains(&point)
            }
            Self::Ledgered => !["EffectWritten", "RecordWritten"].contains(&point),
        }
    }
}

/// All points there are.
#[cfg(seiriken_proof)]
pub(super) fn points() -> Vec<String> {
    seiriken::failpoint::Point::ALL.iter().map(|point| format!("{point:?}")).collect()
}

/// None, in a build that is not for the evidence.
#[cfg(not(seiriken_proof))]
pub(super) fn points() -> Vec<String> {
    Vec::new()
}

/// Every point three times, and some lives at random.
pub(super) fn lives(service: Service, dice: &mut Dice) -> Vec<Life> {
    let mut turns = Vec::new();
    for point in points().iter().filter(|point| service.reaches(point)) {
        for time in 0..TIMES {
            turns.push(turn(service, point, time, dice));
        }
    }
    for number in 0..AT_RANDOM {
        let fault = if number % 4 == 3 { paused(dice) } else { Fault::Kill };
        turns.push(vec![Life::of(service, None, fault)]);
    }
    dice.shuffle(&mut turns);
    turns.concat()
}

/// A life that is stopped at this point; before it another where that needs something left behind.
fn turn(service: Service, point: &str, time: u64, dice: &mut Dice) -> Vec<Life> {
    let fault = match time {
        0 => Fault::Kill,
        1 => paused(dice),
        _ if is_in_start(point) => Fault::Kill,
        _ => Fault::Hold,
    };
    let armed = Armed { point: point.to_owned(), time: nth(point, dice) };
    let mut life = Life::of(service, Some(armed), fault);
    if ["RenewalAsked", "Renewed"].contains(&point) {
        life.work_ms = UNTIL_RENEWED;
    }
    if !is_sweep(point) {
        return vec![life];
    }
    life.settles = false;
    // By then a raw client has begun something opaque, and the work takes a while.
    let begun = Armed { point: "HandlerBegun".to_owned(), time: 3 };
    let before = Life::of(service, Some(begun), Fault::Kill);
    let before = Life { work_ms: LEFT_BEHIND, kinds: &[Kind::Opaque], settles: false, ..before };
    vec![before, life]
}

fn paused(dice: &mut Dice) -> Fault {
    Fault::Pause { thread_last: dice.below(2) == 0 }
}

fn is_sweep(point: &str) -> bool {
    ["SweepAsked", "SweepApplied", "Swept"].contains(&point)
}

fn is_in_start(point: &str) -> bool {
    ["LockTaken", "TablesMade", "TokensReserved", "LogEmptied", "IndexRead"].contains(&point)
}

/// The how manyeth time: some are passed once in a start, some seldom.
fn nth(point: &str, dice: &mut Dice) -> u64 {
    match point {
        _ if is_in_start(point) || is_sweep(point) => 1,
        "ReleaseAsked" | "Released" => 1 + dice.below(2),
        _ => 1 + dice.below(8),
    }
}

impl Life {
    fn of(service: Service, armed: Option<Armed>, fault: Fault) -> Self {
        Self { armed, fault, work_ms: 0, kinds: service.kinds(), settles: true }
    }
}
