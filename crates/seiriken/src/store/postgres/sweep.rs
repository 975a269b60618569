//! Sweeping, a bounded number of rows to a transaction: what somebody is just changing is passed
//! over, and what is removed for its age is remembered in the same transaction.

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, raw_sql};

use super::argument::{Argument, written_out};
use super::columns::{columns, millis, number_of};
use super::error::{in_doubt, not_applied, of_verb};
use super::row::Seen;
use super::statements::Statements;
use super::{PostgresStore, Shared};
use crate::clock::Timestamp;
use crate::record::transition::{self, Change, Transition};
use crate::store::{StoreError, Sweep, Swept};

/// So many rows of each kind at most in one step.
const STEP: i64 = 256;

impl Sweep for PostgresStore {
    async fn sweep(&self) -> Result<Swept, StoreError> {
        let store = self.clone();
        let sweeping = tokio::spawn(async move { store.shared.sweep().await });
        sweeping.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
    }
}

impl Shared {
    async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut connection = self.sessions.acquire().await.map_err(not_applied)?;
        let swept = self.sweep_on(&mut connection).await;
        if swept.is_err() {
            // It may be anywhere inside a transaction.
            connection.close_on_drop();
        }
        let mut swept = swept.map_err(of_verb)?;
        swept.removed += self.running.sweep(self.now().await?);
        Ok(swept)
    }

    async fn sweep_on(
        &self,
        connection: &mut PoolConnection<Postgres>,
    ) -> Result<Swept, sqlx::Error> {
        let due = [self.now_argument(), Argument::Int(Some(STEP))];
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO on; \
             SET LOCAL bytea_output TO hex; {}",
            written_out(&self.statements.due, &due)
        );
        let rows = raw_sql(AssertSqlSafe(begin)).fetch_all(&mut **connection).await?;
        let mut plan = Plan::default();
        for row in &rows {
            plan.add(self, row)?;
        }
        plan.swept.more = rows.len() >= usize::try_from(STEP).unwrap_or(usize::MAX);
        let end = plan.script(self);
        raw_sql(AssertSqlSafe(end)).execute(&mut **connection).await?;
        Ok(plan.swept)
    }
}

/// What a step does.
#[derive(Default)]
struct Plan {
    statements: Vec<String>,
    forgotten: Option<Timestamp>,
    swept: Swept,
}

impl Plan {
    fn add(&mut self, shared: &Shared, row: &PgRow) -> Result<(), sqlx::Error> {
        let seen = Seen::read(row)?;
        let id = seen.id;
        let standing = match seen.standing() {
            Ok(Some(standing)) => standing,
            Ok(None) => return Ok(()),
            Err(error) => {
                // It stays: what cannot be read is never forgotten by itself.
                tracing::error!(%id, %error, "a record cannot be swept");
                return Ok(());
            }
        };
        let Transition { change, outcome: forgotten } =
            transition::sweep(&standing.record, seen.now);
        self.forgotten = self.forgotten.max(forgotten);
        self.swept.count(&standing.record, &change);
        let int = |number: i64| Argument::Int(Some(number));
        let compared = [int(number_of(standing.record.token)), int(standing.revision)];
        let Statements { update, remove, .. } = &shared.statements;
        match change {
            Change::Keep => {}
            Change::Put(record) => {
                let mut arguments = shared.with_now(columns(&id, &record));
                arguments.extend(compared);
                self.statements.push(written_out(update, &arguments));
            }
            Change::Remove => {
                let mut arguments = vec![Argument::bytes(id.as_bytes())];
                arguments.extend(compared);
                self.statements.push(written_out(remove, &arguments));
            }
        }
        Ok(())
    }

    fn script(&self, shared: &Shared) -> String {
        let mut statements = self.statements.clone();
        if let Some(forgotten) = self.forgotten {
            let through = [Argument::Int(Some(millis(forgotten)))];
            statements.insert(0, written_out(&shared.statements.raise, &through));
        }
        statements.push("COMMIT".into());
        statements.join("; ")
    }
}
