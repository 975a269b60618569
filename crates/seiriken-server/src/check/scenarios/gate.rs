//! What is not a key: none at all, a broken one, and the two spellings of a good one.

use axum::http::StatusCode;

use crate::check::effect::Again;
use crate::check::endpoint::new_key;
use crate::check::exchange::NoAnswer;
use crate::check::scenario::Scenario;
use crate::check::verdict::{Finding, Step, Verdict};

/// A request without a key is refused with 400, where keys are required.
pub(super) async fn key_missing(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let before = scenario.endpoint.count().await?;
    let asked = scenario.endpoint.with_lines(&[]);
    let answer = scenario.send(&asked).await?;
    let ran = scenario.runs_since(before).await?.is_some_and(|runs| runs > 0);
    if answer.failed() {
        return Ok(Finding::fail(format!("a request without a key is answered {}", answer.status)));
    }
    if answer.accepted() {
        return Ok(Finding::warn(
            "no key is required: a request without one runs, and each of its retries runs again",
        ));
    }
    if ran {
        return Ok(Finding::fail(format!("refused with {}, and it ran", answer.status)));
    }
    scenario.note_refusal("for a missing key", &answer);
    Ok(match answer.status {
        StatusCode::BAD_REQUEST => Finding::pass("400, and nothing ran"),
        status => Finding::warn(format!("refused with {status}, where the draft asks for 400")),
    })
}

/// A value of the field that is no key, or not one that can be relied on.
struct Broken {
    what: &'static str,
    lines: Vec<Vec<u8>>,
    /// The syntax (section 2.1) allows it; only its length is unusual.
    is_string: bool,
}

fn broken() -> [Broken; 5] {
    let key = new_key();
    let long = "k".repeat(1000);
    [
        Broken { what: "empty", lines: vec![Vec::new()], is_string: false },
        Broken {
            what: "over-long",
            lines: vec![format!("\"{key}{long}\"").into_bytes()],
            is_string: true,
        },
        Broken {
            what: "non-ASCII",
            lines: vec![format!("\"clé-{key}\"").into_bytes()],
            is_string: false,
        },
        Broken {
            what: "broken quote",
            lines: vec![format!("\"{}", new_key()).into_bytes()],
            is_string: false,
        },
        Broken {
            what: "repeated field",
            lines: vec![
                format!("\"{}\"", new_key()).into_bytes(),
                format!("\"{}\"", new_key()).into_bytes(),
            ],
            is_string: false,
        },
    ]
}

/// A malformed key is refused with 400. What must not happen is that it counts as no key: the
/// client believes that it is protected.
pub(super) async fn key_invalid(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    // Each finding once, with all that it was found of.
    let mut found: Vec<(Finding, Vec<&str>, Vec<Step>)> = Vec::new();
    for broken in broken() {
        let finding = one_broken(scenario, &broken).await?;
        let steps = std::mem::take(&mut scenario.steps);
        match found.iter_mut().find(|(known, ..)| *known == finding) {
            Some((_, whats, known)) => {
                whats.push(broken.what);
                known.extend(steps);
            }
            None => found.push((finding, vec![broken.what], steps)),
        }
    }
    let worst = found.iter().map(|(finding, ..)| finding.verdict).max();
    if worst == Some(Verdict::Pass) {
        let all =
            "empty, over-long, non-ASCII, broken quote, repeated field: none runs unprotected";
        return Ok(Finding::pass(all));
    }
    let mut findings = Vec::new();
    for (finding, whats, steps) in found {
        // What is shown is what the verdict rests on.
        if Some(finding.verdict) == worst {
            scenario.steps.extend(steps);
        }
        if finding.verdict != Verdict::Pass {
            let detail = format!("{}: {}", whats.join(", "), finding.detail);
            findings.push(Finding { detail, ..finding });
        }
    }
    Ok(Finding::worst_of(findings))
}

async fn one_broken(scenario: &mut Scenario<'_>, broken: &Broken) -> Result<Finding, NoAnswer> {
    let asked = scenario.endpoint.with_lines(&broken.lines);
    let before = scenario.endpoint.count().await?;
    let Ok(first) = scenario.send(&asked).await else {
        return Ok(Finding::warn("no answer, where the draft asks for 400"));
    };
    let between = scenario.endpoint.count().await?;
    let ran = before.zip(between).is_some_and(|(before, between)| between > before);
    if first.refused() && ran {
        return Ok(Finding::fail(format!("refused with {}, and it ran", first.status)));
    }
    if first.refused() {
        let too_long = first.status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let as_asked = first.status == StatusCode::BAD_REQUEST || (broken.is_string && too_long);
        if first.status == StatusCode::BAD_REQUEST {
            scenario.note_refusal("for a malformed key", &first);
        }
        return Ok(if as_asked {
            Finding::pass(first.status.to_string())
        } else {
            Finding::warn(format!("{}, where the draft asks for 400", first.status))
        });
    }
    if first.failed() {
        return Ok(Finding::fail(format!("the server fails with {}", first.status)));
    }
    let again = scenario.send(&asked).await?;
    Ok(match scenario.judge(&first, &again, between).await? {
        Again::Ran => Finding::fail("taken as no key, and a retry ran again"),
        Again::Failed => Finding::fail("taken, and a retry fails"),
        Again::Replayed if broken.is_string => Finding::pass("taken as a key"),
        Again::Replayed => Finding::warn("taken as a key, which it is not"),
        Again::Refused | Again::CannotTell => Finding::warn("taken, and not told to be malformed"),
    })
}

/// `"8e03…"` and `8e03…` are the same key. Where both are taken for two, a client that changes its
/// library between two attempts pays twice.
pub(super) async fn key_spelling(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let key = new_key();
    let (one, other) = (scenario.endpoint.spelling, scenario.endpoint.spelling.other());
    let asked = scenario.endpoint.with_lines(&[one.write(&key)]);
    let first = scenario.send(&asked).await?;
    if !first.accepted() {
        return Ok(Finding::skip(format!("the first request was answered {}", first.status)));
    }
    let before = scenario.endpoint.count().await?;
    let asked = scenario.endpoint.with_lines(&[other.write(&key)]);
    let again = scenario.send(&asked).await?;
    let (one, other) = (one.name(), other.name());
    Ok(match scenario.judge(&first, &again, before).await? {
        Again::Ran => {
            Finding::fail(format!("{one} and {other} are taken for two keys: it ran twice"))
        }
        Again::Replayed => Finding::pass("quoted and bare spell the same key"),
        Again::Refused => Finding::warn(format!(
            "the {other} spelling of a key that was used is answered {}; use the {one} one",
            again.status
        )),
        Again::Failed => {
            Finding::fail(format!("the {other} spelling is answered {}", again.status))
        }
        Again::CannotTell => Finding::skip("all answers look alike: give --count"),
    })
}
