//! The log. It goes to standard error; `RUST_LOG` says how much of it. Standard output is for the one
//! line that says where the service listens.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Starts it.
pub(crate) fn start() {
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

/// Starts it beside something else, which hears what it wants itself.
#[cfg(feature = "opentelemetry")]
pub(crate) fn start_beside<L>(other: L)
where
    L: tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync,
{
    use tracing_subscriber::prelude::*;
    let log = tracing_subscriber::fmt::layer().with_writer(stderr);
    let log = log.with_ansi(stderr().is_terminal()).with_filter(filter());
    tracing_subscriber::registry().with(other).with(log).init();
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}
