//! What a person does with key records: look for them, settle what nobody knows, forget one early.

use std::fmt;

use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::record::transition::{self, DeleteOutcome, Resolution, ResolveOutcome};
use crate::record::{Record, State, Token};
use crate::scope::{RecordId, ScopeDigest};

/// A store whose records a person can look at and settle. Apart from [`Store`]: no request needs it.
///
/// Whatever is told is told [as a claim would find it](transition::found): a record that has expired
/// is not there, and an opaque execution whose owner vanished is indeterminate.
pub trait Operate: Store {
    /// What stands under a key.
    fn show(&self, id: RecordId)
    -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// A part of the records that the filter takes, from where an earlier page ended.
    ///
    /// Guarantee: going from page to page until there is no `next` comes past every record that
    /// stands all the while. One may come twice, and what is made, changed or removed meanwhile may
    /// come or not. A page may have fewer records than `at_most`, even none, and still a next one. Of
    /// transactional executions that run, only those are found that the store has written.
    fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// About how many keys are kept, told at once: also those that have expired and are not removed yet,
    /// and whatever else a server has that holds them.
    fn about_how_many(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// A person says what became of an outcome that is not known.
    ///
    /// Guarantee: takes effect only while the record is that execution's and its outcome is not known.
    /// Of an owner that is only late and the person, one settles it and the other is told.
    fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> impl Future<Output = Result<ResolveOutcome, StoreError>> + Send;

    /// Forgets a key before its time: the next request with it is the first one, and runs.
    ///
    /// Guarantee: takes effect only while the record is that execution's and nobody is running it.
    fn delete(
        &self,
        id: RecordId,
        token: Token,
    ) -> impl Future<Output = Result<DeleteOutcome, StoreError>> + Send;
}

/// Which records to list: those to which all of it applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that stand so.
    pub state: Option<Standing>,
    /// Only those of this scope.
    pub scope: Option<ScopeDigest>,
    /// Only those whose id begins like this.
    pub prefix: IdPrefix,
}

/// Where a record stands, as the name of its [`State`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// [`State::InProgress`]
    InProgress,
    /// [`State::Indeterminate`]
    Indeterminate,
    /// [`State::Completed`]
    Completed,
}

/// The first hexadecimal digits of a record's id, as logs have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdPrefix(String);

/// A text that is not the beginning of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits, or the first of them")]
pub struct InvalidIdPrefix;

/// Where a page ended: a word of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Box<str>);

/// A part of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// The records, in an order of the store's own.
    pub records: Vec<Listed>,
    /// Where the next page begins, if one follows.
    pub next: Option<Cursor>,
}

/// A record in a list. One that cannot be read is listed too, with what is wrong.
#[derive(Debug)]
pub struct Listed {
    /// What it is known by.
    pub id: RecordId,
    /// What stands there.
    pub record: Result<Record, StoreError>,
}

// === impl Filter, IdPrefix, Cursor ===

impl Filter {
    /// What of a record that was read belongs into the list.
    pub(super) fn take(&self, id: RecordId, record: &Record, now: Timestamp) -> Option<Listed> {
        let found = transition::found(record, now)?;
        let takes = self.takes_id(&id)
            && self.scope.is_none_or(|scope| scope == found.scope)
            && self.state.is_none_or(|state| state == Standing::of(&found.state));
        takes.then(|| Listed { id, record: Ok(found.into_owned()) })
    }

    pub(super) fn takes_id(&self, id: &RecordId) -> bool {
        self.prefix.is_of(id)
    }
}

impl Standing {
    /// The name of a state.
    pub fn of(state: &State) -> Self {
        match state {
            State::InProgress { .. } => Self::InProgress,
            State::Indeterminate { .. } => Self::Indeterminate,
            State::Completed { .. } => Self::Completed,
        }
    }
}

impl IdPrefix {
    const DIGITS: usize = 32;

    /// Reads up to 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidIdPrefix> {
        let digits =
            text.len() <= Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| Self(text.to_ascii_lowercase())).ok_or(InvalidIdPrefix)
    }

    /// The digits, in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an id begins like this.
    pub fn is_of(&self, id: &RecordId) -> bool {
        id.hex().starts_with(&self.0)
    }

    /// The id, where it is said in full.
    pub fn whole(&self) -> Option<RecordId> {
        if self.0.len() != Self::DIGITS {
            return None;
        }
        u128::from_str_radix(&self.0, 16).ok().map(|id| RecordId::from_bytes(id.to_be_bytes()))
    }
}

impl Cursor {
    /// From a word that [`Cursor::as_str`] gave.
    pub fn new(word: impl Into<Box<str>>) -> Self {
        Self(word.into())
    }

    /// The word, to go on from later.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that a page ended with, where pages are in the order of ids.
    pub(super) fn id(&self) -> Option<RecordId> {
        IdPrefix::parse(&self.0).ok()?.whole()
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InProgress => "in progress",
            Self::Indeterminate => "indeterminate",
            Self::Completed => "completed",
        })
    }
}

/// A cursor that no page of this store ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no page of this store ends there")]
pub(super) struct NotACursor;

#[deny(clippy::missing_trait_methods)]
impl<S: Operate> Operate for std::sync::Arc<S> {
    fn show(
        &self,
        id: RecordId,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        S::show(self, id)
    }

    fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        S::list(self, filter, from, at_most)
    }

    fn about_how_many(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::about_how_many(self)
    }

    fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> impl Future<Output = Result<ResolveOutcome, StoreError>> + Send {
        S::resolve(self, id, token, resolution)
    }

    fn delete(
        &self,
        id: RecordId,
        token: Token,
    ) -> impl Future<Output = Result<DeleteOutcome, StoreError>> + Send {
        S::delete(self, id, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_key_stands_is_said_in_words() {
        let all = [Standing::InProgress, Standing::Indeterminate, Standing::Completed];
        let words = all.map(|standing| standing.to_string());
        assert_eq!(words, ["in progress", "indeterminate", "completed"]);
    }

    #[test]
    fn the_beginning_of_an_id_is_read_or_refused() {
        let id = RecordId::from_bytes([0xAB; 16]);
        for text in ["", "a", "AB", &"ab".repeat(16)] {
            let prefix = IdPrefix::parse(text).expect("it is one");
            assert!(prefix.is_of(&id), "{text}");
            assert_eq!(prefix.whole(), (text.len() == 32).then_some(id), "{text}");
            assert_eq!(prefix.as_str(), text.to_ascii_lowercase());
        }
        assert!(!IdPrefix::parse("b").expect("it is one").is_of(&id));
        for text in ["x", "0x", "-1", "é", &"a".repeat(33)] {
            assert_eq!(IdPrefix::parse(text), Err(InvalidIdPrefix), "{text}");
        }
    }
}
