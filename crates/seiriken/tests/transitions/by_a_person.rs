//! What a person settles: each row of the table, for every state that a record can be in.

use seiriken::record::transition::{
    self, Change, DeleteOutcome, Ended, Resolution, ResolveOutcome,
};
use seiriken::record::{EffectClass, INDETERMINATE_KEPT_MIN, Record, State, Why};

use super::{CLASSES, LEASE, RETENTION, START, answer, in_progress, put, token};

fn unknown() -> Record {
    let opaque = in_progress(EffectClass::Opaque);
    put(transition::release(Some(&opaque), token(1), Ended::EffectUnknown, START))
}

fn completed() -> Record {
    let opaque = in_progress(EffectClass::Opaque);
    put(transition::complete(Some(&opaque), token(1), &answer("first"), START))
}

fn done() -> Resolution {
    Resolution::Done(answer("by a person"))
}

#[test]
fn an_unknown_outcome_becomes_the_answer_that_a_person_gives() {
    let now = START.after(LEASE);
    let record = unknown();
    let step = transition::resolve(Some(&record), token(1), &done(), now);
    assert_eq!(step.outcome, ResolveOutcome::Resolved);
    let Change::Put(after) = step.change else { panic!("it is put") };
    let expires_at = now.after(RETENTION.answers).after(RETENTION.skew);
    let state = State::Completed { response: answer("by a person"), expires_at };
    assert_eq!(after, Record { state, ..record }, "nothing else of it changes");
    let again = transition::resolve(Some(&after), token(1), &done(), now);
    assert_eq!((again.change, again.outcome), (Change::Keep, ResolveOutcome::Resolved));
    let other = Resolution::Done(answer("another"));
    let again = transition::resolve(Some(&after), token(1), &other, now);
    assert_eq!((again.change, again.outcome), (Change::Keep, ResolveOutcome::Stands(Some(after))));
}

#[test]
fn an_unknown_outcome_that_was_not_done_goes_away() {
    let step = transition::resolve(Some(&unknown()), token(1), &Resolution::NotDone, START);
    assert_eq!((step.change, step.outcome), (Change::Remove, ResolveOutcome::Resolved));
}

#[test]
fn nothing_else_is_resolved() {
    for said in [done(), Resolution::NotDone] {
        let mut others: Vec<Record> = CLASSES.map(in_progress).to_vec();
        others.push(completed());
        for record in others {
            let step = transition::resolve(Some(&record), token(1), &said, START);
            assert_eq!(step.change, Change::Keep, "{record:?}");
            assert_eq!(step.outcome, ResolveOutcome::Stands(Some(record)));
        }
        let record = unknown();
        let step = transition::resolve(Some(&record), token(2), &said, START);
        assert_eq!(step.change, Change::Keep, "another execution");
        assert_eq!(step.outcome, ResolveOutcome::Stands(Some(record.clone())));
        for (current, now) in [(None, START), (Some(&record), START.after(INDETERMINATE_KEPT_MIN))]
        {
            let step = transition::resolve(current, token(1), &said, now);
            assert_eq!((step.change, step.outcome), (Change::Keep, ResolveOutcome::Stands(None)));
        }
    }
}

/// Where nothing finds out that an owner vanished, a person does.
#[test]
fn an_opaque_execution_is_an_unknown_outcome_once_its_lease_has_passed() {
    let record = in_progress(EffectClass::Opaque);
    let passed = START.after(LEASE);
    let before = seiriken::clock::Timestamp::from_millis(passed.as_millis() - 1);
    assert_eq!(transition::found(&record, before).as_deref(), Some(&record));
    let found = transition::found(&record, passed).expect("it stands").into_owned();
    assert!(matches!(found.state, State::Indeterminate { why: Why::OwnerVanished, .. }));
    for (said, change) in [(done(), None), (Resolution::NotDone, Some(Change::Remove))] {
        let step = transition::resolve(Some(&record), token(1), &said, passed);
        assert_eq!(step.outcome, ResolveOutcome::Resolved);
        match change {
            Some(change) => assert_eq!(step.change, change),
            None => assert!(matches!(step.change, Change::Put(_)), "{:?}", step.change),
        }
    }
    for class in [EffectClass::Transactional, EffectClass::Keyed] {
        let record = in_progress(class);
        let step = transition::resolve(Some(&record), token(1), &done(), passed);
        assert_eq!(step.change, Change::Keep, "{class:?}: it may run again");
    }
}

#[test]
fn what_runs_is_not_deleted_and_all_else_is() {
    for class in CLASSES {
        let record = in_progress(class);
        let step = transition::delete(Some(&record), token(1), START);
        assert_eq!(step.change, Change::Keep, "{class:?}");
        assert_eq!(step.outcome, DeleteOutcome::Stands(Some(record.clone())));
        let step = transition::delete(Some(&record), token(1), START.after(LEASE));
        assert_eq!((step.change, step.outcome), (Change::Remove, DeleteOutcome::Deleted));
    }
    for record in [unknown(), completed()] {
        let step = transition::delete(Some(&record), token(1), START);
        assert_eq!((step.change, step.outcome), (Change::Remove, DeleteOutcome::Deleted));
        let step = transition::delete(Some(&record), token(2), START);
        assert_eq!(step.change, Change::Keep, "another execution");
        assert_eq!(step.outcome, DeleteOutcome::Stands(Some(record)));
    }
    let gone = transition::delete(None, token(1), START);
    assert_eq!((gone.change, gone.outcome), (Change::Keep, DeleteOutcome::Stands(None)));
}
