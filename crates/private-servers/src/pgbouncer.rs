//! A private PgBouncer in front of a private PostgreSQL.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::port;
use crate::program::{RunAs, find};
use crate::{PrivatePostgres, ServerError};

/// A PgBouncer of its own, which gives a connection to the server for one transaction at a time.
///
/// Stopped, and its folder removed, when it is dropped or the process ends.
#[derive(Debug)]
pub struct PrivatePgBouncer {
    shell: Child,
    port: u16,
    // Removed once the shell has ended.
    _folder: TempDir,
}

/// Starts it, says when it answers, and ends it with the pipe. Without a line before the end of the
/// pipe nobody is left to remove the folder.
const SCRIPT: &str = r#"
    pgbouncer=$1; pg_isready=$2; port=$3; folder=$4
    "$pgbouncer" -q "$folder/pgbouncer.ini" >"$folder/out" 2>&1 &
    server=$!
    tries=200
    until "$pg_isready" -q -h 127.0.0.1 -p "$port"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] && kill -0 $server 2>/dev/null || { echo failed; exit 1; }
        sleep 0.05
    done
    echo ready
    read -r _ && told=yes
    kill -TERM $server; wait $server
    [ "$told" ] || rm -rf "$folder"
"#;

impl PrivatePgBouncer {
    /// Starts one in front of `postgres`, in transaction mode, with so many connections to it.
    pub fn start(postgres: &PrivatePostgres, connections: u16) -> Result<Self, ServerError> {
        let pgbouncer = find("pgbouncer", "pgbouncer")?;
        let pg_isready = find("pg_isready", "postgresql")?;
        let run_as = RunAs::of_this_process()?;
        let folder = tempfile::Builder::new().prefix("private-pgbouncer-").tempdir();
        let folder = folder.map_err(ServerError::system("a folder for PgBouncer"))?;
        run_as.hand_over(folder.path())?;
        let port = port::free()?;
        let settings = settings(postgres, connections, port, &folder);
        std::fs::write(folder.path().join("pgbouncer.ini"), settings)
            .map_err(ServerError::system("writing the settings"))?;
        let mut shell = run_as.command("sh");
        shell.args(["-c", SCRIPT, "pgbouncer"]).arg(pgbouncer).arg(pg_isready);
        shell.arg(port.to_string()).arg(folder.path());
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        shell.process_group(0);
        let mut shell = shell.spawn().map_err(ServerError::system("starting a shell"))?;
        let mut said = String::new();
        if let Some(out) = shell.stdout.take() {
            BufReader::new(out)
                .read_line(&mut said)
                .map_err(ServerError::system("hearing from the shell"))?;
        }
        if said.trim() == "ready" {
            return Ok(Self { shell, port, _folder: folder });
        }
        let _ = shell.wait();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let said = read("out") + &read("log");
        Err(ServerError::Failed { program: "pgbouncer".into(), said })
    }

    /// Where the database is reached through it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

fn settings(postgres: &PrivatePostgres, connections: u16, port: u16, folder: &TempDir) -> String {
    let mut settings = String::from("[databases]\n");
    let behind = postgres.port();
    let _ = writeln!(settings, "* = host=127.0.0.1 port={behind} user=postgres");
    let _ = writeln!(
        settings,
        "[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = {connections}
server_login_retry = 0
ignore_startup_parameters = extra_float_digits
logfile = {}/log",
        folder.path().display()
    );
    settings
}

impl Drop for PrivatePgBouncer {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            // A shell that is gone needs not be told.
            let _ = std::io::Write::write_all(&mut pipe, b"\n");
        }
        let _ = self.shell.wait();
    }
}
