//! The rows: what cannot be read is told, what cannot be is refused by the table itself.

use seiriken::http::ProblemKind;
use seiriken::store::postgres::sqlx::{self, AssertSqlSafe, Connection, PgConnection};

use crate::guarded::{Answer, Guarded, says};
use crate::shelf::{Shelf, server};

#[tokio::test]
async fn a_row_that_was_changed_is_told_for_its_key_alone() {
    for damage in [
        "response = set_byte(response, 9, 1)",
        "identity = decode('00000000000000000000000000000000', 'hex')",
        "fingerprint = decode('00000000000000000000000000000000', 'hex')",
        "token = token + 1000000",
    ] {
        let shelf = Shelf::new().await;
        let node = shelf.node(1).await;
        let service = Guarded::answering(&node.idempotency(), || says(201, "done"));
        let first = service.post("k").await;
        first.assert_executed();
        service.post("k").await.assert_replays(&first);
        shelf.run(&format!("UPDATE keys.key_records SET {damage}")).await;
        // Beside others, with which it shares statements.
        let keys = ["k", "a", "b", "c"];
        let asked = keys.iter().map(|key| service.post(key));
        let told = futures_util::future::join_all(asked).await;
        told[0].assert_refused(ProblemKind::StoreUnavailable);
        told[1..].iter().for_each(Answer::assert_executed);
        assert_eq!(service.runs(), 4, "{damage}: what cannot be read is not run again");
    }
}

#[tokio::test]
async fn the_table_refuses_what_no_record_is() {
    let shelf = Shelf::new().await;
    let node = shelf.node(1).await;
    let service = Guarded::answering(&node.idempotency(), || says(201, "done"));
    service.post("k").await.assert_executed();
    let mut connection = PgConnection::connect(&server().url()).await.expect("a connection");
    for (change, constraint) in [
        ("state = 'lost', status = NULL, response = NULL, response_check = NULL", "state_is_known"),
        ("class = 'other'", "class_is_known"),
        ("executions = 0", "it_was_begun"),
        ("identity = ''", "digests_are_whole"),
        ("expires_at = NULL", "what_can_expire_says_when"),
        ("response = NULL", "a_completed_one_has_its_answer"),
        ("status = NULL", "a_completed_one_has_its_answer"),
        ("lease_until = clock_timestamp()", "a_running_one_has_an_owner"),
        ("why = 'owner_vanished'", "an_unknown_outcome_says_why"),
    ] {
        let change = format!("UPDATE {}.key_records SET {change}", shelf.schema());
        let refused = sqlx::query(AssertSqlSafe(change)).execute(&mut connection).await;
        let refused = refused.expect_err("no record is like that");
        let database = refused.as_database_error().expect("the table's own");
        assert_eq!(database.constraint(), Some(constraint), "{database}");
    }
}
