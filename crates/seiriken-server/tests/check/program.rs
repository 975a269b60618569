//! The program `seiriken check` as a process, and what its report says.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// So long a process may take before the test fails: never waited for in a test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// One cake.
pub(crate) const CAKE: &str = r#"{"itemId":"cake-001","qty":1}"#;

/// How it ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, with an environment that says nothing but where other programs are.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seiriken"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    program.env_clear().env("PATH", path).stdin(Stdio::null()).kill_on_drop(true);
    program
}

/// Runs `seiriken check` to its end.
pub(crate) async fn check(options: &[&str]) -> Said {
    let mut command = program();
    let output = command.arg("check").args(options).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let Output { status, stdout, stderr } = output.expect("it ends").expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

impl Said {
    /// The report, of a run with `--json`.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The verdict and the reason of each requirement.
    pub(crate) fn verdicts(&self) -> BTreeMap<String, (String, String)> {
        let report = self.report();
        let requirements = report["requirements"].as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        requirements
            .map(|found| (text(&found["id"]), (text(&found["verdict"]), text(&found["detail"]))))
            .collect()
    }

    /// The requirements with this verdict.
    pub(crate) fn with_verdict(&self, verdict: &str) -> Vec<String> {
        let verdicts = self.verdicts().into_iter();
        verdicts.filter(|(_, (said, _))| said == verdict).map(|(id, _)| id).collect()
    }
}
