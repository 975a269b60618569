//! The program `seiriken` as a process, and a client of it that believes nothing.

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::strace;

/// So long anything may take before it counts as hanging; nothing that holds takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where it keeps its orders, in the folder that it is given.
pub(super) const DATABASE: &str = "orders.db";

/// A process that serves, or has ended before it came to that.
pub(super) struct Service {
    child: Child,
    address: Option<SocketAddr>,
}

/// An answer that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) replayed: bool,
    pub(super) body: String,
}

/// Under what the program runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Under {
    /// A program and its arguments, before those of the service.
    pub(super) wrapper: Vec<String>,
    /// Where a small disk is mounted that is made larger before the next start.
    pub(super) small: Option<PathBuf>,
}

impl Service {
    /// Starts it on the file in this folder; answers when it serves, or has ended.
    pub(super) async fn start(folder: &Path, under: &Under) -> io::Result<Self> {
        let program = strace::beside("seiriken")?;
        let mut command = match under.wrapper.split_first() {
            None => Command::new(program),
            Some((wrapper, arguments)) => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(program);
                command
            }
        };
        let store = format!("sqlite:{}", folder.join(DATABASE).display());
        command.args(["--listen", "127.0.0.1:0", "--store", &store]);
        command.env("RUST_LOG", "off").env("TOKIO_WORKER_THREADS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = in_time(out.next_line()).await??;
        let address = line.as_deref().and_then(|line| line.strip_prefix("listening on http://"));
        Ok(Self { child, address: address.and_then(|address| address.parse().ok()) })
    }

    /// Whether it has come so far as to serve.
    pub(super) fn serves(&self) -> bool {
        self.address.is_some()
    }

    /// Orders under this key, which is also what is ordered.
    pub(super) async fn order(&self, key: &str) -> io::Result<Answer> {
        let body = format!(r#"{{"itemId":"{key}","qty":1}}"#);
        let head = format!(
            "POST /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.exchange(&(head + &body)).await
    }

    /// What was ordered, as it is listed.
    pub(super) async fn orders(&self) -> io::Result<Vec<Value>> {
        let list = "GET /orders?limit=1000 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
        let answer = self.exchange(list).await?;
        let mut list: Value = serde_json::from_str(&answer.body)?;
        match list["orders"].take() {
            Value::Array(orders) if answer.status == 200 => Ok(orders),
            _ => Err(io::Error::other(format!("no list: {answer:?}"))),
        }
    }

    async fn exchange(&self, request: &str) -> io::Result<Answer> {
        let address = self.address.ok_or_else(|| io::Error::other("it does not serve"))?;
        let mut stream = in_time(TcpStream::connect(address)).await??;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        in_time(stream.read_to_end(&mut answer)).await??;
        Answer::read(&answer).ok_or_else(|| io::Error::other("an answer that was cut short"))
    }

    /// Whether it takes a connection and answers on it. One that may open no more files does not,
    /// until some are closed.
    pub(super) async fn takes_connections(&self) -> bool {
        let healthy = "GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
        let answer = tokio::time::timeout(Duration::from_secs(1), self.exchange(healthy)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == 200))
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(process) = self.child.id() {
            let mut kill = Command::new("kill");
            kill.args(["-TERM", &process.to_string()]).stderr(Stdio::null()).status().await?;
        }
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        in_time(self.child.wait()).await?
    }

    /// Whether it has ended already.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let head = head.to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = field("content-length: ")?.parse().ok()?;
        let replayed = field("idempotent-replayed: ") == Some("true");
        (body.len() == length).then(|| Self { status, replayed, body: body.to_owned() })
    }

    /// The kind of problem that it tells of.
    pub(super) fn problem(&self) -> Option<String> {
        let problem: Value = serde_json::from_str(&self.body).ok()?;
        let (_, name) = problem["type"].as_str()?.split_once('#')?;
        Some(name.to_owned())
    }
}

/// How a process ended, in words.
pub(super) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".into(),
    }
}

async fn in_time<T>(doing: impl Future<Output = T>) -> io::Result<T> {
    let timeout = tokio::time::timeout(PATIENCE, doing).await;
    timeout.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it hangs"))
}
