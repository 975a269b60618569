//! Many live keys in a file of the order service, written as the service writes them: order, key
//! and answer in one commit each, through the library.

use std::path::Path;

use seiriken::engine::{Decision, Ending, Engine, Execution, Operation};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::{IdempotencyKey, KeySyntax, Policy, Scope};
use tokio::task::JoinSet;

use crate::failure::{Failure, While};
use crate::random::Random;
use seiriken_bench_baseline::order::{self, NewOrder, Placed};

/// Two commits' worth: while one group is being synced, the next one gathers.
const AT_ONCE: usize = 512;

/// Puts so many finished orders, each with its live key, into a file that the order service has
/// made. Nobody else may have the file open.
pub async fn fill(path: &Path, keys: u64) -> Result<(), Failure> {
    let store = SqliteStore::open(path).await.while_doing("opening the file")?;
    let mut policy = Policy::default();
    policy.class = EffectClass::Transactional;
    let engine = Engine::new(store.clone(), policy).while_doing("making the engine")?;
    let (mut writing, mut random) = (JoinSet::new(), Random::new());
    for _ in 0..keys {
        if writing.len() == AT_ONCE {
            written(&mut writing).await?;
        }
        let key = random.uuid_v4().to_string();
        let key = IdempotencyKey::parse(key.as_bytes(), KeySyntax::Lenient)
            .while_doing("making a key")?;
        let operation = Operation::of_work(
            engine.store().secret(),
            &Scope::new("POST /orders"),
            &key,
            "order",
            order::REQUEST.as_bytes(),
        );
        writing.spawn(engine.run(operation, order));
    }
    while !writing.is_empty() {
        written(&mut writing).await?;
    }
    drop(engine);
    store.close().await;
    Ok(())
}

async fn written(writing: &mut JoinSet<Decision<String>>) -> Result<(), Failure> {
    match writing.join_next().await {
        None | Some(Ok(Decision::Executed { .. })) => Ok(()),
        Some(Ok(Decision::NotRecorded { beside: why, .. })) => Err(Failure::new(why)),
        Some(Ok(other)) => Err(Failure::new(format!("a key was not written: {}", other.name()))),
        Some(Err(error)) => Err(error).while_doing("writing a key"),
    }
}

/// Makes an order in the service's own table.
async fn order(execution: Execution<SqliteStore>) -> Ending<String> {
    let committed = execution.commit(|tx| {
        let placed = NewOrder::read(order::REQUEST.as_bytes())
            .ok_or_else(|| Failure::new("no order"))?
            .place()
            .while_doing("placing an order")?;
        tx.prepare_cached("INSERT INTO orders (order_id, content) VALUES (?1, ?2)")
            .and_then(|mut insert| {
                insert.execute(rusqlite::params![placed.id.as_bytes().as_slice(), placed.json])
            })
            .while_doing("inserting an order")?;
        Ok::<_, Failure>((recorded(&placed)?, ()))
    });
    // After a commit this is not looked at: what was committed is the answer.
    Ending::NotProcessed(match committed.await {
        Ok(Ok(_)) => String::new(),
        Ok(Err(error)) => format!("a key was not written: {error}"),
        Err(refused) => format!("a key was not written: {refused}"),
    })
}

/// The answer as the HTTP layer records it.
fn recorded(placed: &Placed) -> Result<RecordedResponse, Failure> {
    let location = placed.location();
    let fields =
        [(&b"location"[..], location.as_bytes()), (&b"content-type"[..], order::JSON.as_bytes())];
    RecordedResponse::new(201, &fields, &[], placed.json.as_bytes())
        .while_doing("recording an answer")
}
