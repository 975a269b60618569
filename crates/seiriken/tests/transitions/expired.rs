//! An expired record counts as absent in every verb: a sweeper may have removed it already.

use seiriken::clock::Timestamp;
use seiriken::record::transition::{
    self, Change, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use seiriken::record::{EffectClass, INDETERMINATE_KEPT_MIN, Record};

use super::{LEASE, RETENTION, START, answer, in_progress, put, token};

/// Records of owner 1 that have just expired.
fn expired() -> Vec<(&'static str, Record, Timestamp)> {
    let kept = START.after(RETENTION.answers).after(RETENTION.skew);
    let opaque = in_progress(EffectClass::Opaque);
    let unknown = put(transition::release(Some(&opaque), token(1), Ended::EffectUnknown, START));
    let completed = put(transition::complete(Some(&opaque), token(1), &answer("1"), START));
    vec![
        ("an abandoned keyed claim", in_progress(EffectClass::Keyed), kept),
        ("an unknown outcome", unknown, START.after(INDETERMINATE_KEPT_MIN)),
        ("an answer", completed, kept),
    ]
}

#[test]
fn an_owner_that_comes_after_its_record_expired_is_told_what_it_is_told_when_it_is_gone() {
    for (what, record, now) in expired() {
        let just_before = Timestamp::from_millis(now.as_millis() - 1);
        assert!(!record.expired(just_before), "{what}");
        assert!(record.expired(now), "{what}");
        for current in [Some(&record), None] {
            let completed = transition::complete(current, token(1), &answer("1"), now);
            assert_eq!(completed.outcome, CompleteOutcome::Stale(None), "{what}");
            assert_eq!(completed.change, Change::Keep, "{what}");
            let renewed = transition::renew(current, token(1), LEASE, now);
            assert_eq!(renewed.outcome, RenewOutcome::Lost, "{what}");
            assert_eq!(renewed.change, Change::Keep, "{what}");
            for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
                let released = transition::release(current, token(1), ended, now);
                assert_eq!(released.outcome, ReleaseOutcome::Stale, "{what}");
                assert_eq!(released.change, Change::Keep, "{what}");
            }
        }
    }
}

#[test]
fn until_the_last_moment_its_owner_may_complete() {
    for (what, record, expiry) in expired() {
        let now = Timestamp::from_millis(expiry.as_millis() - 1);
        let completed = transition::complete(Some(&record), token(1), &answer("1"), now);
        assert_eq!(completed.outcome, CompleteOutcome::Recorded, "{what}");
    }
}
