//! What a developer of Seiriken runs, the same on a desk and in CI.
//!
//! ```text
//! main      the command line, and what each way to end means to the caller
//! test      `cargo xtask test`: the steps in their order, the table, the verdict
//! step      what each step runs
//! ahead     what later steps build, built while earlier ones wait
//! features  one command for every cargo feature of the libraries, read from cargo itself
//! packages  what is written in TypeScript: installed, built, tested and packed by npm
//! house     the rules of this tree that no compiler knows
//! shop      the shop page: is it up to date, and does it hold in a browser?
//! bench     `cargo xtask bench`: what safe retries cost, measured
//! instructions  `cargo xtask bench instructions`: what the hot path costs, counted
//! guards    `cargo xtask campaign guards`: tests are seen to fail without what they protect
//! evidence  `cargo xtask prove`, `campaign GATE`: model, simulation, faults, kills
//! fuzz      `cargo xtask campaign fuzz`: a fuzzer looks for what breaks a promise
//! mutants   `cargo xtask campaign mutants`: tests are seen to fail without any small piece of code
//! ledger    a line in docs/ledger.md for each full run
//! conformance  `cargo xtask campaign conformance`: published packages under `seiriken check`
//! deny      `cargo xtask deny`: licences, sources and bans of the dependencies
//! command   runs a program and can say how to repeat it by hand
//! target    where builds are put
//! tools     what must be installed, and what to do when it is not
//! databases  those that tests start for themselves
//! apt       installs it in a bare container
//! ```

mod ahead;
mod apt;
mod bench;
mod command;
mod conformance;
mod databases;
mod deny;
mod evidence;
mod features;
mod fuzz;
mod guards;
mod house;
mod instructions;
mod ledger;
mod mutants;
mod packages;
mod shop;
mod step;
mod target;
mod test;
mod tools;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, error::ErrorKind};

use crate::{
    bench::Benchmark, command::Failure, evidence::Gate, instructions::Instructions, step::Step,
};

/// `EX_USAGE` of sysexits.h: the call was wrong, as opposed to the code that was checked (1).
const EXIT_USAGE: u8 = 64;

/// What a developer of Seiriken runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check the whole tree, step by step; the first failure stops it
    Test {
        /// Run these steps alone, still in their usual order
        #[arg(long, value_name = "STEP", num_args = 1.., value_delimiter = ',')]
        only: Vec<Step>,
        /// Name the steps and what each is for, and run none
        #[arg(long, conflicts_with = "only")]
        list: bool,
    },
    /// Measure what safe retries cost, on this machine (some minutes)
    #[command(arg_required_else_help = false)]
    Bench {
        #[command(subcommand)]
        benchmark: Measured,
    },
    /// Check that the promises hold: model, simulation, planted mistakes, faults, kills (minutes)
    Prove {
        /// Run these gates alone
        #[arg(long, value_name = "GATE", num_args = 1.., value_delimiter = ',')]
        only: Vec<Gate>,
    },
    /// Check the dependencies' licences, sources and bans (installs cargo-deny when missing)
    Deny,
    /// Everything that CI runs: `test`, then `deny`
    Ci,
    /// What takes too long for every change; each full run is noted in docs/ledger.md
    Campaign {
        #[command(subcommand)]
        campaign: Campaign,
    },
}

#[derive(Debug, Subcommand)]
enum Measured {
    #[command(flatten)]
    Rounds(Benchmark),
    /// What the hot path costs in instructions, beside the committed counts (installs valgrind when
    /// missing)
    Instructions(Instructions),
}

