//! What no step may ever do, asserted on every step, also in release builds.
//!
//! A breach is a bug of ours that could charge somebody twice: stopping is the lesser harm.

use super::transition::Change;
use super::{Record, State};
use crate::clock::Timestamp;

/// Panics when a step from `before` breaks an invariant.
pub(super) fn assert_step(before: Option<&Record>, now: Timestamp, change: &Change) {
    let before = before.filter(|record| !record.expired(now));
    match (before, change) {
        (_, Change::Keep) | (None, Change::Remove) => {}
        (None, Change::Put(after)) => assert_first(after),
        (Some(before), Change::Put(after)) => assert_successor(before, after),
        (Some(before), Change::Remove) => assert!(
            !matches!(before.state, State::Completed { .. } | State::Indeterminate { .. }),
            "an answer or an unresolved outcome is forgotten only when it expires"
        ),
    }
}

fn assert_first(after: &Record) {
    assert!(
        matches!(after.state, State::InProgress { .. }) && after.executions == 1,
        "an operation begins with its first claim"
    );
}

fn assert_successor(before: &Record, after: &Record) {
    assert!(
        after.fingerprint == before.fingerprint && after.identity == before.identity,
        "which request it is, and whose, is fixed while the record exists"
    );
    match (&before.state, &after.state) {
        (State::Completed { .. }, _) => panic!("an answer that stands never changes"),
        (State::InProgress { .. }, State::InProgress { .. }) if after.token != before.token => {
            assert!(before.class.may_run_again(), "an opaque effect is never run again");
            assert!(after.executions > before.executions, "a takeover is one more execution");
        }
        (State::Indeterminate { .. }, State::InProgress { .. }) => {
            panic!("an unknown outcome is never run again by itself")
        }
        _ => assert!(after.token == before.token, "a late owner changes nothing"),
    }
}
