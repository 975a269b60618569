//! What the client makes of a course of attempts, beside what it promises of any course.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use seiriken_client::Answer;
use seiriken_client::verdict::{
    AtDeadline, History, Problem, Reply, RetryReason, Seen, Verdict, Why,
};

use super::reader::Reader;

const MARKER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Judges attempts until one is final, or there are no more.
pub(super) fn check(reader: &mut Reader<'_>) -> bool {
    let resumed = reader.byte() % 2 == 1;
    let mut history = History::new(resumed);
    let mut course = Course { may_have_run: resumed, refused: None };
    assert_eq!(history.may_have_run(), resumed);
    while !reader.is_empty() {
        let seen = match reader.byte() % 8 {
            0 => Seen::NotSent,
            1 => Seen::NoAnswer,
            _ => Seen::Answer(answered(reader)),
        };
        let verdict = history.judge(seen);
        course.holds(seen, verdict);
        assert_eq!(history.may_have_run(), course.may_have_run, "{seen:?}");
        if !matches!(verdict, Verdict::Retry(_)) {
            return true;
        }
        course.ends(history.at_deadline());
    }
    false
}

/// What is known of the attempts so far.
struct Course {
    may_have_run: bool,
    /// The last refusal that asked to come again, if nothing came after it that may have run; and
    /// whether it is the work's own answer.
    refused: Option<(u16, bool)>,
}

impl Course {
    fn holds(&mut self, seen: Seen, verdict: Verdict) {
        match (seen, verdict) {
            (Seen::NotSent, verdict) => assert_eq!(verdict, Verdict::Retry(RetryReason::NotSent)),
            (Seen::NoAnswer, verdict) => {
                assert_eq!(verdict, Verdict::Retry(RetryReason::NoAnswer));
                self.may_have_run_now();
            }
            (Seen::Answer(reply), Verdict::Definite(status)) => self.is_definite(reply, status),
            (Seen::Answer(reply), Verdict::Retry(reason)) => self.is_tried_again(reply, reason),
            (Seen::Answer(reply), Verdict::Unknown(why)) => self.is_unknown(reply, why),
        }
    }

    fn may_have_run_now(&mut self) {
        (self.may_have_run, self.refused) = (true, None);
    }

    /// A status is definite when it is the work's own, or when nothing can have run.
    fn is_definite(&self, reply: Reply, status: u16) {
        assert!((200..500).contains(&status), "a server error is never definite: {reply:?}");
        if let Some(Problem::NotKept(recorded)) = reply.problem.filter(|_| reply.status >= 400) {
            assert_eq!(recorded, Some(status));
            return;
        }
        assert_eq!(reply.status, status);
        let unknown = reply.problem == Some(Problem::OutcomeUnknown) && status >= 400;
        assert!(!unknown, "the server said that it does not know");
        let own = status < 400 || reply.marker.is_some();
        assert!(own || !self.may_have_run, "a refusal says nothing of the attempt before");
        let forgotten = reply.problem == Some(Problem::KeyExpired) && status == 400 && !own;
        assert!(!forgotten || self.refused.is_none(), "what was refused may have come again");
    }

    fn is_tried_again(&mut self, reply: Reply, reason: RetryReason) {
        assert_ne!(reply.marker, Some(true), "a replay is never retried");
        assert!(reply.status >= 400, "{reply:?}");
        assert!(reply.problem != Some(Problem::OutcomeUnknown), "asking again does not help");
        match reason {
            RetryReason::Refused(status) => {
                assert!(matches!(status, 425 | 429) && status == reply.status, "{reply:?}");
                self.refused = Some((status, reply.marker.is_some()));
                return;
            }
            RetryReason::Failed(status) => {
                assert!(matches!(status, 408 | 500 | 502..=504), "{reply:?}");
                assert_eq!(status, reply.status);
            }
            RetryReason::InProgress => {
                assert_eq!((reply.status, reply.problem), (409, Some(Problem::InProgress)));
            }
            RetryReason::OutcomePending => {
                assert_eq!((reply.status, reply.problem), (503, Some(Problem::OutcomePending)));
            }
            other => panic!("{other:?} after an answer: {reply:?}"),
        }
        self.may_have_run_now();
    }

