//! The tables: their schema, their versions, and what all nodes share.

use sqlx::{AssertSqlSafe, PgConnection, Row, raw_sql};

use super::argument::{Argument, written_out};
use super::error::OpenError;
use crate::issuing::{IssuingSecrets, Numbered};
use crate::secret::StoreSecret;

/// The schema that the tables are in.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    name: String,
}

/// A schema must be named so that it can be written without quotes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot be the name of the schema: use at most 40 of the letters a-z, digits and _, \
     with a letter first"
)]
pub struct InvalidSchemaName {
    name: String,
}

/// Each as it was released: a change of the tables is one more of them.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001_key_records.sql"),
    include_str!("migrations/0002_finish.sql"),
    include_str!("migrations/0003_enter.sql"),
];

const NAME_MAX: usize = 40;

impl Schema {
    pub(super) fn new(name: &str) -> Result<Self, InvalidSchemaName> {
        let letter = |byte: u8| byte.is_ascii_lowercase();
        let good = name.len() <= NAME_MAX
            && name.bytes().next().is_some_and(letter)
            && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit() || byte == b'_');
        if good {
            Ok(Self { name: name.to_owned() })
        } else {
            Err(InvalidSchemaName { name: name.to_owned() })
        }
    }

    /// A statement that is written for the usual schema.
    pub(super) fn named(&self, statement: &str) -> String {
        statement.replace("seiriken.", &format!("{}.", self.name))
    }

    /// Brings the tables to the version of this program, or says that they are not.
    pub(super) async fn bring_up(
        &self,
        connection: &mut PgConnection,
        migrate: bool,
    ) -> Result<(), OpenError> {
        let known = version_of(MIGRATIONS.len());
        let found = self.version(connection).await?;
        if found > known {
            return Err(OpenError::NewerThanThis { schema: self.name.clone(), found, known });
        }
        if found == known {
            return Ok(());
        }
        if !migrate {
            let schema = self.name.clone();
            return Err(OpenError::NotMigrated { schema, found, needed: known });
        }
        // One script, so one transaction: whoever is second waits for the lock, and then finds
        // the version of the first. The lock goes with the transaction.
        let lock = self.named(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('seiriken.migrations', 0))",
        );
        run(connection, lock).await?;
        let migrated = self.migrate(connection).await;
        let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
        run(connection, end.to_owned()).await?;
        migrated
    }

    async fn migrate(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        let found = self.version(connection).await?;
        if found == 0 {
            // Not `IF NOT EXISTS` alone: that asks for the right to make one also where one is.
            let there = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{}'", self.name);
            if raw_sql(AssertSqlSafe(there)).fetch_optional(&mut *connection).await?.is_none() {
                run(connection, format!("CREATE SCHEMA {}", self.name)).await?;
            }
            let versions = "CREATE TABLE IF NOT EXISTS seiriken.migrations (
                version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())";
            run(connection, self.named(versions)).await?;
        }
        for (at, migration) in MIGRATIONS.iter().enumerate() {
            let version = version_of(at + 1);
            if version <= found {
                continue;
            }
            run(connection, self.named(migration)).await?;
            let done = format!("INSERT INTO seiriken.migrations (version) VALUES ({version})");
            run(connection, self.named(&done)).await?;
            tracing::info!(schema = self.name, version, "the tables were migrated");
        }
        Ok(())
    }

    /// The version of the tables that are there; 0 where there are none.
    async fn version(&self, connection: &mut PgConnection) -> Result<i32, OpenError> {
        // From the catalogue itself: what a session remembers of names that were not there it goes
        // on believing until it looks into a table.
        let there = format!(
            "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
                WHERE nspname = '{}' AND relname = 'migrations') AS there",
            self.name
        );
        let row = raw_sql(AssertSqlSafe(there)).fetch_one(&mut *connection).await?;
        if !row.try_get::<bool, _>("there")? {
            return Ok(0);
        }
        let version = self.named("SELECT coalesce(max(version), 0) AS v FROM seiriken.migrations");
        Ok(raw_sql(AssertSqlSafe(version)).fetch_one(connection).await?.try_get("v")?)
    }

    /// The secrets that all nodes share; whoever comes first makes them.
    pub(super) async fn secrets(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(StoreSecret, IssuingSecrets), OpenError> {
        let (secret, issuing) = (StoreSecret::random()?, StoreSecret::random()?);
        let first = self.named(
            "INSERT INTO seiriken.store_state (secret, issuing_secret) VALUES ($1, $2)
             ON CONFLICT DO NOTHING",
        );
        let secrets = [Argument::bytes(secret.as_bytes()), Argument::bytes(issuing.as_bytes())];
        run(connection, written_out(&first, &secrets)).await?;
        self.read_secrets(connection).await
    }

    pub(super) async fn read_secrets(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(StoreSecret, IssuingSecrets), OpenError> {
        // As hex: how bytes are shown as text depends on the session.
        let read = self.named(
            "SELECT encode(secret, 'hex') AS secret, issuing_secret_number AS number,
                encode(issuing_secret, 'hex') AS issuing,
                encode(issuing_secret_previous, 'hex') AS previous
             FROM seiriken.store_state",
        );
        let row = raw_sql(AssertSqlSafe(read)).fetch_one(connection).await?;
        let secret = secret_of(row.try_get("secret")?)?;
        let current = secret_of(row.try_get("issuing")?)?;
        let number: i32 = row.try_get("number")?;
        let number = u32::try_from(number)
            .map_err(|_| OpenError::NotAStore { what: "the number of an issuing secret" })?;
        let previous = row
            .try_get::<Option<&str>, _>("previous")?
            .map(|hex| Ok::<_, OpenError>(Numbered { number: number - 1, secret: secret_of(hex)? }))
            .transpose()?;
        let issuing = IssuingSecrets::new(Numbered { number, secret: current }, previous);
        Ok((secret, issuing))
    }
}

pub(super) async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

fn version_of(migrations: usize) -> i32 {
    i32::try_from(migrations).expect("there are few")
}

fn secret_of(hex: &str) -> Result<StoreSecret, OpenError> {
    let digits = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(digits).collect();
    bytes
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(StoreSecret::from_bytes)
        .ok_or(OpenError::NotAStore { what: "a secret does not have 32 bytes" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_plainly() {
        for good in ["seiriken", "a", "shop_2"] {
            assert!(Schema::new(good).is_ok(), "{good}");
        }
        for bad in ["", "2a", "_a", "Shop", "a-b", "a.b", "a b", "a;b", "a\"b", "é"] {
            assert!(Schema::new(bad).is_err(), "{bad}");
        }
        assert!(Schema::new(&"a".repeat(41)).is_err());
        let shop = Schema::new("shop").unwrap();
        assert_eq!(shop.named("SELECT seiriken.at(1)"), "SELECT shop.at(1)");
    }
}
