//! Messages from a queue, each booked once however often it is delivered. No HTTP anywhere.

use std::error::Error;
use std::process::ExitCode;

use seiriken::engine::{Decision, Ending, Engine, Execution, Operation};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::sqlite::{SqliteStore, SqliteTx, rusqlite};
use seiriken::{IdempotencyKey, KeySyntax, Policy, Scope};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: queue-consumer FILE; messages 'ID ACCOUNT AMOUNT' on standard input");
        return ExitCode::from(64);
    };
    match consume(&file).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("queue-consumer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn consume(file: &str) -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open(file).await?;
    let table = "CREATE TABLE IF NOT EXISTS ledger (account TEXT, amount INTEGER) STRICT";
    store.write(move |tx| tx.execute_batch(table)).await??;
    let mut policy = Policy::default();
    policy.class = EffectClass::Transactional;
    let engine = Engine::new(store.clone(), policy)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match Message::read(&line) {
            Some(message) => println!("{}", handle(&engine, message).await?),
            None => eprintln!("not a message: {line}"),
        }
    }
    store.close().await;
    Ok(())
}

struct Message {
    id: String,
    account: String,
    amount: i64,
}

impl Message {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (id, account) = (words.next()?, words.next()?);
        let amount = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Self { id, account, amount })
    }
}

/// Books a message if nobody did, and says what came of it.
async fn handle(
    engine: &Engine<SqliteStore>,
    Message { id, account, amount }: Message,
) -> Result<String, Box<dyn Error>> {
    let key = IdempotencyKey::parse(id.as_bytes(), KeySyntax::Lenient)?;
    let input = format!("{account} {amount}");
    let secret = engine.store().secret();
    let operation =
        Operation::of_work(secret, &Scope::new("ledger"), &key, "book", input.as_bytes());
    let booking = engine.run(operation, move |execution: Execution<SqliteStore>| async move {
        let booked = execution.commit(move |tx| book(tx, &account, amount)).await;
        // Whatever is returned here: after a commit, what was committed is the result.
        Ending::NotProcessed(format!("{booked:?}"))
    });
    Ok(match booking.await {
        Decision::Executed { response, .. } => format!("{id}: {}", text(&response)),
        Decision::Replayed(response) => format!("{id}: seen before: {}", text(&response)),
        Decision::Mismatch => format!("{id}: refused: this id was another message before"),
        other => return Err(format!("{id}: {}; deliver it again", other.name()).into()),
    })
}

fn book(
    tx: &SqliteTx<'_>,
    account: &str,
    amount: i64,
) -> Result<(RecordedResponse, ()), rusqlite::Error> {
    tx.execute("INSERT INTO ledger VALUES (?1, ?2)", (account, amount))?;
    let balance: i64 =
        tx.query_row("SELECT sum(amount) FROM ledger WHERE account = ?1", [account], |row| {
            row.get(0)
        })?;
    let result = format!("booked, balance of {account} is {balance}");
    Ok((RecordedResponse::of_work(result.as_bytes()), ()))
}

fn text(response: &RecordedResponse) -> String {
    String::from_utf8_lossy(&response.body()).into_owned()
}
