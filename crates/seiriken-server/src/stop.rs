//! How the program ends: its exit statuses, and what asks it to stop.

use std::process::ExitCode;

/// The command line or the environment asks for something that does not exist (`EX_USAGE`).
pub(crate) const BAD_USE: u8 = 64;

/// A COMMIT failed and nobody knows what is on the disk (`EX_IOERR`): start again.
pub(crate) const DISK_IN_DOUBT: u8 = 74;

/// Whether the request was done is not known (`EX_TEMPFAIL`): asking again may tell.
pub(crate) const OUTCOME_UNKNOWN: u8 = 75;

/// Says on standard error what is wrong with the call, and ends the program with status 64.
pub(crate) fn bad_use(wrong: &str) -> ExitCode {
    eprintln!("seiriken: {wrong} (see seiriken --help)");
    ExitCode::from(BAD_USE)
}

/// Says on standard error why the program ends, and ends it with status 1.
pub(crate) fn failed(why: &str) -> ExitCode {
    eprintln!("seiriken: {why}");
    ExitCode::FAILURE
}

/// Says that the store has halted, and ends the program with status 74.
pub(crate) fn disk_in_doubt() -> ExitCode {
    eprintln!("seiriken: the store has halted; start again to find out what is on the disk");
    ExitCode::from(DISK_IN_DOUBT)
}

/// What asks the program to stop: Ctrl-C, or SIGTERM where there is one.
pub(crate) struct Asked {
    #[cfg(unix)]
    signals: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl Asked {
    /// From here on a signal does not end the program at once.
    pub(crate) fn watch() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        if let Err(error) = &both {
            tracing::warn!(%error, "signals cannot be watched; they will end the program at once");
        }
        Self { signals: both.ok() }
    }

    /// Waits for one.
    pub(crate) async fn stopped(self) {
        match self.signals {
            Some((mut interrupt, mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Asked {
    /// Nothing to prepare here.
    pub(crate) fn watch() -> Self {
        Self {}
    }

    /// Waits for one.
    pub(crate) async fn stopped(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
