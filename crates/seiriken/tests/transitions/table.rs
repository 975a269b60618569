//! The table of transitions, row by row, for every class.

use std::fmt::Debug;
use std::time::Duration;

use seiriken::FingerprintKind;
use seiriken::clock::Timestamp;
use seiriken::record::transition::{
    self, Change, ClaimOutcome, CompleteOutcome, Ended, Grant, Granted, ReleaseOutcome,
    RenewOutcome, Surroundings, Transition,
};
use seiriken::record::{
    AttemptId, EffectClass, INDETERMINATE_KEPT_MIN, Minted, Record, State, Token, Why,
};

use super::{CLASSES, LEASE, MALLORY_PAYS_MORE, RETENTION, START, answer, ask, in_progress, token};

/// While the lease of a claim at the start still runs.
const EARLY: Timestamp = Timestamp::from_millis(START.as_millis() + 29_999);
/// The first moment at which it does not.
const LATE: Timestamp = Timestamp::from_millis(START.as_millis() + 30_000);

/// A key without a date.
const MINTED: Minted = Minted::By(START);

const ENDS: [Ended; 2] = [Ended::WithoutEffect, Ended::EffectUnknown];

fn indeterminate(class: EffectClass) -> Record {
    let forget_at = START.after(INDETERMINATE_KEPT_MIN);
    let why = Why::OwnerCannotSay;
    let state = State::Indeterminate { why, retention: RETENTION, forget_at };
    Record { state, ..in_progress(class) }
}

fn completed(class: EffectClass) -> Record {
    let state =
        State::Completed { response: answer("1"), expires_at: RETENTION.expiry(MINTED, START) };
    Record { state, ..in_progress(class) }
}

/// Every record of a class, and a moment at which to look at it.
fn every_record(class: EffectClass) -> Vec<(Record, Timestamp)> {
    let running = in_progress(class);
    vec![
        (running.clone(), EARLY),
        (running, LATE),
        (indeterminate(class), LATE),
        (completed(class), LATE),
    ]
}

#[expect(clippy::needless_pass_by_value, reason = "made for the comparison, at the place of use")]
fn kept<O: Debug + PartialEq>(step: Transition<O>, outcome: O) {
    assert_eq!(step, Transition { change: Change::Keep, outcome });
}

fn granted(token: Token, executions: u32, how: Granted) -> ClaimOutcome {
    ClaimOutcome::Granted(Grant { token, executions, how })
}

#[test]
fn claim_of_an_absent_key_is_granted() {
    for class in CLASSES {
        let step = transition::claim(None, &ask(class, 5), &Surroundings::new(token(9), START));
        assert_eq!(step.outcome, granted(token(9), 1, Granted::First));
        let state = State::InProgress {
            attempt: AttemptId::from_random(5),
            claimed_at: START,
            lease_until: START.after(LEASE),
            retention: RETENTION,
        };
        let Change::Put(record) = step.change else { panic!("it is written") };
        let asked = ask(class, 5);
        assert_eq!((record.token, record.executions, record.class), (token(9), 1, class));
        assert_eq!((record.identity, record.fingerprint), (asked.identity, asked.fingerprint));
        assert_eq!(record.state, state);
    }
}

#[test]
fn claim_by_another_identity_changes_nothing_and_is_told_so_before_everything_else() {
    for class in CLASSES {
        for (record, now) in every_record(class) {
            let mut claim = ask(class, 1);
            claim.identity = MALLORY_PAYS_MORE.0;
            let told = transition::claim(Some(&record), &claim, &Surroundings::new(token(9), now));
            kept(told, ClaimOutcome::CredentialChanged);
            claim.fingerprint = MALLORY_PAYS_MORE.1;
            let told = transition::claim(Some(&record), &claim, &Surroundings::new(token(9), now));
            kept(told, ClaimOutcome::CredentialChanged);
        }
    }
}

#[test]
fn claim_for_another_request_changes_nothing_and_is_told_so_before_how_far_it_is() {
    for class in CLASSES {
        for (record, now) in every_record(class) {
            let mut claim = ask(class, 1);
            claim.fingerprint = MALLORY_PAYS_MORE.1;
            let told = transition::claim(Some(&record), &claim, &Surroundings::new(token(9), now));
            kept(told, ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes });
        }
    }
}

#[test]
fn claim_of_the_same_attempt_is_told_that_it_owns_the_key_also_late() {
    for class in CLASSES {
        for now in [EARLY, LATE] {
            let record = in_progress(class);
            let told =
                transition::claim(Some(&record), &ask(class, 1), &Surroundings::new(token(9), now));
            kept(told, granted(token(1), 1, Granted::Yours));
        }
    }
}

#[test]
fn claim_while_the_owner_lives_is_told_to_come_back() {
    for class in CLASSES {
        let record = in_progress(class);
        for (after, expected) in [(0, 1_000), (400, 1_000), (7_000, 7_000), (28_000, 2_000)] {
            let now = START.after(Duration::from_millis(after));
            let told =
                transition::claim(Some(&record), &ask(class, 2), &Surroundings::new(token(9), now));
            let retry_after = Duration::from_millis(expected);
            kept(told, ClaimOutcome::InProgress { retry_after });
        }
    }
}

