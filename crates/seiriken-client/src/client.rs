//! The client: makes intents, sends them, resumes them.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::attempt::{Direct, Transport};
use crate::budget::Budget;
use crate::intent::{Intent, InvalidRequest, Request, address};
use crate::journal::Journal;
use crate::key::Key;
use crate::operation::{self, Progress};
use crate::outcome::{NothingSent, Outcome, Unknown};
use crate::outside::Outside;
use crate::policy::{Policies, window};
use crate::prepare::prepare;
use crate::retry::Backoff;
use crate::settings::Settings;
use crate::verdict::Why;

/// Sends intents until their outcome is definite. Clones are the same client.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    http: reqwest::Client,
    journal: Option<Journal>,
    policies: Policies,
}

/// How a client will be. Each setting says its default.
#[derive(Debug, Default)]
pub struct ClientBuilder {
    settings: Settings,
    http: reqwest::ClientBuilder,
    journal: Option<Journal>,
}

impl Client {
    /// A client with the default settings and no journal.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::builder().build()
    }

    /// A client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes the key: from here on the request and its key belong together.
    pub fn intent(&self, request: Request) -> Result<Intent, InvalidRequest> {
        let Inner { settings, .. } = &*self.0;
        self.accept(&request)?;
        let key = Key::make(&*settings.outside).ok_or(InvalidRequest::Randomness)?;
        Ok(Intent::new(key, request, settings.outside.now()))
    }

    /// Lets the server make the key: asks at `prepare_url` until there is one.
    pub async fn prepare(
        &self,
        request: Request,
        prepare_url: &str,
    ) -> Result<Intent, NothingSent> {
        let Inner { settings, http, .. } = &*self.0;
        self.accept(&request)?;
        let key = prepare(settings, http, &request, &address(prepare_url)?).await?;
        Ok(Intent::new(key, request, settings.outside.now()))
    }

    /// An intent that an earlier process may have sent under this key, with this very request.
    pub fn resume(&self, key: Key, request: Request) -> Result<Intent, InvalidRequest> {
        self.accept(&request)?;
        let made = key.date().unwrap_or_else(|| self.0.settings.outside.now());
        Ok(Intent::new(key, request, made).resumed())
    }

    /// What earlier processes have left in the journal, oldest first: send each again.
    pub fn unsettled(&self) -> Vec<Intent> {
        self.0.journal.as_ref().map(Journal::unsettled).unwrap_or_default()
    }

    /// Sends it, and again, until its outcome is definite or nobody can say.
    ///
    /// An intent whose outcome was unknown can be sent again, now or later: it remembers that it may
    /// have run. So does one whose sending was dropped half-way.
    pub async fn send(&self, intent: &mut Intent) -> Result<Outcome, NothingSent> {
        self.run(intent, Direct(&self.0.http)).await
    }

    /// The key has one place, and it is not among the caller's fields.
    fn accept(&self, request: &Request) -> Result<(), InvalidRequest> {
        let field = &self.0.settings.key_field;
        if request.headers.contains_key(field) {
            return Err(InvalidRequest::OwnField(field.clone()));
        }
        Ok(())
    }

    pub(crate) async fn run(
        &self,
        intent: &mut Intent,
        transport: impl Transport,
    ) -> Result<Outcome, NothingSent> {
        let Inner { settings, journal, .. } = &*self.0;
        let window = self.window(intent).await;
        if window.is_zero() {
            return not_tried(intent, Why::TooOld, NothingSent::Retention);
        }
        if let Some(journal) = journal.as_ref().filter(|_| !intent.journalled) {
            if let Err(error) = journal.record(intent).await {
                return not_tried(intent, Why::Journal, error.into());
            }
            intent.journalled = true;
        }
        let result = operation::run(settings, intent, transport, window).await;
        let settled = matches!(result, Ok(Outcome::Definite(_)) | Err(_));
        if let Some(journal) = journal.as_ref().filter(|_| settled) {
            match journal.settle(intent.key()).await {
                Ok(()) => intent.journalled = false,
                // The next start sends it once more and gets the replay.
                Err(error) => tracing::warn!(%error, "the journal did not take the end"),
            }
        }
        result
    }

    async fn window(&self, intent: &Intent) -> Duration {
        let Inner { settings, http, policies, .. } = &*self.0;
        let retention = match settings.retention {
            Some(retention) => retention,
            None => policies.retention(http, &intent.request.url).await,
        };
        let age = if intent.may_have_run {
            settings.outside.now().duration_since(intent.made).unwrap_or_default()
        } else {
            Duration::ZERO // nobody has seen the key: it begins to count now
        };
        window(settings.deadline, retention, age)
    }

    #[cfg(feature = "middleware")]
    pub(crate) fn key_field(&self) -> &HeaderName {
        &self.0.settings.key_field
    }

    #[cfg(feature = "middleware")]
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }
}

