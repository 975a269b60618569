//! A server as a process: started, stopped in its tracks, let go on, killed.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

/// So long anything may take that takes no time to speak of, before it counts as hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long an owner is believed without a sign of life: the least there is.
pub(super) const LEASE: Duration = Duration::from_millis(100);

/// Which of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// `seiriken`: orders that commit with their keys.
    Orders,
    /// `ledgered`: effects outside of the store.
    Ledgered,
}

/// A program with all that it is started with, at every start the same.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) service: Service,
    /// Where the programs of this build are.
    pub(super) built: PathBuf,
    /// Its store, and its ledger.
    pub(super) folder: PathBuf,
    pub(super) address: SocketAddr,
}

/// Stop where this point is reached for this time.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    pub(super) point: String,
    pub(super) time: u64,
}

/// Where the process tells that it has reached its point.
#[derive(Debug)]
pub(super) struct Stops(TcpListener);

/// A thread of the process, held at a point.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) point: String,
    thread: TcpStream,
}

/// A process.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pid: Pid,
    out: Lines<BufReader<ChildStdout>>,
    log: JoinHandle<Log>,
}

/// What its log says.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) takeovers: u64,
    /// Panics and errors: there is no cause for any.
    pub(super) trouble: Vec<String>,
}

impl Program {
    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    fn command(&self, work_ms: u64) -> Command {
        let store = self.folder.join("store.db");
        let address = self.address.to_string();
        let lease = LEASE.as_millis();
        let (program, arguments) = match self.service {
            Service::Orders => (
                "seiriken",
                vec![
                    format!("--listen={address}"),
                    format!("--store=sqlite:{}", store.display()),
                    format!("--lease={lease}ms"),
                    format!("--processing-time={work_ms}ms"),
                ],
            ),
            Service::Ledgered => (
                "ledgered",
                vec![
                    format!("--listen={address}"),
                    format!("--store={}", store.display()),
                    format!("--ledger={}", self.ledger().display()),
                    format!("--lease-ms={lease}"),
                    format!("--work-ms={work_ms}"),
                ],
            ),
        };
        let mut command = Command::new(self.built.join(program));
        command.args(arguments).env_clear().env("RUST_LOG", "warn").env("NO_COLOR", "1");
        // As many on every machine, so that one which is held leaves others.
        command.env("TOKIO_WORKER_THREADS", "4");
        command
    }
}

impl Stops {
    pub(super) async fn open() -> io::Result<Self> {
        TcpListener::bind("127.0.0.1:0").await.map(Self)
    }

    /// Waits until the armed point is reached.
    pub(super) async fn next(&self) -> io::Result<Stopped> {
        let (mut thread, _) = self.0.accept().await?;
        let mut point = String::new();
        BufReader::new(&mut thread).read_line(&mut point).await?;
        Ok(Stopped { point: point.trim_end().to_owned(), thread })
    }
}

impl Stopped {
    /// Lets the thread go on.
    pub(super) async fn let_go(mut self) -> io::Result<()> {
        self.thread.write_all(&[1]).await
    }
}

impl Server {
    pub(super) fn start(
        program: &Program,
        work_ms: u64,
        armed: Option<&Armed>,
        stops: &Stops,
    ) -> io::Result<Self> {
        let mut command = program.command(work_ms);
        if let Some(Armed { point, time }) = armed {
            command.env("SEIRIKEN_FAILPOINT", format!("{point}:{time}"));
            command.env("SEIRIKEN_FAILPOINT_ADDR", stops.0.local_addr()?.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let gone = || io::Error::other("it is gone at once");
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (pid, out) = (pid.ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
        let log = tokio::spawn(read_log(child.stderr.take().ok_or_else(gone)?));
        Ok(Self { child, pid, out: BufReader::new(out).lines(), log })
    }

    /// Waits until it listens.
    pub(super) async fn listens(&mut self) -> io::Result<()> {
        let line = self.out.next_line().await?;
        let listens = line.is_some_and(|line| line.starts_with("listening on "));
        if listens { Ok(()) } else { Err(io::Error::other("it ended before it listened")) }
    }

    /// SIGSTOP: comes back when no thread of it runs any more.
    pub(super) async fn stop(&self) -> io::Result<()> {
        kill_process(self.pid, Signal::STOP)?;
        while !self.is_stopped()? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Whether all its threads are in the state T. In their line (proc(5)) it follows the name,
    /// which stands in parentheses.
    fn is_stopped(&self) -> io::Result<bool> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid.as_raw_nonzero()))? {
            let line = fs::read_to_string(thread?.path().join("stat"))?;
            if !line.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T')) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// SIGCONT.
    pub(super) fn go_on(&self) -> io::Result<()> {
        Ok(kill_process(self.pid, Signal::CONT)?)
    }

    /// SIGKILL: comes back when it is gone.
    pub(super) async fn kill(mut self) -> io::Result<Log> {
        self.child.kill().await?;
        self.log.await.map_err(io::Error::other)
    }
}

async fn read_log(pipe: ChildStderr) -> Log {
    let mut log = Log::default();
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("taken over from an owner that vanished") {
            log.takeovers += 1;
        }
        if line.contains("panicked") || line.contains(" ERROR ") {
            log.trouble.push(line);
        }
    }
    log
}

/// An address that nobody listens at. Not one of those that the system gives to connections: a
/// client that asks while the server is down could else come to be connected with itself.
pub(super) fn free_address(from: u16) -> io::Result<SocketAddr> {
    let addresses = (from..32_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let free = |address: &SocketAddr| std::net::TcpListener::bind(address).is_ok();
    addresses.into_iter().find(free).ok_or_else(|| io::Error::other("no port is free"))
}