#[test]
fn claim_after_the_lease_takes_over_what_may_run_again() {
    for class in [EffectClass::Transactional, EffectClass::Keyed] {
        let record = in_progress(class);
        let step =
            transition::claim(Some(&record), &ask(class, 2), &Surroundings::new(token(9), LATE));
        assert_eq!(step.outcome, granted(token(9), 2, Granted::TakenOver));
        let Change::Put(after) = step.change else { panic!("it is written") };
        assert_eq!((after.token, after.executions, after.class), (token(9), 2, class));
        let State::InProgress { attempt, claimed_at, lease_until, .. } = after.state else {
            panic!("it is in progress")
        };
        assert_eq!(attempt, AttemptId::from_random(2));
        assert_eq!((claimed_at, lease_until), (LATE, LATE.after(LEASE)));
    }
}

#[test]
fn claim_after_the_lease_of_an_opaque_effect_makes_it_indeterminate() {
    let record = in_progress(EffectClass::Opaque);
    let step = transition::claim(
        Some(&record),
        &ask(EffectClass::Opaque, 2),
        &Surroundings::new(token(9), LATE),
    );
    assert_eq!(step.outcome, ClaimOutcome::Indeterminate);
    let state = State::Indeterminate {
        why: Why::OwnerVanished,
        retention: RETENTION,
        forget_at: LATE.after(INDETERMINATE_KEPT_MIN),
    };
    assert_eq!(step.change, Change::Put(Record { state, ..record }), "under its owner's token");
}

#[test]
fn what_a_record_is_decides_and_not_what_the_claim_says_it_is() {
    let record = in_progress(EffectClass::Opaque);
    for class in CLASSES {
        let step =
            transition::claim(Some(&record), &ask(class, 2), &Surroundings::new(token(9), LATE));
        assert_eq!(step.outcome, ClaimOutcome::Indeterminate, "asked as {class:?}");
    }
}

#[test]
fn claim_of_a_settled_key_is_told_the_answer_or_that_nobody_knows_it() {
    for class in CLASSES {
        for attempt in [1, 2] {
            let claim = ask(class, attempt);
            let told = transition::claim(
                Some(&completed(class)),
                &claim,
                &Surroundings::new(token(9), LATE),
            );
            kept(told, ClaimOutcome::Completed(answer("1")));
            let told = transition::claim(
                Some(&indeterminate(class)),
                &claim,
                &Surroundings::new(token(9), LATE),
            );
            kept(told, ClaimOutcome::Indeterminate);
        }
    }
}

#[test]
fn renew_by_the_owner_extends_the_lease_and_never_shortens_it() {
    for class in CLASSES {
        let record = in_progress(class);
        for (now, lease, until) in [
            (EARLY, LEASE, EARLY.after(LEASE)),
            (LATE, LEASE, LATE.after(LEASE)),
            (EARLY, Duration::ZERO, START.after(LEASE)),
        ] {
            let step = transition::renew(Some(&record), token(1), lease, now);
            assert_eq!(step.outcome, RenewOutcome::Renewed);
            let mut expected = record.clone();
            if let State::InProgress { lease_until, .. } = &mut expected.state {
                *lease_until = until;
            }
            assert_eq!(step.change, Change::Put(expected), "{class:?}");
        }
    }
}

#[test]
fn renew_by_anybody_else_or_of_what_has_ended_is_lost() {
    for class in CLASSES {
        kept(transition::renew(None, token(1), LEASE, START), RenewOutcome::Lost);
        for (record, now) in every_record(class) {
            let told = transition::renew(Some(&record), token(2), LEASE, now);
            kept(told, RenewOutcome::Lost);
            if !matches!(record.state, State::InProgress { .. }) {
                let told = transition::renew(Some(&record), token(1), LEASE, now);
                kept(told, RenewOutcome::Lost);
            }
        }
    }
}

#[test]
fn complete_by_the_owner_records_the_answer_also_late_and_also_when_nobody_knew() {
    for class in CLASSES {
        let records = [in_progress(class), indeterminate(class)];
        for (record, now) in records.iter().flat_map(|record| [(record, EARLY), (record, LATE)]) {
            let step = transition::complete(Some(record), token(1), &answer("1"), now);
            assert_eq!(step.outcome, CompleteOutcome::Recorded);
            let expires_at = now.after(RETENTION.answers).after(RETENTION.skew);
            let state = State::Completed { response: answer("1"), expires_at };
            let expected = Record { state, ..record.clone() };
            assert_eq!(step.change, Change::Put(expected), "{class:?}");
        }
    }
}

#[test]
fn complete_again_with_the_same_answer_is_recorded_and_with_another_is_stale() {
    for class in CLASSES {
        let record = completed(class);
        let again = transition::complete(Some(&record), token(1), &answer("1"), LATE);
        kept(again, CompleteOutcome::Recorded);
        let other = transition::complete(Some(&record), token(1), &answer("2"), LATE);
        kept(other, CompleteOutcome::Stale(Some(answer("1"))));
    }
}

