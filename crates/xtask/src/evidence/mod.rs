//! `cargo xtask prove` and `cargo xtask campaign GATE`: the evidence that the promises hold.
//!
//! The gates are the program `seiriken-proof` (folder `proof/`), built with `--cfg seiriken_proof`:
//! with the mistakes that can be planted and the points that a process can be stopped at. Its
//! profile has a folder of its own, so that no such build lies where a release is looked for.
//!
//! ```text
//! gate       the gates and what each is for
//! report     what a gate says in the end
//! schedules  the gate that needs another build
//! ```

mod gate;
mod report;
mod schedules;

use std::path::Path;

use self::report::Report;
use crate::{
    apt,
    command::{Command, Failure},
    databases,
    ledger::{self, Entry},
    target,
    tools::Tool,
};

pub(crate) use gate::Gate;

/// The compiler of the workspace's crates with `--cfg seiriken_proof`, as clippy.
pub(crate) const LINTS: &str = "crates/xtask/clippy-for-proof";
const COMPILER: &str = "crates/xtask/rustc-for-proof";
const PROGRAM: &str = "seiriken-proof";

/// Where random choices start on every change.
const SEED: u64 = 1;

/// Runs the chosen gates, or all when none is chosen, each in the size for every change, and says
/// of all of them what they found.
pub(crate) fn prove(root: &Path, only: &[Gate]) -> Result<(), Failure> {
    let chosen = |gate: &&Gate| only.is_empty() || only.contains(gate);
    let gates: Vec<Gate> = Gate::all().iter().filter(chosen).copied().collect();
    tools(root, &gates)?;
    let mut program = None;
    let mut reports = Vec::new();
    for gate in gates {
        println!("{}: {}", gate.name(), gate.purpose());
        if gate == Gate::Schedules {
            reports.push(schedules::run(root, None, SEED)?);
            continue;
        }
        let program = match &program {
            Some(program) => program,
            None => program.insert(build(root)?),
        };
        reports.push(report(root, program, &[&gate.name()])?);
    }
    println!();
    for report in &reports {
        println!("{report}");
    }
    verdict(&reports, "cargo xtask prove")
}

/// Runs one gate for so many minutes and notes what it found.
pub(crate) fn campaign(root: &Path, gate: Gate, minutes: u64, seed: u64) -> Result<(), Failure> {
    // While it runs, the tree may go on to another commit.
    let commit = ledger::commit(root)?;
    tools(root, &[gate])?;
    let name = gate.name();
    let report = if gate == Gate::Schedules {
        schedules::run(root, Some(minutes), seed)?
    } else {
        let program = build(root)?;
        let (minutes, seed) = (minutes.to_string(), seed.to_string());
        report(root, &program, &[&name, "--minutes", &minutes, "--seed", &seed])?
    };
    println!("{report}");
    let counts = format!("{} ({minutes} min)", report.counts());
    let entry = Entry { campaign: &name, counts, findings: report.findings() };
    ledger::note(root, &commit, &entry)?;
    verdict(&[report], "cargo xtask campaign")
}

/// What the gates need besides cargo.
fn tools(root: &Path, gates: &[Gate]) -> Result<(), Failure> {
    if gates.iter().any(|gate| gate.shares_databases()) {
        databases::installed(root)?;
    }
    if !gates.iter().any(|gate| gate.traces()) {
        return Ok(());
    }
    if Tool::Strace.is_missing(root) && apt::is_there(root) {
        println!("strace is missing; installing the one of the distribution");
        apt::install(root, &["strace"])?;
    }
    if Tool::Strace.is_missing(root) {
        let failure = Failure::new("no strace to follow processes with", "strace --version");
        return Err(failure.hinting(Tool::Strace.advice()));
    }
    Ok(())
}

/// The program's path.
fn build(root: &Path) -> Result<String, Failure> {
    build_command().run(root)?;
    Ok(target::folder(root)?.join("proof").join(PROGRAM).display().to_string())
}

/// Builds what the gates run.
pub(crate) fn build_commands() -> Vec<Command> {
    vec![build_command(), schedules::build_command()]
}

/// Builds the program.
fn build_command() -> Command {
    let packages = ["--package", "seiriken-proof", "--package", "seiriken-server"];
    // The service waits for disks and for what is done to it. Without optimisation it is built in 16 s instead
    // of 76, and the gates take less than that longer.
    let service = ["--config", "profile.proof.package.seiriken-server.opt-level=0"];
    let build = [&["build", "--profile", "proof"], &service[..], &packages[..]].concat();
    Command::cargo(&build).with("RUSTC_WORKSPACE_WRAPPER", COMPILER)
}

fn report(root: &Path, program: &str, arguments: &[&str]) -> Result<Report, Failure> {
    let command = Command::new(program, arguments);
    let json = command.read_out(root)?;
    Report::read(&json).map_err(|error| {
        Failure::new(format!("the gate ended without a report: {error}"), command.to_string())
    })
}

fn verdict(reports: &[Report], repeat: &str) -> Result<(), Failure> {
    if reports.iter().all(Report::holds) {
        return Ok(());
    }
    Err(Failure::new("a promise does not hold, or was not looked at enough", repeat))
}
