//! Every option, its default and its unit.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use seiriken::AcceptedKeys;

use crate::check::CheckOptions;
use crate::identity::IdentityOption;
use crate::keys::KeysOptions;
use crate::proxy::{Config, ProxyOptions};
use crate::send::SendOptions;
use crate::serving::{ServingOptions, public_url};
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

    #[command(flatten)]
    pub(crate) serving: ServingOptions,

    /// Which keys are taken: client (any), issued (only from POST /orders/prepare), or dated (UUIDs
    /// of version 7 and issued ones, so that a key older than the retention is refused).
    #[arg(long, value_name = "client|issued|dated", env = "SEIRIKEN_KEYS", default_value = "client",
          value_parser = accepted_keys)]
    pub(crate) keys: AcceptedKeys,

    /// Pretends that payment takes this long, before the order is committed.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_PROCESSING_TIME", default_value = "0s",
          value_parser = units::duration)]
    pub(crate) processing_time: Duration,

    /// What says whose request one is: credentials (Authorization and X-Api-Key), header=NAME or
    /// cookie=NAME (what stands in front has verified it, and replaces what its caller sent), or
    /// anonymous.
    #[arg(long, value_name = "IDENTITY", env = "SEIRIKEN_IDENTITY", default_value = "credentials")]
    pub(crate) identity: IdentityOption,

    /// Longest request body that is taken; a longer one is refused before anything runs.
    #[arg(long, value_name = "SIZE", env = "SEIRIKEN_MAX_BODY", default_value = "1MiB",
          value_parser = units::size)]
    pub(crate) max_body: usize,

    /// Lets pages of this origin send orders from a browser.
    #[arg(long, value_name = "ORIGIN", env = "SEIRIKEN_CORS", value_parser = origin)]
    pub(crate) cors: Option<HeaderValue>,
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

fn accepted_keys(text: &str) -> Result<AcceptedKeys, String> {
    match text {
        "client" => Ok(AcceptedKeys::Any),
        "issued" => Ok(AcceptedKeys::Issued),
        "dated" => Ok(AcceptedKeys::Dated),
        _ => Err(format!("'{text}' is none of client, issued, dated")),
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
            let text = without_passwords(&error);
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

/// What is wrong, without the value where that may hold a password: of a store's address, and of any
/// address that names a user, its scheme alone is repeated.
fn without_passwords(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(said)) => said.as_str(),
        _ => "",
    };
    let (option, value) = (said(ContextKind::InvalidArg), said(ContextKind::InvalidValue));
    match value.split_once(':') {
        Some((scheme, rest)) if option.starts_with("--store") || rest.contains('@') => {
            text.replace(value, &format!("{scheme}:…"))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_repeated() {
        let refused = |arguments: &[&str]| {
            let error = Cli::command().try_get_matches_from(arguments);
            without_passwords(&error.expect_err("what is no address"))
        };
        for address in ["postgress://u:secret@db/shop", "u:secret@db", "mysql:x?password=secret"] {
            let said = refused(&["seiriken", "--store", address]);
            assert!(said.contains("--store") && !said.contains("secret"), "{said}");
        }
        let said = refused(&["seiriken", "proxy", "--upstream", "ftp://u:secret@service"]);
        assert!(said.contains("ftp:…") && !said.contains("secret"), "{said}");
        let said = refused(&["seiriken", "--listen", "here"]);
        assert!(said.contains("'here'"), "{said}");
    }

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn kinds_of_keys_are_read_or_refused() {
        assert_eq!(accepted_keys("dated"), Ok(AcceptedKeys::Dated));
        for text in ["", "0", "many"] {
            assert!(accepted_keys(text).is_err(), "{text}");
        }
    }
}
