//! The secrets that issued keys are signed with, in the file, and their rotation.

use std::sync::Arc;

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::SqliteStore;
use super::error::{OpenError, not_applied};
use super::group::{Group, Job};
use super::schema::{meta, read_or_make_secret};
use crate::issuing::{IssuingSecrets, Numbered};
use crate::secret::StoreSecret;
use crate::store::StoreError;

const CURRENT: &str = "issuing_secret";
const PREVIOUS: &str = "issuing_secret_previous";
const NUMBER: &str = "issuing_secret_number";

impl SqliteStore {
    /// Signs the keys that are issued from now on with a new secret. Keys of the secret before
    /// it are still taken until the next rotation, older ones no longer: let at least the time
    /// that an issued key is good for pass between two.
    pub async fn rotate_issuing_secret(&self) -> Result<(), StoreError> {
        self.shared.writer.check_open()?;
        let secret = StoreSecret::random().map_err(not_applied)?;
        let issuing = Arc::clone(&self.shared.issuing);
        let job = |reply| RotateJob { issuing, secret, next: None, reply };
        self.shared.writer.submit(job).await?
    }
}

/// Reads them; makes the first one.
pub(super) fn read(connection: &Connection) -> Result<IssuingSecrets, OpenError> {
    let secret = read_or_make_secret(connection, CURRENT)?;
    let number = meta(connection, NUMBER)?.unwrap_or(1_u32);
    let mut previous = None;
    if number > 1 {
        let secret = read_or_make_secret(connection, PREVIOUS)?;
        previous = Some(Numbered { number: number - 1, secret });
    }
    Ok(IssuingSecrets::new(Numbered { number, secret }, previous))
}

struct RotateJob {
    issuing: Arc<IssuingSecrets>,
    secret: StoreSecret,
    /// What it has become in the group that is being written.
    next: Option<Numbered>,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Job for RotateJob {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        // From the file, where one that goes before it in this group has written already.
        let number = meta(group.connection, NUMBER)?.unwrap_or(1_u32).saturating_add(1);
        let current: Option<Vec<u8>> = meta(group.connection, CURRENT)?;
        let mut put = group.connection.prepare(
            "INSERT INTO main.seiriken_meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?;
        put.execute(params![PREVIOUS, current])?;
        put.execute(params![CURRENT, self.secret.as_bytes().as_slice()])?;
        put.execute(params![NUMBER, number])?;
        self.next = Some(Numbered { number, secret: self.secret.clone() });
        Ok(())
    }

    /// Nothing is signed with the new one before it is durable.
    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        if let (Ok(()), Some(next)) = (&group, self.next) {
            self.issuing.rotate(next);
        }
        // Whoever asked may have gone; what is committed stays committed.
        let _ = self.reply.send(group);
    }
}
