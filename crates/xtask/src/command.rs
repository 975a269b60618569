//! Runs a program, and can say how to repeat it by hand.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::Path,
    process::{Child, Command as Process, Stdio},
};

/// A program with its arguments and the environment it needs, not started yet.
#[derive(Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

/// Why a step stopped, and the command that shows it again.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: String,
    repeat: String,
}

// === impl Command ===

impl Command {
    pub(crate) fn new(program: impl Into<String>, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().copied().map(String::from).collect(),
            environment: Vec::new(),
        }
    }

    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Self::new("cargo", arguments)
    }

    pub(crate) fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    /// Shows the command, then lets it write to the terminal: a long step is seen to move.
    pub(crate) fn run(&self, root: &Path) -> Result<(), Failure> {
        println!("      $ {self}");
        let status = self.process(root).status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status.to_string())) }
    }

    /// Keeps the output for the caller instead of showing it.
    pub(crate) fn read(&self, root: &Path) -> Result<String, Failure> {
        let output = self.process(root).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let message = String::from_utf8_lossy(&output.stderr);
            Err(self.failed(format!("{}: {}", output.status, message.trim())))
        }
    }

    /// Keeps what it prints on standard output, whatever its exit status; what it says on standard
    /// error goes to the terminal.
    pub(crate) fn read_out(&self, root: &Path) -> Result<String, Failure> {
        let mut process = self.process(root);
        process.stderr(Stdio::inherit());
        let output = process.output().map_err(|error| self.not_started(&error))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Keeps what it says on standard error, whatever its exit status.
    pub(crate) fn read_err(&self, root: &Path) -> Result<String, Failure> {
        let output = self.process(root).output().map_err(|error| self.not_started(&error))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Does it run at all? For asking a tool whether it is installed.
    pub(crate) fn answers(&self, root: &Path) -> bool {
        let mut process = self.process(root);
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.status().is_ok_and(|status| status.success())
    }

    /// Starts it for whenever the machine has nothing else to do, without a word. None where that is
    /// not possible.
    pub(crate) fn start_idle(&self, root: &Path) -> Option<Child> {
        let mut process = Process::new("nice");
        process.args(["-n", "19"]).arg(self.executable());
        self.describe(&mut process, root);
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.spawn().ok()
    }

    fn process(&self, root: &Path) -> Process {
        let mut process = Process::new(self.executable());
        self.describe(&mut process, root);
        process
    }

    fn describe(&self, process: &mut Process, root: &Path) {
        process
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(root);
    }

    /// The cargo that started us, so that every step uses one toolchain.
    fn executable(&self) -> OsString {
        match env::var_os("CARGO") {
            Some(cargo) if self.program == "cargo" => cargo,
            _ => OsString::from(&self.program),
        }
    }

    fn failed(&self, reason: String) -> Failure {
        Failure { reason, repeat: self.to_string() }
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        self.failed(format!("{} did not start: {error}", self.program))
    }
}

/// As one would type it at the root of the workspace.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (variable, value) in &self.environment {
            write!(f, "{variable}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// Quoted where a shell would otherwise split it.
fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_owned() }
}

// === impl Failure ===

impl Failure {
    pub(crate) fn new(reason: impl Into<String>, repeat: impl Into<String>) -> Self {
        Self { reason: reason.into(), repeat: repeat.into() }
    }

    /// Adds what may well be the cause.
    pub(crate) fn hinting(self, hint: &str) -> Self {
        Self { reason: format!("{}\n{hint}", self.reason), ..self }
    }

    pub(crate) fn in_step(self, step: &str) -> Self {
        Self { reason: format!("step {step} failed: {}", self.reason), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nto repeat it by hand: {}", self.reason, self.repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let command = Command::cargo(&["doc", "--no-deps"]).with("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failure_carries_the_command_that_repeats_it() {
        let failure = Command::cargo(&["no-such-command"]).read(Path::new(".")).unwrap_err();
        assert!(failure.to_string().ends_with("to repeat it by hand: cargo no-such-command"));
    }

    #[test]
    fn a_program_that_is_not_there_does_not_answer() {
        assert!(!Command::new("no-such-program-here", &[]).answers(Path::new(".")));
        assert!(Command::cargo(&["--version"]).answers(Path::new(".")));
    }
}
