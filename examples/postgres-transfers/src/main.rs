//! The program: a database and an address.

use std::error::Error;
use std::process::ExitCode;

use postgres_transfers::app;
use seiriken::store::postgres::sqlx::PgPool;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(database) = std::env::args().nth(1) else {
        eprintln!("usage: postgres-transfers postgres://HOST/DATABASE [LISTEN]");
        return ExitCode::from(64);
    };
    let listen = std::env::args().nth(2).unwrap_or_else(|| "localhost:3001".to_owned());
    match serve(&database, &listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postgres-transfers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(database: &str, listen: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let app = app(PgPool::connect(database).await?).await?;
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
