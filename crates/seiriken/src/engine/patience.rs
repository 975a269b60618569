//! How long a request is ready to wait for the first one of its key.

use std::time::Duration;

use tokio::time::Instant;

use crate::policy::OnConcurrent;
use crate::record::RecordedResponse;

/// How long one waits between looks at a key whose owner is not in this process.
const POLL: Duration = Duration::from_millis(250);

/// How long one is ready to wait for the first request.
pub(super) struct Patience {
    pub(super) until: Option<Instant>,
}

/// What came of waiting.
pub(super) enum Waited {
    Answer(RecordedResponse),
    LookAgain,
    Enough,
}

impl Patience {
    /// Longer than any connection lives, and short enough to be added to a time.
    const LONGEST: Duration = Duration::from_hours(24 * 365);

    pub(super) fn new(on_concurrent: OnConcurrent) -> Self {
        let until = match on_concurrent {
            OnConcurrent::Reject => None,
            OnConcurrent::Wait(limit) => Some(Instant::now() + limit.min(Self::LONGEST)),
        };
        Self { until }
    }

    /// The owner is in another process: look again now and then.
    pub(super) async fn pause(&self) -> Waited {
        let next = Instant::now() + POLL;
        match self.until {
            Some(until) if next < until => {
                tokio::time::sleep_until(next).await;
                Waited::LookAgain
            }
            _ => Waited::Enough,
        }
    }
}
