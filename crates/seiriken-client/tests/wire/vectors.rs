//! The vectors that both clients share, over the pure table and over the wire.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use seiriken_client::verdict::{AtDeadline, History, Problem, Reply, Seen, Verdict};
use seiriken_client::{
    Backoff, Client, Intent, Key, NothingSent, Outcome, Outside, Progress, Request,
};
use serde::Deserialize;

use crate::script::{Act, Server, answer, losses};

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) resumed: bool,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) then: String,
    pub(crate) status: Option<u16>,
    pub(crate) at_deadline: Option<String>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Attempt {
    Failure(Failure),
    Answer(Told),
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    NotSent,
    NoAnswer,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) marker: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) recorded_status: Option<u16>,
    location: Option<String>,
}

pub(crate) fn vectors() -> Vec<Vector> {
    let text = include_str!("../../../../vectors/retries.json");
    let Vectors { vectors } = serde_json::from_str(text).expect("the vectors are as expected");
    assert!(vectors.len() > 60, "all of them");
    vectors
}

fn seen(attempt: &Attempt) -> Seen {
    match attempt {
        Attempt::Failure(Failure::NotSent) => Seen::NotSent,
        Attempt::Failure(Failure::NoAnswer) => Seen::NoAnswer,
        Attempt::Answer(told) => Seen::Answer(Reply {
            status: told.status,
            marker: told.marker.as_deref().map(|marker| marker == "true"),
            problem: match told.problem.as_deref() {
                Some("request-in-progress") => Some(Problem::InProgress),
                Some("outcome-pending") => Some(Problem::OutcomePending),
                Some("outcome-unknown") => Some(Problem::OutcomeUnknown),
                Some("key-expired") => Some(Problem::KeyExpired),
                Some("response-not-kept") => Some(Problem::NotKept(told.recorded_status)),
                _ => None,
            },
        }),
    }
}

/// A result as the vectors write it.
fn written(verdict: Verdict) -> (String, Option<u16>) {
    match verdict {
        Verdict::Retry(_) => ("retry".into(), None),
        Verdict::Definite(status) => ("definite".into(), Some(status)),
        Verdict::Unknown(_) => ("unknown".into(), None),
    }
}

#[test]
fn the_table_is_what_the_vectors_say() {
    for vector in vectors() {
        let name = &vector.name;
        let mut history = History::new(vector.resumed);
        let (last, before) = vector.attempts.split_last().expect("at least one attempt");
        for attempt in before {
            let verdict = history.judge(seen(attempt));
            assert!(matches!(verdict, Verdict::Retry(_)), "{name}: {verdict:?}");
        }
        let (then, status) = written(history.judge(seen(last)));
        assert_eq!(then, vector.then, "{name}");
        if then == "retry" {
            let (at_deadline, status) = match history.at_deadline() {
                AtDeadline::Definite(status) => ("definite", Some(status)),
                AtDeadline::NothingSent => ("definite-nothing-sent", None),
                AtDeadline::Unknown => ("unknown", None),
            };
            assert_eq!(Some(at_deadline), vector.at_deadline.as_deref(), "{name}");
            assert_eq!(status, vector.status, "{name}");
        } else {
            assert_eq!(status, vector.status, "{name}");
        }
    }
}

/// What is not there to be reached on chosen attempts. Each attempt begins with a look-up, since
/// the scripted server keeps no connection.
#[derive(Clone, Default)]
struct Reach {
    unreachable: Arc<Mutex<Vec<bool>>>,
    attempt: Arc<AtomicUsize>,
    address: Arc<Mutex<Option<std::net::SocketAddr>>>,
}

impl Resolve for Reach {
    fn resolve(&self, _: Name) -> Resolving {
        let attempt = self.attempt.load(Ordering::SeqCst);
        let unreachable =
            self.unreachable.lock().expect("no panic").get(attempt - 1) == Some(&true);
        let address = self.address.lock().expect("no panic").expect("set before anything is sent");
        Box::pin(async move {
            if unreachable {
                return Err("there is nobody of that name".into());
            }
            Ok(Box::new(std::iter::once(address)) as Addrs)
        })
    }
}

/// No wait at all, until the wait that is longer than any deadline.
#[derive(Debug)]
struct Waits {
    left: Mutex<Option<usize>>,
}

impl Outside for Waits {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_hours(24 * 365 * 60)
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        let mut left = self.left.lock().expect("no panic");
        let is_wait = bytes.len() == 4;
        let over = is_wait && *left == Some(0);
        if let (true, Some(left)) = (is_wait, left.as_mut()) {
            *left = left.saturating_sub(1);
        }
        bytes.fill(if over { 0xff } else { 0 });
        true
    }
}

