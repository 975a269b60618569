//! A private PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::ServerError;
use crate::port;
use crate::program::{RunAs, find, run};
use crate::watch::Watch;

/// A PostgreSQL server of its own: database `postgres`, user `postgres`, no password, reached from
/// this machine alone.
///
/// Stopped, and its folder removed, when it is dropped or the process ends.
#[derive(Debug)]
pub struct PrivatePostgres {
    // Dropped in this order: then the folder goes away.
    _watch: Watch,
    pg_ctl: PathBuf,
    run_as: RunAs,
    port: u16,
    more_settings: Vec<String>,
    folder: TempDir,
}

const PACKAGE: &str = "postgresql";

impl PrivatePostgres {
    /// Makes a database and starts it with these settings (`fsync=off`, say) beside its own.
    pub fn start(settings: &[&str]) -> Result<Self, ServerError> {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same with its files in a folder of its own below this one, for whoever cares on which
    /// disk they are. The user that the server runs as has to be able to enter it.
    pub fn start_in(above: &Path, settings: &[&str]) -> Result<Self, ServerError> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self::in_a_new_folder(above, settings)?;
        let mut make = server.run_as.command(find("initdb", PACKAGE)?);
        make.args(["--no-sync", "--auth=trust", "--username=postgres", "--locale=C"]);
        run(make.args(["--encoding=UTF8", "--pgdata"]).arg(server.data()), None)?;
        server.set_and_start()
    }

    /// Starts a standby: it follows this one, and takes no writes.
    pub fn standby(&self) -> Result<Self, ServerError> {
        // It must allow as many connections as the one it follows, so its settings are the same.
        let standby = Self::in_a_new_folder(&std::env::temp_dir(), self.more_settings.clone())?;
        let mut copy = standby.run_as.command(find("pg_basebackup", PACKAGE)?);
        copy.args(["--host=127.0.0.1", "--username=postgres", "--port"]).arg(self.port.to_string());
        copy.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--pgdata"]);
        run(copy.arg(standby.data()), Some(&self.log_file()))?;
        standby.set_and_start()
    }

    fn in_a_new_folder(above: &Path, more_settings: Vec<String>) -> Result<Self, ServerError> {
        let pg_ctl = find("pg_ctl", PACKAGE)?;
        let run_as = RunAs::of_this_process()?;
        let folder = tempfile::Builder::new().prefix("private-postgres-").tempdir_in(above);
        let folder = folder.map_err(ServerError::system("a folder for the database"))?;
        run_as.hand_over(folder.path())?;
        let watched = data_in(&folder).display().to_string();
        let stop = [&pg_ctl.display().to_string(), "stop", "-m", "immediate", "-D", &watched];
        let watch = Watch::start(run_as, folder.path(), &stop)?;
        let port = port::free()?;
        Ok(Self { _watch: watch, pg_ctl, run_as, port, more_settings, folder })
    }

    fn set_and_start(self) -> Result<Self, ServerError> {
        std::fs::write(self.data().join("postgresql.conf"), self.settings())
            .map_err(ServerError::system("writing the settings"))?;
        self.control(&["start"])?;
        Ok(self)
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The port that it listens on, also after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of its first process, whose children are all the others, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// A program of PostgreSQL's own (`psql`, `pgbench`) that is told where this server is, and gets
    /// nothing else from the shell of whoever runs it.
    pub fn client(&self, program: &'static str) -> Result<Command, ServerError> {
        // Beside the server's: what stands in everybody's PATH on Debian chooses a version itself.
        let path = self.pg_ctl.with_file_name(program);
        if !path.is_file() {
            return Err(ServerError::NotInstalled { program, package: PACKAGE });
        }
        let mut command = Command::new(path);
        command.env_clear().stdin(Stdio::null());
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        Ok(command)
    }

    /// What `psql` prints for statements on a database, each a transaction of its own: the rows
    /// alone, their columns with `|` between them.
    pub fn psql(&self, database: &str, statements: &[&str]) -> Result<String, ServerError> {
        let mut psql = self.client("psql")?;
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        let ended = psql.output().map_err(ServerError::system("starting psql"))?;
        if ended.status.success() {
            return Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned());
        }
        let answer = String::from_utf8_lossy(&ended.stderr).into_owned();
        Err(ServerError::Command { command: statements.join("; "), answer })
    }

    /// Ends it at once, as a crash would: nothing is written down in order, connections break.
    pub fn kill(&self) -> Result<(), ServerError> {
        self.control(&["stop", "-m", "immediate"])
    }

    /// Ends it in order; connections break.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.control(&["stop", "-m", "fast"])
    }

    /// Starts it again, on the same port and data, after either.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.control(&["start"])
    }

    /// What the server has written into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn control(&self, what: &[&str]) -> Result<(), ServerError> {
        let mut control = self.run_as.command(&self.pg_ctl);
        let (data, log) = (self.data(), self.log_file());
        control.args(what).args(["-w", "-s", "-D"]).arg(data).arg("-l").arg(&log);
        // The server inherits what is open here, and would keep a pipe from ending.
        control.stdin(Stdio::null()).stdout(Stdio::null());
        let errors = std::fs::File::create(self.folder.path().join("pg_ctl.log"));
        control.stderr(errors.map_err(ServerError::system("a log for pg_ctl"))?);
        run(&mut control, Some(&log))
    }

    /// Instead of the ones that initdb wrote: a few lines that say all there is.
    fn settings(&self) -> String {
        let sockets = self.folder.path().display();
        let own = [
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("port = {}", self.port),
            format!("unix_socket_directories = '{sockets}'"),
            "max_connections = 200".to_owned(),
            "shared_buffers = '32MB'".to_owned(),
            "log_line_prefix = '%m [%p] %a '".to_owned(),
        ];
        own.iter().chain(&self.more_settings).flat_map(|line| [line, "\n"]).collect()
    }

    fn data(&self) -> PathBuf {
        data_in(&self.folder)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The folder with its data and its socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn data_in(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // One that was killed already says so.
        let _ = self.kill();
    }
}
