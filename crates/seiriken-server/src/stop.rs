//! How the program ends: its exit statuses, and what asks it to stop.

use std::process::ExitCode;

/// The command line or the environment asks for something that does not exist (`EX_USAGE`).
pub(crate) const BAD_USE: u8 = 64;

/// A COMMIT failed and nobody knows what is on the disk (`EX_IOERR`): start again.
pub(crate) const DISK_IN_DOUBT: u8 = 74;

/// Says on standard error why the program ends, and ends it with status 1.
pub(crate) fn failed(why: &str) -> ExitCode {
    eprintln!("seiriken: {why}");
    ExitCode::FAILURE
}

/// Waits until the program is asked to stop: Ctrl-C, or SIGTERM where there is one.
pub(crate) async fn asked() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
