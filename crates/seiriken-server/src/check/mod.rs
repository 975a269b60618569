//! `seiriken check`: does an endpoint honour its keys, whatever it is written in?
//!
//! It is asked from outside, as its clients would: each requirement has a scenario, a scenario
//! sends requests, and a verdict says what came back, with the requests as evidence.
//!
//! ```text
//! options → Plan → Endpoint (how does it answer at all?)
//!                    → for each requirement: Scenario → exchange … → effect, compare → Finding
//!                                                                        → report
//! ```

mod bodies;
mod compare;
mod connect;
mod curl;
mod effect;
mod endpoint;
mod exchange;
mod options;
mod progress;
mod report;
mod requirement;
mod scenario;
mod scenarios;
mod verdict;

use std::io::Write;
use std::process::ExitCode;

pub(crate) use self::options::CheckOptions;

use self::endpoint::Endpoint;
use self::exchange::NoAnswer;
use self::options::Plan;
use self::progress::Progress;
use self::report::Report;
use self::requirement::Requirement;
use self::scenario::{Notes, Scenario};
use self::verdict::{Finding, Judged, Verdict};
use crate::stop;

/// A requirement fails.
const FALLS_SHORT: u8 = 1;

/// It could not be told: no answer, or nothing to compare.
const COULD_NOT_RUN: u8 = 2;

/// Checks what the options name, and reports.
pub(crate) async fn check(options: CheckOptions) -> ExitCode {
    let plan = match options.plan() {
        Ok(plan) => plan,
        Err(wrong) => return stop::bad_use(&wrong),
    };
    let report = match examine(plan).await {
        Ok(report) => report,
        Err(why) => return could_not_run(&why.to_string()),
    };
    if let Some(file) = &options.junit
        && let Err(error) = std::fs::write(file, report.junit())
    {
        return could_not_run(&format!("{} cannot be written: {error}", file.display()));
    }
    let text = if options.json { report.json() } else { report.text() };
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        return could_not_run(&format!("the report could not be written: {error}"));
    }
    // Where nobody can tell whether a retry ran, nothing that matters was found out.
    let untold = report.broken_off() || report.verdict(Requirement::Replay) == Some(Verdict::Skip);
    ExitCode::from(match report.worst() {
        Verdict::Fail => FALLS_SHORT,
        _ if untold => COULD_NOT_RUN,
        _ => 0,
    })
}

fn could_not_run(why: &str) -> ExitCode {
    eprintln!("seiriken: it could not be told: {why}");
    ExitCode::from(COULD_NOT_RUN)
}

async fn examine(plan: Plan) -> Result<Report, NoAnswer> {
    let mut progress = Progress::start();
    progress.show("getting to know the endpoint", 0);
    let subject = format!("{} {}", plan.asked.method(), plan.asked.uri());
    let endpoint = Endpoint::get_to_know(plan).await?;
    let mut report = Report::new(subject);
    let mut notes = Notes::default();
    for (place, requirement) in Requirement::ALL.into_iter().enumerate() {
        progress.show(requirement.id(), place);
        let judged = match unmet(requirement, &report) {
            Some(why) => Judged { requirement, finding: Finding::skip(why), evidence: Vec::new() },
            None => judge(requirement, &endpoint, &mut notes, &mut report).await,
        };
        report.add(judged);
    }
    Ok(report)
}

async fn judge(
    requirement: Requirement,
    endpoint: &Endpoint,
    notes: &mut Notes,
    report: &mut Report,
) -> Judged {
    let mut scenario = Scenario::new(endpoint, notes);
    let finding = scenarios::play(requirement, &mut scenario).await;
    let finding = finding.unwrap_or_else(|why| {
        report.break_off();
        Finding::skip(format!("it could not be told: {why}"))
    });
    // What holds needs no evidence.
    let shown = matches!(finding.verdict, Verdict::Fail | Verdict::Warn);
    let evidence = if shown { scenario.steps } else { Vec::new() };
    Judged { requirement, finding, evidence }
}

/// The requirement that has to hold before this one can be judged, and does not.
fn unmet(requirement: Requirement, report: &Report) -> Option<String> {
    requirement.needs().iter().find_map(|needed| {
        let why = match report.verdict(*needed) {
            Some(Verdict::Pass | Verdict::Warn) => return None,
            Some(Verdict::Fail) => "fails",
            Some(Verdict::Skip) | None => "could not be judged",
        };
        Some(format!("it says nothing where {} {why}", needed.id()))
    })
}
