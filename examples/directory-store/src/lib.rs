//! A store written outside the library: one file per key, in a folder that processes may share.
//!
//! What becomes of a record the library's transition function says; the store's own part is that
//! each verb is atomic (one lock around it) and durable (written and synced before it answers).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, SystemClock, Timestamp};
use seiriken::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Surroundings, Transition, Usage,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, Token, codec};
use seiriken::store::{Store, StoreError};
use seiriken::{IssuingSecrets, Quota, RecordId, ScopeDigest, StoreSecret};
use uuid::Uuid;

/// Key records as files in a folder.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    folder: Arc<Path>,
    secret: StoreSecret,
    issuing: Arc<IssuingSecrets>,
    clock: Arc<dyn Clock>,
}

impl DirectoryStore {
    /// Opens a folder, or makes it.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        Self::open_with_clock(folder, SystemClock)
    }

    /// [`DirectoryStore::open`] on a clock of your own, for tests.
    pub fn open_with_clock(folder: impl Into<PathBuf>, clock: impl Clock) -> io::Result<Self> {
        let folder: Arc<Path> = folder.into().into();
        fs::create_dir_all(&folder)?;
        let _lock = lock(&folder)?;
        let secret = match fs::read(folder.join("secret")) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes)
                .map(StoreSecret::from_bytes)
                .map_err(|_| io::Error::other("the secret does not have 32 bytes"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = StoreSecret::random().map_err(io::Error::other)?;
                replace(&folder, "secret", secret.as_bytes())?;
                secret
            }
            Err(error) => return Err(error),
        };
        let issuing = Arc::new(IssuingSecrets::derived_from(&secret));
        Ok(Self { folder, secret, issuing, clock: Arc::new(clock) })
    }

    /// One verb on one record, on a thread that may block. The thread goes on when the caller
    /// goes away, so a verb is applied in whole or not at all.
    async fn apply<O: Send + 'static>(
        &self,
        id: RecordId,
        verb: impl FnOnce(Option<&Record>, Timestamp) -> Transition<O> + Send + 'static,
    ) -> Result<O, StoreError> {
        let store = self.clone();
        let applying = tokio::task::spawn_blocking(move || store.apply_here(id, verb));
        applying.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
    }

    fn apply_here<O>(
        &self,
        id: RecordId,
        verb: impl FnOnce(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> Result<O, StoreError> {
        let _lock = lock(&self.folder).map_err(not_applied)?;
        let record = self.read(&id)?;
        let Transition { change, outcome } = verb(record.as_ref(), self.clock.now());
        let name = file_name(&id);
        match change {
            Change::Keep => {}
            // Past the rename nobody here can say what a crash would leave: in doubt.
            Change::Put(record) => {
                replace(&self.folder, &name, &codec::encode(&id, &record)).map_err(in_doubt)?;
            }
            Change::Remove => {
                fs::remove_file(self.folder.join(name))
                    .and_then(|()| sync_folder(&self.folder))
                    .map_err(in_doubt)?;
            }
        }
        Ok(outcome)
    }

    /// What is kept for the claim's scope: by looking at all files, and only where there is a quota.
    async fn used(&self, claim: &Claim) -> Result<Usage, StoreError> {
        if claim.quota == Quota::default() {
            return Ok(Usage::default());
        }
        let (store, scope) = (self.clone(), claim.scope);
        let counting = tokio::task::spawn_blocking(move || store.count(scope));
        counting.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
    }

    fn count(&self, scope: ScopeDigest) -> Result<Usage, StoreError> {
        let mut used = Usage::default();
        for file in fs::read_dir(&self.folder).map_err(not_applied)? {
            let name = file.map_err(not_applied)?.file_name();
            // The other files have shorter names.
            let Some(id) = name.to_str().and_then(record_id) else { continue };
            if let Some(record) = self.read(&id)?.filter(|record| record.scope == scope) {
                used.keys += 1;
                used.bytes += codec::encode(&id, &record).len() as u64;
            }
        }
        Ok(used)
    }

    /// A file that is there and cannot be read is an error, never an absent record.
    fn read(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        match fs::read(self.folder.join(file_name(id))) {
            Ok(bytes) => codec::decode(id, bytes.into())
                .map(Some)
                .map_err(|source| StoreError::Corrupt { store: STORE, source: source.into() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(not_applied(error)),
        }
    }
}

impl Store for DirectoryStore {
    fn secret(&self) -> &StoreSecret {
        &self.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.issuing
    }

    fn carries(&self, class: EffectClass) -> bool {
        // An effect cannot be in the same transaction as a file.
        class != EffectClass::Transactional
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        // There is no sequence over all processes here; 122 random bits never repeat either.
        let fresh = Token::from_u128(Uuid::new_v4().as_u128());
        let used = self.used(&claim).await?;
        let verb = move |record: Option<&Record>, now| {
            // This store removes nothing for its age: nothing was ever swept.
            let around = Surroundings { used, ..Surroundings::new(fresh, now) };
            transition::claim(record, &claim, &around)
        };
        self.apply(id, verb).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.apply(id, move |record, now| transition::renew(record, token, lease, now)).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.apply(id, move |record, now| transition::complete(record, token, &response, now)).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.apply(id, move |record, now| transition::release(record, token, ended, now)).await
    }
}

const STORE: &str = "directory";

/// Held while a verb runs, against other threads and other processes. Ends when it is dropped.
fn lock(folder: &Path) -> io::Result<File> {
    let file =
        File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    file.lock()?;
    Ok(file)
}

/// Writes a file so that a crash leaves the old one or the new one, whole.
fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let unfinished = folder.join("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(name))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn file_name(id: &RecordId) -> String {
    format!("{:032x}", u128::from_be_bytes(*id.as_bytes()))
}

fn record_id(name: &str) -> Option<RecordId> {
    let bytes = u128::from_str_radix(name, 16).ok().filter(|_| name.len() == 32)?;
    Some(RecordId::from_bytes(bytes.to_be_bytes()))
}

fn not_applied(source: io::Error) -> StoreError {
    StoreError::NotApplied { store: STORE, source: source.into() }
}

fn in_doubt(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::InDoubt { store: STORE, source: source.into() }
}
