//! A key that engines of different classes work on, as after a redeploy: it keeps the class that
//! promises less, for the earlier owner may have had its effect.

use seiriken::record::EffectClass::{self, Keyed, Opaque, Transactional};
use seiriken::record::transition::{
    self, Change, ClaimOutcome, Ended, ReleaseOutcome, Surroundings,
};
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
        (Keyed, Keyed, Keyed),
    ] {
        assert_eq!(taken_over(first, second).class, both, "{first:?}, {second:?}");
    }
}

/// Downstream would not recognise what the new class does.
#[test]
fn what_was_deduplicated_is_taken_over_by_its_like_alone() {
    for next in [Transactional, Opaque] {
        let late = START.after(LEASE);
        let around = Surroundings::new(token(2), late);
        let step = transition::claim(Some(&in_progress(Keyed)), &ask(next, 2), &around);
        assert_eq!(step.outcome, ClaimOutcome::Indeterminate, "{next:?}");
        let record = put(step);
        assert!(matches!(record.state, State::Indeterminate { .. }), "{record:?}");
    }
}

#[test]
fn a_key_is_not_freed_while_an_earlier_owner_may_have_had_its_effect() {
    let released = |first, second| {
        let record = taken_over(first, second);
        transition::release(Some(&record), token(2), Ended::WithoutEffect, START.after(LEASE))
    };
    assert_eq!(released(Keyed, Keyed).outcome, ReleaseOutcome::LeaseEnded);
    let opaque = released(Transactional, Opaque);
    assert_eq!(opaque.outcome, ReleaseOutcome::Indeterminate);
    let Change::Put(record) = opaque.change else { panic!("{opaque:?}") };
    assert!(matches!(record.state, State::Indeterminate { .. }), "{record:?}");
    assert_eq!(released(Transactional, Transactional).outcome, ReleaseOutcome::Freed);
}
