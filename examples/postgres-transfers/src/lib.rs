//! Transfers between accounts. The handler gets a transaction; what it writes there commits together
//! with the key and the answer.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use seiriken::engine::TxError;
use seiriken::http::{Idempotency, Identity, NotProcessed, Once};
use seiriken::store::postgres::PostgresStore;
use seiriken::store::postgres::sqlx::{self, PgConnection, PgPool};
use serde::{Deserialize, Serialize};

/// A transfer as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    from: String,
    to: String,
    amount: i64,
}

/// What is left where it came from.
#[derive(Debug, Serialize)]
struct Moved {
    from: String,
    balance: i64,
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS accounts (
        name    text PRIMARY KEY,
        balance bigint NOT NULL CHECK (balance >= 0)
    );
    INSERT INTO accounts VALUES ('alice', 1000), ('bob', 0) ON CONFLICT DO NOTHING";

/// The service on the database behind this pool.
pub async fn app(pool: PgPool) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    let store = PostgresStore::with_pool(pool).await?;
    let idempotency = Idempotency::new(store, Identity::anonymous())
        .transactional()
        .require_key()
        .canonical_json()
        .try_layer()?;
    Ok(Router::new().route("/transfers", post(transfer)).layer(idempotency))
}

async fn transfer(
    once: Once<PostgresStore>,
    Json(transfer): Json<Transfer>,
) -> Result<Response, Refused> {
    if transfer.amount <= 0 {
        return Err(Refused::Invalid);
    }
    let mut transaction = once.begin().await?;
    let balance = take(&mut transaction, &transfer).await?.ok_or(Refused::TooLittle)?;
    give(&mut transaction, &transfer).await?;
    let moved = Moved { from: transfer.from, balance };
    Ok(transaction.commit((StatusCode::CREATED, Json(moved))).await?)
}

async fn take(
    connection: &mut PgConnection,
    Transfer { from, amount, .. }: &Transfer,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE accounts SET balance = balance - $2
          WHERE name = $1 AND balance >= $2 RETURNING balance",
    )
    .bind(from)
    .bind(amount)
    .fetch_optional(connection)
    .await
}

async fn give(
    connection: &mut PgConnection,
    Transfer { to, amount, .. }: &Transfer,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO accounts VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET balance = accounts.balance + $2",
    )
    .bind(to)
    .bind(amount)
    .execute(connection)
    .await
    .map(drop)
}

/// Nothing was moved, and the key is free.
#[derive(Debug)]
enum Refused {
    Invalid,
    TooLittle,
    Failed(Response),
}

/// The layer answers, or says what to.
impl From<TxError> for Refused {
    fn from(error: TxError) -> Self {
        Self::Failed(error.into_response())
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        eprintln!("postgres-transfers: {error}");
        Self::Failed(StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid => {
                (StatusCode::BAD_REQUEST, NotProcessed, "the amount must be above 0\n")
                    .into_response()
            }
            Self::TooLittle => {
                (StatusCode::CONFLICT, NotProcessed, "there is not enough to take\n")
                    .into_response()
            }
            Self::Failed(response) => response,
        }
    }
}
