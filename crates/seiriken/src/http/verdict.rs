//! Whether an answer is recorded: by its class and status as a rule, or as the service's author says.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::response::Parts;

use crate::record::EffectClass;

/// What becomes of an answer, as the author of a service says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It is recorded, and every retry gets it.
    Record,
    /// It says that nothing was done: the key is free. Only true words: whatever did happen
    /// will happen again at the retry.
    NotProcessed,
    /// It does not say whether anything was done. It goes to its caller once; after an opaque
    /// execution nobody runs it again.
    Unknown,
}

/// The author's own rule; what it leaves open is decided as usual.
#[derive(Clone, Default)]
pub(super) struct RecordPolicy(Option<Arc<Rule>>);

type Rule = dyn Fn(&Parts) -> Option<Recording> + Send + Sync;

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Record,
    Free,
    Unknown,
    /// A transactional handler says that it succeeded, and committed nothing.
    NeverCommitted,
}

impl RecordPolicy {
    pub(super) fn new(rule: impl Fn(&Parts) -> Option<Recording> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(rule)))
    }

    /// Decides about an answer by its head. A commit that came about goes before this.
    pub(super) fn verdict(&self, class: EffectClass, head: &Parts) -> Verdict {
        let ruled = self.0.as_ref().and_then(|rule| rule(head));
        match (class, head.status.as_u16(), ruled) {
            (EffectClass::Transactional, 200..=299, _) => Verdict::NeverCommitted,
            // Nothing was committed and there is no effect outside the transaction.
            (EffectClass::Transactional, 500.., _)
            | (EffectClass::Transactional, _, Some(Recording::Unknown))
            | (_, _, Some(Recording::NotProcessed)) => Verdict::Free,
            (_, _, Some(Recording::Record)) => Verdict::Record,
            (_, _, Some(Recording::Unknown)) => Verdict::Unknown,
            (_, _, None) => usual(class, head.status),
        }
    }
}

fn usual(class: EffectClass, status: StatusCode) -> Verdict {
    match (class, status.as_u16()) {
        (EffectClass::Transactional, _) => Verdict::Record,
        (_, 408 | 502 | 504) => Verdict::Unknown,
        (_, 401 | 405 | 413 | 415 | 425 | 429) => Verdict::Free,
        _ => Verdict::Record,
    }
}

impl fmt::Debug for RecordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RecordPolicy(its own)" } else { "RecordPolicy(usual)" })
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn verdict(policy: &RecordPolicy, class: EffectClass, status: u16) -> Verdict {
        let answer = Response::builder().status(status).body(()).expect("an answer");
        policy.verdict(class, &answer.into_parts().0)
    }

    #[test]
    fn verdicts() {
        use EffectClass::{Keyed, Opaque, Transactional};
        use Verdict::{Free, NeverCommitted, Record, Unknown};
        let cases = [
            (Opaque, vec![200, 201, 204, 303, 400, 402, 404, 409, 422, 500, 501, 503], Record),
            (Opaque, vec![401, 405, 413, 415, 425, 429], Free),
            (Opaque, vec![408, 502, 504], Unknown),
            (Keyed, vec![200, 303, 402, 500, 503], Record),
            (Keyed, vec![401, 429], Free),
            (Keyed, vec![408, 502, 504], Unknown),
            (Transactional, vec![200, 201, 204], NeverCommitted),
            (Transactional, vec![303, 400, 402, 404, 409], Record),
            (Transactional, vec![500, 502, 503, 504], Free),
        ];
        for (class, statuses, expected) in cases {
            for status in statuses {
                let told = verdict(&RecordPolicy::default(), class, status);
                assert_eq!(told, expected, "{class:?} {status}");
            }
        }
    }

    #[test]
    fn a_rule_of_ones_own_decides_where_there_is_something_to_decide() {
        use EffectClass::{Keyed, Opaque, Transactional};
        let always = |recording| RecordPolicy::new(move |_| Some(recording));
        for class in [Opaque, Keyed] {
            for status in [201, 404, 429, 503, 504] {
                for (recording, expected) in [
                    (Recording::Record, Verdict::Record),
                    (Recording::NotProcessed, Verdict::Free),
                    (Recording::Unknown, Verdict::Unknown),
                ] {
                    let told = verdict(&always(recording), class, status);
                    assert_eq!(told, expected, "{class:?} {status} {recording:?}");
                }
            }
        }
        // Without a commit nothing happened, whatever the rule says.
        for recording in [Recording::Record, Recording::NotProcessed, Recording::Unknown] {
            let told = |status| verdict(&always(recording), Transactional, status);
            assert_eq!((told(201), told(500)), (Verdict::NeverCommitted, Verdict::Free));
        }
        assert_eq!(verdict(&always(Recording::Unknown), Transactional, 402), Verdict::Free);
        assert_eq!(verdict(&always(Recording::NotProcessed), Transactional, 402), Verdict::Free);
    }
}
