//! The endpoint that is checked, and what has to be known of it before it can be judged.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, Uri};
use uuid::Uuid;

use super::connect::Connector;
use super::curl::Curl;
use super::effect::Varying;
use super::exchange::{Answer, Asked, NoAnswer, Wire};
use super::options::Plan;

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `"8e03…"`, a Structured Field String: what the draft asks for (section 2.1).
    Quoted,
    /// `8e03…`, as most clients send it.
    Bare,
}

impl Spelling {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Quoted => Self::Bare,
            Self::Bare => Self::Quoted,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Bare => "bare",
        }
    }

    /// The field's value. Keys of the check are plain ASCII without anything to escape.
    pub(super) fn write(self, key: &str) -> Vec<u8> {
        match self {
            Self::Quoted => format!("\"{key}\"").into_bytes(),
            Self::Bare => key.as_bytes().to_vec(),
        }
    }
}

/// What is checked.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) plan: Plan,
    pub(super) wire: Wire,
    pub(super) curl: Curl,
    /// The spelling that it takes.
    pub(super) spelling: Spelling,
    /// What differs between its answers to the same request under two keys.
    pub(super) varying: Varying,
    /// How long it took to answer.
    pub(super) usual: Duration,
}

impl Endpoint {
    /// Finds out how the endpoint answers at all. `Err` is why it cannot be checked.
    pub(super) async fn get_to_know(plan: Plan) -> Result<Self, NoAnswer> {
        let counted = plan.count.as_ref().map(|count| &count.address);
        let addresses = [Some(plan.asked.uri()), counted, plan.other.as_ref()];
        // The policy may be on another host, so its address counts as soon as one is https.
        let connector = Connector::new(addresses.into_iter().flatten())?;
        let wire = Wire::new(connector, plan.timeout);
        let curl = Curl::new(plan.secrets());
        let mut endpoint = Self {
            plan,
            wire,
            curl,
            spelling: Spelling::Quoted,
            varying: Varying::default(),
            usual: Duration::ZERO,
        };
        let before = endpoint.count().await?;
        let (one, took) = endpoint.first_answer().await?;
        let asked = endpoint.with_key(&new_key());
        let other = endpoint.wire.send(&asked).await?;
        if !other.accepted() {
            return Err(endpoint.not_taken("the same request under a second key", &asked, &other));
        }
        if let (Some(before), Some(after)) = (before, endpoint.count().await?)
            && after - before != 2
        {
            return Err(NoAnswer(format!(
                "--count went from {before} to {after} while two operations were made: it does \
                 not count them, or somebody else is at work"
            )));
        }
        endpoint.varying = Varying::between(&one, &other);
        endpoint.usual = took;
        Ok(endpoint)
    }

    /// The operation under this key.
    pub(super) fn with_key(&self, key: &str) -> Asked {
        self.with_lines(&[self.spelling.write(key)])
    }

    /// The operation with these lines of the key's field, as they are.
    pub(super) fn with_lines(&self, lines: &[Vec<u8>]) -> Asked {
        let mut asked = self.plan.asked.clone();
        for line in lines {
            // A value holds any bytes but control characters, and no key of the check has one.
            if let Ok(value) = HeaderValue::from_bytes(line) {
                asked.headers_mut().append(self.plan.field.clone(), value);
            }
        }
        asked
    }

    /// Where the number of effects stands, if there is a count.
    pub(super) async fn count(&self) -> Result<Option<i64>, NoAnswer> {
        let Some(count) = &self.plan.count else { return Ok(None) };
        let answer = self.wire.send(&self.get(&count.address)).await;
        let answer = answer.map_err(|why| NoAnswer(format!("--count: {why}")))?;
        count.read(&answer).map(Some).map_err(|why| NoAnswer(format!("--count: {why}")))
    }

    /// A GET. Where it goes to the same host it has the fields of every request, so that it is
    /// let in; no other host is shown them.
    pub(super) fn get(&self, address: &Uri) -> Asked {
        let mut asked = Asked::default();
        *asked.uri_mut() = address.clone();
        if address.authority() == self.plan.asked.uri().authority() {
            *asked.headers_mut() = self.plan.asked.headers().clone();
            asked.headers_mut().remove("content-type");
        }
        asked
    }

    /// The first request, in the spelling that is taken.
    async fn first_answer(&mut self) -> Result<(Answer, Duration), NoAnswer> {
        let mut refused = None;
        for spelling in [Spelling::Quoted, Spelling::Bare] {
            self.spelling = spelling;
            let asked = self.with_key(&new_key());
            let started = tokio::time::Instant::now();
            let answer = self.wire.send(&asked).await?;
            if answer.accepted() {
                return Ok((answer, started.elapsed()));
            }
            refused.get_or_insert((asked, answer));
        }
        let why = |(asked, answer): (Asked, Answer)| {
            self.not_taken("a first request with a new key", &asked, &answer)
        };
        Err(refused.map_or_else(|| NoAnswer("nothing was sent".into()), why))
    }

    fn not_taken(&self, what: &str, asked: &Asked, answer: &Answer) -> NoAnswer {
        let advice = match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "say who calls with --credential or --header"
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                "look at the address and at --method"
            }
            status if status.is_redirection() => "give the address that it leads to",
            _ => "give a body that it takes with --body, and what else it needs with --header",
        };
        NoAnswer(format!(
            "{what} was answered {}, so there is nothing to compare: {advice}\n  {}\n  {}",
            answer.status,
            self.curl.command(asked),
            self.curl.in_short(answer)
        ))
    }
}

/// A key that nobody has used.
pub(super) fn new_key() -> String {
    Uuid::new_v4().to_string()
}
