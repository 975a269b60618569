//! The options of the proxy.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::config::Config;
use super::paths::Pattern;
use super::reconcile::Template;
use super::upstream::Address;
use crate::cli;
use crate::identity::IdentityOption;
use crate::serving::ServingOptions;
use crate::units;

/// The options of the proxy.
#[derive(Debug, Clone, Args)]
// What stands in the configuration file is read as if it stood before these.
#[command(args_override_self = true)]
pub(crate) struct ProxyOptions {
    /// Where to listen. `localhost` is both loopback addresses; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", env = "SEIRIKEN_LISTEN", default_value = "localhost:8080",
          value_parser = cli::address)]
    pub(crate) listen: String,

    /// The service behind: `http://HOST:PORT` or `https://HOST`.
    #[arg(long, value_name = "URL", env = "SEIRIKEN_UPSTREAM", required_unless_present = "config")]
    pub(crate) upstream: Option<Address>,

    /// Reads options and the rules of routes from this file (TOML). An option on the command line
    /// goes before it, the environment after it.
    #[arg(long, value_name = "FILE", env = "SEIRIKEN_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Says whether options and file can be followed, and ends.
    #[arg(long)]
    pub(crate) check_config: bool,

    /// What the file says.
    #[arg(skip)]
    pub(crate) file: Config,

    #[command(flatten)]
    pub(crate) serving: ServingOptions,

    /// Paths where POST and PATCH need a key; {name} stands for one part of a path and a last **
    /// for any rest. Elsewhere requests without a key pass unguarded.
    #[arg(long, value_name = "PATH", num_args = 1.., env = "SEIRIKEN_REQUIRE",
          value_delimiter = ',')]
    pub(crate) require: Vec<Pattern>,

    /// What says whose request one is: credentials (Authorization and X-Api-Key; a request with
    /// cookies and neither of the two is refused), header=NAME or cookie=NAME, or anonymous.
    #[arg(long, value_name = "IDENTITY", env = "SEIRIKEN_IDENTITY", default_value = "credentials")]
    pub(crate) identity: IdentityOption,

    /// Compares JSON bodies by what they say and not byte by byte.
    #[arg(long, env = "SEIRIKEN_CANONICAL_JSON")]
    pub(crate) canonical_json: bool,

    /// Longest body of a guarded request; a longer one is refused before anything runs.
    #[arg(long, value_name = "SIZE", env = "SEIRIKEN_MAX_BODY", default_value = "1MiB",
          value_parser = units::size)]
    pub(crate) max_body: usize,

    /// Most connections at a time; more wait until one ends.
    #[arg(long, value_name = "N", env = "SEIRIKEN_MAX_CONNECTIONS", default_value = "10000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_connections: u32,

    /// Which host the upstream is told: the one the client named (client), or its own (upstream).
    #[arg(long, value_name = "client|upstream", env = "SEIRIKEN_HOST", default_value = "client",
          value_parser = host)]
    pub(crate) host: HostOption,

    #[command(flatten)]
    pub(crate) reconcile: ReconcileOptions,

    #[command(flatten)]
    pub(crate) deadlines: Deadlines,

    #[command(flatten)]
    pub(crate) tls: TlsOptions,
}

/// Whether the service is asked what became of a request.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReconcileOptions {
    /// Asks here (GET) what became of a request whose outcome is not known, when it is sent again;
    /// {key} stands for its key. `{"outcome":"done","status":…}` settles it, `{"outcome":"never"}`
    /// frees the key.
    #[arg(long = "reconcile", value_name = "URL", env = "SEIRIKEN_RECONCILE")]
    pub(crate) at: Option<Template>,

    /// How long that answer may take.
    #[arg(long = "reconcile-timeout", value_name = "DUR", env = "SEIRIKEN_RECONCILE_TIMEOUT",
          default_value = "5s", value_parser = at_least_a_millisecond)]
    pub(crate) timeout: Duration,

    /// How long it is not asked again about a key of which it could not tell.
    #[arg(long = "reconcile-pause", value_name = "DUR", env = "SEIRIKEN_RECONCILE_PAUSE",
          default_value = "5s", value_parser = units::duration)]
    pub(crate) pause: Duration,
}

/// How long each side may take.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct Deadlines {
    /// How long a client may take to send the head of a request, and for TLS; in HTTP/1.1 counted
    /// from the end of the answer before.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_HEADER_TIMEOUT", default_value = "15s",
          value_parser = at_least_a_millisecond)]
    pub(crate) header_timeout: Duration,

    /// How long a client may be waited for while it sends a body; each KiB that comes gives a
    /// second back.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_BODY_TIMEOUT", default_value = "30s",
          value_parser = at_least_a_millisecond)]
    pub(crate) body_timeout: Duration,

    /// How long a connection of HTTP/2 may have no request, a client may leave an answer unread,
    /// and an answer that is passed through may pause.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_IDLE_TIMEOUT", default_value = "60s",
          value_parser = at_least_a_millisecond)]
    pub(crate) idle_timeout: Duration,

    /// How long a connection to the upstream may take to be made; if it is not, nothing has run.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_CONNECT_TIMEOUT", default_value = "5s",
          value_parser = at_least_a_millisecond)]
    pub(crate) connect_timeout: Duration,

    /// How long the upstream may take: for its whole answer to a guarded request, which after that
    /// has an unknown outcome; for the head of any other answer.
    #[arg(long, value_name = "DUR", env = "SEIRIKEN_TOTAL_TIMEOUT", default_value = "60s",
          value_parser = at_least_a_millisecond)]
    pub(crate) total_timeout: Duration,
}

/// TLS on both sides.
#[derive(Debug, Clone, Args)]
pub(crate) struct TlsOptions {
    /// Serves TLS with this certificate and those that vouch for it (PEM, the own one first).
    #[arg(long, value_name = "FILE", env = "SEIRIKEN_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", env = "SEIRIKEN_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Trusts an https:// upstream by the certificates of this file (PEM) alone. Defaults to those
    /// that the operating system trusts.
    #[arg(long, value_name = "FILE", env = "SEIRIKEN_UPSTREAM_CA")]
    pub(crate) upstream_ca: Option<PathBuf>,

    /// Speaks HTTP/2 with an http:// upstream without asking. With an https:// one the protocol is
    /// agreed on.
    #[arg(long, env = "SEIRIKEN_UPSTREAM_HTTP2")]
    pub(crate) upstream_http2: bool,
}

/// Which host the upstream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostOption {
    /// The one that the client named.
    Client,
    /// The upstream's own.
    Upstream,
}

fn host(text: &str) -> Result<HostOption, String> {
    match text {
        "client" => Ok(HostOption::Client),
        "upstream" => Ok(HostOption::Upstream),
        _ => Err(format!("'{text}' is neither client nor upstream")),
    }
}

fn at_least_a_millisecond(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err("nobody can answer in no time at all".into()),
        time => Ok(time),
    }
}
