//! What is said while it goes on: each line says what it means for whoever pays.

use std::time::Duration;

use seiriken_client::verdict::{RetryReason, Why};
use seiriken_client::{Answer, Progress};

/// The line for a step, if it is worth one.
pub(super) fn progress(progress: &Progress<'_>) -> Option<String> {
    match progress {
        Progress::Attempt { number } => Some(format!("attempt {number}: sending")),
        Progress::Waiting { number, reason, wait, detail } => {
            let what = reason_words(*reason, detail.unwrap_or_default());
            Some(format!("attempt {number}: {what}; next attempt in {}", seconds(*wait)))
        }
        _ => None,
    }
}

fn reason_words(reason: RetryReason, detail: &str) -> String {
    const MAYBE: &str =
        "it may have been done, and asking again with the same key cannot do it twice";
    match reason {
        RetryReason::NotSent => {
            format!("no connection ({detail}): nothing was sent, so nothing was done")
        }
        RetryReason::NoAnswer => format!("the answer was lost ({detail}): {MAYBE}"),
        RetryReason::InProgress => {
            "the server is still working on it, and does not start it a second time".to_owned()
        }
        RetryReason::OutcomePending => {
            "the server is still writing down what came of it; it is not done a second time"
                .to_owned()
        }
        RetryReason::Refused(status) => {
            format!("refused for now ({status}): nothing was done by this attempt")
        }
        RetryReason::Failed(status) => format!("the server failed ({status}): {MAYBE}"),
        _ => MAYBE.to_owned(),
    }
}

/// The line for a definite answer.
pub(super) fn definite(answer: &Answer) -> String {
    let status = answer.status;
    let not_kept = if answer.kept { "" } else { " (the server has kept no more of its answer)" };
    if status.is_success() {
        return format!("done: {status}{not_kept}");
    }
    if status.is_redirection() {
        let place = answer.headers.get("location").and_then(|place| place.to_str().ok());
        let place = place.map(|place| format!(" to {place}")).unwrap_or_default();
        return format!("answered: {status}, a redirection{place} that is not followed{not_kept}");
    }
    format!("refused: {status}; this answer stands{not_kept}")
}

/// Why nobody can say whether it was done.
pub(super) fn why(why: Why) -> String {
    match why {
        Why::Deadline => "no definite answer came before the deadline".to_owned(),
        Why::RefusedAfterMaybe(status) => {
            format!("this attempt was refused ({status}), but an earlier one may have been carried out")
        }
        Why::ServerSays => "the server itself does not know".to_owned(),
        Why::ServerError(status) => {
            format!("the server failed ({status}), and asking again does not change that")
        }
        Why::TooOld => {
            "it was first sent so long ago that the server may have forgotten it, so it was not sent again"
                .to_owned()
        }
        Why::Journal => "the journal could not take it, so it was not sent again".to_owned(),
        _ => "nobody can say".to_owned(),
    }
}

fn seconds(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64())
}
