//! `cargo xtask test`: the steps in their order, how long each took, and the verdict.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{ahead::Ahead, command::Failure, step::Step};

/// A step that was run, and how that went.
struct Run {
    step: Step,
    took: Duration,
    passed: bool,
}

/// Runs the chosen steps, or all when none is chosen, and stops at the first that fails: what
/// comes after it would mostly repeat the same complaint.
pub(crate) fn run(root: &Path, only: &[Step]) -> Result<(), Failure> {
    let steps = chosen(only);
    let later = steps.iter().skip(1).flat_map(|step| step.builds());
    let _ahead = Ahead::start(root, &later.collect::<Vec<_>>());
    let mut runs = Vec::new();
    let mut verdict = Ok(());
    for (index, &step) in steps.iter().enumerate() {
        let place = format!("[{}/{}] {}", index + 1, steps.len(), step.name());
        println!("{place}: {}", step.purpose());
        let (run, outcome) = timed(step, root);
        println!("{place} {} in {}\n", run.verdict(), readable(run.took));
        runs.push(run);
        if let Err(failure) = outcome {
            verdict = Err(failure.in_step(&step.name()));
            break;
        }
    }
    print!("{}", table(&steps, &runs));
    verdict?;
    println!("{}", summary(&runs));
    Ok(())
}

/// What `--list` shows.
pub(crate) fn list() {
    for step in Step::all() {
        println!("{:<14} {}", step.name(), step.purpose());
    }
}

fn chosen(only: &[Step]) -> Vec<Step> {
    let wanted = |step: &Step| only.is_empty() || only.contains(step);
    Step::all().iter().copied().filter(wanted).collect()
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch for people; nothing depends on it")]
fn timed(step: Step, root: &Path) -> (Run, Result<(), Failure>) {
    let started = Instant::now();
    let outcome = step.run(root);
    (Run { step, took: started.elapsed(), passed: outcome.is_ok() }, outcome)
}

fn table(steps: &[Step], runs: &[Run]) -> String {
    let row = |step: &Step| match runs.iter().find(|run| run.step == *step) {
        Some(run) => {
            format!("{:<14} {:<7} {:>8}\n", step.name(), run.verdict(), readable(run.took))
        }
        None => format!("{:<14} not run\n", step.name()),
    };
    steps.iter().map(row).collect()
}

/// The last line when every chosen step passed. A choice is said to be one: nobody should read
/// "passed" where most of the steps were left out.
fn summary(runs: &[Run]) -> String {
    let took = readable(runs.iter().map(|run| run.took).sum());
    let all = Step::all().len();
    match runs.len() {
        count if count == all => format!("all {all} steps passed in {took}"),
        1 => format!("1 step of {all} was chosen and passed in {took}"),
        count => format!("{count} steps of {all} were chosen and passed in {took}"),
    }
}

fn readable(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1}s", time.as_secs_f64()),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

// === impl Run ===

impl Run {
    fn verdict(&self) -> &'static str {
        if self.passed { "passed" } else { "FAILED" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(step: Step, seconds: u64) -> Run {
        Run { step, took: Duration::from_secs(seconds), passed: true }
    }

    #[test]
    fn chosen_steps_keep_their_usual_order() {
        assert_eq!(chosen(&[Step::Docs, Step::Format]), [Step::Format, Step::Docs]);
        assert_eq!(chosen(&[]), Step::all());
    }

    #[test]
    fn the_last_line_tells_a_full_run_from_a_choice() {
        let full: Vec<Run> = Step::all().iter().map(|&step| passed(step, 53)).collect();
        assert_eq!(summary(&full), "all 13 steps passed in 11m29s");
        assert_eq!(summary(&full[..1]), "1 step of 13 was chosen and passed in 53.0s");
        assert_eq!(summary(&full[..2]), "2 steps of 13 were chosen and passed in 1m46s");
    }

    #[test]
    fn a_step_after_the_failure_is_shown_as_not_run() {
        let runs = [passed(Step::Format, 1), Run { passed: false, ..passed(Step::House, 2) }];
        assert_eq!(
            table(&[Step::Format, Step::House, Step::Clippy], &runs),
            "format         passed      1.0s\n\
             house          FAILED      2.0s\n\
             clippy         not run\n"
        );
    }
}
