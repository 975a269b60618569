//! The checker: outside of the system, it knows what was asked, told and done, and nothing of how.
//!
//! Of one operation:
//!
//! 1. At most one effect (I1). Of keyed ones the ledger has more lines, of which the first counts.
//! 2. All successes are the same to the byte (I2), and show the effect that is there (I5).
//! 3. At most one of them is no replay.
//! 4. After a success was heard, whoever asks hears that replay, or nothing at all (I3).
//! 5. A definite failure means that there is no effect, ever (I10).
//! 6. Nothing is told that this kind of operation may not be told: an order never ends unknown.
//! 7. The owner of a process that is gone keeps nobody waiting (S7, L1).
//! 8. In the end it is settled, and what succeeded has its effect.

use super::history::{Course, Try};
use super::operation::Kind;
use super::told::Told;

/// A success as it was heard.
struct Heard<'h> {
    at: u64,
    replayed: bool,
    stored: &'h str,
    effect: &'h str,
}

/// What is wrong with an operation that has these effects, in the order in which they happened.
pub(crate) fn check(course: &Course, effects: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |what: String| {
        let operation = &course.operation;
        findings.push(format!("{:?} {}: {what}", operation.kind, operation.number));
    };
    let kind = course.operation.kind;
    if effects.len() > 1 && kind != Kind::Keyed {
        find(format!("I1: {} effects", effects.len()));
    }
    let heard = successes(course);
    check_successes(&heard, effects, &mut find);
    let first = heard.iter().map(|success| success.at).min();
    for one in &course.tries {
        check_try(kind, one, first, &mut find);
        // A commit whose connection was cut is being found out by an owner that lives.
        let in_doubt = |told: &Told| kind == Kind::SharedOrder && *told == Told::Pending;
        if let Some((_, told @ (Told::InProgress | Told::Pending))) = &one.ended
            && course.alone(one)
            && !in_doubt(told)
        {
            find(format!("S7: its owner is gone, and it is told {told:?}"));
        }
    }
    let failed = |one: &Try| matches!(one.ended, Some((_, Told::Refused)));
    let definite = course.never_sent() || course.tries.iter().any(failed);
    if definite && !effects.is_empty() {
        find("I10: a definite failure, and an effect".to_owned());
    }
    match course.last_told() {
        None if course.tries.is_empty() => {}
        Some(told) if told.settles() => {}
        told => find(format!("L1: not settled in the end: {told:?}")),
    }
    findings
}

impl Course {
    /// Whether nobody but an earlier process can own what this one asked for: it is the first try
    /// of its life, and no other was under way meanwhile.
    fn alone(&self, one: &Try) -> bool {
        let end = |one: &Try| one.ended.as_ref().map_or(u64::MAX, |(at, _)| *at);
        let apart = |other: &Try| {
            let earlier = end(other) < one.began && other.life != one.life;
            other.began == one.began || earlier || end(one) < other.began
        };
        self.tries.iter().all(apart)
    }
}

fn successes(course: &Course) -> Vec<Heard<'_>> {
    let heard = |one| match one {
        &Try { ended: Some((at, Told::Success { replayed, ref stored, ref effect })), .. } => {
            Some(Heard { at, replayed, stored, effect })
        }
        _ => None,
    };
    course.tries.iter().filter_map(heard).collect()
}