    fn is_unknown(&self, reply: Reply, why: Why) {
        assert!(!(200..400).contains(&reply.status), "a success is definite: {reply:?}");
        match why {
            Why::ServerSays => assert_eq!(reply.problem, Some(Problem::OutcomeUnknown)),
            Why::RefusedAfterMaybe(status) => {
                let forgotten =
                    reply.problem == Some(Problem::KeyExpired) && self.refused.is_some();
                assert!(self.may_have_run || forgotten, "{reply:?}");
                assert!((400..500).contains(&status), "{reply:?}");
                assert_eq!((status, reply.marker), (reply.status, None));
            }
            Why::ServerError(status) => {
                assert!(!(200..500).contains(&status), "{reply:?}");
                let retried = matches!(reply.status, 500 | 502..=504)
                    && reply.marker != Some(true)
                    && !matches!(reply.problem, Some(Problem::NotKept(_)));
                assert!(!retried, "sending this again may help: {reply:?}");
            }
            other => panic!("{other:?} is not seen in an answer"),
        }
    }

    /// Without time for another attempt, nothing is said that is not known.
    fn ends(&self, at_deadline: AtDeadline) {
        let expected = match self.refused {
            Some((status, true)) => AtDeadline::Definite(status),
            _ if self.may_have_run => AtDeadline::Unknown,
            Some((status, false)) => AtDeadline::Definite(status),
            None => AtDeadline::NothingSent,
        };
        assert_eq!(at_deadline, expected);
    }
}

/// An answer as it came, and whether what is read of it is what was put into it.
fn answered(reader: &mut Reader<'_>) -> Reply {
    let statuses = [200, 201, 301, 400, 404, 408, 409, 422, 425, 429, 500, 501, 502, 503, 504];
    let any = u16::from_le_bytes(reader.array()) % 900 + 100;
    let status = if reader.once_in(2) { reader.pick(&statuses) } else { any };
    let mut headers = HeaderMap::new();
    let marker = marker(reader, &mut headers);
    let (body, meant) = body(reader, &mut headers);
    let status = StatusCode::from_u16(status).expect("three digits are a status");
    let answer = Answer { status, headers, body, kept: true };
    let reply = answer.reply(&MARKER);
    assert_eq!((reply.status, reply.marker), (status.as_u16(), marker), "{answer:?}");
    if let Meant::Problem(problem) = meant {
        assert_eq!(reply.problem, problem);
    }
    reply
}

fn marker(reader: &mut Reader<'_>, headers: &mut HeaderMap) -> Option<bool> {
    let words: [&[&'static str]; 6] =
        [&[], &["true"], &["false"], &["TRUE"], &["true", "true"], &[""]];
    let choice = usize::from(reader.byte()) % words.len();
    for word in words[choice] {
        headers.append(MARKER, HeaderValue::from_static(word));
    }
    [None, Some(true), Some(false), None, None, None][choice]
}

/// Which problem was put into a body.
enum Meant {
    Problem(Option<Problem>),
    /// Whatever the bytes say.
    Anything,
}

fn body(reader: &mut Reader<'_>, headers: &mut HeaderMap) -> (Bytes, Meant) {
    let types = ["application/problem+json", "Application/Problem+JSON; charset=utf-8"];
    let others = ["application/json", "application/problem+jsons", ""];
    let choice = reader.byte();
    let says_problem = !choice.is_multiple_of(4);
    let content_type = if says_problem { reader.pick(&types) } else { reader.pick(&others) };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let recorded = u16::from_le_bytes(reader.array());
    let known = [
        ("#request-in-progress", Some(Problem::InProgress)),
        ("/errors#outcome-pending", Some(Problem::OutcomePending)),
        ("https://example.com/a#b#outcome-unknown", Some(Problem::OutcomeUnknown)),
        ("#response-not-kept", Some(Problem::NotKept(Some(recorded)))),
        ("response-not-kept", None),
        ("#key-expired", Some(Problem::KeyExpired)),
        ("about:blank", None),
    ];
    if choice >= 224 {
        let meant = if says_problem { Meant::Anything } else { Meant::Problem(None) };
        return (Bytes::copy_from_slice(reader.short()), meant);
    }
    let (kind, problem) = reader.pick(&known);
    let body = serde_json::json!({ "type": kind, "recordedStatus": recorded });
    (body.to_string().into(), Meant::Problem(problem.filter(|_| says_problem)))
}
