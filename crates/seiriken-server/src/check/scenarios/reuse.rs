//! A key that comes back with another request.

use axum::http::StatusCode;

use crate::check::effect::{Again, judge};
use crate::check::endpoint::new_key;
use crate::check::exchange::{Answer, Asked, NoAnswer};
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// Another payload under the same key is refused with 422: it neither runs, nor gets the answer
/// of the first one, nor learns anything of it.
pub(super) async fn reuse(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let mut findings = Vec::new();
    findings.push(match scenario.endpoint.plan.vary.clone() {
        None => Finding::skip("there is no other body to send: give --vary"),
        Some(body) => {
            let other = |mut asked: Asked| {
                *asked.body_mut() = body.clone();
                asked
            };
            under_the_same_key(scenario, "another body", other).await?
        }
    });
    if let Some(address) = scenario.endpoint.plan.other.clone() {
        let other = |mut asked: Asked| {
            *asked.uri_mut() = address.clone();
            asked
        };
        findings.push(under_the_same_key(scenario, "another address", other).await?);
    }
    Ok(Finding::worst_of(findings))
}

async fn under_the_same_key(
    scenario: &mut Scenario<'_>,
    what: &str,
    other: impl Fn(Asked) -> Asked,
) -> Result<Finding, NoAnswer> {
    // With a key of its own it has to be taken, or a refusal would say nothing.
    let alone = other(scenario.endpoint.with_key(&new_key()));
    let own = scenario.send(&alone).await?;
    if !own.accepted() {
        return Ok(Finding::skip(format!(
            "{what} is answered {} under a key of its own: give one that is taken",
            own.status
        )));
    }
    let asked = scenario.endpoint.with_key(&new_key());
    let first = scenario.send(&asked).await?;
    let before = scenario.endpoint.count().await?;
    let reused = other(asked.clone());
    let answer = scenario.send(&reused).await?;
    let runs = scenario.runs_since(before).await?;
    let found = match judge(&scenario.endpoint.varying, &first, &answer, runs) {
        Again::Ran => Finding::fail(format!("{what} ran under a key that was used")),
        Again::Failed => Finding::fail(format!("{what} is answered {}", answer.status)),
        Again::Replayed => {
            Finding::fail(format!("{what} gets the first request's answer, and does not run"))
        }
        Again::CannotTell => Finding::fail(format!("{what} is taken under a key that was used")),
        Again::Refused => refused(scenario, what, &first, &answer),
    };
    // The first request's answer stands, whoever asked in between.
    let before = scenario.endpoint.count().await?;
    let again = scenario.send(&asked).await?;
    Ok(match scenario.judge(&first, &again, before).await? {
        Again::Replayed | Again::CannotTell => found,
        _ => Finding::worst_of(vec![
            found,
            Finding::fail(format!("after {what} the first answer is no longer there")),
        ]),
    })
}

fn refused(scenario: &mut Scenario<'_>, what: &str, first: &Answer, answer: &Answer) -> Finding {
    scenario.note_refusal("for a key that was used", answer);
    if let Some(member) = scenario.endpoint.varying.revealed_in(first, &answer.body) {
        return Finding::fail(format!("the refusal gives away {member} of the first answer"));
    }
    match answer.status {
        StatusCode::UNPROCESSABLE_ENTITY => Finding::pass(format!("{what}: 422, nothing ran")),
        status => {
            Finding::warn(format!("{what} is refused with {status}, where the draft asks for 422"))
        }
    }
}
