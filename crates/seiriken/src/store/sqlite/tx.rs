//! The transaction that an effect writes in, and the fence around it.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The open transaction: read and write with it as with any `rusqlite::Connection`.
///
/// It commits together with the record when the closure answers `Ok`, and is rolled back alone
/// when it answers `Err` or panics. Other requests' effects may share the transaction around it,
/// so SQLite refuses (`not authorized`) what would touch that: `BEGIN`, `COMMIT`, `ROLLBACK`,
/// `SAVEPOINT`, `ATTACH`, `DETACH`, `PRAGMA`, and writing to the tables of key records. What is
/// done through other methods of the connection (its configuration, incremental blobs) is not
/// looked at: do not reach for the tables of key records there.
#[derive(Debug)]
pub struct SqliteTx<'c> {
    connection: &'c Connection,
}

impl Deref for SqliteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

thread_local! {
    /// Whether the statement being prepared on this thread is an effect's.
    static EFFECT_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Runs an effect inside the fence.
pub(super) fn run_effect<R>(connection: &Connection, effect: impl FnOnce(&SqliteTx<'_>) -> R) -> R {
    struct Fence;
    impl Drop for Fence {
        fn drop(&mut self) {
            EFFECT_RUNS.set(false);
        }
    }
    EFFECT_RUNS.set(true);
    let _fence = Fence;
    effect(&SqliteTx { connection })
}

/// Puts the fence up. SQLite asks it once for each statement that is prepared.
pub(super) fn guard(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    connection.authorizer(Some(|asked: AuthContext<'_>| {
        if EFFECT_RUNS.get() && touches_the_transaction_or_records(&asked.action) {
            Authorization::Deny
        } else {
            Authorization::Allow
        }
    }))?;
    // An error can make SQLite end the whole transaction in the middle of an effect (a full disk,
    // `INSERT OR ROLLBACK`). What the effect writes after that would commit by itself, without its
    // record: this turns such a commit into a rollback.
    connection.commit_hook(Some(|| EFFECT_RUNS.get()))
}

fn touches_the_transaction_or_records(action: &AuthAction<'_>) -> bool {
    let ours = |table: &str| {
        let own = ["idempotency_records", "seiriken_index", "seiriken_meta"];
        own.iter().any(|own| own.eq_ignore_ascii_case(table))
    };
    match action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. } => true,
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::CreateTempTable { table_name }
        | AuthAction::CreateView { view_name: table_name }
        | AuthAction::CreateTempView { view_name: table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateTempTrigger { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. } => ours(table_name),
        _ => false,
    }
}
