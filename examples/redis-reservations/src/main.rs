//! Seats are reserved on Redis. There is no transaction around the reservation and its answer, so the
//! reservation has a name that is made from the key: whoever makes it again finds the one that is there.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use seiriken::http::{Idempotency, Identity, NotProcessed, Once};
use seiriken::store::redis::RedisStore;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: redis-reservations redis://HOST [LISTEN]");
        return ExitCode::from(64);
    };
    let listen = std::env::args().nth(2).unwrap_or_else(|| "localhost:3002".to_owned());
    match serve(&address, &listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis-reservations: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, listen: &str) -> Result<(), Box<dyn Error>> {
    let store = RedisStore::connect(address).await?;
    println!("{}", store.durability());
    let seats = redis::Client::open(address)?.get_connection_manager().await?;
    let idempotency = Idempotency::new(Arc::new(store), Identity::anonymous())
        // Whatever a vanished owner has done is found again by its name.
        .keyed()
        .require_key()
        .canonical_json()
        .try_layer()?;
    let app = Router::new().route("/reservations", post(reserve)).with_state(seats);
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app.layer(idempotency)).await?;
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    seat: String,
}

#[derive(Debug, Serialize)]
struct Reserved {
    reservation: String,
    seat: String,
}

async fn reserve(
    State(mut seats): State<ConnectionManager>,
    once: Once<Arc<RedisStore>>,
    Json(Wish { seat }): Json<Wish>,
) -> Result<Response, Refused> {
    let reservation = once.execution().id().to_string();
    // The first one has the seat; asked again by the same operation it is still that one.
    let _: bool = seats.hset_nx("seats", &seat, &reservation).await?;
    let holder: String = seats.hget("seats", &seat).await?;
    if holder != reservation {
        return Err(Refused::Taken);
    }
    Ok((StatusCode::CREATED, Json(Reserved { reservation, seat })).into_response())
}

enum Refused {
    Taken,
    /// It may have been reserved.
    InDoubt(redis::RedisError),
}

impl From<redis::RedisError> for Refused {
    fn from(error: redis::RedisError) -> Self {
        Self::InDoubt(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            // Nothing was done: the key is free for another seat.
            Self::Taken => {
                (StatusCode::CONFLICT, NotProcessed, "the seat is taken\n").into_response()
            }
            // 504 says that nobody knows: the retry runs it again, and finds what is there.
            Self::InDoubt(error) => {
                eprintln!("redis-reservations: {error}");
                StatusCode::GATEWAY_TIMEOUT.into_response()
            }
        }
    }
}
