//! A retry after the answer: the first answer again, all of it, and marked.

use crate::check::compare::differences;
use crate::check::effect::{Again, judge};
use crate::check::endpoint::new_key;
use crate::check::exchange::{Answer, NoAnswer};
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// A retry gets the result of the first request, and nothing runs.
pub(super) async fn replay(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let endpoint = scenario.endpoint;
    if endpoint.varying.is_empty() && endpoint.plan.count.is_none() {
        return Ok(Finding::skip(
            "all answers of this endpoint look alike, so nobody can tell whether it ran again: \
             give --count GET-URL JSON-POINTER",
        ));
    }
    let asked = endpoint.with_key(&new_key());
    let before = endpoint.count().await?;
    // The first retry is sent as soon as the answer is there, on a connection that is open by then:
    // a server that answers before it has stored the answer gets no time to make up for it.
    let opened = endpoint.wire.open(asked.uri()).await?;
    let first = scenario.send(&asked).await?;
    if !first.accepted() {
        return Ok(Finding::skip(format!("the first request was answered {}", first.status)));
    }
    let again = scenario.send_on(opened, &asked).await?;
    let runs = scenario.runs_since(before).await?.map(|runs| runs - 1);
    if let Some(wrong) = wrong(judge(&endpoint.varying, &first, &again, runs), &again) {
        return Ok(Finding::fail(format!("the first retry {wrong}")));
    }
    scenario.notes.pair = Some((first.clone(), again, scenario.steps.clone()));
    // The second one finds what the first one has left.
    let before = endpoint.count().await?;
    let again = scenario.send(&asked).await?;
    Ok(match wrong(scenario.judge(&first, &again, before).await?, &again) {
        Some(wrong) => Finding::fail(format!("the second retry {wrong}")),
        None => Finding::pass("two retries ran nothing and were told of the first run"),
    })
}

fn wrong(meant: Again, again: &Answer) -> Option<String> {
    match meant {
        Again::Replayed => None,
        Again::Ran => Some("ran again".to_owned()),
        Again::Refused => Some(format!("was refused with {}, after an answer", again.status)),
        Again::Failed => Some(format!("failed with {}, after an answer", again.status)),
        // Of an endpoint whose answers look alike nothing is asked without a count.
        Again::CannotTell => Some("cannot be told from another run".to_owned()),
    }
}

/// What comes back is the first answer: status, fields and bytes.
pub(super) fn fidelity(scenario: &mut Scenario<'_>) -> Finding {
    let Some((first, again, steps)) = &scenario.notes.pair else {
        return Finding::skip("there was no replay");
    };
    scenario.steps.clone_from(steps);
    let found = differences(first, again);
    if !found.is_empty() {
        return Finding::fail(found.join("; "));
    }
    if again.headers.contains_key("set-cookie") {
        return Finding::warn(
            "a replay sets the cookie again: whoever asks gets the first caller's",
        );
    }
    Finding::pass(format!(
        "{}, {} fields and {} bytes are the same",
        first.status,
        first.headers.keys_len(),
        first.body.len()
    ))
}

/// A marker tells a client that an answer is a replay. The draft has none; many services do.
pub(super) fn replay_marker(scenario: &mut Scenario<'_>) -> Finding {
    let Some((first, again, steps)) = &scenario.notes.pair else {
        return Finding::skip("there was no replay");
    };
    scenario.steps.clone_from(steps);
    let name = again.marker_field().map_or("the marker", |(name, _)| name);
    match (first.marker(), again.marker()) {
        (Some(true), _) => Finding::fail("the first answer is marked as a replay"),
        (_, Some(false)) => Finding::fail(format!("{name} says of a replay that it is none")),
        (_, Some(true)) => Finding::pass(format!("{name} says which answer is a replay")),
        (_, None) => Finding::warn("a replay has no marker: a client cannot tell it apart"),
    }
}
