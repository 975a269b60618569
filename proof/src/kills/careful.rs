//! Those who ask as one should: with `seiriken-client`, which tries on while processes come and
//! go, and says in the end what it knows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use seiriken_client::{Answer as Heard, Backoff, Budget, Intent, NothingSent, Outcome, Request};

use super::dice::Dice;
use crate::witness::history::{Client, History};
use crate::witness::operation::{self, Kind, Operation};
use crate::witness::told::{Answer, Told};

/// How long it tries at one operation.
const DEADLINE: Duration = Duration::from_secs(4);

/// A careful client, for as long as there are lives.
#[derive(Debug)]
pub(super) struct Careful {
    pub(super) address: SocketAddr,
    pub(super) history: Arc<History>,
    pub(super) life: Arc<AtomicU32>,
    pub(super) kinds: &'static [Kind],
    pub(super) over: Arc<AtomicBool>,
}

impl Careful {
    /// Asks for one thing after another until it is over; answers how often it asked.
    pub(super) async fn run(self, mut dice: Dice) -> Result<u64, String> {
        let client = client().map_err(|error| error.to_string())?;
        let mut asked = 0;
        while !self.over.load(Ordering::SeqCst) {
            let kind = dice.one_of(self.kinds).unwrap_or(Kind::Order);
            let operation = self.history.operation(kind, Client::Careful);
            let mut intent = self.intent(&client, &operation).map_err(|error| error.to_string())?;
            self.history.set_key(operation.number, intent.key().as_str());
            let life = self.life.load(Ordering::SeqCst);
            let id = self.history.begin(operation.number, life);
            let outcome = client.send(&mut intent).await;
            self.history.end(id, told(kind, outcome));
            asked += 1;
        }
        Ok(asked)
    }

    fn intent(
        &self,
        client: &seiriken_client::Client,
        operation: &Operation,
    ) -> Result<Intent, seiriken_client::InvalidRequest> {
        let Operation { kind, number, .. } = *operation;
        let request = Request::post(&format!("http://{}{}", self.address, kind.path()))?
            .header("content-type", "application/json")?
            .body(operation::body(kind, number));
        client.intent(request)
    }
}

fn client() -> Result<seiriken_client::Client, impl std::error::Error> {
    let (first, longest) = (Duration::from_millis(5), Duration::from_millis(50));
    seiriken_client::Client::builder()
        .without_certificates()
        .deadline(DEADLINE)
        .attempt_timeout(Duration::from_millis(400))
        .backoff(Backoff { first, longest })
        .budget(Budget::new(1000, 10.0))
        .retention(Duration::from_hours(1))
        .build()
}

/// What it says, in the words of those who read answers themselves.
fn told(kind: Kind, outcome: Result<Outcome, NothingSent>) -> Told {
    match outcome {
        Ok(Outcome::Definite(heard)) => read(&heard).told(kind),
        Ok(Outcome::Unknown(unknown)) => {
            let last = unknown.last.map(|heard| read(&heard).told(kind));
            last.filter(|told| *told == Told::OutcomeUnknown).unwrap_or(Told::Nothing)
        }
        Err(NothingSent::NoConnection(_)) => Told::NothingSent,
        Err(error) => Told::Other(error.to_string()),
    }
}

fn read(heard: &Heard) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let field = |(name, value): (_, &http::HeaderValue)| (name, text(value.as_bytes()));
    let named = heard.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value));
    let fields = named.map(field).collect();
    Answer { status: heard.status.as_u16(), fields, body: text(&heard.body) }
}
