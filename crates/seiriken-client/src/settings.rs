//! What can be set, and what it is when it is not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::budget::Budget;
use crate::operation::Progress;
use crate::outside::{Outside, System};
use crate::retry::Backoff;

/// Who is told what happens.
pub(crate) type Told = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

/// How a client behaves. Every part has a setter on [`ClientBuilder`](crate::ClientBuilder).
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) deadline: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) budget: Arc<Budget>,
    pub(crate) retention: Option<Duration>,
    pub(crate) key_field: HeaderName,
    pub(crate) marker: HeaderName,
    pub(crate) quoted: bool,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) told: Option<Told>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(1),
            attempt_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            backoff: Backoff::default(),
            budget: Arc::default(),
            retention: None,
            key_field: HeaderName::from_static("idempotency-key"),
            marker: HeaderName::from_static("idempotent-replayed"),
            quoted: false,
            outside: Arc::new(System),
            told: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
