//! What was asked and told, in the order in which it happened as seen from outside.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::operation::{Kind, Operation};
use super::told::Told;

/// Shared by everybody who asks.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Counts beginnings and ends: it stands for the time.
    now: u64,
    courses: Vec<Course>,
}

/// One operation, with all that was tried.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub(crate) operation: Operation,
    pub(crate) asked_by: Client,
    pub(crate) tries: Vec<Try>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// Sends bytes, and looks at what comes back.
    Raw,
    /// `seiriken-client`, which keeps trying by itself.
    Careful,
}

/// One request, or one call of the careful client.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    /// In which life of the process it began, counted from 1.
    pub(crate) life: u32,
    pub(crate) began: u64,
    pub(crate) ended: Option<(u64, Told)>,
}

/// Which try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TryId {
    operation: usize,
    number: usize,
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new operation, under a key of its own.
    pub(crate) fn operation(&self, kind: Kind, asked_by: Client) -> Operation {
        let mut inner = self.lock();
        let number = inner.courses.len();
        let operation = Operation { number, kind, key: format!("key-{number}") };
        inner.courses.push(Course { operation: operation.clone(), asked_by, tries: Vec::new() });
        operation
    }

    /// The key under which the careful client sends it.
    pub(crate) fn set_key(&self, number: usize, key: &str) {
        key.clone_into(&mut self.lock().courses[number].operation.key);
    }

    pub(crate) fn begin(&self, operation: usize, life: u32) -> TryId {
        let mut inner = self.lock();
        inner.now += 1;
        let began = inner.now;
        let tries = &mut inner.courses[operation].tries;
        tries.push(Try { life, began, ended: None });
        TryId { operation, number: tries.len() - 1 }
    }

    pub(crate) fn end(&self, id: TryId, told: Told) {
        let mut inner = self.lock();
        inner.now += 1;
        let ended = Some((inner.now, told));
        inner.courses[id.operation].tries[id.number].ended = ended;
    }

    /// What time it is.
    pub(crate) fn now(&self) -> u64 {
        self.lock().now
    }

    /// Operations whose outcome the raw clients do not know, though they asked.
    pub(crate) fn unsure(&self) -> Vec<Operation> {
        self.operations(|course| course.asked_by == Client::Raw && course.last_said_nothing())
    }

    /// Operations of raw clients that wait for an answer.
    pub(crate) fn waiting(&self) -> Vec<Operation> {
        let waits = |course: &Course| course.tries.iter().any(|one| one.ended.is_none());
        self.operations(|course| course.asked_by == Client::Raw && waits(course))
    }

    /// Everything that somebody may have sent.
    pub(crate) fn sent(&self) -> Vec<Operation> {
        self.operations(|course| !course.tries.is_empty() && !course.never_sent())
    }

    /// One of the operations of raw clients from this number on, if there is any.
    pub(crate) fn one_since(&self, first: usize, choose: impl Fn(u64) -> u64) -> Option<Operation> {
        let inner = self.lock();
        let asked = |course: &&Course| course.asked_by == Client::Raw && !course.tries.is_empty();
        let courses = inner.courses.get(first..)?;
        let count = courses.iter().filter(asked).count();
        let place = usize::try_from(choose(count as u64)).ok()?;
        courses.iter().filter(asked).nth(place).map(|course| course.operation.clone())
    }

    /// How many operations there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().courses.len()
    }

    /// All of it.
    pub(crate) fn courses(&self) -> Vec<Course> {
        self.lock().courses.clone()
    }

    fn operations(&self, which: impl Fn(&Course) -> bool) -> Vec<Operation> {
        let inner = self.lock();
        inner.courses.iter().filter(|course| which(course)).map(|it| it.operation.clone()).collect()
    }
}

impl Course {
    /// What was told at last by a try that began last.
    pub(crate) fn last_told(&self) -> Option<&Told> {
        self.tries.last()?.ended.as_ref().map(|(_, told)| told)
    }

    fn last_said_nothing(&self) -> bool {
        !self.tries.is_empty() && !self.last_told().is_some_and(Told::settles)
    }

    /// The client says so, and nobody else tried.
    pub(crate) fn never_sent(&self) -> bool {
        self.tries.iter().all(|one| matches!(one.ended, Some((_, Told::NothingSent))))
    }
}

impl Told {
    /// Whether asking again tells nothing new.
    pub(crate) fn settles(&self) -> bool {
        match self {
            Self::Success { .. } | Self::Refused | Self::OutcomeUnknown | Self::NothingSent => true,
            Self::Unmarked
            | Self::InProgress
            | Self::Pending
            | Self::Unavailable
            | Self::Nothing
            | Self::Other(_) => false,
        }
    }
}
