//! A row of a table: what is required, where that is written, what is sent, and what must come
//! back. All rows of a table are run, over both stores, and those that fail are named together.

use std::collections::VecDeque;
use std::fmt::Write;

use crate::expected::{Expected, MARKER};
use crate::handlers::PATIENCE;
use crate::host::{Host, Setting, StoreKind};
use crate::request::Request;
use crate::wire::{self, Answer, Connection};

/// The page that says what is this project's own choice.
const PAGE: &str = include_str!("../../../../docs/http.md");

/// One requirement.
pub(crate) struct Row {
    requirement: String,
    source: &'static str,
    settings: Vec<Setting>,
    steps: Vec<Step>,
    runs: usize,
}

enum Step {
    Ask(Request, Expected),
    Begin(Request),
    Send(Request),
    Finish(Expected),
    Leave(Request),
    StoreRecovers,
}

/// A requirement, and the document and section that it stands in.
pub(crate) fn row(requirement: impl Into<String>, source: &'static str) -> Row {
    let (settings, steps) = (Vec::new(), Vec::new());
    Row { requirement: requirement.into(), source, settings, steps, runs: 0 }
}

impl Row {
    /// Of a service that is built this way.
    pub(crate) fn with(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// This is sent, and that comes back.
    pub(crate) fn ask(mut self, request: Request, expected: Expected) -> Self {
        self.steps.push(Step::Ask(request, expected));
        self
    }

    /// This is sent, and the handler runs and does not end yet.
    pub(crate) fn begin(mut self, request: Request) -> Self {
        self.steps.push(Step::Begin(request));
        self
    }

    /// This is sent, and nobody looks yet what comes back.
    pub(crate) fn send(mut self, request: Request) -> Self {
        self.steps.push(Step::Send(request));
        self
    }

    /// The handler ends, and this comes back to the first that is still without an answer.
    pub(crate) fn finish(mut self, expected: Expected) -> Self {
        self.steps.push(Step::Finish(expected));
        self
    }

    /// The service has begun to read this; what there is of its body is sent, and the connection
    /// is closed.
    pub(crate) fn leave(mut self, request: Request) -> Self {
        self.steps.push(Step::Leave(request.announced()));
        self
    }

    /// The store that failed does so no longer.
    pub(crate) fn store_recovers(mut self) -> Self {
        self.steps.push(Step::StoreRecovers);
        self
    }

    /// So often the handler has run in the end.
    pub(crate) fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    async fn play(&self, store: StoreKind) -> Result<(), String> {
        let host = Host::start(store, &self.settings).await;
        let mut first: Option<Answer> = None;
        let mut unanswered: VecDeque<(Connection, &Request)> = VecDeque::new();
        for (number, step) in self.steps.iter().enumerate() {
            let told = |error: String| format!("step {}: {error}", number + 1);
            let io = |error: std::io::Error| told(error.to_string());
            let (answer, expected) = match step {
                Step::Ask(request, expected) => {
                    (wire::ask(host.address(), request).await.map_err(io)?, expected)
                }
                Step::Begin(request) | Step::Send(request) => {
                    let runs = host.runs();
                    let mut connection = Connection::to(host.address()).await.map_err(io)?;
                    connection.send(&request.bytes()).await.map_err(io)?;
                    if matches!(step, Step::Begin(_)) {
                        host.has_run(runs + 1).await;
                    }
                    unanswered.push_back((connection, request));
                    continue;
                }
                Step::Finish(expected) => {
                    host.open_gate();
                    let next = unanswered.pop_front();
                    let (mut connection, request) = next.expect("a row begins, then finishes");
                    (connection.answer(request).await.map_err(io)?, expected)
                }
                Step::Leave(request) => {
                    let mut connection = Connection::to(host.address()).await.map_err(io)?;
                    connection.send(&request.head()).await.map_err(io)?;
                    let interim = connection.answer(request).await.map_err(io)?;
                    if interim.status != 100 {
                        return Err(told(format!("the body was not asked for: {interim}")));
                    }
                    connection.send(&request.content()).await.map_err(io)?;
                    continue;
                }
                Step::StoreRecovers => {
                    host.store_recovers();
                    continue;
                }
            };
            let differences = expected.differences(&answer, first.as_ref());
            if !differences.is_empty() {
                return Err(told(format!("{}\n{answer}", differences.join("\n"))));
            }
            if answer.text(MARKER) == ["false"] {
                first = Some(answer);
            }
        }
        match host.runs() {
            runs if runs == self.runs => Ok(()),
            runs => Err(format!("the handler ran {runs} times instead of {}", self.runs)),
        }
    }

    async fn play_in_time(&self, store: StoreKind) -> Result<(), String> {
        let played = tokio::time::timeout(PATIENCE, self.play(store)).await;
        played.unwrap_or_else(|_| Err("it took too long".to_owned()))
    }
}

/// The draft, an RFC, or a section that our own page has.
fn is_known(source: &str) -> bool {
    let ours = source.strip_prefix("docs/http.md, ");
    source.starts_with("draft-07 section ")
        || source.starts_with("RFC ")
        || ours.is_some_and(|heading| PAGE.lines().any(|line| line == format!("## {heading}")))
}

/// Runs every row, and fails with all those that did not hold.
pub(crate) async fn check(table: Vec<Row>) {
    let mut broken = String::new();
    for (number, row) in table.iter().enumerate() {
        let Row { requirement, source, .. } = row;
        assert!(is_known(source), "{requirement}: where is {source}?");
        let twice = table[..number].iter().any(|earlier| earlier.requirement == *requirement);
        assert!(!twice, "two rows have one name: {requirement}");
        for store in StoreKind::for_row(&row.settings) {
            if let Err(difference) = row.play_in_time(*store).await {
                let difference = difference.replace('\n', "\n    ");
                writeln!(broken, "\n{requirement} ({source}), {store:?}\n    {difference}")
                    .expect("a string takes everything");
            }
        }
    }
    assert!(broken.is_empty(), "the contract is broken:\n{broken}");
}
