//! A key that engines of different classes work on, as after a redeploy: it keeps the class that
//! promises less, for the earlier owner may have had its effect.

use seiriken::record::EffectClass::{self, Keyed, Opaque, Transactional};
use seiriken::record::transition::{self, Change, Ended, ReleaseOutcome, Surroundings};
use seiriken::record::{Record, State};

use super::{LEASE, START, ask, in_progress, put, token};

/// The record after a claim of class `first` was taken over by one of class `second`.
fn taken_over(first: EffectClass, second: EffectClass) -> Record {
    let late = START.after(LEASE);
    put(transition::claim(
        Some(&in_progress(first)),
        &ask(second, 2),
        &Surroundings::new(token(2), late),
    ))
}

#[test]
fn a_takeover_keeps_the_weaker_class() {
    for (first, second, both) in [
        (Transactional, Transactional, Transactional),
        (Transactional, Keyed, Keyed),
        (Transactional, Opaque, Opaque),
        (Keyed, Transactional, Keyed),
        (Keyed, Keyed, Keyed),
        (Keyed, Opaque, Opaque),
    ] {
        assert_eq!(taken_over(first, second).class, both, "{first:?}, {second:?}");
    }
}

#[test]
fn a_key_is_not_freed_while_an_earlier_owner_may_have_had_its_effect() {
    let released = |first, second| {
        let record = taken_over(first, second);
        transition::release(Some(&record), token(2), Ended::WithoutEffect, START.after(LEASE))
    };
    assert_eq!(released(Keyed, Transactional).outcome, ReleaseOutcome::LeaseEnded);
    let opaque = released(Keyed, Opaque);
    assert_eq!(opaque.outcome, ReleaseOutcome::Indeterminate);
    let Change::Put(record) = opaque.change else { panic!("{opaque:?}") };
    assert!(matches!(record.state, State::Indeterminate { .. }), "{record:?}");
    assert_eq!(released(Transactional, Transactional).outcome, ReleaseOutcome::Freed);
}
