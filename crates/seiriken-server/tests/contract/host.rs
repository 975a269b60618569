//! A service of small handlers behind the layer, over real connections. It counts how often a
//! handler runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::routing::get;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{Fault, FaultKind, FaultyStore, MemoryStore, Store, Verb};
use seiriken::{AcceptedKeys, KeySyntax, OnConcurrent, Quota};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::expected::PAGE;
use crate::handlers::{self, Bench};

/// How a service differs from the usual one: optional keys, `Identity::credentials()`, everything
/// else as the library has it by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    KeyRequired,
    QuotesRequired,
    DatedKeys,
    IssuedKeys,
    KeysUpTo(u64),
    Ignoring(&'static str),
    KeyField(&'static str),
    Marker(&'static str),
    Methods(&'static [Method]),
    CanonicalJson,
    Anonymous,
    CookiesIgnored,
    RequestsUpTo(usize),
    AnswersUpTo(usize),
    Waiting,
    RecordAll,
    Keyed,
    Transactional,
    PolicyAt(&'static str),
    /// The store fails so from its first call of this verb on, until it recovers.
    StoreFails(Verb, FaultKind),
}

/// Which store a service stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Memory,
    Sqlite,
}

/// Ends what the store does wrong.
type Heal = Box<dyn Fn() + Send + Sync>;

/// A running service. It ends when this goes away.
pub(crate) struct Host {
    address: SocketAddr,
    bench: Bench,
    heal: Heal,
    serving: AbortHandle,
    _folder: TempDir,
}

impl StoreKind {
    /// Transactional effects need a database.
    pub(crate) fn for_row(settings: &[Setting]) -> &'static [Self] {
        if settings.contains(&Setting::Transactional) {
            &[Self::Sqlite]
        } else {
            &[Self::Memory, Self::Sqlite]
        }
    }
}

impl Host {
    /// A service of the usual handlers.
    pub(crate) async fn start(kind: StoreKind, settings: &[Setting]) -> Self {
        let transactional = settings.contains(&Setting::Transactional);
        Self::of(kind, settings, |bench| {
            let committing = transactional.then(|| handlers::committing(bench));
            handlers::plain(bench).merge(committing.unwrap_or_default())
        })
        .await
    }

    /// A service of these handlers.
    pub(crate) async fn of(
        kind: StoreKind,
        settings: &[Setting],
        handlers: impl FnOnce(&Bench) -> Router,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let bench = Bench::new();
        let handlers = handlers(&bench);
        let file = folder.path().join("keys.db");
        let (app, heal): (Router, Heal) = match kind {
            StoreKind::Memory => {
                faulty(MemoryStore::new().expect("randomness"), settings, handlers)
            }
            StoreKind::Sqlite => {
                let store = SqliteStore::open(file).await.expect("a new file");
                // The very store that its handlers commit in.
                if settings.contains(&Setting::Transactional) {
                    (guarded(store, settings, handlers), Box::new(|| {}))
                } else {
                    faulty(store, settings, handlers)
                }
            }
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its port");
        let serving = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { address, bench, heal, serving, _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a handler has run.
    pub(crate) fn runs(&self) -> usize {
        self.bench.runs()
    }

    /// Waits until handlers have run so often.
    pub(crate) async fn has_run(&self, times: usize) {
        self.bench.has_run(times).await;
    }

    /// Lets one handler end that waits for it.
    pub(crate) fn open_gate(&self) {
        self.bench.open_gate();
    }

    pub(crate) fn store_recovers(&self) {
        (self.heal)();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A service on a store that fails where the settings say so.
fn faulty<S: Store>(store: S, settings: &[Setting], handlers: Router) -> (Router, Heal) {
    let store = Arc::new(FaultyStore::new(store));
    for setting in settings {
        if let Setting::StoreFails(verb, kind) = *setting {
            store.fail(Fault::from(verb, 1, kind));
        }
    }
    let app = guarded(Arc::clone(&store), settings, handlers);
    (app, Box::new(move || store.heal()))
}

fn guarded<S: Store + Clone>(store: S, settings: &[Setting], handlers: Router) -> Router {
    let identity = if settings.contains(&Setting::Anonymous) {
        Identity::anonymous()
    } else if settings.contains(&Setting::CookiesIgnored) {
        Identity::credentials().ignoring_cookies()
    } else {
        Identity::credentials()
    };
    let usual = Idempotency::new(store, identity);
    let idempotency =
        settings.iter().fold(usual, |idempotency, setting| setting.apply(idempotency));
    let layer = idempotency.layer();
    let policy = layer.policy_page();
    let page = move |headers: HeaderMap| async move {
        policy.respond(&headers).map(axum::body::Body::new)
    };
    handlers.layer(layer).route(PAGE, get(page))
}

impl Setting {
    fn apply<S: Store + Clone>(self, idempotency: Idempotency<S>) -> Idempotency<S> {
        let name = |name: &str| name.parse().expect("a field name");
        match self {
            Self::KeyRequired => idempotency.require_key(),
            Self::QuotesRequired => idempotency.key_syntax(KeySyntax::Strict),
            Self::DatedKeys => idempotency.accepted_keys(AcceptedKeys::Dated),
            Self::IssuedKeys => idempotency.accepted_keys(AcceptedKeys::Issued),
            Self::KeysUpTo(keys) => idempotency.quota(Quota { keys: Some(keys), bytes: None }),
            Self::Ignoring(pointer) => idempotency.ignoring_json(pointer),
            Self::KeyField(field) => idempotency.field_name(name(field)),
            Self::Marker(field) => idempotency.marker_name(name(field)),
            Self::Methods(methods) => idempotency.methods(methods.iter().cloned()),
            Self::CanonicalJson => idempotency.canonical_json(),
            Self::RequestsUpTo(bytes) => idempotency.request_body_bytes_max(bytes),
            Self::AnswersUpTo(bytes) => idempotency.response_body_bytes_max(bytes),
            Self::Waiting => idempotency.on_concurrent(OnConcurrent::Wait(handlers::PATIENCE)),
            Self::RecordAll => idempotency.record_all(),
            Self::Keyed => idempotency.keyed(),
            Self::Transactional => idempotency.transactional(),
            Self::PolicyAt(address) => idempotency.policy_page(address),
            Self::Anonymous | Self::CookiesIgnored | Self::StoreFails(..) => idempotency,
        }
    }
}
