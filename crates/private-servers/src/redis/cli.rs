//! Commands to a server, without a driver: what a test checks a driver with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use super::PACKAGE;
use crate::ServerError;
use crate::program::find;

/// What `redis-cli` prints.
pub(super) fn ask(port: u16, command: &[&str]) -> Result<String, ServerError> {
    let mut cli = Command::new(find("redis-cli", PACKAGE)?);
    if port != 0 {
        cli.args(["-p", &port.to_string()]);
    }
    let output = cli.args(command).output().map_err(ServerError::system("redis-cli"))?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        return Ok(answer);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(ServerError::Command { command: command.join(" "), answer: format!("{answer} {said}") })
}

/// Whether this very process serves at the port: while it has not bound it, another one may.
pub(super) fn answers(port: u16, pid: u32) -> bool {
    let expected = format!("process_id:{pid}\r\n");
    let serves = info(port, "server").is_some_and(|info| info.contains(&expected));
    // INFO is answered while the files are still read.
    serves && ask(port, &["PING"]).is_ok_and(|answer| answer == "PONG")
}

/// A section of INFO, by a connection of its own. `None` while it is not served.
pub(super) fn info(port: u16, section: &str) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    connection.set_read_timeout(Some(PATIENCE)).ok()?;
    connection.write_all(format!("INFO {section}\r\n").as_bytes()).ok()?;
    let mut answer = BufReader::new(connection);
    let mut length = String::new();
    answer.read_line(&mut length).ok()?;
    // While it reads its files, the server says nothing but LOADING.
    let length = length.trim_end().strip_prefix('$')?.parse().ok()?;
    let mut info = vec![0; length];
    answer.read_exact(&mut info).ok()?;
    String::from_utf8(info).ok()
}
