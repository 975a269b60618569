//! A standby that commits wait for takes the server's place.

use private_servers::PrivatePostgres;
use seiriken::record::transition::ClaimOutcome;
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use seiriken::store::postgres::sqlx::{
    AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql,
};
use seiriken::store::postgres::{PostgresOptions, PostgresStore};
use tokio::task::JoinHandle;

use crate::clauses;
use crate::committed::puts_a_thing;
use crate::shelf::Node;

async fn connect(server: &PrivatePostgres) -> PgConnection {
    PgConnection::connect(&server.url()).await.expect("a connection")
}

async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    query_scalar(sql).fetch_one(connection).await.expect("a number")
}

async fn run(server: &PrivatePostgres, sql: &str) {
    let mut connection = connect(server).await;
    for statement in sql.split(';') {
        raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("it runs");
    }
}

/// A server where nobody waits for the disk or a standby who does not ask for it, and that has no
/// standby yet.
fn lazy() -> PrivatePostgres {
    PrivatePostgres::start(&["synchronous_commit = off"]).expect("it starts")
}

async fn node(server: &PrivatePostgres) -> Node {
    let url: PgConnectOptions = server.url().parse().expect("an address");
    let pool = PgPoolOptions::new().connect_lazy_with(url);
    Node { store: PostgresOptions::new().with_pool(pool).await.expect("it is opened") }
}

/// From now on: for one that is not there yet.
async fn wait_for_a_standby(server: &PrivatePostgres) {
    let wait =
        "ALTER SYSTEM SET synchronous_standby_names = 'walreceiver'; SELECT pg_reload_conf()";
    run(server, wait).await;
    let named = "SELECT count(*) FROM pg_settings
        WHERE name = 'synchronous_standby_names' AND setting <> ''";
    let mut connection = connect(server).await;
    while number(&mut connection, named).await == 0 {}
}

/// Until so many commits wait for the standby, that of this work among them.
async fn waits<T>(server: &PrivatePostgres, commits: i64, work: &JoinHandle<T>) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let mut connection = connect(server).await;
    while number(&mut connection, waiting).await < commits {
        assert!(!work.is_finished(), "it does not wait for the standby");
    }
}

fn claiming(store: &PostgresStore) -> JoinHandle<ClaimOutcome> {
    let store = store.clone();
    tokio::spawn(async move { clauses::claim(&store, 1, EffectClass::Opaque).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_on_the_standby_that_commits_wait_for() {
    let server = lazy();
    let before = node(&server).await;
    run(&server, "CREATE TABLE things (name text NOT NULL)").await;
    wait_for_a_standby(&server).await;
    let claiming = claiming(&before.store);
    waits(&server, 1, &claiming).await;
    let route = puts_a_thing(&before);
    let posting = tokio::spawn(async move { route.post("k").await });
    waits(&server, 2, &posting).await;

    let standby = server.standby().expect("it follows");
    let ClaimOutcome::Granted(grant) = claiming.await.expect("no panic") else {
        panic!("it is new");
    };
    let answer = RecordedResponse::of_work(b"done");
    before.store.complete(clauses::key(1), grant.token, answer.clone()).await.expect("recorded");
    let first = posting.await.expect("no panic");
    first.assert_executed();

    server.kill().expect("it ends");
    let alone = "SELECT pg_promote(); ALTER SYSTEM RESET synchronous_standby_names;
        SELECT pg_reload_conf()";
    run(&standby, alone).await;
    let after = node(&standby).await;
    let told = clauses::claim(&after.store, 1, EffectClass::Opaque).await;
    assert_eq!(told, ClaimOutcome::Completed(answer));
    puts_a_thing(&after).post("k").await.assert_replays(&first);
}

/// PostgreSQL warns of it, and nobody hands that on: what such a standby has lacked when it takes
/// the server's place runs again. An operator must not cancel these waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_the_standby_that_is_cancelled_counts_as_a_commit() {
    let server = lazy();
    let node = node(&server).await;
    wait_for_a_standby(&server).await;
    let claiming = claiming(&node.store);
    waits(&server, 1, &claiming).await;
    run(
        &server,
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    )
    .await;
    let told = claiming.await.expect("no panic");
    assert!(matches!(told, ClaimOutcome::Granted(_)), "{told:?}");
    assert!(server.log().contains("might not have been replicated"), "{}", server.log());
}
