//! Whether the server can keep what is promised: asked once, before anything is served.

use sqlx::{PgConnection, Row, raw_sql};

use super::error::OpenError;

/// What is tested; older ones are no longer maintained.
const VERSION_MIN: i32 = 130_000;

/// What a server that is not refused promises of what was acknowledged.
pub(super) const PROMISE: &str = "What is acknowledged is on the server's disk: a restart forgets \
    nothing. A standby that takes its place may lack the last moments before it, unless commits wait \
    for that standby: what was acknowledged then may run again.";

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