#[test]
fn complete_by_anybody_else_changes_nothing() {
    for class in CLASSES {
        let nobody = transition::complete(None, token(1), &answer("1"), START);
        kept(nobody, CompleteOutcome::Stale(None));
        for (record, now) in every_record(class) {
            let stands = match &record.state {
                State::Completed { response, .. } => Some(response.clone()),
                _ => None,
            };
            // Also with the very answer that stands: it is not this owner's.
            for body in ["1", "2"] {
                let told = transition::complete(Some(&record), token(2), &answer(body), now);
                kept(told, CompleteOutcome::Stale(stands.clone()));
            }
        }
    }
}

#[test]
fn release_by_the_owner_frees_only_with_proof() {
    let taken_over = |class| Record { executions: 2, ..in_progress(class) };
    for (class, first, executions, ended, outcome) in [
        (EffectClass::Transactional, true, 1, Ended::WithoutEffect, ReleaseOutcome::Freed),
        (EffectClass::Transactional, true, 1, Ended::EffectUnknown, ReleaseOutcome::Freed),
        (EffectClass::Transactional, false, 2, Ended::EffectUnknown, ReleaseOutcome::Freed),
        (EffectClass::Keyed, true, 1, Ended::WithoutEffect, ReleaseOutcome::Freed),
        (EffectClass::Keyed, true, 1, Ended::EffectUnknown, ReleaseOutcome::LeaseEnded),
        (EffectClass::Keyed, false, 2, Ended::WithoutEffect, ReleaseOutcome::LeaseEnded),
        (EffectClass::Keyed, false, 2, Ended::EffectUnknown, ReleaseOutcome::LeaseEnded),
        (EffectClass::Opaque, true, 1, Ended::WithoutEffect, ReleaseOutcome::Freed),
        (EffectClass::Opaque, true, 1, Ended::EffectUnknown, ReleaseOutcome::Indeterminate),
    ] {
        let record = if first { in_progress(class) } else { taken_over(class) };
        assert_eq!(record.executions, executions);
        for now in [EARLY, LATE] {
            let step = transition::release(Some(&record), token(1), ended, now);
            assert_eq!(step.outcome, outcome, "{class:?}, {executions}, {ended:?}");
            assert_eq!(step.change, released(&record, outcome, now), "{class:?}, {ended:?}");
        }
    }
}

fn released(record: &Record, outcome: ReleaseOutcome, now: Timestamp) -> Change {
    let mut after = record.clone();
    match (outcome, &mut after.state) {
        (ReleaseOutcome::Freed, _) => return Change::Remove,
        (ReleaseOutcome::LeaseEnded, State::InProgress { lease_until, .. }) => *lease_until = now,
        (_, state) => {
            let forget_at = now.after(INDETERMINATE_KEPT_MIN);
            let why = Why::OwnerCannotSay;
            *state = State::Indeterminate { why, retention: RETENTION, forget_at };
        }
    }
    Change::Put(after)
}

#[test]
fn release_by_anybody_else_or_of_what_has_ended_changes_nothing() {
    for (class, ended) in CLASSES.into_iter().flat_map(|class| ENDS.map(|ended| (class, ended))) {
        kept(transition::release(None, token(1), ended, START), ReleaseOutcome::Stale);
        for (record, now) in every_record(class) {
            let told = transition::release(Some(&record), token(2), ended, now);
            kept(told, ReleaseOutcome::Stale);
            if !matches!(record.state, State::InProgress { .. }) {
                let told = transition::release(Some(&record), token(1), ended, now);
                kept(told, ReleaseOutcome::Stale);
            }
        }
    }
}

#[test]
fn sweep_settles_what_an_owner_left_and_removes_what_has_expired() {
    for class in CLASSES {
        let running = in_progress(class);
        assert_eq!(transition::sweep(&running, EARLY).change, Change::Keep, "{class:?} is alive");
        let late = match class {
            EffectClass::Transactional => Change::Remove,
            EffectClass::Keyed => Change::Keep,
            EffectClass::Opaque => {
                let forget_at = LATE.after(INDETERMINATE_KEPT_MIN);
                let why = Why::OwnerVanished;
                let state = State::Indeterminate { why, retention: RETENTION, forget_at };
                Change::Put(Record { state, ..running.clone() })
            }
        };
        assert_eq!(transition::sweep(&running, LATE).change, late, "{class:?} is late");
        for record in [completed(class), indeterminate(class)] {
            assert_eq!(
                transition::sweep(&record, LATE).change,
                Change::Keep,
                "{class:?} is settled"
            );
            let expired = START.after(INDETERMINATE_KEPT_MIN);
            assert_eq!(transition::sweep(&record, expired).change, Change::Remove, "{class:?}");
        }
    }
    let expired = RETENTION.expiry(MINTED, START);
    assert_eq!(transition::sweep(&in_progress(EffectClass::Keyed), expired).change, Change::Remove);
}
