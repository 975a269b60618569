//! How long a request is ready to wait for the first one of its key.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::policy::OnConcurrent;
use crate::record::RecordedResponse;

/// How long one waits between looks at a key whose owner is not in this process.
const POLL: Duration = Duration::from_millis(500);

/// How long one is ready to wait for the first request.
pub(super) struct Patience {
    pub(super) until: Option<Instant>,
}

/// What came of waiting.
pub(super) enum Waited {
    Answer(RecordedResponse),
    /// Ask the store: it is this one's turn, or the last time before its patience is over.
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

    /// The owner is in another process, of which nobody tells: look again now and then, the last
    /// time when there is no patience left. Or it is in this one and has just begun: then it is
    /// heard.
    pub(super) async fn pause(until: Instant, told: oneshot::Receiver<RecordedResponse>) -> Waited {
        let now = Instant::now();
        if now >= until {
            return Waited::Enough;
        }
        match timeout_at(until.min(now + POLL), told).await {
            Ok(Ok(answer)) => Waited::Answer(answer),
            Ok(Err(_)) | Err(_) => Waited::LookAgain,
        }
    }
}
