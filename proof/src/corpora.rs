//! Gate `corpora`: what a fuzzer has found is tried on every change, and what is near it.
//!
//! The inputs in `fuzz/corpus` are those by which a fuzzer reached all that it reached, the ones in
//! `fuzz/seeds` were made by hand, each for something. All go through the oracle of their target, and
//! after them some that are made from them.

mod mutation;

use std::any::Any;
use std::io;
use std::path::Path;

use self::mutation::Mutations;
use crate::effort::Effort;
use crate::fuzz::{TARGETS, Target};
use crate::report::Report;

/// From the root of the workspace, where the gates are run.
const FOLDERS: [&str; 2] = ["fuzz/seeds", "fuzz/corpus"];

/// Fewer in one corpus are not what a fuzzer left.
const INPUTS_MIN: usize = 25;

/// The targets take turns, so that a campaign of any length comes to all of them.
const ROUNDS: u64 = 10;

/// More findings of one target say no more.
const FINDINGS_MAX: usize = 3;

/// Tries all inputs of all targets, and then what is made from them.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("corpora").seeded(effort.seed);
    // What an oracle says as it panics stands in the finding.
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut trials = Vec::new();
    for target in &TARGETS {
        match inputs(target) {
            Ok(inputs) if inputs.len() >= INPUTS_MIN => {
                trials.push(Trial::new(target, inputs, effort.seed));
            }
            Ok(inputs) => {
                let (name, count) = (target.name, inputs.len());
                report.find(format!("{name}: {count} inputs are fewer than {INPUTS_MIN}"));
            }
            Err(error) => {
                report.find(format!("{}: its inputs cannot be read: {error}", target.name));
            }
        }
    }
    trials.iter_mut().for_each(Trial::every_input);
    let mut round = 0;
    while effort.goes_on(round, ROUNDS) {
        trials.iter_mut().for_each(Trial::one_round);
        round += 1;
    }
    std::panic::set_hook(loud);
    count(&trials, &mut report);
    trials.into_iter().flat_map(|trial| trial.findings).for_each(|finding| report.find(finding));
    report
}

fn count(trials: &[Trial], report: &mut Report) {
    let sum = |of: fn(&Trial) -> u64| trials.iter().map(of).sum::<u64>();
    let mutations = TARGETS.iter().map(|target| target.mutations).sum();
    report.count("inputs", sum(|trial| trial.inputs.done), 400);
    report.count("inputs taken", sum(|trial| trial.inputs.taken), 200);
    report.count("mutations", sum(|trial| trial.mutations.done), mutations);
    report.count("mutations taken", sum(|trial| trial.mutations.taken), mutations / 20);
}

struct Trial {
    target: &'static Target,
    corpus: Vec<(String, Vec<u8>)>,
    from: Mutations,
    inputs: Tried,
    mutations: Tried,
    findings: Vec<String>,
}

#[derive(Default)]
struct Tried {
    done: u64,
    /// So many were more than refused.
    taken: u64,
}

impl Trial {
    fn new(target: &'static Target, corpus: Vec<(String, Vec<u8>)>, seed: u64) -> Self {
        let from = Mutations::new(seed);
        let (inputs, mutations, findings) = (Tried::default(), Tried::default(), Vec::new());
        Self { target, corpus, from, inputs, mutations, findings }
    }

    fn every_input(&mut self) {
        for (name, input) in &self.corpus {
            if self.findings.len() >= FINDINGS_MAX {
                return;
            }
            let finding = self.inputs.check(self.target, input);
            let named = |how| format!("{}/{name}: {how}", self.target.name);
            self.findings.extend(finding.map(named));
        }
    }

    fn one_round(&mut self) {
        for _ in 0..self.target.mutations / ROUNDS {
            if self.findings.len() >= FINDINGS_MAX {
                return;
            }
            let input = self.from.another(&self.corpus);
            let finding = self.mutations.check(self.target, &input);
            let name = self.target.name;
            let named = |how| format!("{name} \"{}\": {how}", input.escape_ascii());
            self.findings.extend(finding.map(named));
        }
    }
}

impl Tried {
    /// `Some` is what was broken.
    fn check(&mut self, target: &Target, input: &[u8]) -> Option<String> {
        self.done += 1;
        let check = target.check;
        match std::panic::catch_unwind(|| check(input)) {
            Ok(taken) => {
                self.taken += u64::from(taken);
                None
            }
            Err(panic) => Some(message(&*panic)),
        }
    }
}

/// The inputs with their names, always in one order.
fn inputs(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(Path::new(folder).join(target.name))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            inputs.push((name, std::fs::read(entry.path())?));
        }
    }
    inputs.sort_unstable();
    Ok(inputs)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").to_owned()
}