#[derive(Debug, Subcommand)]
enum Campaign {
    /// Take out each guard that docs/field-bugs.md rests on, and see its tests fail
    Guards {
        /// Take out those alone whose name or bug has this in it
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Every state that a key's record can come to, by the shipped transition function
    Model(Long),
    /// The engine, the store and the client, simulated: everything goes wrong, and is decided by a seed
    Histories(Long),
    /// Mistakes that others have made, planted one at a time: each is found
    Mistakes(Long),
    /// Pairs of faults at the store's calls, drawn at random, after every single one
    Sweep(Long),
    /// Real processes, killed and stopped past their lease at every point and at random
    Kills(Long),
    /// What is on the disk after a loss of power, from recorded writes
    Power(Long),
    /// Disks that are full or fail at any call, and limits of the system
    Disk(Long),
    /// What a fuzzer has found, and what is near it
    Corpora(Long),
    /// What is shared between threads, under schedules that are chosen
    Schedules(Long),
    /// Run each fuzz target for so long, then keep the smallest inputs that reach as much
    Fuzz {
        /// How long each
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// Run these targets alone
        #[arg(long, value_name = "TARGET", num_args = 1.., value_delimiter = ',')]
        target: Vec<fuzz::Target>,
    },
    /// Check published packages with `seiriken check`, and write the tables of docs/conformance.md
    Conformance(conformance::Checker),
    /// Change the code in every small way that .cargo/mutants.toml names, and see tests fail (hours)
    Mutants(mutants::Chosen),
}

/// How long a gate of `prove` is to go on.
#[derive(Debug, Args)]
struct Long {
    /// How long
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Where random choices start
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match workspace_root().and_then(|root| run(cli.task, &root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task, root: &Path) -> Result<(), Failure> {
    match task {
        Task::Test { list: true, .. } => {
            test::list();
            Ok(())
        }
        Task::Test { only, .. } => test::run(root, &only),
        Task::Bench { benchmark: Measured::Rounds(benchmark) } => bench::run(root, &benchmark),
        Task::Bench { benchmark: Measured::Instructions(how) } => instructions::run(root, how),
        Task::Deny => deny::run(root),
        Task::Prove { only } => evidence::prove(root, &only),
        Task::Campaign { campaign } => run_campaign(campaign, root),
        Task::Ci => test::run(root, &[]).and_then(|()| deny::run(root)),
    }
}

fn run_campaign(campaign: Campaign, root: &Path) -> Result<(), Failure> {
    let (gate, Long { minutes, seed }) = match campaign {
        Campaign::Guards { only } => return guards::run(root, only.as_deref()),
        Campaign::Conformance(checker) => return conformance::run(root, &checker),
        Campaign::Fuzz { minutes, target } => return fuzz::run(root, minutes, &target),
        Campaign::Mutants(chosen) => return mutants::run(root, &chosen),
        Campaign::Model(long) => (Gate::Model, long),
        Campaign::Histories(long) => (Gate::Histories, long),
        Campaign::Mistakes(long) => (Gate::Mistakes, long),
        Campaign::Sweep(long) => (Gate::Sweep, long),
        Campaign::Kills(long) => (Gate::Kills, long),
        Campaign::Power(long) => (Gate::Power, long),
        Campaign::Disk(long) => (Gate::Disk, long),
        Campaign::Corpora(long) => (Gate::Corpora, long),
        Campaign::Schedules(long) => (Gate::Schedules, long),
    };
    evidence::campaign(root, gate, minutes, seed)
}

/// Help goes to standard output and is a success; anything else is a wrong call.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", one_line(&error.to_string()));
    ExitCode::from(EXIT_USAGE)
}

/// clap's message without its tips and usage, so that it stands out in a log.
fn one_line(message: &str) -> String {
    let first_paragraph = message.lines().take_while(|line| !line.trim().is_empty());
    let words: Vec<&str> = first_paragraph.flat_map(str::split_whitespace).collect();
    format!("{} (see cargo xtask --help)", words.join(" "))
}

/// Cargo names the folder of this crate to the program it runs. Asking at run time rather than
/// compiling the path in keeps a moved checkout working.
fn workspace_root() -> Result<PathBuf, Failure> {
    env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|crate_folder| Some(Path::new(&crate_folder).ancestors().nth(2)?.to_path_buf()))
        .ok_or_else(|| Failure::new("xtask was not started by cargo", "cargo xtask --help"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from(["xtask"].iter().chain(arguments)).unwrap_err();
        one_line(&error.to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bad_option_is_refused_in_one_line() {
        assert_eq!(
            refusal(&["test", "--fast"]),
            "error: unexpected argument '--fast' found (see cargo xtask --help)"
        );
        let wrong: [&[&str]; 8] = [
            &["test", "--only", "speed"],
            &["test", "--only"],
            &["bench"],
            &["bench", "orders", "--keys", "many"],
            &["bench", "layout", "--rounds", "0"],
            &["bench", "instructions", "--rounds", "1"],
            &["tset"],
            &[],
        ];
        for arguments in wrong {
            let refusal = refusal(arguments);
            assert!(refusal.starts_with("error: ") && !refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_known_ones() {
        let refusal = refusal(&["test", "--only", "speed"]);
        assert!(refusal.contains("'speed'") && refusal.contains("clippy"), "{refusal}");
    }
}
