//! Services behind the proxy.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use private_servers::redis::Tls;
use serde::Deserialize;
use tokio::io::{BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::process::first_line;

/// What a service is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Node,
    Python,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Node, Self::Python];
}

/// Where `cargo xtask test` has installed Express.
fn express() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_seiriken"));
    let mut folders = program.ancestors().map(|folder| folder.join("conformance/node"));
    let folder = folders.find(|folder| folder.join("node_modules/express").is_dir());
    folder.expect("Express is needed for this test: cargo xtask test installs it")
}

/// A running service. It is killed when this goes away.
pub(crate) struct Upstream {
    _child: Child,
    _out: Lines<BufReader<ChildStdout>>,
    pub(crate) url: String,
}

/// A request as the service has read it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub(crate) struct Seen {
    #[serde(default)]
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    trailers: Vec<String>,
    #[serde(default)]
    pub(crate) body: String,
    /// It was none.
    pub(crate) unreadable: Option<String>,
}

impl Seen {
    /// The values of a field.
    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    pub(crate) fn trailer(&self, name: &str) -> Vec<&str> {
        values(&self.trailers, name)
    }
}

fn values<'l>(lines: &'l [String], name: &str) -> Vec<&'l str> {
    let pairs = lines.chunks(2).filter(|pair| pair[0].eq_ignore_ascii_case(name));
    pairs.map(|pair| pair[1].as_str()).collect()
}

impl Upstream {
    pub(crate) async fn node() -> Self {
        Self::in_language(Language::Node).await
    }

    pub(crate) async fn in_language(language: Language) -> Self {
        Self::start(language, &[]).await
    }

    /// In Node, with Express.
    pub(crate) async fn express() -> Self {
        let folder = express();
        Self::script("node", "upstream-express.cjs", &[folder.to_str().expect("text")]).await
    }

    /// In Node: HTTP/2 alone, without TLS.
    pub(crate) async fn http2() -> Self {
        Self::start(Language::Node, &["h2"]).await
    }

    /// In Node: HTTP/2 and HTTP/1.1 over TLS.
    pub(crate) async fn over_tls(tls: &Tls) -> Self {
        let path = |path: PathBuf| path.to_str().expect("text").to_owned();
        let (certificate, key) = (path(tls.certificate()), path(tls.key()));
        Self::start(Language::Node, &["tls", &certificate, &key]).await
    }

    async fn start(language: Language, arguments: &[&str]) -> Self {
        let (program, script) = match language {
            Language::Node => ("node", "upstream.mjs"),
            Language::Python => ("python3", "upstream.py"),
        };
        Self::script(program, script, arguments).await
    }

    async fn script(program: &str, script: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proxy");
        let mut child = Command::new(program)
            .arg(folder.join(script))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
        let (url, out) = first_line(&mut child).await;
        Self { _child: child, _out: out, url }
    }

    /// What has reached it, whoever sent it.
    pub(crate) async fn seen(&self) -> Vec<Seen> {
        let seen = reqwest::get(format!("{}/seen", self.url)).await.expect("the service answers");
        let seen = seen.bytes().await.expect("the whole list");
        serde_json::from_slice(&seen).expect("a list of requests")
    }

    /// Lets the requests to `/held` go on.
    pub(crate) async fn release(&self) {
        reqwest::get(format!("{}/release", self.url)).await.expect("the service answers");
    }
}
