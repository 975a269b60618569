//! Builds the named tests of the copy and runs them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    copy::Copy,
    failure,
    output::{self, End, Verdict},
    table::Test,
};
use crate::command::Failure;

/// The library's crate, and the folder of its suite for stores.
const LIBRARY: &str = "seiriken";
const CLAUSES: &str = "seiriken/src/conformance/";

/// The test program that holds stores to the suite, and the part of a name that its tests share.
const SUITE: (&str, &str) = ("conformance", "keeps_the_contract");

/// A test program that says nothing for so long does not come to an end.
const SILENCE_MAX: Duration = Duration::from_secs(100);

/// Test programs, by the names of their targets.
pub(super) struct Built {
    programs: BTreeMap<String, PathBuf>,
}

// === impl Test ===

impl Test {
    fn is_clause(&self) -> bool {
        self.path.starts_with(CLAUSES)
    }

    fn package(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The target whose program runs it; the library's own is named as the crate.
    fn target(&self) -> &str {
        let mut parts = self.path.split('/').skip(1);
        match (parts.next(), parts.next()) {
            _ if self.is_clause() => SUITE.0,
            (Some("tests"), Some(target)) => target.trim_end_matches(".rs"),
            _ => self.package(),
        }
    }

    /// What its program is asked to run.
    fn filter(&self) -> &str {
        if self.is_clause() { SUITE.1 } else { &self.name }
    }
}

// === impl Built ===

impl Built {
    /// All features are on, as in the other steps, so that the library is built once.
    pub(super) fn build(copy: &Copy, tests: &[Test]) -> Result<Self, Failure> {
        let mut arguments = vec!["test", "--no-run", "--all-features"];
        arguments.push("--message-format=json-render-diagnostics");
        for package in ordered(tests.iter().map(Test::package)) {
            arguments.extend(["--package", package]);
        }
        for target in ordered(tests.iter().map(Test::target)) {
            match target {
                LIBRARY => arguments.push("--lib"),
                target => arguments.extend(["--test", target]),
            }
        }
        let mut cargo = Process::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // What the missing guard leaves unused is no news.
        cargo.env("RUSTFLAGS", "--cap-lints=allow").env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo.env("CARGO_TARGET_DIR", &copy.target).current_dir(&copy.root);
        let output = cargo.args(&arguments).stderr(Stdio::piped()).output();
        let output = output.map_err(|error| failure(format!("cargo did not start: {error}")))?;
        if !output.status.success() {
            return Err(failure(String::from_utf8_lossy(&output.stderr)));
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        Ok(Self { programs: messages.lines().filter_map(program).collect() })
    }

    /// Runs each test; tests of one program run together.
    pub(super) fn run(
        &self,
        copy: &Copy,
        tests: &[Test],
    ) -> Result<Vec<(String, Verdict)>, Failure> {
        let mut verdicts = Vec::new();
        for target in ordered(tests.iter().map(Test::target)) {
            let program = self.programs.get(target);
            let program = program.ok_or_else(|| failure(format!("no test program {target}")))?;
            let tests: Vec<&Test> = tests.iter().filter(|test| test.target() == target).collect();
            let filters = ordered(tests.iter().map(|test| test.filter()));
            let folder = copy.root.join("crates").join(tests[0].package());
            let (output, end) = run_program(program, &folder, &filters)?;
            for test in tests {
                let verdict = if test.is_clause() {
                    output::of_clause(&test.name, &output, end)
                } else {
                    output::of_test(&test.name, &output, end)
                };
                verdicts.push((test.name.clone(), verdict));
            }
        }
        Ok(verdicts)
    }
}

fn ordered<'t>(words: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The test program that a message of cargo tells of.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let program = message["executable"].as_str().filter(|_| is_test)?;
    Some((message["target"]["name"].as_str()?.to_owned(), program.into()))
}

/// Started by itself rather than by cargo: one that does not end can be ended.
fn run_program(program: &Path, folder: &Path, filters: &[&str]) -> Result<(String, End), Failure> {
    let mut process = Process::new(program);
    process.args(filters).current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Its backtraces take longer than its tests.
    process.env("RUST_BACKTRACE", "0");
    let failed = |error| failure(format!("{}: {error}", program.display()));
    // It may have started programs of its own, which end with its group.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut process, 0);
    let mut child = process.spawn().map_err(failed)?;
    let output = read(&mut child);
    end_group(&mut child);
    let status = child.wait().map_err(failed)?;
    let end = if output.contains("\ntest result: ") { End::Finished } else { End::CutOff };
    println!("      {} {}: {status}", program.display(), filters.join(" "));
    Ok((output, end))
}

/// Ends whatever is left of it. Where that is nothing, there is nothing to say.
fn end_group(child: &mut Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        let mut kill = Process::new("kill");
        let _ = kill.args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
}

/// Everything it writes, until it ends or says nothing for too long.
fn read(child: &mut Child) -> String {
    let (tell, told) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            // An error says that nobody listens any more.
            lines.map(|line| tell.send(line)).take_while(Result::is_ok).for_each(drop);
        });
    }
    let mut output = String::new();
    while let Ok(line) = told.recv_timeout(SILENCE_MAX) {
        output.push_str(&line);
        output.push('\n');
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(path: &str) -> Test {
        Test { path: path.to_owned(), name: "name".to_owned() }
    }

    #[test]
    fn each_test_has_a_program_and_a_name_in_it() {
        for (path, target, filter) in [
            ("seiriken/tests/engine/lease.rs", "engine", "name"),
            ("seiriken/tests/sweep.rs", "sweep", "name"),
            ("seiriken/src/key.rs", "seiriken", "name"),
            ("seiriken/src/conformance/claim.rs", "conformance", "keeps_the_contract"),
            ("seiriken-server/tests/http/keys.rs", "http", "name"),
        ] {
            assert_eq!((test(path).target(), test(path).filter()), (target, filter), "{path}");
        }
    }

    #[test]
    fn a_test_program_is_read_from_what_cargo_says() {
        let message = r#"{"reason":"compiler-artifact","target":{"name":"engine"},
            "profile":{"test":true},"executable":"a/engine-1"}"#;
        assert_eq!(program(message), Some(("engine".into(), "a/engine-1".into())));
        assert_eq!(program(&message.replace("true", "false")), None);
        assert_eq!(program("Compiling"), None);
    }
}
