//! What no step may ever do, asserted on every step, also in release builds.
//!
//! A breach is a bug of ours that could charge somebody twice: stopping is the lesser harm.

use super::by_a_person::runs;
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

/// As [`assert_step`], where a person has asked for it: they may free a key whose outcome is not known,
/// or whose answer stands. They may not begin anything, nor take what runs from its owner.
pub(super) fn assert_step_by_a_person(before: Option<&Record>, now: Timestamp, change: &Change) {
    let before = before.filter(|record| !record.expired(now));
    match (before, change) {
        (Some(before), Change::Remove) => {
            assert!(!runs(before, now), "what runs is not taken from its owner");
        }
        (_, Change::Put(after)) => {
            assert!(
                matches!(after.state, State::Completed { .. }),
                "a person settles, and begins nothing"
            );
            assert_step(before, now, change);
        }
        (_, Change::Keep) | (None, Change::Remove) => {}
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

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::time::Duration;

    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::identity::IdentityDigest;
    use crate::record::{AttemptId, EffectClass, Minted, RecordedResponse, Retention, Token, Why};
    use crate::scope::ScopeDigest;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000);
    const KEPT: Retention = Retention { answers: Duration::from_mins(1), skew: Duration::ZERO };

    fn record(token: u128, class: EffectClass, state: State) -> Record {
        Record {
            token: Token::from_u128(token),
            identity: IdentityDigest::from_bytes([1; 16]),
            fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
            scope: ScopeDigest::from_bytes([1; 8]),
            minted: Minted::By(NOW),
            class,
            executions: 1,
            state,
        }
    }

    fn running(token: u128, class: EffectClass) -> Record {
        let state = State::InProgress {
            attempt: AttemptId::from_random(1),
            claimed_at: NOW,
            lease_until: LATER,
            retention: KEPT,
        };
        record(token, class, state)
    }

    fn unknown(token: u128) -> Record {
        let state =
            State::Indeterminate { why: Why::OwnerVanished, retention: KEPT, forget_at: LATER };
        record(token, EffectClass::Opaque, state)
    }

    fn completed(token: u128, answer: &[u8]) -> Record {
        let response = RecordedResponse::of_work(answer);
        record(token, EffectClass::Opaque, State::Completed { response, expires_at: LATER })
    }

    /// What a step breaks, if anything.
    fn breaks(before: Option<&Record>, now: Timestamp, change: &Change) -> Option<String> {
        what_breaks(|| assert_step(before, now, change))
    }

    fn what_breaks(step: impl FnOnce() + std::panic::UnwindSafe) -> Option<String> {
        let panic = catch_unwind(step).err()?;
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    }

    #[test]
    fn a_step_that_must_not_be_stops_everything() {
        use EffectClass::{Keyed, Opaque};
        let again = |token, class| Record { executions: 2, ..running(token, class) };
        let other = IdentityDigest::from_bytes([2; 16]);
        let another = Fingerprint::from_stored(1, [2; 16]).expect("1 is a kind");
        let put = Change::Put;
        for (before, change, broken) in [
            (None, put(completed(1, b"a")), "begins with its first claim"),
            (None, put(again(1, Keyed)), "begins with its first claim"),
            (Some(completed(1, b"a")), Change::Remove, "forgotten only when it expires"),
            (Some(unknown(1)), Change::Remove, "forgotten only when it expires"),
            (Some(completed(1, b"a")), put(completed(1, b"b")), "never changes"),
            (Some(completed(1, b"a")), put(unknown(1)), "never changes"),
            (Some(unknown(1)), put(running(1, Opaque)), "never run again by itself"),
            (Some(unknown(1)), put(completed(2, b"a")), "a late owner changes nothing"),
            (Some(running(1, Opaque)), put(again(2, Opaque)), "never run again"),
            (Some(running(1, Keyed)), put(running(2, Keyed)), "one more execution"),
            (Some(running(1, Keyed)), put(completed(2, b"a")), "a late owner changes nothing"),
            (
                Some(running(1, Keyed)),
                put(Record { identity: other, ..again(2, Keyed) }),
                "and whose, is fixed",
            ),
            (
                Some(running(1, Keyed)),
                put(Record { fingerprint: another, ..again(2, Keyed) }),
                "and whose, is fixed",
            ),
        ] {
            let said = breaks(before.as_ref(), NOW, &change).unwrap_or_default();
            assert!(said.contains(broken), "{before:?} to {change:?} says {said:?}");
        }
    }

    #[test]
    fn a_step_that_may_be_passes() {
        use EffectClass::{Keyed, Opaque};
        let put = Change::Put;
        for (before, now, change) in [
            (None, NOW, Change::Keep),
            (None, NOW, Change::Remove),
            (None, NOW, put(running(1, Opaque))),
            (Some(running(1, Opaque)), NOW, Change::Remove),
            (Some(running(1, Opaque)), NOW, put(running(1, Opaque))),
            (Some(running(1, Keyed)), NOW, put(Record { executions: 2, ..running(2, Keyed) })),
            (Some(running(1, Opaque)), NOW, put(unknown(1))),
            (Some(running(1, Opaque)), NOW, put(completed(1, b"a"))),
            (Some(unknown(1)), NOW, put(completed(1, b"a"))),
            (Some(completed(1, b"a")), LATER, Change::Remove),
            (Some(completed(1, b"a")), LATER, put(running(2, Opaque))),
        ] {
            assert_eq!(breaks(before.as_ref(), now, &change), None, "{before:?} to {change:?}");
        }
    }

    #[test]
    fn a_person_may_settle_and_free_and_no_more() {
        use EffectClass::{Keyed, Opaque};
        let put = Change::Put;
        for (before, now, change, broken) in [
            (Some(unknown(1)), NOW, Change::Remove, None),
            (Some(unknown(1)), NOW, put(completed(1, b"a")), None),
            (Some(completed(1, b"a")), NOW, Change::Remove, None),
            (Some(running(1, Keyed)), LATER, Change::Remove, None),
            (None, NOW, Change::Remove, None),
            (Some(running(1, Opaque)), NOW, Change::Remove, Some("from its owner")),
            (Some(unknown(1)), NOW, put(running(1, Opaque)), Some("begins nothing")),
            (None, NOW, put(running(1, Opaque)), Some("begins nothing")),
            (None, NOW, put(completed(1, b"a")), Some("begins with its first claim")),
            (Some(completed(1, b"a")), NOW, put(completed(1, b"b")), Some("never changes")),
            (Some(unknown(1)), NOW, put(completed(2, b"a")), Some("a late owner")),
        ] {
            let said = what_breaks(|| assert_step_by_a_person(before.as_ref(), now, &change));
            let as_said = match (broken, &said) {
                (None, None) => true,
                (Some(broken), Some(said)) => said.contains(broken),
                _ => false,
            };
            assert!(as_said, "{before:?} to {change:?} says {said:?}");
        }
    }
}