fn check_successes(heard: &[Heard<'_>], effects: &[String], find: &mut impl FnMut(String)) {
    let Some(first) = heard.first() else { return };
    if let Some(other) = heard.iter().find(|other| other.stored != first.stored) {
        find(format!("I2: two answers:\n{}\n---\n{}", first.stored, other.stored));
    }
    if effects.first().map(String::as_str) != Some(first.effect) {
        find(format!("I5: success {} is told, and done is {effects:?}", first.effect));
    }
    let fresh = heard.iter().filter(|success| !success.replayed).count();
    if fresh > 1 {
        find(format!("I2: {fresh} answers that are no replays"));
    }
}

fn check_try(kind: Kind, one: &Try, first: Option<u64>, find: &mut impl FnMut(String)) {
    let Some((_, told)) = &one.ended else { return };
    if !may_be_told(kind, told) {
        find(format!("I10: told {told:?}"));
    }
    let replay = matches!(told, Told::Success { replayed: true, .. } | Told::Nothing)
        || (kind == Kind::SharedOrder && *told == Told::Unavailable);
    if first.is_some_and(|first| first < one.began) && !replay {
        find(format!("I3: after its answer was heard, told {told:?}"));
    }
}

fn may_be_told(kind: Kind, told: &Told) -> bool {
    match told {
        Told::Nothing | Told::NothingSent | Told::InProgress => true,
        Told::Success { .. } => kind.has_effect(),
        Told::Unmarked => kind == Kind::SharedOrder || !kind.has_effect(),
        Told::Refused => !kind.has_effect(),
        Told::Unavailable => kind == Kind::SharedOrder,
        Told::Pending => matches!(kind, Kind::SharedOrder | Kind::Opaque | Kind::Keyed),
        Told::OutcomeUnknown => matches!(kind, Kind::Opaque | Kind::OpaqueRefused),
        Told::Other(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{Client, History};
    use super::*;

    fn success(replayed: bool, effect: &str) -> Told {
        Told::Success { replayed, stored: format!("201 {effect}"), effect: effect.into() }
    }

    /// An operation that is asked for again and again, and told this.
    fn course(kind: Kind, told: &[Told]) -> Course {
        let history = History::default();
        let number = history.operation(kind, Client::Raw).number;
        for told in told {
            let one = history.begin(number, 1);
            history.end(one, told.clone());
        }
        history.courses().remove(0)
    }

    fn findings(kind: Kind, told: &[Told], effects: &[&str]) -> String {
        let effects: Vec<String> = effects.iter().map(ToString::to_string).collect();
        check(&course(kind, told), &effects).join("\n")
    }

    #[test]
    fn what_is_promised_passes() {
        use Told::{InProgress, Nothing, OutcomeUnknown, Pending, Refused, Unmarked};
        let (fresh, replay) = (success(false, "a"), success(true, "a"));
        let shared = [
            Pending,
            Unmarked,
            Told::Unavailable,
            fresh.clone(),
            Told::Unavailable,
            replay.clone(),
        ];
        let right: [(Kind, &[Told], &[&str]); 11] = [
            (Kind::SharedOrder, &shared, &["a"]),
            (Kind::Order, &[fresh.clone(), replay.clone()], &["a"]),
            (Kind::Order, &[Nothing, InProgress, replay.clone(), Nothing, replay.clone()], &["a"]),
            (Kind::BadOrder, &[Refused, Refused, Unmarked, Refused], &[]),
            (Kind::Opaque, &[Nothing, OutcomeUnknown], &[]),
            (Kind::Opaque, &[Nothing, OutcomeUnknown], &["a"]),
            (Kind::Opaque, &[OutcomeUnknown, fresh.clone(), replay.clone()], &["a"]),
            (Kind::OpaqueRefused, &[Nothing, OutcomeUnknown], &[]),
            (Kind::Keyed, &[Nothing, Pending, replay.clone()], &["a", "b"]),
            (Kind::Keyed, &[Told::NothingSent], &[]),
            (Kind::Order, &[], &[]),
        ];
        for (kind, told, effects) in right {
            assert_eq!(findings(kind, told, effects), "", "{kind:?} {told:?}");
        }
    }

    #[test]
    fn each_lie_is_found() {
        use Told::{InProgress, Nothing, OutcomeUnknown, Pending, Refused};
        let (fresh, replay) = (success(false, "a"), success(true, "a"));
        let once = [fresh.clone()];
        let lost = [fresh.clone(), Pending, replay.clone()];
        let wrong: [(Kind, &[Told], &[&str], &str); 20] = [
            (Kind::SharedOrder, &lost, &["a"], "I3"),
            (Kind::Order, &[Told::Unavailable, fresh.clone()], &["a"], "I10: told"),
            (Kind::Order, &once, &["a", "b"], "I1"),
            (Kind::Opaque, &[OutcomeUnknown], &["a", "b"], "I1"),
            (Kind::Order, &[fresh.clone(), success(true, "b")], &["a"], "I2: two answers"),
            (Kind::Order, &[fresh.clone(), fresh.clone()], &["a"], "I2: 2 answers"),
            (Kind::Order, &once, &[], "I5"),
            (Kind::Keyed, &once, &["b", "a"], "I5"),
            (Kind::Order, &[fresh.clone(), InProgress, replay.clone()], &["a"], "I3"),
            (Kind::Opaque, &[fresh.clone(), OutcomeUnknown], &["a"], "I3"),
            (Kind::Keyed, &[replay.clone(), Pending, replay.clone()], &["a"], "I3"),
            (Kind::BadOrder, &[Refused], &["a"], "I10: a definite"),
            (Kind::Order, &[Told::NothingSent], &["a"], "I10: a definite"),
            (Kind::Order, &[Nothing, OutcomeUnknown], &[], "I10: told"),
            (Kind::Keyed, &[OutcomeUnknown], &[], "I10: told"),
            (Kind::Order, &[Refused], &[], "I10: told"),
            (Kind::BadOrder, &once, &["a"], "I10: told"),
            (Kind::Order, &[Told::Other("500".into()), replay.clone()], &["a"], "I10: told"),
            (Kind::Order, &[Nothing], &[], "L1"),
            (Kind::Opaque, &[Nothing, InProgress], &[], "L1"),
        ];
        for (kind, told, effects, found) in wrong {
            let findings = findings(kind, told, effects);
            assert!(findings.contains(found), "{kind:?} {told:?} {effects:?}: {findings}");
        }
    }

    #[test]
    fn an_owner_that_is_gone_keeps_nobody_waiting() {
        let history = History::default();
        let number = history.operation(Kind::Order, Client::Raw).number;
        let killed = history.begin(number, 1);
        history.end(killed, Told::Nothing);
        let first = history.begin(number, 2);
        let second = history.begin(number, 2);
        history.end(first, Told::InProgress);
        history.end(second, success(false, "a"));
        let mut course = history.courses().remove(0);
        let effects = ["a".to_owned()];
        assert_eq!(check(&course, &effects), [""; 0], "of two at once either may be the owner");
        course.tries[2].began += 2; // after the first was told
        assert!(check(&course, &effects).concat().contains("S7"));
    }

    #[test]
    fn a_request_that_was_under_way_may_be_told_what_was_true_then() {
        let history = History::default();
        let number = history.operation(Kind::Order, Client::Raw).number;
        let (first, second) = (history.begin(number, 1), history.begin(number, 1));
        history.end(first, success(false, "a"));
        history.end(second, Told::InProgress);
        let third = history.begin(number, 2);
        history.end(third, success(true, "a"));
        assert_eq!(check(&history.courses()[0], &["a".to_owned()]), [""; 0]);
    }
}
