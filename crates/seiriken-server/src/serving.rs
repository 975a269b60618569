//! The options that the order service and the proxy share.

use std::time::Duration;

use axum::http::Uri;
use clap::Args;
use seiriken::{OnConcurrent, Policy};

use crate::store_url::StoreUrl;
use crate::{cli, units};

/// How keys and answers are kept, and where the service is told of.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServingOptions {
    /// Where keys and answers are kept, and the order service's orders: sqlite:PATH (durable, one
    /// process), postgres://… or redis://… (shared by several), or memory: (gone at the end).
    #[arg(long, value_name = "URL", env = "SEIRIKEN_STORE", default_value = "sqlite:seiriken.db")]
    pub(crate) store: StoreUrl,

    /// How long an answer is kept and given again.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_RETENTION", default_value = "24h",
          value_parser = retention)]
    pub(crate) retention: Duration,

    /// How long a request is believed to be alive without a sign of life; it gives one three times
    /// in this time.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_LEASE", default_value = "30s",
          value_parser = lease)]
    pub(crate) lease: Duration,

    /// What a second request is told while the first one runs: reject (409 at once), or wait=DUR
    /// (its answer, if it comes within that time).
    #[arg(long, value_name = "reject|wait=DUR", env = "SEIRIKEN_ON_CONCURRENT",
          default_value = "reject", value_parser = on_concurrent)]
    pub(crate) on_concurrent: OnConcurrent,

    /// Longest answer that is kept for retries; a longer one reaches the first caller alone.
    #[arg(long, value_name = "SIZE", env = "SEIRIKEN_MAX_RESPONSE", default_value = "1MiB",
          value_parser = units::size)]
    pub(crate) max_response: usize,

    /// How many keys are kept at a time; new ones beyond that are refused, none is forgotten early.
    /// Without it there is no limit.
    #[arg(long, value_name = "N", env = "SEIRIKEN_QUOTA", value_parser = quota)]
    pub(crate) quota: Option<u64>,

    /// How far clocks may disagree: added to the retention before a key is forgotten.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_SKEW", default_value = "5m",
          value_parser = units::duration)]
    pub(crate) skew: Duration,

    /// How long the end waits for what has begun; what is left after that keeps its claim.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_DRAIN", default_value = "25s",
          value_parser = units::duration)]
    pub(crate) drain: Duration,

    /// The service's address as clients see it: problem types are then absolute.
    #[arg(long, value_name = "URL", env = "SEIRIKEN_PUBLIC_URL", value_parser = public_url)]
    pub(crate) public_url: Option<String>,

    /// Where metrics (/metrics, for Prometheus) and health (/healthz, /readyz) are served, apart from
    /// all else: HOST:PORT, or a port of this machine alone. Without it nothing is counted.
    #[arg(long, value_name = "ADDR", env = "SEIRIKEN_ADMIN", value_parser = admin_address)]
    pub(crate) admin: Option<String>,
}

/// A retention of zero would forget every answer at once.
pub(crate) fn retention(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err("an answer that is kept for no time at all is no protection".into()),
        retention => Ok(retention),
    }
}

pub(crate) fn lease(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        lease if lease < Policy::LEASE_MIN => Err(format!(
            "a lease has at least {:?}: a busy machine would look dead",
            Policy::LEASE_MIN
        )),
        lease => Ok(lease),
    }
}

pub(crate) fn quota(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("a quota of 0 would refuse every order".into()),
        Ok(keys) => Ok(keys),
        Err(_) => Err(format!("'{text}' is not a number of keys")),
    }
}

pub(crate) fn on_concurrent(text: &str) -> Result<OnConcurrent, String> {
    match text.split_once('=') {
        None if text == "reject" => Ok(OnConcurrent::Reject),
        Some(("wait", limit)) => units::duration(limit).map(OnConcurrent::Wait),
        _ => Err(format!("'{text}' is neither reject nor wait=DUR, as in wait=5s")),
    }
}

/// As [`cli::address`]. A port alone is one that other machines do not reach.
pub(crate) fn admin_address(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(format!("localhost:{port}")),
        Err(_) => cli::address(text),
    }
}

/// Reads an address that problem types can be made from: scheme and host, nothing else.
pub(crate) fn public_url(text: &str) -> Result<String, String> {
    let wrong = || format!("'{text}' is not an address such as https://shop.example");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority())
    else {
        return Err(wrong());
    };
    if uri.path() != "/" || uri.query().is_some() || text.contains(['#', '@']) {
        return Err(wrong());
    }
    let default_port = if scheme == "http" { ":80" } else { ":443" };
    let authority = authority.as_str().to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    Ok(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!(on_concurrent("reject"), Ok(OnConcurrent::Reject));
        assert_eq!(on_concurrent("wait=5s"), Ok(OnConcurrent::Wait(Duration::from_secs(5))));
        assert_eq!(public_url("https://a.example/"), Ok("https://a.example".into()));
        assert_eq!(public_url("https://A.example:443"), Ok("https://a.example".into()));
        for text in [
            "",
            "a.example",
            "ftp://a",
            "https://a/b",
            "https://a/?b",
            "/",
            "https://a/#\">",
            "https://a#b",
            "https://u:p@a",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
        assert_eq!(admin_address("9464"), Ok("localhost:9464".into()));
        assert_eq!(admin_address("0.0.0.0:9464"), Ok("0.0.0.0:9464".into()));
        for text in ["", "65536", ":9464", "host"] {
            assert!(admin_address(text).is_err(), "{text}");
        }
        assert_eq!(quota("7"), Ok(7));
        for text in ["", "0", "-1", "1.5", "many"] {
            assert!(quota(text).is_err(), "{text}");
        }
        for text in ["", "wait", "wait=5", "reject=1s", "queue"] {
            assert!(on_concurrent(text).is_err(), "{text}");
        }
    }
}
