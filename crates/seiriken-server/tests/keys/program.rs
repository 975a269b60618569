//! The program, run to its end.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// So long a process may take before the test fails: never waited for in a test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program, with an environment that says nothing.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seiriken"));
    program.env_clear().env("RUST_LOG", "error").env("USER", "night-shift").kill_on_drop(true);
    program
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `seiriken keys`, with a folder that it works in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'k> {
    pub(crate) store: &'k str,
    pub(crate) folder: &'k Path,
}

impl Keys<'_> {
    /// Runs a verb, with nobody to ask.
    pub(crate) async fn run(&self, verb: &str, options: &[&str]) -> Ended {
        self.answered(verb, options, "").await
    }

    /// Runs a verb, and types this when asked.
    pub(crate) async fn answered(&self, verb: &str, options: &[&str], typed: &str) -> Ended {
        let mut child = program()
            .current_dir(self.folder)
            .args(["keys", verb, "--store", self.store])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("a pipe");
        // It may have ended without reading.
        let _ = input.write_all(typed.as_bytes()).await;
        drop(input);
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        Ended::new(&ended.expect("it ends").expect("its output"))
    }

    /// Runs a verb that must succeed, and reads its lines of JSON.
    pub(crate) async fn json(&self, verb: &str, options: &[&str]) -> Vec<Value> {
        let ended = self.run(verb, &[options, &["--json"]].concat()).await;
        assert_eq!(ended.status, 0, "{ended:?}");
        let line = |line| serde_json::from_str(line).expect("a line of JSON");
        ended.out.lines().map(line).collect()
    }

    /// What stands under a key, if anything.
    pub(crate) async fn show(&self, key: &str) -> Option<Value> {
        let ended = self.run("show", &[key, "--json"]).await;
        match ended.status {
            0 => Some(serde_json::from_str(&ended.out).expect("a line of JSON")),
            1 => None,
            _ => panic!("{ended:?}"),
        }
    }
}

impl Ended {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: output.status.code().expect("it was not killed"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}
