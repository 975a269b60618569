//! What clients were told about each key, and what must therefore be true after a restart.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use super::service::{Answer, Service};

/// What one client knows of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It is made; this is the answer.
    Ordered(String),
    /// Nothing was done, for certain.
    Nothing,
    /// Nobody said.
    Unknown,
}

/// What all clients know.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    told: BTreeMap<String, Told>,
    pub(super) unavailable: u64,
    pub(super) pending: u64,
    pub(super) without_answer: u64,
    pub(super) findings: Vec<String>,
}

impl Book {
    /// One that begins with these orders.
    pub(super) fn with(orders: &[(String, String)]) -> Self {
        let told = orders.iter().map(|(key, body)| (key.clone(), Told::Ordered(body.clone())));
        Self { told: told.collect(), ..Self::default() }
    }

    /// Notes what came of an attempt; answers what its client is to think.
    pub(super) fn note(&mut self, key: &str, attempt: io::Result<Answer>) -> Told {
        let now = self.read(key, attempt);
        let before = self.told.remove(key);
        let told = match (before, now.clone()) {
            (Some(Told::Ordered(first)), Told::Ordered(again)) if first != again => {
                self.find(format!("{key}: two answers, {first} and {again}"));
                Told::Ordered(first)
            }
            (Some(Told::Ordered(first)), _) => Told::Ordered(first),
            // An attempt that did nothing says nothing of the one before it.
            (Some(Told::Unknown), Told::Nothing) => Told::Unknown,
            (_, now) => now,
        };
        self.told.insert(key.to_owned(), told);
        now
    }

    fn read(&mut self, key: &str, attempt: io::Result<Answer>) -> Told {
        let answer = match attempt {
            Ok(answer) => answer,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.find(format!("{key}: {error}"));
                return Told::Unknown;
            }
            Err(_) => {
                self.without_answer += 1;
                return Told::Unknown;
            }
        };
        match (answer.status, answer.problem().as_deref()) {
            (201, None) => Told::Ordered(answer.body),
            (503, Some("store-unavailable")) => {
                self.unavailable += 1;
                Told::Nothing
            }
            (503, Some("outcome-pending")) => {
                self.pending += 1;
                Told::Unknown
            }
            _ => {
                self.find(format!("{key}: an answer that no fault explains: {answer:?}"));
                Told::Unknown
            }
        }
    }

    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// Compares it with what a service without faults says that was started on the same file, and
    /// asks again for everything.
    pub(super) async fn audit(&mut self, service: &Service) -> io::Result<()> {
        if !service.serves() {
            self.find("it does not start again without the fault".into());
            return Ok(());
        }
        let orders = service.orders().await?;
        for (key, told) in self.told.clone() {
            let of_key: Vec<&Value> =
                orders.iter().filter(|order| order["itemId"] == *key).collect();
            match (&told, &of_key[..]) {
                (Told::Ordered(body), [order]) if is(order, body) => {}
                (Told::Nothing | Told::Unknown, []) | (Told::Unknown, [_]) => {}
                (told, orders) => self.find(format!("{key}: told {told:?}, and listed {orders:?}")),
            }
        }
        for (key, told) in self.told.clone() {
            let there = orders.iter().any(|order| order["itemId"] == *key);
            let answer = service.order(&key).await?;
            let right = match &told {
                Told::Ordered(body) => answer.replayed && answer.body == *body,
                Told::Nothing | Told::Unknown => answer.replayed == there,
            };
            if answer.status != 201 || !right {
                self.find(format!("{key}: told {told:?}, and its retry {answer:?}"));
            }
        }
        let orders = service.orders().await?;
        if orders.len() != self.told.len() {
            self.find(format!("{} keys, and {} orders", self.told.len(), orders.len()));
        }
        Ok(())
    }
}

/// Whether the listed order is the one that was answered.
fn is(order: &Value, body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|answered| answered == *order)
}
