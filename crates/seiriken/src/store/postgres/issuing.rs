//! The secrets that issued keys are signed with, and their rotation.

use super::PostgresStore;
use super::argument::{Argument, written_out};
use super::error::{in_doubt, not_applied};
use crate::secret::StoreSecret;
use crate::store::StoreError;

impl PostgresStore {
    /// Signs the keys that are issued from now on with a new secret. Keys of the secret before it
    /// are still taken until the next rotation, older ones no longer: let at least the time that an
    /// issued key is good for pass between two.
    ///
    /// Other nodes sign with it once they have read it: when they are opened, or at
    /// [`PostgresStore::reload_issuing_secrets`].
    pub async fn rotate_issuing_secret(&self) -> Result<(), StoreError> {
        let secret = StoreSecret::random().map_err(not_applied)?;
        let rotate = self.shared.schema.named(
            "UPDATE seiriken.store_state SET issuing_secret_previous = issuing_secret,
                issuing_secret = $1, issuing_secret_number = issuing_secret_number + 1",
        );
        let rotate = written_out(&rotate, &[Argument::bytes(secret.as_bytes())]);
        let script = self.shared.sessions.script(&rotate);
        let store = self.clone();
        let rotating = tokio::spawn(async move {
            let sessions = &store.shared.sessions;
            let mut connection = sessions.acquire().await.map_err(not_applied)?;
            super::schema::run(&mut connection, script).await.map_err(super::error::of_verb)
        });
        rotating.await.unwrap_or_else(|gone| Err(in_doubt(gone)))?;
        self.reload_issuing_secrets().await
    }

    /// Reads the secrets anew: what another node has rotated is taken, and signed with, from then
    /// on.
    pub async fn reload_issuing_secrets(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let reading = tokio::spawn(async move {
            let shared = &store.shared;
            let mut connection = shared.sessions.acquire().await.map_err(not_applied)?;
            let read = shared.schema.read_secrets(&mut connection).await.map_err(not_applied)?;
            let (known, read) = (shared.issuing.current(), read.1);
            if read.current().number > known.number {
                // The one before it, where more than one was missed.
                if let Some(previous) = read.previous().filter(|p| p.number > known.number) {
                    shared.issuing.rotate(previous);
                }
                shared.issuing.rotate(read.current());
            }
            Ok(())
        });
        reading.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
    }
}
