//! What can go wrong with the database, in the words of the store contract.

use std::error::Error as StdError;

use sqlx::Error;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::schema::InvalidSchemaName;
use crate::store::StoreError;

const STORE: &str = "PostgreSQL";

/// The database could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is no address of a PostgreSQL database, or it could not be reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[source] Error),
    /// The name of the schema is no plain name.
    #[error(transparent)]
    SchemaName(#[from] InvalidSchemaName),
    /// The server is older than what is tested.
    #[error("the server is PostgreSQL {found}; at least 13 is needed")]
    ServerTooOld {
        /// What it says that it is.
        found: String,
    },
    /// A setting of the server lets it forget what it has acknowledged.
    #[error(
        "the server runs with {setting}={found}: after a crash it may have lost answers that were \
         given, and work would run twice (set {setting}=on and restart it)"
    )]
    Forgetful {
        /// The setting.
        setting: &'static str,
        /// What it is set to.
        found: String,
    },
    /// The server only follows another one.
    #[error(
        "the server is a standby, which takes no writes and answers from the past; connect to the \
         primary (with several hosts: target_session_attrs=read-write)"
    )]
    Standby,
    /// The tables are not there, or older than this version, and it was told not to make them.
    #[error(
        "schema {schema} has version {found} of the tables, this program needs {needed} \
         (let it migrate when it starts, or migrate before)"
    )]
    NotMigrated {
        /// The schema.
        schema: String,
        /// The version there, 0 for none.
        found: i32,
        /// The version needed.
        needed: i32,
    },
    /// The tables were made by a later version of Seiriken.
    #[error("schema {schema} has version {found} of the tables; this program knows up to {known}")]
    NewerThanThis {
        /// The schema.
        schema: String,
        /// The version there.
        found: i32,
        /// The last one known here.
        known: i32,
    },
    /// The tables hold something that a store never writes.
    #[error("the tables hold a value that no store writes: {what}")]
    NotAStore {
        /// Which value.
        what: &'static str,
    },
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(#[from] Error),
    /// The operating system has no randomness for the store's secret.
    #[error("no randomness for the store's secret: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// What an error says about the statement that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Rolled back, because others were in its way: run it again.
    Again,
    /// Rolled back.
    NotApplied,
    /// The connection went away: nobody has said what became of it.
    Unknown,
}

pub(super) fn meaning(error: &Error) -> Meaning {
    match error {
        Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
            Some(database) => {
                let fatal = matches!(database.severity(), PgSeverity::Fatal | PgSeverity::Panic);
                meaning_of(database.code(), fatal)
            }
            None => Meaning::Unknown,
        },
        Error::PoolTimedOut
        | Error::PoolClosed
        | Error::Configuration(_)
        | Error::Encode(_)
        | Error::InvalidArgument(_) => Meaning::NotApplied,
        _ => Meaning::Unknown,
    }
}

/// By SQLSTATE. The codes: PostgreSQL's documentation, appendix A.
fn meaning_of(code: &str, fatal: bool) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Meaning::Again,
        // statement_completion_unknown says what it is.
        "40003" => Meaning::Unknown,
        // It never began: cannot_connect_now, too_many_connections, and what is wrong with the
        // login or the database that was named.
        "57P03" | "53300" | "3D000" => Meaning::NotApplied,
        _ if code.starts_with("28") => Meaning::NotApplied,
        // The connection's own errors, and the end of the server or of this session (57P01 to
        // 57P05): a commit may have come before it, and its acknowledgement not.
        _ if code.starts_with("08") || code.starts_with("57P") => Meaning::Unknown,
        // A session that ends in the middle has not said what came of its last statement.
        _ if fatal => Meaning::Unknown,
        _ => Meaning::NotApplied,
    }
}

/// The code of an error that the database gave.
pub(super) fn code(error: &Error) -> Option<&str> {
    let Error::Database(database) = error else { return None };
    database.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

/// A verb's error.
pub(super) fn of_verb(error: Error) -> StoreError {
    match meaning(&error) {
        Meaning::Unknown => in_doubt(error),
        Meaning::Again | Meaning::NotApplied => not_applied(error),
    }
}

pub(super) fn not_applied(source: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
    StoreError::NotApplied { store: STORE, source: source.into() }
}

pub(super) fn in_doubt(source: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
    StoreError::InDoubt { store: STORE, source: source.into() }
}

pub(super) fn corrupt(source: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { store: STORE, source: source.into() }
}

/// The same error for one more of those who shared a statement.
pub(super) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::NotApplied { source, .. } => not_applied(source.to_string()),
        StoreError::Corrupt { source, .. } => corrupt(source.to_string()),
        StoreError::InDoubt { source, .. } => in_doubt(source.to_string()),
        StoreError::NoAnswer { within } => StoreError::NoAnswer { within: *within },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_code_says() {
        use Meaning::{Again, NotApplied, Unknown};
        for (code, fatal, expected) in [
            ("40001", false, Again),      // serialization_failure
            ("40P01", false, Again),      // deadlock_detected
            ("40003", false, Unknown),    // statement_completion_unknown
            ("23505", false, NotApplied), // unique_violation
            ("23514", false, NotApplied), // check_violation
            ("25P02", false, NotApplied), // in_failed_sql_transaction
            ("25006", false, NotApplied), // read_only_sql_transaction
            ("53100", false, NotApplied), // disk_full
            ("55P03", false, NotApplied), // lock_not_available
            ("57014", false, NotApplied), // query_canceled
            ("42P01", false, NotApplied), // undefined_table
            ("57P03", true, NotApplied),  // cannot_connect_now
            ("53300", true, NotApplied),  // too_many_connections
            ("28P01", true, NotApplied),  // invalid_password
            ("3D000", true, NotApplied),  // invalid_catalog_name
            ("08006", false, Unknown),    // connection_failure
            ("08P01", true, Unknown),     // protocol_violation
            ("25P03", true, Unknown),     // idle_in_transaction_session_timeout
            ("57P01", true, Unknown),     // admin_shutdown
            ("57P02", true, Unknown),     // crash_shutdown
            ("57P05", true, Unknown),     // idle_session_timeout
            ("XX000", false, NotApplied), // internal_error
            ("XX000", true, Unknown),
        ] {
            assert_eq!(meaning_of(code, fatal), expected, "{code}, fatal: {fatal}");
        }
    }

    #[test]
    fn a_connection_that_breaks_says_nothing() {
        let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(meaning(&Error::Io(broken())), Meaning::Unknown);
        assert_eq!(meaning(&Error::Protocol("cut".into())), Meaning::Unknown);
        assert_eq!(meaning(&Error::PoolTimedOut), Meaning::NotApplied);
        assert!(of_verb(Error::Io(broken())).may_have_been_applied());
        assert!(!of_verb(Error::PoolClosed).may_have_been_applied());
    }
}
