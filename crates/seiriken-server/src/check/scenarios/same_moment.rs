//! The same request several times at the same moment: one runs.

use axum::http::StatusCode;

use crate::check::effect::{Again, judge};
use crate::check::endpoint::new_key;
use crate::check::exchange::{Answer, NoAnswer};
use crate::check::scenario::Scenario;
use crate::check::verdict::{Finding, Verdict};

/// Two requests may miss each other, so there are so many rounds.
const ROUNDS: usize = 8;

/// So many clients, or retries of one that has lost its patience.
const STORM: usize = 50;

/// Two at the same moment: one runs, the other one is told so or gets its answer.
pub(super) async fn concurrent(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let mut findings = Vec::new();
    for _ in 0..ROUNDS {
        // Of rounds that went well, the last one is evidence enough.
        scenario.steps.clear();
        let found = race(scenario, 2).await?;
        if found.verdict == Verdict::Fail {
            return Ok(found);
        }
        findings.push(found);
    }
    findings.dedup();
    let mut worst = Finding::worst_of(findings);
    worst.detail = format!("{ROUNDS} rounds of two: {}", worst.detail);
    Ok(worst)
}

/// Many at the same moment: queues, locks and pools run full, and still one runs.
pub(super) async fn storm(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    race(scenario, STORM).await
}

async fn race(scenario: &mut Scenario<'_>, times: usize) -> Result<Finding, NoAnswer> {
    let asked = scenario.endpoint.with_key(&new_key());
    let before = scenario.endpoint.count().await?;
    let answers = scenario.at_once(&asked, times).await?;
    let last = scenario.settled(&asked).await?;
    let runs = scenario.runs_since(before).await?;
    if runs.is_some_and(|runs| runs > 1) {
        return Ok(Finding::fail(format!(
            "{times} requests at the same moment: it ran {} times",
            runs.unwrap_or_default()
        )));
    }
    if !last.accepted() {
        return Ok(Finding::fail(format!(
            "{times} requests at the same moment: a retry after them is answered {}",
            last.status
        )));
    }
    let answered: Vec<&Answer> = answers.iter().flatten().collect();
    let varying = &scenario.endpoint.varying;
    let accepted = || answered.iter().filter(|answer| answer.accepted());
    // The count has spoken; without one the answers have to agree with the one that stands.
    let another = accepted().filter(|answer| judge(varying, &last, answer, None) == Again::Ran);
    let others = another.count();
    if others > 0 {
        return Ok(Finding::fail(format!(
            "{times} requests at the same moment: {others} got the answer of another run"
        )));
    }
    let failed = answered.iter().filter(|answer| is_failure(answer)).count();
    let silent = answers.len() - answered.len();
    if failed + silent > 0 {
        return Ok(Finding::fail(format!(
            "{times} requests at the same moment: {failed} failed with 5xx, {silent} got no answer"
        )));
    }
    let as_asked = |answer: &Answer| answer.accepted() || answer.status == StatusCode::CONFLICT;
    if let Some(other) = answered.iter().find(|answer| !as_asked(answer)) {
        return Ok(Finding::warn(format!(
            "one ran, and another was told {}, where the draft asks for 409",
            other.status
        )));
    }
    Ok(Finding::pass("one ran; the others got its answer or 409"))
}

/// 503 says that nothing ran and that one may come back; every other 5xx is a failure.
fn is_failure(answer: &Answer) -> bool {
    answer.failed() && answer.status != StatusCode::SERVICE_UNAVAILABLE
}
