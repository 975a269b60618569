//! Processes that a test starts, and that end with it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;

use crate::client::Client;

/// So long a process may take to start or to end before the test fails: never waited for in a
/// test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What the log says when an execution begins.
const EXECUTION_BEGINS: &str = "executing";

/// A running proxy with a folder of its own. It is killed when this goes away.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) url: String,
    log: Log,
    folder: TempDir,
}

/// What the log has said.
struct Log {
    executions: watch::Receiver<usize>,
    /// Where metrics and health are.
    admin: watch::Receiver<Option<String>>,
}

impl Proxy {
    /// Starts it on a new SQLite file.
    pub(crate) async fn before(upstream: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the proxy");
        let store = format!("sqlite:{}", folder.path().join("keys.db").display());
        Self::on(folder, &store, upstream, options).await
    }

    /// Starts it on a store.
    pub(crate) async fn with_store(store: &str, upstream: &str, options: &[&str]) -> Self {
        Self::on(tempfile::tempdir().expect("a folder"), store, upstream, options).await
    }

    async fn on(folder: TempDir, store: &str, upstream: &str, options: &[&str]) -> Self {
        let mut child = program()
            .env("RUST_LOG", "warn,seiriken::engine=debug,seiriken::admin=info")
            .env("NO_COLOR", "1")
            .args(["proxy", "--listen", "127.0.0.1:0", "--upstream", upstream, "--store", store])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = follow_log(child.stderr.take().expect("a pipe"));
        let line = first_line(&mut child).await.0;
        let url = line.strip_prefix("listening on ").expect("the one line on standard output");
        Self { child, url: url.to_owned(), log, folder }
    }

    /// Kills it (SIGKILL): it gets no chance to finish anything.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("a process of ours");
    }

    /// Starts it again on the same file, after it was stopped or killed.
    pub(crate) async fn again(self, upstream: &str, options: &[&str]) -> Self {
        let store = self.file();
        Self::on(self.folder, &store, upstream, options).await
    }

    fn file(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("keys.db").display())
    }

    /// What `seiriken keys` says of the file, when all went well.
    pub(crate) async fn keys(&self, verb: &str, arguments: &[&str]) -> String {
        let mut keys = program();
        keys.args(["keys", verb, "--store", &self.file()]).args(arguments);
        let ended = keys.current_dir(self.folder.path()).output().await.expect("it starts");
        assert!(ended.status.success(), "{ended:?}");
        String::from_utf8(ended.stdout).expect("text")
    }

    /// Where metrics and health are.
    pub(crate) async fn admin(&mut self) -> String {
        let told = self.log.admin.wait_for(Option::is_some);
        let told = tokio::time::timeout(PATIENCE, told).await.expect("it says so");
        told.expect("the proxy runs").clone().expect("an address")
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::of(&self.url)
    }

    /// `HOST:PORT`.
    pub(crate) fn authority(&self) -> &str {
        self.url.split("//").nth(1).expect("an address")
    }

    /// Waits until so many executions have begun since the process started.
    pub(crate) async fn executions_begun(&mut self, count: usize) {
        let begun = self.log.executions.wait_for(|begun| *begun >= count);
        let begun = tokio::time::timeout(PATIENCE, begun).await;
        begun.expect("the execution begins").expect("the proxy runs");
    }

    /// Sends SIGTERM.
    pub(crate) async fn ask_to_stop(&self) {
        self.signal("TERM").await;
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let kill = "kill -\"$0\" \"$1\"";
        let status = Command::new("sh").args(["-c", kill, name, &pid]).status().await;
        assert!(status.expect("a shell").success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the proxy ends").expect("its status")
    }
}

/// The program, with an environment that says nothing.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seiriken"));
    program.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    program
}

/// What a process says first; with the rest of what it says, which has to be kept open.
pub(crate) async fn first_line(child: &mut Child) -> (String, Lines<BufReader<ChildStdout>>) {
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
    let line = line.expect("it starts in time").expect("readable").expect("it says where it is");
    (line, out)
}

/// Counts the executions that begin; passes warnings on to whoever reads the test's output.
fn follow_log(log: impl AsyncRead + Send + Unpin + 'static) -> Log {
    let (tell, executions) = watch::channel(0);
    let (tell_admin, admin) = watch::channel(None);
    tokio::spawn(async move {
        let mut lines = BufReader::new(log).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(EXECUTION_BEGINS) {
                tell.send_modify(|begun| *begun += 1);
            } else if let Some((_, address)) = line.split_once("metrics and health address=") {
                tell_admin.send_replace(Some(address.trim().to_owned()));
            } else if !line.contains("DEBUG") {
                eprintln!("{line}");
            }
        }
    });
    Log { executions, admin }
}
