//! A client that leaves before its answer is there, and comes back: what keys are made for.

use std::time::Duration;

use crate::check::endpoint::new_key;
use crate::check::exchange::NoAnswer;
use crate::check::scenario::{Scenario, says_running};
use crate::check::verdict::{Finding, Verdict};

/// However long the client stayed, its retry runs nothing a second time, and learns the outcome.
pub(super) async fn disconnect(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let counts = scenario.endpoint.plan.count.is_some();
    let pair = scenario.notes.pair.as_ref();
    let marked = pair.is_some_and(|(_, again, _)| again.marker() == Some(true));
    if !counts && !marked {
        return Ok(Finding::skip(
            "the first answer is never seen, so only a count or a marker can tell: give --count",
        ));
    }
    let usual = scenario.endpoint.usual;
    let mut findings = Vec::new();
    // At once, in the middle, and when the answer is on its way.
    for stay in [Duration::ZERO, usual / 4, usual / 2, usual, usual * 2] {
        let found = leave_and_return(scenario, stay, counts).await?;
        if found.verdict == Verdict::Fail {
            return Ok(found);
        }
        findings.push(found);
    }
    // By the marker alone: one replay proves that work outlives its client.
    if !counts && findings.iter().any(|found| found.verdict == Verdict::Pass) {
        findings.retain(|found| found.verdict == Verdict::Pass);
    }
    findings.dedup();
    Ok(Finding::worst_of(findings))
}

async fn leave_and_return(
    scenario: &mut Scenario<'_>,
    stay: Duration,
    counts: bool,
) -> Result<Finding, NoAnswer> {
    let asked = scenario.endpoint.with_key(&new_key());
    let before = scenario.endpoint.count().await?;
    scenario.leave(&asked, stay).await?;
    let answer = scenario.settled(&asked).await?;
    if counts {
        // A first run that goes on beside the second one has its time to show up.
        tokio::time::sleep(scenario.endpoint.usual).await;
        let runs = scenario.runs_since(before).await?.unwrap_or_default();
        if runs > 1 {
            return Ok(Finding::fail(format!(
                "the client left after {stay:?} and came back, and it ran {runs} times"
            )));
        }
    }
    if says_running(&answer) {
        return Ok(Finding::fail(format!(
            "the client left after {stay:?}, and {:?} later its retry is still answered {}",
            scenario.endpoint.plan.patience, answer.status
        )));
    }
    if answer.refused() {
        return Ok(Finding::fail(format!(
            "the client left after {stay:?}, and its retry is refused with {}",
            answer.status
        )));
    }
    if answer.failed() {
        return Ok(Finding::warn(format!(
            "it ran at most once, and a retry is told {}: the outcome has to be found out by hand",
            answer.status
        )));
    }
    Ok(match answer.marker() {
        _ if counts => Finding::pass("it ran once, and the retry learned the outcome"),
        Some(true) => Finding::pass("the retry got the answer of the request that was left"),
        _ => Finding::warn(
            "the retry ran; whether the request that was left had an effect as well only --count tells",
        ),
    })
}
