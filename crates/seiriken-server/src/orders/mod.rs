//! The order service: every order is made at most once, and every retry gets the first answer.

mod book;
mod create;
mod openapi;
mod order;
mod page;
mod prepare;
mod refusal;
mod routes;
mod serve;

use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use seiriken::Quota;
use seiriken::engine::Engine;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::{Operate, Store};
use tokio::sync::watch;

pub(crate) use self::serve::serve;
use crate::admin::Admin;
use crate::cli::OrdersOptions;
use crate::identity::IdentityOption;
use crate::listen::Listening;
use crate::stop;

/// The longest pause between two sweeps.
const SWEEP_PAUSE_MAX: Duration = Duration::from_mins(1);

/// Often enough that a claim whose owner vanished is settled about when its lease ends, also when
/// nobody asks for it.
fn sweep_pause(options: &OrdersOptions) -> Duration {
    options.serving.lease.min(SWEEP_PAUSE_MAX)
}

/// What is the same for every store.
fn idempotency<S: Store + Clone>(options: &OrdersOptions, store: S) -> Idempotency<S> {
    Idempotency::new(store, identity(&options.identity))
        .require_key()
        .canonical_json()
        .retention(options.serving.retention)
        .skew(options.serving.skew)
        .lease(options.serving.lease)
        .accepted_keys(options.keys)
        .quota(Quota { keys: options.serving.quota, bytes: None })
        .on_concurrent(options.serving.on_concurrent)
        .request_body_bytes_max(options.max_body)
        .response_body_bytes_max(options.serving.max_response)
        .policy_page(routes::policy_address(options))
}

/// The service has no cookies of its own: unless one is named, they mean nothing to it.
fn identity(option: &IdentityOption) -> Identity {
    option.identity().ignoring_cookies()
}

/// Where the service is reached.
struct Doors {
    orders: Listening,
    admin: Option<Admin>,
}

/// Serves, and ends: on request after what has begun is done, or at once when the store halts.
async fn run<S: Operate>(
    Doors { orders: listening, admin }: Doors,
    app: Router,
    engine: &Engine<S>,
    drain: Duration,
    halted: impl Future<Output = ()>,
) -> ExitCode {
    let asked = stop::Asked::watch();
    println!("listening on {}", listening.url());
    let (say_stop, stop) = watch::channel(false);
    if let Some(admin) = admin {
        admin.serve(engine.clone(), stop.clone());
    }
    let serving = tokio::spawn(listening.serve(app, stop));
    let mut halted = std::pin::pin!(halted);
    tokio::select! {
        () = asked.stopped() => {}
        () = &mut halted => return stop::disk_in_doubt(),
    }
    tracing::info!("stopping: finishing what has begun");
    // An error means that serving has ended already.
    let _ = say_stop.send(true);
    let draining = async {
        // An error is a panic of the serving task; what it left is in the engine's hands.
        let _ = serving.await;
        engine.drain(drain).await
    };
    let drained = tokio::select! {
        drained = tokio::time::timeout(drain, draining) => drained,
        () = halted => return stop::disk_in_doubt(),
    };
    match drained {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => {
            stop::failed("some requests were not finished in time; they keep their claims")
        }
    }
}
