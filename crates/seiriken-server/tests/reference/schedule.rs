//! What is done to the service, at random: few keys, few orders, two callers, so that most of it
//! is about the same order again.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::wire::SPACES;

/// An `Idempotency-Key`, by its number.
pub(crate) type Key = usize;

pub(crate) const KEYS: Key = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
}

/// What is ordered, however it is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    OneCake,
    TwoCakes,
    /// A quantity that is refused, whereupon the key is free again.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) key: Key,
    pub(crate) who: Who,
    pub(crate) what: What,
    /// The same order in another spelling is the same request.
    pub(crate) members_swapped: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// So many of the same at once. Whoever does not wait goes on while they are under way.
    Ask {
        request: Request,
        times: usize,
        wait: bool,
    },
    /// The client leaves before it has an answer.
    Leave {
        request: Request,
        at: Leaving,
        reset: bool,
    },
    Pause(Duration),
    List,
    Restart(End),
    /// Orders under this key and all after it, and kills the process so long after the moment at
    /// which the orders may be about to be made.
    KillAbout {
        request: Request,
        late: Duration,
    },
}

/// Where the client leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaving {
    /// So many bytes before the end of its request, at least one.
    Before(usize),
    /// So long after it.
    After(Duration),
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Stopped,
    Killed,
}

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// How long an order takes.
    pub(crate) processing: Duration,
    pub(crate) events: Vec<Event>,
    /// How the process ends that the events have left, before what is there is counted.
    pub(crate) end: End,
}

impl Who {
    pub(crate) const ALL: [Self; 2] = [Self::Alice, Self::Bob];
}

impl What {
    pub(crate) const ALL: [Self; 3] = [Self::OneCake, Self::TwoCakes, Self::Nothing];

    pub(crate) fn quantity(self) -> u64 {
        match self {
            Self::OneCake => 1,
            Self::TwoCakes => 2,
            Self::Nothing => 0,
        }
    }
}

impl Request {
    pub(crate) fn is_same(self, other: Self) -> bool {
        (self.key, self.who, self.what) == (other.key, other.who, other.what)
    }
}

pub(crate) fn any_schedule() -> impl Strategy<Value = Schedule> {
    let processing = prop_oneof![1 => Just(0), 4 => 1..40_u64];
    (processing, vec(any_event(), 4..20), any_end()).prop_map(|(processing, events, end)| {
        Schedule { processing: Duration::from_millis(processing), events, end }
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let times = prop_oneof![1 => Just(1_usize), 1 => 2..6_usize];
    prop_oneof![
        8 => (any_request(), times, any::<bool>())
            .prop_map(|(request, times, wait)| Event::Ask { request, times, wait }),
        5 => (any_request(), any_leaving(), any::<bool>())
            .prop_map(|(request, at, reset)| Event::Leave { request, at, reset }),
        2 => any_pause().prop_map(Event::Pause),
        1 => Just(Event::List),
        3 => any_end().prop_map(Event::Restart),
        2 => (any_request(), 0..6000_u64).prop_map(|(request, micros)| {
            Event::KillAbout { request, late: Duration::from_micros(micros) }
        }),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let who = prop_oneof![4 => Just(Who::Alice), 1 => Just(Who::Bob)];
    let what = prop_oneof![
        6 => Just(What::OneCake),
        1 => Just(What::TwoCakes),
        1 => Just(What::Nothing),
    ];
    (0..KEYS, who, what, any::<bool>()).prop_map(|(key, who, what, members_swapped)| Request {
        key,
        who,
        what,
        members_swapped,
    })
}

fn any_leaving() -> impl Strategy<Value = Leaving> {
    prop_oneof![
        3 => any_pause().prop_map(Leaving::After),
        1 => (1..2 * SPACES).prop_map(Leaving::Before),
    ]
}

/// Short and long beside the time that an order takes.
fn any_pause() -> impl Strategy<Value = Duration> {
    (0..50_u64).prop_map(Duration::from_millis)
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![1 => Just(End::Stopped), 2 => Just(End::Killed)]
}
