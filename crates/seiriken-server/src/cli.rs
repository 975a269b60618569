//! Every option, its default and its unit.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use seiriken::{AcceptedKeys, OnConcurrent, Policy};

use crate::check::CheckOptions;
use crate::identity::IdentityOption;
use crate::keys::KeysOptions;
use crate::proxy::{Config, ProxyOptions};
use crate::send::SendOptions;
use crate::store_url::StoreUrl;
use crate::{stop, units};

/// HTTP retries made safe: an order service that runs each order at most once.
///
/// Started without a command, it is the order service.
#[derive(Debug, Parser)]
#[command(name = "seiriken", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    orders: OrdersOptions,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The order service: takes orders over HTTP, each at most once (the default).
    Orders(OrdersOptions),
    /// A reverse proxy: puts the keys in front of any HTTP service, which runs each request at most
    /// once.
    Proxy(Box<ProxyOptions>),
    /// Sends one request so that it is done at most once, however often it has to be sent.
    Send(SendOptions),
    /// Tells whether an endpoint honours its Idempotency-Keys, whatever it is written in.
    Check(Box<CheckOptions>),
    /// Looks for keys, and settles outcomes that nobody knows.
    Keys(KeysOptions),
}

impl Command {
    /// What a program that stays calls itself in traces.
    pub(crate) fn server(&self) -> Option<&'static str> {
        match self {
            Self::Orders(_) => Some("seiriken-orders"),
            Self::Proxy(_) => Some("seiriken-proxy"),
            Self::Send(_) | Self::Check(_) | Self::Keys(_) => None,
        }
    }
}

/// The options of the order service.
#[derive(Debug, Clone, Args)]
pub(crate) struct OrdersOptions {
    /// Where to listen. `localhost` is both loopback addresses; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", env = "SEIRIKEN_LISTEN", default_value = "localhost:3000",
          value_parser = address)]
    pub(crate) listen: String,

    /// Where keys, answers and orders are kept: sqlite:PATH (durable, one process), postgres://… or
    /// redis://… (shared by several processes), or memory: (gone at the end).
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

    /// Which keys are taken: client (any), issued (only from POST /orders/prepare), or dated (UUIDs
    /// of version 7 and issued ones, so that a key older than the retention is refused).
    #[arg(long, value_name = "client|issued|dated", env = "SEIRIKEN_KEYS", default_value = "client",
          value_parser = accepted_keys)]
    pub(crate) keys: AcceptedKeys,

    /// Pretends that payment takes this long, before the order is committed.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_PROCESSING_TIME", default_value = "0s",
          value_parser = units::duration)]
    pub(crate) processing_time: Duration,

    /// What a second request is told while the first one runs: reject (409 at once), or wait=DUR
    /// (its answer, if it comes within that time).
    #[arg(long, value_name = "reject|wait=DUR", env = "SEIRIKEN_ON_CONCURRENT",
          default_value = "reject", value_parser = on_concurrent)]
    pub(crate) on_concurrent: OnConcurrent,

    /// What says whose request one is: credentials (Authorization and X-Api-Key), header=NAME or
    /// cookie=NAME (what stands in front has verified it, and replaces what its caller sent), or
    /// anonymous.
    #[arg(long, value_name = "IDENTITY", env = "SEIRIKEN_IDENTITY", default_value = "credentials")]
    pub(crate) identity: IdentityOption,

    /// Longest request body that is taken; a longer one is refused before anything runs.
    #[arg(long, value_name = "SIZE", env = "SEIRIKEN_MAX_BODY", default_value = "1MiB",
          value_parser = units::size)]
    pub(crate) max_body: usize,

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
    /// orders: HOST:PORT, or a port of this machine alone. Without it nothing is counted.
    #[arg(long, value_name = "ADDR", env = "SEIRIKEN_ADMIN", value_parser = admin_address)]
    pub(crate) admin: Option<String>,

    /// Lets pages of this origin send orders from a browser.
    #[arg(long, value_name = "ORIGIN", env = "SEIRIKEN_CORS", value_parser = origin)]
    pub(crate) cors: Option<HeaderValue>,
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

/// Reads an origin as browsers send it.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let origin = public_url(text)
        .map_err(|_| format!("'{text}' is not an origin such as https://shop.example"))?;
    HeaderValue::try_from(origin).map_err(|error| error.to_string())
}

/// `HOST:PORT`. Whether the host exists, and the port is free, is found out when it is opened.
pub(crate) fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.into()),
        _ => Err(format!("'{text}' is not an address such as localhost:3000 or 127.0.0.1:0")),
    }
}

/// As [`address`]. A port alone is one that other machines do not reach.
pub(crate) fn admin_address(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(format!("localhost:{port}")),
        Err(_) => address(text),
    }
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

fn accepted_keys(text: &str) -> Result<AcceptedKeys, String> {
    match text {
        "client" => Ok(AcceptedKeys::Any),
        "issued" => Ok(AcceptedKeys::Issued),
        "dated" => Ok(AcceptedKeys::Dated),
        _ => Err(format!("'{text}' is none of client, issued, dated")),
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

/// Reads the command line, the environment and the proxy's configuration file. `Err` is how the
/// program ends instead: after help was asked for, or with one line on standard error.
pub(crate) fn parse() -> Result<Command, ExitCode> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let command = read(&arguments)?;
    let file = match &command {
        Command::Proxy(options) => options.config.clone(),
        Command::Orders(_) | Command::Send(_) | Command::Check(_) | Command::Keys(_) => None,
    };
    let Some(file) = file else { return Ok(command) };
    let config = Config::read(&file).map_err(|wrong| stop::bad_use(&wrong))?;
    // After the name of the program and that of the command: of two the later one counts.
    let at = arguments.len().min(2);
    arguments.splice(at..at, config.arguments.iter().cloned());
    match read(&arguments)? {
        Command::Proxy(options) => {
            Ok(Command::Proxy(Box::new(ProxyOptions { file: config, ..*options })))
        }
        command => Ok(command),
    }
}

fn read(arguments: &[OsString]) -> Result<Command, ExitCode> {
    let parsed = Cli::command()
        .try_get_matches_from(arguments)
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(Cli { command, orders }) => Ok(command.unwrap_or(Command::Orders(orders))),
        Err(error) if !error.use_stderr() => {
            print!("{}", error.render());
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            let text = error.to_string();
            // Its first paragraph: what is wrong, and on lines of their own what it is about.
            let lines: Vec<&str> =
                text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            let line = lines.join(" ");
            let line = line.strip_prefix("error: ").unwrap_or(&line);
            eprintln!("seiriken: {line} (see seiriken --help)");
            Err(ExitCode::from(stop::BAD_USE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }

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
        assert_eq!(accepted_keys("dated"), Ok(AcceptedKeys::Dated));
        assert_eq!(quota("7"), Ok(7));
        for text in ["", "0", "-1", "1.5", "many"] {
            assert!(quota(text).is_err() && accepted_keys(text).is_err(), "{text}");
        }
        for text in ["", "wait", "wait=5", "reject=1s", "queue"] {
            assert!(on_concurrent(text).is_err(), "{text}");
        }
    }
}
