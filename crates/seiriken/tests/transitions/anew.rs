//! A key that is not in use: when it may be used, to the millisecond.

use std::time::Duration;

use seiriken::clock::Timestamp;
use seiriken::record::transition::{self, Change, Claim, ClaimOutcome, Surroundings, Usage};
use seiriken::record::{EffectClass, Record};
use seiriken::{KeyDate, Quota};

use super::{RETENTION, START, answer, ask, in_progress, put, token};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A claim of a key that says it was made at the start.
fn dated(expires_at: Option<Timestamp>) -> Claim {
    let date = Some(KeyDate { minted: START, expires_at });
    Claim { date, ..ask(EffectClass::Opaque, 1) }
}

fn around(now: Timestamp, swept_through: Timestamp) -> Surroundings {
    Surroundings { swept_through, ..Surroundings::new(token(9), now) }
}

fn before(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - 1)
}

/// What an absent key is told; it has been granted where it says nothing else.
fn told(claim: &Claim, around: &Surroundings) -> Option<ClaimOutcome> {
    let step = transition::claim(None, claim, around);
    match (step.outcome, step.change) {
        (ClaimOutcome::Granted(_), Change::Put(_)) => None,
        (ClaimOutcome::Granted(_), other) => panic!("granted, and {other:?}"),
        (refused, change) => {
            assert_eq!(change, Change::Keep, "{refused:?}");
            Some(refused)
        }
    }
}

#[test]
fn a_dated_key_can_be_used_until_its_retention_is_over() {
    let end = START.after(RETENTION.answers);
    for now in [START, before(end)] {
        assert_eq!(told(&dated(None), &around(now, Timestamp::ZERO)), None, "{now:?}");
    }
    for now in [end, end.after(MILLISECOND)] {
        let refused = told(&dated(None), &around(now, Timestamp::ZERO));
        assert_eq!(refused, Some(ClaimOutcome::KeyExpired), "{now:?}");
    }
}

#[test]
fn a_dated_key_can_be_used_until_its_own_end() {
    let end = START.after(MILLISECOND * 5);
    let claim = dated(Some(end));
    assert_eq!(told(&claim, &around(before(end), Timestamp::ZERO)), None);
    let refused = told(&claim, &around(end, Timestamp::ZERO));
    assert_eq!(refused, Some(ClaimOutcome::KeyExpired));
}

#[test]
fn a_key_that_may_have_been_forgotten_is_expired() {
    assert_eq!(told(&dated(None), &around(START, START)), None, "made when nothing was forgotten");
    let forgotten = around(START, START.after(MILLISECOND));
    assert_eq!(told(&dated(None), &forgotten), Some(ClaimOutcome::KeyExpired));
    assert_eq!(told(&ask(EffectClass::Opaque, 1), &forgotten), None, "it says no date");
}

#[test]
fn the_record_that_has_expired_counts_as_forgotten() {
    let running = in_progress(EffectClass::Opaque);
    let answered = put(transition::complete(Some(&running), token(1), &answer("1"), START));
    let now = START.after(RETENTION.answers).after(RETENTION.skew);
    assert!(answered.expired(now));
    // With a longer retention than the answer was kept for: by its age alone it could be used.
    let mut claim = dated(None);
    claim.retention.answers *= 10;
    let step = transition::claim(Some(&answered), &claim, &around(now, Timestamp::ZERO));
    assert_eq!(step.outcome, ClaimOutcome::KeyExpired);
    assert_eq!(told(&claim, &around(now, Timestamp::ZERO)), None, "no record, never forgotten");
}

#[test]
fn a_key_may_be_ahead_of_the_clock_by_the_skew() {
    let earliest = Timestamp::from_millis(START.as_millis() - 60_000);
    assert_eq!(earliest.after(RETENTION.skew), START);
    assert_eq!(told(&dated(None), &around(earliest, Timestamp::ZERO)), None);
    let refused = told(&dated(None), &around(before(earliest), Timestamp::ZERO));
    assert_eq!(refused, Some(ClaimOutcome::KeyFromFuture));
}

#[test]
fn a_full_scope_takes_no_new_key() {
    let quotas = [
        (Quota { keys: Some(3), bytes: None }, Usage { keys: 3, bytes: 0 }),
        (Quota { keys: None, bytes: Some(9) }, Usage { keys: 0, bytes: 9 }),
    ];
    for (quota, full) in quotas {
        let claim = Claim { quota, ..ask(EffectClass::Opaque, 1) };
        let used = |used| Surroundings { used, ..around(START, Timestamp::ZERO) };
        assert_eq!(told(&claim, &used(full)), Some(ClaimOutcome::QuotaExceeded));
        let room = Usage { keys: full.keys.saturating_sub(1), bytes: full.bytes.saturating_sub(1) };
        assert_eq!(told(&claim, &used(room)), None);
        // In the place of a record of its own that has expired there is room.
        let running = in_progress(EffectClass::Opaque);
        let answered = put(transition::complete(Some(&running), token(1), &answer("1"), START));
        let now = START.after(RETENTION.answers).after(RETENTION.skew);
        let step = transition::claim(Some(&answered), &claim, &Surroundings { now, ..used(full) });
        assert!(matches!(step.outcome, ClaimOutcome::Granted(_)), "{:?}", step.outcome);
    }
}

/// Of all that a sweeper removes for its age, and of nothing else, the store remembers how far that was.
#[test]
fn a_sweeper_says_how_far_it_has_forgotten() {
    let swept = |record: &Record, now| transition::sweep(record, now).outcome;
    let running = in_progress(EffectClass::Transactional);
    let lease_over = START.after(super::LEASE);
    assert_eq!(transition::sweep(&running, lease_over).change, Change::Remove);
    assert_eq!(swept(&running, lease_over), None, "nothing was forgotten with it");
    let running = put(transition::claim(None, &dated(None), &around(START, Timestamp::ZERO)));
    let own = running.token;
    let answered = put(transition::complete(Some(&running), own, &answer("1"), START));
    let now = START.after(RETENTION.answers).after(RETENTION.skew);
    assert_eq!(swept(&answered, before(now)), None, "it stays");
    assert_eq!(swept(&answered, now), Some(START.after(MILLISECOND)));
}
