//! The program, started and stopped.

use std::process::{Output, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// So long a process may take to start or to end before the test fails: never waited for in a
/// test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The variable that names a collector.
pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

pub(crate) const CAKE: &str = r#"{"itemId":"cake-of-the-caller","qty":1}"#;

/// A running service. It is killed when this goes away.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: String,
    log: watch::Receiver<Vec<String>>,
    reading: JoinHandle<()>,
}

type Environment<'e> = [(&'e str, &'e str)];

/// The program, with an environment that says nothing else.
pub(crate) fn program(environment: &Environment<'_>, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seiriken"));
    program.env_clear().envs(environment.iter().copied()).args(arguments);
    program.stdin(Stdio::null()).kill_on_drop(true);
    program
}

/// Runs it to its end.
pub(crate) async fn ended(environment: &Environment<'_>, arguments: &[&str]) -> Output {
    let output = program(environment, arguments).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    output.expect("it ends by itself").expect("the program starts")
}

impl Running {
    /// The order service, in memory.
    pub(crate) async fn orders(environment: &Environment<'_>, options: &[&str]) -> Self {
        let arguments = ["orders", "--listen", "127.0.0.1:0", "--store", "memory:"];
        Self::start(environment, &[&arguments[..], options].concat()).await
    }

    /// The proxy, in memory.
    pub(crate) async fn proxy(
        upstream: &str,
        environment: &Environment<'_>,
        options: &[&str],
    ) -> Self {
        let arguments = ["proxy", "--listen", "127.0.0.1:0", "--store", "memory:"];
        let upstream = ["--upstream", upstream];
        Self::start(environment, &[&arguments[..], &upstream, options].concat()).await
    }

    async fn start(environment: &Environment<'_>, arguments: &[&str]) -> Self {
        let mut child = program(environment, arguments)
            .env("RUST_LOG", "info,seiriken::engine=debug")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (tell, log) = watch::channel(vec![]);
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                tell.send_modify(|log| log.push(line));
            }
        });
        let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
        let line = line.expect("the port opens").expect("readable").expect("the service runs");
        let url = line.strip_prefix("listening on ").expect("the one line on standard output");
        Self { child, url: url.to_owned(), log, reading }
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{target}", self.url))
    }

    /// Orders a cake, and answers the status.
    pub(crate) async fn order(&self, key: &str) -> u16 {
        let order = self.request(Method::POST, "/orders").header("Idempotency-Key", key);
        status(order.header("Content-Type", "application/json").body(CAKE)).await
    }

    /// Waits until the log says this.
    pub(crate) async fn says(&mut self, text: &str) {
        let said = self.log.wait_for(|log| log.iter().any(|line| line.contains(text)));
        let said = tokio::time::timeout(PATIENCE, said).await;
        said.expect("it is said in time").expect("the program runs");
    }

    /// Asks it to stop (SIGTERM), waits until it has, and answers all that the log says.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await;
        assert!(status.expect("a shell").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.expect("the program ends").expect("its status");
        self.reading.await.expect("no panic");
        let log = self.log.borrow().clone();
        assert!(ended.success(), "{ended}: {log:#?}");
        log
    }
}

/// Sends it, and answers the status.
pub(crate) async fn status(request: RequestBuilder) -> u16 {
    let answer = request.send().await.expect("it is answered");
    let status = answer.status().as_u16();
    // To the end: else the connection may be cut before it is read.
    drop(answer.bytes().await);
    status
}
