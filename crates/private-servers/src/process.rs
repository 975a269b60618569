//! A process that ends with its handle, and with the process that holds the handle.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server, and the shell that outlives us to kill it.
#[derive(Debug)]
pub(crate) struct Process {
    server: Child,
    watcher: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut server =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Its standard input is a pipe that only this process can write to: `read` ends with us.
        let watcher = Command::new("sh")
            .args(["-c", "read _; kill -9 \"$0\"", &server.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match watcher {
            Ok(watcher) => Ok(Self { server, watcher }),
            Err(error) => {
                let _ = server.kill().and_then(|()| server.wait());
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.server.try_wait(), Ok(None))
    }

    /// Waits for an end that somebody else has asked for.
    pub(crate) fn wait(mut self) {
        let _ = self.server.wait();
    }
}

impl Drop for Process {
    /// The watcher first: once the server's number is free, another process may get it.
    fn drop(&mut self) {
        for child in [&mut self.watcher, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks again and again, for twenty seconds at most: a server says of itself when it is ready, and
/// nothing else tells.
pub(crate) fn until(mut ready: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(20);
    (0..1_000).any(|_| {
        let ready = ready();
        if !ready {
            std::thread::park_timeout(PAUSE);
        }
        ready
    })
}
