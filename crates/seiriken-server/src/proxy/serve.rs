//! The proxy on each store.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Operate, keep_swept};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::core::{self, Thread};
use super::door::Door;
use super::forward::Shared;
use super::guards::Layers;
use super::options::{HostOption, ProxyOptions};
use super::route::{PAGE, Route};
use super::tls;
use super::upstream::{Address, Upstream};
use crate::admin::Admin;
use crate::keys::Beside;
use crate::listen::{self, Listening};
use crate::stop;
use crate::store_url::StoreUrl;

/// The longest pause between two sweeps.
const SWEEP_PAUSE_MAX: Duration = Duration::from_mins(1);

/// Everything but the store.
struct Ready {
    options: ProxyOptions,
    routes: Vec<Route>,
    listening: Listening,
    admin: Option<Admin>,
    tls: Option<TlsAcceptor>,
    upstream: Upstream,
    /// What the upstream is called, where it is told that.
    host: Option<HeaderValue>,
}

/// Runs the proxy until it is asked to stop.
pub(crate) async fn serve(options: ProxyOptions) -> ExitCode {
    let (routes, address) = match configured(&options) {
        Ok(configured) => configured,
        Err(wrong) => return stop::bad_use(&wrong),
    };
    if options.check_config {
        println!("the configuration can be followed; {} routes", routes.len());
        return ExitCode::SUCCESS;
    }
    let store = options.serving.store.clone();
    let ready = match Ready::new(options, routes, address).await {
        Ok(ready) => ready,
        Err(why) => return stop::failed(&why),
    };
    let pause = ready.options.serving.lease.min(SWEEP_PAUSE_MAX);
    match store {
        StoreUrl::Memory => match MemoryStore::new() {
            Ok(store) => {
                let store = Arc::new(store);
                tokio::spawn(keep_swept(Arc::clone(&store), pause));
                ready.run(store, std::future::pending()).await
            }
            Err(error) => stop::failed(&format!("no randomness for the store: {error}")),
        },
        StoreUrl::Sqlite(path) => match SqliteStore::open(&path).await {
            Ok(store) => on_sqlite(ready, store, &path, pause).await,
            Err(error) => stop::failed(&error.to_string()),
        },
        StoreUrl::Postgres(url) => match PostgresStore::connect(url.as_str()).await {
            Ok(store) => {
                tokio::spawn(keep_swept(store.clone(), pause));
                ready.run(store, std::future::pending()).await
            }
            Err(error) => stop::failed(&error.to_string()),
        },
        StoreUrl::Redis(url) => match RedisStore::connect(url.as_str()).await {
            Ok(store) => ready.run(Arc::new(store), std::future::pending()).await,
            Err(error) => stop::failed(&error.to_string()),
        },
    }
}

async fn on_sqlite(ready: Ready, store: SqliteStore, path: &Path, pause: Duration) -> ExitCode {
    tokio::spawn(keep_swept(store.clone(), pause));
    let beside = Beside::answer(path, &store);
    let drain = ready.options.serving.drain;
    let halted = store.clone();
    let halted = async move { halted.halted().await };
    let exit = ready.run(store.clone(), halted).await;
    // While the file is ours: whoever has it next has a socket of its own there.
    drop(beside);
    // A disk that hangs must not keep the process: what is not committed was not answered.
    match tokio::time::timeout(drain, store.close()).await {
        Ok(()) => exit,
        Err(_) => stop::failed("the store could not be closed in time"),
    }
}

/// What the options and the file ask for, without opening anything but the files that they name.
fn configured(options: &ProxyOptions) -> Result<(Vec<Route>, Address), String> {
    let address = options.upstream.clone().ok_or("the upstream is missing: --upstream URL")?;
    let routes = Route::all(options)?;
    tls::acceptor(&options.tls)?;
    Upstream::check(&address, &options.tls)?;
    // A rule that no layer can follow is found by building one, on a store that is not used.
    let store = MemoryStore::new().map_err(|error| format!("no randomness: {error}"))?;
    let store = Arc::new(store);
    for route in &routes {
        let layer = route.idempotency(options, Arc::clone(&store)).try_layer();
        layer.map_err(|error| error.to_string())?;
        route.reconcile.as_ref().map_or(Ok(()), |template| template.check(options))?;
    }
    Ok((routes, address))
}

impl Ready {
    async fn new(
        options: ProxyOptions,
        routes: Vec<Route>,
        address: Address,
    ) -> Result<Self, String> {
        let tls = tls::acceptor(&options.tls)?;
        let connect_within = options.deadlines.connect_timeout;
        let host = match options.host {
            HostOption::Client => None,
            HostOption::Upstream => address.host_field(),
        };
        let upstream = Upstream::new(address, &options.tls, connect_within)?;
        let listening = listen::listen(&options.listen).await;
        let listening =
            listening.map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
        let admin = match &options.serving.admin {
            Some(address) => Some(Admin::open(address).await?),
            None => None,
        };
        Ok(Self { options, routes, listening, admin, tls, upstream, host })
    }

    /// What the requests of one core share.
    fn shared(&self) -> Shared {
        let base = self.options.serving.public_url.as_deref().unwrap_or_default();
        Shared {
            upstream: self.upstream.another(),
            host: self.host.clone(),
            total: self.options.deadlines.total_timeout,
            idle: self.options.deadlines.idle_timeout,
            page: format!("{base}{PAGE}"),
        }
    }

    /// Serves, and ends: on request after what has begun is done, or at once when the store halts.
    async fn run<S: Operate + Clone>(self, store: S, halted: impl Future<Output = ()>) -> ExitCode {
        let layers = match Layers::new(&self.options, self.routes.clone(), &store) {
            Ok(layers) => layers,
            Err(why) => return stop::failed(&why),
        };
        let threads = match core::threads() {
            Ok(threads) => threads,
            Err(error) => return stop::failed(&format!("a thread cannot be started: {error}")),
        };
        let core = |thread: &Thread| thread.core(|| layers.before(self.shared()));
        let cores = threads.iter().map(core).collect();
        let Self { options, listening, admin, tls, .. } = self;
        let asked = stop::Asked::watch();
        let scheme = if tls.is_some() { "https" } else { "http" };
        println!("listening on {scheme}://{}", listening.address());
        let places = Arc::new(Semaphore::new(options.max_connections as usize));
        let door = Door { cores, deadlines: options.deadlines, tls, places };
        let (say_stop, stop) = watch::channel(false);
        // All of them are on the same store, which is all that it asks.
        if let (Some(admin), Some(engine)) = (admin, layers.engines().next()) {
            admin.serve(engine.clone(), stop.clone());
        }
        let serving = tokio::spawn(door.serve(listening.into_listeners(), stop));
        let mut halted = std::pin::pin!(halted);
        tokio::select! {
            () = asked.stopped() => {}
            () = &mut halted => return stop::disk_in_doubt(),
        }
        tracing::info!("stopping: finishing what has begun");
        // An error means that serving has ended already.
        let _ = say_stop.send(true);
        let draining = async {
            // An error is a panic of the serving task; what it left is in the engines' hands.
            let _ = serving.await;
            let mut drained = true;
            for engine in layers.engines() {
                drained &= engine.drain(options.serving.drain).await;
            }
            drained
        };
        let drained = tokio::select! {
            drained = tokio::time::timeout(options.serving.drain, draining) => drained,
            () = halted => return stop::disk_in_doubt(),
        };
        match drained {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) | Err(_) => {
                stop::failed("some requests were not finished in time; they keep their claims")
            }
        }
    }
}
