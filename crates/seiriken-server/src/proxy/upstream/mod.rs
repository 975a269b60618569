//! The service behind, and what is known of a request that it did not answer.

mod address;
mod connect;
mod head;
mod lane;
mod pool;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response};
use hyper::body::Incoming;
use seiriken::http::GuardedBody;
use tokio::time::Instant;

pub(crate) use self::address::Address;
use self::connect::Connector;
pub(super) use self::pool::Answer;
use self::pool::Pool;
use super::made::Made;
use super::options::TlsOptions;
use super::paced::{BoxError, Paced};
use super::sent::Sent;
use crate::traces::Exchange;

/// The body of a client's request, behind the layer.
pub(super) type Asked = GuardedBody<Sent<Paced<Incoming>>>;

/// The body of a request on its way to the upstream: a client's, or of one that is made here.
pub(super) type Outgoing = Made<Asked>;

/// The service behind. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub(super) struct Upstream {
    pool: Arc<Pool>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The request certainly did not reach it: nothing ran there.
    NotDelivered(BoxError),
    /// Some of the request may have reached it: nobody here knows what it did.
    Unknown(BoxError),
    /// As [`Failed::Unknown`]: it did not answer in time.
    Late,
}

impl Upstream {
    /// Whether what it needs can be read.
    pub(super) fn check(address: &Address, tls: &TlsOptions) -> Result<(), String> {
        Connector::new(address.clone(), tls).map(drop)
    }

    /// Reads what it needs to trust the upstream. Nothing is connected yet.
    pub(super) fn new(
        address: Address,
        tls: &TlsOptions,
        connect_within: Duration,
    ) -> Result<Self, String> {
        let connector = Connector::new(address.clone(), tls)?;
        Ok(Self { pool: Pool::new(address, connector, connect_within) })
    }

    /// The same service, over connections of its own that the runtime at hand drives.
    pub(super) fn another(&self) -> Self {
        Self { pool: self.pool.another() }
    }

    /// Sends a request, at most once, and waits for the head of its answer until the deadline.
    pub(super) async fn send(
        &self,
        mut request: Request<Outgoing>,
        deadline: Instant,
    ) -> Result<Response<Answer>, Failed> {
        let address = self.pool.address();
        let exchange = Exchange::begin(&mut request, address.host(), address.port());
        let answered = exchange.during(self.pool.send(request, deadline)).await;
        match &answered {
            Ok(answer) => exchange.answered(answer.status()),
            Err(failed) => exchange.unanswered(failed.name()),
        }
        answered
    }
}

impl Failed {
    /// Its name in traces.
    fn name(&self) -> &'static str {
        match self {
            Self::NotDelivered(_) => "not-delivered",
            Self::Unknown(_) => "unknown",
            Self::Late => "timeout",
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error) = match self {
            Self::NotDelivered(error) => ("the upstream cannot be reached", error),
            Self::Unknown(error) => ("the upstream did not answer to the end", error),
            Self::Late => return f.write_str("the upstream did not answer in time"),
        };
        write!(f, "{what}: {error}")?;
        let mut source = error.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
