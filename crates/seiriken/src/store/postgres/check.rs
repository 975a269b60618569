//! Whether the server can keep what is promised: asked once, before anything is served.

use sqlx::{PgConnection, Row, raw_sql};

use super::error::OpenError;

/// What is tested; older ones are no longer maintained.
const VERSION_MIN: i32 = 130_000;

/// Refuses a server that may forget what it has acknowledged, and one that only follows.
///
/// `synchronous_commit` may be off here: the store's own sessions, and transactions of handlers,
/// turn it on for themselves.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let asked = raw_sql(
        "SELECT current_setting('server_version_num')::integer AS number,
            current_setting('server_version') AS version,
            current_setting('fsync') AS fsync,
            current_setting('full_page_writes') AS full_page_writes,
            pg_is_in_recovery() AS standby",
    );
    let row = asked.fetch_one(connection).await?;
    if row.try_get::<i32, _>("number")? < VERSION_MIN {
        return Err(OpenError::ServerTooOld { found: row.try_get("version")? });
    }
    for setting in ["fsync", "full_page_writes"] {
        let found: String = row.try_get(setting)?;
        if found != "on" {
            return Err(OpenError::Forgetful { setting, found });
        }
    }
    if row.try_get("standby")? {
        return Err(OpenError::Standby);
    }
    Ok(())
}