/// The end of an operation that was not begun: what it means depends on what was before.
fn not_tried(intent: &Intent, why: Why, nothing: NothingSent) -> Result<Outcome, NothingSent> {
    if intent.may_have_run {
        return Ok(Outcome::Unknown(Unknown { key: intent.key.clone(), why, last: None }));
    }
    Err(nothing)
}

impl ClientBuilder {
    /// How long an operation may take with all its attempts (60 s). It is cut to half of what the
    /// server keeps its answers for.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// How long one attempt may take (15 s). Sending again while the first is still running is safe:
    /// it is told so, and waits.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// How long a connection may take to come about (5 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// The bounds of the waits between attempts (200 ms, doubling, up to 10 s).
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// How many retries this client may make (10 a second and 20 %). An operation that is out of it
    /// waits; it does not fail.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = Arc::new(budget);
        self
    }

    /// What the server keeps its answers for. Without it the server is asked
    /// (`/.well-known/idempotency`), and one that does not say is taken to keep them for 24 h.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.settings.retention = Some(retention);
        self
    }

    /// The field that carries the key (`Idempotency-Key`).
    #[must_use]
    pub fn key_field(mut self, name: HeaderName) -> Self {
        self.settings.key_field = name;
        self
    }

    /// The field that marks a replay (`Idempotent-Replayed`).
    #[must_use]
    pub fn replay_marker(mut self, name: HeaderName) -> Self {
        self.settings.marker = name;
        self
    }

    /// Sends every key in double quotes, as the draft writes it. Without this it is sent bare, as
    /// most services expect it.
    #[must_use]
    pub fn quoted_keys(mut self) -> Self {
        self.settings.quoted = true;
        self
    }

    /// Keeps intents that are under way in this file, so that a crash does not lose their keys.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Is called with everything that happens, for instance to show it.
    #[must_use]
    pub fn on_progress(mut self, told: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.settings.told = Some(Arc::new(told));
        self
    }

    /// Where the time of day and randomness come from (the operating system).
    #[must_use]
    pub fn outside(mut self, outside: impl Outside) -> Self {
        self.settings.outside = Arc::new(outside);
        self
    }

    /// The HTTP client underneath, with proxies, certificates or addresses of your own. Redirects
    /// are switched off on it, and retries that it would make by itself.
    #[must_use]
    pub fn http(mut self, http: reqwest::ClientBuilder) -> Self {
        self.http = http;
        self
    }

    /// Reads no certificates, which takes a moment and fails where there are none: for `http://`
    /// alone. An `https://` address is then one that no connection comes about to.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn without_certificates(mut self) -> Self {
        self.http = self.http.tls_certs_only([]);
        self
    }

    /// Builds it. An error is one of the HTTP client underneath.
    pub fn build(self) -> Result<Client, reqwest::Error> {
        let Self { settings, http, journal } = self;
        let http = http
            // A redirection is an answer. Followed, a 303 would lose the key, and a 307 could carry
            // it to another origin.
            .redirect(reqwest::redirect::Policy::none())
            // Each attempt is one of ours, judged and counted.
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect_timeout)
            .build()?;
        Ok(Client(Arc::new(Inner { settings, http, journal, policies: Policies::default() })))
    }
}
