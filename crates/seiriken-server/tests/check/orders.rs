//! The order service passes, whatever it keeps its keys in.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use private_servers::PrivatePostgres;
use private_servers::redis::{RedisServer, RedisSettings};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::program::{CAKE, PATIENCE, Said, check};

/// Starts the program, and starts it again whenever it ends, as an operating system does.
const SUPERVISOR: &str = "while :; do \"$@\" & echo $! >\"$0\"; wait $!; done";

/// The order service under a supervisor.
struct Orders {
    url: String,
    /// Holds the process id.
    pid: PathBuf,
    supervisor: Option<Child>,
    _folder: TempDir,
}

impl Orders {
    /// `store` is what `--store` gets; `FOLDER` in it is a folder of this test.
    async fn start(store: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the service");
        let store = store.replace("FOLDER", &folder.path().display().to_string());
        let pid = folder.path().join("pid");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address").to_string();
        // The same one after a restart, so the service cannot take any.
        drop(free);
        let mut supervisor = Command::new("sh");
        let path = std::env::var_os("PATH").unwrap_or_default();
        supervisor.env_clear().env("PATH", path).env("RUST_LOG", "warn");
        supervisor.args(["-c", SUPERVISOR]).arg(&pid).arg(env!("CARGO_BIN_EXE_seiriken"));
        supervisor.args(["orders", "--listen", &address, "--store", &store]).args(options);
        supervisor.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut supervisor = supervisor.spawn().expect("a shell");
        let mut out = BufReader::new(supervisor.stdout.take().expect("a pipe")).lines();
        let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
        let line = line.expect("the port opens").expect("readable").expect("the service runs");
        let url = line.strip_prefix("listening on ").expect("the one line").to_owned();
        // Read for as long as it writes, or it would end with a broken pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
        Self { url, pid, supervisor: Some(supervisor), _folder: folder }
    }

    /// Checks it with all that can be told of it.
    async fn checked(&self, more: &[&str]) -> Said {
        let orders = format!("{}/orders", self.url);
        let restart = restart_command(&self.pid);
        let mut options = vec![&*orders, "--body", CAKE, "--count", &orders, "/total", "--json"];
        options.extend(["--restart-command", &restart]);
        options.extend(more);
        check(&options).await
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        // First who would start it again.
        if let Some(pid) = self.supervisor.take().and_then(|supervisor| supervisor.id()) {
            kill(&pid.to_string());
        }
        kill(std::fs::read_to_string(&self.pid).unwrap_or_default().trim());
    }
}

fn kill(pid: &str) {
    // One that is gone already is what is wanted.
    let _ = std::process::Command::new("sh").args(["-c", "kill -KILL \"$0\"", pid]).status();
}

/// Ends the program and waits for its end: only then the port that opens is the new one's.
fn restart_command(pid: &Path) -> String {
    let file = pid.display();
    format!(
        "pid=$(cat '{file}'); kill -TERM $pid; while kill -0 $pid 2>/dev/null; do sleep 0.02; done"
    )
}

fn passes(said: &Said, all_but: &[&str]) {
    assert_eq!(said.with_verdict("fail"), [""; 0], "{}{}", said.out, said.err);
    assert_eq!(said.with_verdict("warn"), [""; 0], "{}", said.out);
    assert_eq!(said.with_verdict("skip"), all_but, "{}", said.out);
    assert_eq!(said.status, 0, "{}", said.err);
}

#[tokio::test]
async fn on_sqlite() {
    let orders = Orders::start("sqlite:FOLDER/orders.db", &["--retention", "4s"]).await;
    passes(&orders.checked(&["--retention", "4s"]).await, &[]);
}

/// What is in memory alone does not survive a restart, and is told so.
#[tokio::test]
async fn in_memory_it_falls_short_of_a_restart_alone() {
    let orders = Orders::start("memory:", &[]).await;
    let said = orders.checked(&[]).await;
    assert_eq!(said.with_verdict("fail"), ["restart"], "{}{}", said.out, said.err);
    assert_eq!(said.with_verdict("skip"), ["expiry"], "{}", said.out);
    assert_eq!(said.with_verdict("pass").len(), 14, "{}", said.out);
}

#[tokio::test]
async fn on_postgresql() {
    let postgres = PrivatePostgres::start(&[]).expect("a server");
    let orders = Orders::start(&postgres.url(), &[]).await;
    passes(&orders.checked(&[]).await, &["expiry"]);
}

#[tokio::test]
async fn on_redis() {
    let redis = RedisServer::start(RedisSettings::new()).expect("a server");
    let orders = Orders::start(&redis.url(), &[]).await;
    passes(&orders.checked(&[]).await, &["expiry"]);
}

/// A service that waits for the first request answers both, and takes its time.
#[tokio::test]
async fn while_the_work_takes_its_time() {
    let slow = ["--processing-time", "50ms", "--on-concurrent", "wait=5s"];
    let orders = Orders::start("sqlite:FOLDER/orders.db", &slow).await;
    passes(&orders.checked(&[]).await, &["expiry"]);
}
