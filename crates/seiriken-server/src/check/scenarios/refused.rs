//! Refusals: what they leave behind, and how they are written.

use serde_json::Value;

use crate::check::effect::Again;
use crate::check::endpoint::new_key;
use crate::check::exchange::{Answer, NoAnswer};
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// A request that was refused for what it says leaves its key free: corrected, it runs.
pub(super) async fn validation_free(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let Some(invalid) = scenario.endpoint.plan.invalid.clone() else {
        return Ok(Finding::skip("there is no body that is surely refused: give --invalid"));
    };
    let right = scenario.endpoint.with_key(&new_key());
    let mut wrong = right.clone();
    *wrong.body_mut() = invalid;
    let refusal = scenario.send(&wrong).await?;
    if !refusal.refused() {
        return Ok(Finding::skip(format!(
            "a broken body is answered {}, which is no refusal: give --invalid",
            refusal.status
        )));
    }
    let corrected = scenario.send(&right).await?;
    if !corrected.accepted() {
        return Ok(Finding::fail(format!(
            "refused with {}, corrected, and answered {}: the key is burnt, and a client has to \
             know that nothing ran before it makes a new one",
            refusal.status, corrected.status
        )));
    }
    let before = scenario.endpoint.count().await?;
    let again = scenario.send(&right).await?;
    Ok(match scenario.judge(&corrected, &again, before).await? {
        Again::Replayed => Finding::pass(format!(
            "refused with {}, corrected, and done under the same key, once",
            refusal.status
        )),
        Again::Ran => Finding::fail("a retry of the corrected request ran again"),
        _ => Finding::fail(format!("a retry of the corrected request: {}", again.status)),
    })
}

/// Refusals of the gate are problem details (RFC 9457) and lead to the documentation.
pub(super) fn problem_details(scenario: &mut Scenario<'_>) -> Finding {
    if scenario.notes.refusals.is_empty() {
        return Finding::skip("nothing was refused for its key");
    }
    // Each flaw once, with all refusals that have it.
    let mut found: Vec<(Flaw, Vec<&str>)> = Vec::new();
    for (what, answer, step) in &scenario.notes.refusals {
        scenario.steps.push(step.clone());
        for flaw in flaws(answer) {
            match found.iter_mut().find(|(known, _)| *known == flaw) {
                Some((_, whats)) if whats.contains(what) => {}
                Some((_, whats)) => whats.push(what),
                None => found.push((flaw, vec![what])),
            }
        }
    }
    if found.is_empty() {
        return Finding::pass("each refusal is a problem with a type, and links to the policy");
    }
    let finding = |(flaw, whats): (Flaw, Vec<&str>)| match flaw {
        Flaw::Wrong(flaw) => Finding::fail(format!("{flaw} ({})", whats.join(", "))),
        Flaw::Absent(flaw) => Finding::warn(format!("{flaw} ({})", whats.join(", "))),
    };
    Finding::worst_of(found.into_iter().map(finding).collect())
}

#[derive(PartialEq, Eq)]
enum Flaw {
    /// Allowed: the draft says SHOULD.
    Absent(&'static str),
    /// It is there, and it is wrong.
    Wrong(&'static str),
}

fn flaws(answer: &Answer) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let is_problem = answer.field("content-type").is_some_and(|kind| {
        kind.to_ascii_lowercase().trim_start().starts_with("application/problem+json")
    });
    if is_problem {
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(Value::Object(problem)) => {
                let status = problem.get("status").map(Value::as_u64);
                if status.is_some_and(|status| status != Some(answer.status.as_u16().into())) {
                    flaws.push(Flaw::Wrong("the problem states another status than the answer"));
                }
                if problem.get("type").and_then(Value::as_str).is_none_or(str::is_empty) {
                    flaws.push(Flaw::Absent("the problem has no type"));
                }
                if problem.get("title").and_then(Value::as_str).is_none_or(str::is_empty) {
                    flaws.push(Flaw::Absent("the problem has no title"));
                }
            }
            _ => flaws.push(Flaw::Wrong("it says that it is a problem, and is not a JSON object")),
        }
    } else {
        flaws.push(Flaw::Absent("no problem details as in RFC 9457"));
    }
    if super::published::described_by(answer).is_none() {
        flaws.push(Flaw::Absent("no Link with rel=\"describedby\" to the documentation"));
    }
    flaws
}
