//! The program `seiriken` as a process: start it, stop it, kill it, start it again.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::place::{EACH, Kind, Place};
use crate::shop::Shop;

/// So long a process may take to start or to end before the test fails: never waited for in a
/// test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A free port, which the service says itself.
const ANY_PORT: &str = "127.0.0.1:0";

/// What the log says when an execution begins.
const EXECUTION_BEGINS: &str = "executing";

/// A running order service with a store of its own. It is killed when this goes away.
pub(crate) struct Service {
    process: Process,
    place: Place,
}

struct Process {
    child: Child,
    shop: Shop,
    executions: watch::Receiver<usize>,
}

/// The program, with an environment that says nothing.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seiriken"));
    program.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    program
}

/// Sends SIGTERM.
pub(crate) async fn terminate(child: &Child) {
    let pid = child.id().expect("it runs").to_string();
    let status = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await;
    assert!(status.expect("a shell").success());
}

/// What every store must do alike: on a service with each, all at the same time.
pub(crate) async fn on_each_store(options: &[&str], test: impl AsyncFn(Service)) {
    on_each_of(&EACH, options, test).await;
}

/// The same on some kinds of stores.
pub(crate) async fn on_each_of(kinds: &[Kind], options: &[&str], test: impl AsyncFn(Service)) {
    let on = async |kind: Kind| {
        let service = Service::on(kind, options).await;
        if let Err(panic) = AssertUnwindSafe(test(service)).catch_unwind().await {
            eprintln!("that is on {kind:?}");
            resume_unwind(panic);
        }
    };
    join_all(kinds.iter().map(|kind| on(*kind))).await;
}

impl Service {
    /// Starts it on a new store of this kind; `options` come after that.
    pub(crate) async fn on(kind: Kind, options: &[&str]) -> Self {
        let place = Place::new(kind).await;
        Self { process: Process::start(ANY_PORT, &place.url, options).await, place }
    }

    /// Starts it on a new SQLite file.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::on(Kind::Sqlite, options).await
    }

    /// Starts it with its orders and keys in memory.
    pub(crate) async fn in_memory(options: &[&str]) -> Self {
        Self::on(Kind::Memory, options).await
    }

    /// Starts it in memory at this address.
    pub(crate) async fn listening_on(address: &str) -> Self {
        let place = Place::new(Kind::Memory).await;
        Self { process: Process::start(address, &place.url, &[]).await, place }
    }

    /// Where its file lies, if it has one.
    pub(crate) fn folder(&self) -> &Path {
        self.place.folder.path()
    }

    /// What kind of store it has.
    pub(crate) fn kind(&self) -> Kind {
        self.place.kind
    }

    /// Its store, as the option says it.
    pub(crate) fn store(&self) -> String {
        self.place.url.clone()
    }

    /// What a client needs to know of it. Holds until the process ends: the next one has another
    /// port.
    pub(crate) fn shop(&self) -> Shop {
        self.process.shop.clone()
    }

    /// Waits until so many executions have begun since the process started.
    pub(crate) async fn executions_begun(&mut self, count: usize) {
        let begun = self.process.executions.wait_for(|begun| *begun >= count);
        let begun = tokio::time::timeout(PATIENCE, begun).await;
        begun.expect("the execution begins").expect("the service runs");
    }

    /// Asks it to stop (SIGTERM), without waiting for the end.
    pub(crate) async fn ask_to_stop(&self) {
        terminate(&self.process.child).await;
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.process.child.wait()).await;
        ended.expect("the service ends").expect("its status")
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop().await;
        self.ended().await
    }

    /// Kills it (SIGKILL): it gets no chance to finish anything.
    pub(crate) async fn kill(&mut self) {
        self.process.child.kill().await.expect("a process of ours");
    }

    /// Starts it again on the same store, after it was stopped or killed.
    pub(crate) async fn start_again(&mut self, options: &[&str]) {
        self.process = Process::start(ANY_PORT, &self.store(), options).await;
    }
}

impl Process {
    async fn start(address: &str, store: &str, options: &[&str]) -> Self {
        let mut child = program()
            .env("RUST_LOG", "warn,seiriken::engine=debug")
            .env("NO_COLOR", "1")
            .args(["--listen", address, "--store", store])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let executions = follow_log(child.stderr.take().expect("a pipe"));
        let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
        let line = line.expect("the port opens").expect("readable").expect("the service runs");
        let url = line.strip_prefix("listening on ").expect("the one line on standard output");
        Self { child, shop: Shop::new(url), executions }
    }
}

/// Counts the executions that begin; passes warnings on to whoever reads the test's output.
fn follow_log(log: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<usize> {
    let (tell, executions) = watch::channel(0);
    tokio::spawn(async move {
        let mut lines = BufReader::new(log).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(EXECUTION_BEGINS) {
                tell.send_modify(|begun| *begun += 1);
            } else if !line.contains("DEBUG") {
                eprintln!("{line}");
            }
        }
    });
    executions
}