fn act(attempt: &Attempt, loss: &Act) -> Option<Act> {
    match attempt {
        Attempt::Failure(Failure::NotSent) => None,
        Attempt::Failure(Failure::NoAnswer) => Some(loss.clone()),
        Attempt::Answer(told) => {
            let mut fields = Vec::new();
            let mut body = String::from("{}");
            fields.extend(told.marker.as_deref().map(|marker| ("idempotent-replayed", marker)));
            if let Some(problem) = &told.problem {
                fields.push(("content-type", "application/problem+json"));
                let kind = format!("https://shop.example/p#{problem}");
                let (recorded, place) = (told.recorded_status, &told.location);
                body = serde_json::json!({
                    "type": kind, "status": told.status,
                    "recordedStatus": recorded, "location": place,
                })
                .to_string();
            }
            Some(Act::Say(answer(told.status, &fields, &body)))
        }
    }
}

/// Plays a vector with the real client; `retries` is how often it may retry before its time is over.
async fn play(
    vector: &Vector,
    loss: &Act,
    retries: Option<usize>,
) -> (Result<Outcome, NothingSent>, Server, Intent) {
    let acts = vector.attempts.iter().filter_map(|attempt| act(attempt, loss));
    let last = Act::Say(answer(201, &[("idempotent-replayed", "true")], "{\"the\":\"end\"}"));
    let server = Server::start(acts.chain([last])).await;
    let reach = Reach::default();
    *reach.address.lock().expect("no panic") = Some(server.address);
    let not_sent = |attempt: &Attempt| matches!(attempt, Attempt::Failure(Failure::NotSent));
    *reach.unreachable.lock().expect("no panic") = vector.attempts.iter().map(not_sent).collect();
    let attempt = Arc::clone(&reach.attempt);
    let client = Client::builder()
        .deadline(Duration::from_mins(1))
        .retention(Duration::from_hours(24))
        .backoff(Backoff { first: Duration::from_hours(1), longest: Duration::from_hours(1) })
        .outside(Waits { left: Mutex::new(retries) })
        .http(reqwest::Client::builder().no_proxy().dns_resolver(reach))
        .without_certificates()
        .on_progress(move |progress| {
            if let Progress::Attempt { number } = progress {
                attempt.store(*number as usize, Ordering::SeqCst);
            }
        })
        .build()
        .expect("as the test sets it up");
    let request = Request::post(&format!("http://shop.example:{}/pay", server.address.port()));
    let request = request
        .expect("as the test sets it up")
        .json(&serde_json::json!({"yen": 1200}))
        .expect("as the test sets it up");
    let mut intent = if vector.resumed {
        client
            .resume(Key::new("known-before").expect("as the test sets it up"), request)
            .expect("as the test sets it up")
    } else {
        client.intent(request).expect("as the test sets it up")
    };
    let result = client.send(&mut intent).await;
    (result, server, intent)
}

/// Every attempt was the same, byte by byte; answers how many reached the server.
fn assert_same(server: &Server, intent: &Intent, name: &str) -> usize {
    let received = server.received();
    for request in &received {
        assert_eq!(request, &received[0], "{name}");
        assert_eq!(request.key(), intent.key().as_str(), "{name}");
        assert_eq!(request.body, b"{\"yen\":1200}", "{name}");
    }
    received.len()
}

fn told(result: &Result<Outcome, NothingSent>) -> (&'static str, Option<u16>) {
    match result {
        Ok(Outcome::Definite(answer)) => ("definite", Some(answer.status.as_u16())),
        Ok(Outcome::Unknown(_)) => ("unknown", None),
        Err(NothingSent::NoConnection(_)) => ("definite-nothing-sent", None),
        Err(other) => panic!("{other}"),
    }
}

async fn check_over_the_wire(vector: &Vector, how: &str, loss: &Act) {
    let name = &format!("{} ({how})", vector.name);
    let reaching = vector.attempts.iter().filter_map(|attempt| act(attempt, loss)).count();
    let retries = vector.attempts.len() - 1;
    // When there is no time after the last attempt.
    let (result, server, intent) = play(vector, loss, Some(retries)).await;
    let expected = vector.at_deadline.as_ref().unwrap_or(&vector.then).as_str();
    assert_eq!(told(&result), (expected, vector.status), "{name}");
    assert_eq!(assert_same(&server, &intent, name), reaching, "{name}");
    let unknown = matches!(&result, Ok(Outcome::Unknown(unknown)) if unknown.key == *intent.key());
    assert_eq!(unknown, expected == "unknown", "{name}: it names the key");
    // When there is.
    let (result, server, intent) = play(vector, loss, None).await;
    if vector.then == "retry" {
        assert_eq!(told(&result), ("definite", Some(201)), "{name}");
        assert_eq!(assert_same(&server, &intent, name), reaching + 1, "{name}");
    } else {
        assert_eq!(told(&result), (vector.then.as_str(), vector.status), "{name}");
        assert_eq!(assert_same(&server, &intent, name), reaching, "{name}");
    }
}

#[tokio::test]
async fn the_client_does_what_the_vectors_say() {
    for vector in vectors() {
        let loses = |attempt: &Attempt| matches!(attempt, Attempt::Failure(Failure::NoAnswer));
        let ways =
            if vector.attempts.iter().any(loses) { losses() } else { losses()[..1].to_vec() };
        for (how, loss) in &ways {
            check_over_the_wire(&vector, how, loss).await;
        }
    }
}
