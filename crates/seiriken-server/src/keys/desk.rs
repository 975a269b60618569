//! Where keys are asked for: at the store itself, or at the process that has it.
//!
//! What can be asked, and what is told, are plain data, so that both ways are one.

use seiriken::record::Token;
use seiriken::record::transition::{DeleteOutcome, Resolution, ResolveOutcome};
use seiriken::store::postgres::{OpenError as PostgresError, PostgresOptions, PostgresStore};
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{Cursor, Filter, IdPrefix, Operate, StoreError, Sweep, Swept};
use seiriken::{IdempotencyKey, KeySyntax, RecordId, Scope, ScopeDigest};
use serde::{Deserialize, Serialize};

use super::Ended;
use super::answer::GivenAnswer;
use super::beside;
use super::options::WhichOptions;
use super::view::{KeyView, StateName, chain};
use crate::store_url::{DatabaseUrl, StoreUrl};

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    List {
        state: Option<StateName>,
        scope: Option<String>,
        prefix: String,
        from: Option<String>,
        at_most: usize,
    },
    Show {
        which: Which,
        answer: bool,
    },
    /// `None` says that it was not done.
    Resolve {
        id: String,
        token: String,
        answer: Option<GivenAnswer>,
    },
    Delete {
        id: String,
        token: String,
    },
    Sweep,
}

/// Which key is meant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Which {
    Key { scope: String, key: String },
    Id(String),
}

/// What is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    Page {
        keys: Vec<KeyView>,
        next: Option<String>,
    },
    Key(Option<Box<KeyView>>),
    /// Several keys are meant, these among them.
    Many(Vec<String>),
    /// It is as was asked.
    Done,
    /// Nothing was changed: this stands.
    Stands(Option<Box<KeyView>>),
    Swept(SweptView),
    NothingToSweep,
    Failed {
        why: String,
        in_doubt: bool,
    },
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SweptView {
    pub(super) removed: usize,
    pub(super) unresolved_removed: usize,
    pub(super) became_indeterminate: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    more: bool,
}

/// Where keys are asked for.
#[derive(Debug)]
pub(super) enum Desk {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
    Redis(RedisStore),
    /// The process that has the SQLite file.
    Process(beside::Line),
}

impl Desk {
    /// Opens the store, as a process among others; a SQLite file where nobody has it.
    pub(super) async fn open(store: &StoreUrl) -> Result<Self, Ended> {
        let failed = |error: &dyn std::error::Error| Ended::Failed(chain(error));
        match store {
            StoreUrl::Memory => Err(Ended::BadUse(
                "keys in memory are in the process that made them, and nobody else sees them"
                    .into(),
            )),
            StoreUrl::Sqlite(path) => beside::open(path).await,
            StoreUrl::Postgres(url) => {
                let options = PostgresOptions::new().migrate(false).connections(1);
                match options.connect(url.as_str()).await {
                    Ok(store) => Ok(Self::Postgres(store)),
                    Err(error @ PostgresError::NotMigrated { .. }) => {
                        Err(Ended::Failed(format!("{error} (seiriken keys migrate does that)")))
                    }
                    Err(error) => Err(failed(&error)),
                }
            }
            StoreUrl::Redis(url) => match RedisStore::connect(url.as_str()).await {
                Ok(store) => Ok(Self::Redis(store)),
                Err(error) => Err(failed(&error)),
            },
        }
    }

    /// Asks, and takes a failure for what it is.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Told, Ended> {
        let told = match self {
            Self::Process(line) => line.ask(&ask).await?,
            _ => self.answer(ask).await,
        };
        match told {
            Told::Failed { why, in_doubt: false } => Err(Ended::Failed(why)),
            Told::Failed { why, in_doubt: true } => Err(Ended::InDoubt(why)),
            told => Ok(told),
        }
    }

    /// Answers at the store itself.
    pub(super) async fn answer(&self, ask: Ask) -> Told {
        let told = match (self, ask) {
            (Self::Sqlite(store), Ask::Sweep) => swept(store).await,
            (Self::Postgres(store), Ask::Sweep) => swept(store).await,
            (Self::Redis(_), Ask::Sweep) => Ok(Told::NothingToSweep),
            (Self::Sqlite(store), ask) => answer(store, ask).await,
            (Self::Postgres(store), ask) => answer(store, ask).await,
            (Self::Redis(store), ask) => answer(store, ask).await,
            (Self::Process(_), _) => {
                Err(Refused::Wrong("nobody is asked on another's behalf".into()))
            }
        };
        told.unwrap_or_else(|refused| match refused {
            Refused::Wrong(why) => Told::Failed { why, in_doubt: false },
            Refused::Store(error) => {
                Told::Failed { in_doubt: error.may_have_been_applied(), why: chain(&error) }
            }
        })
    }

    /// Gives back what it has open.
    pub(super) async fn close(self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
            Self::Redis(_) | Self::Process(_) => {}
        }
    }
}

/// Why nothing was told.
enum Refused {
    Wrong(String),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn answer<S: Operate>(store: &S, ask: Ask) -> Result<Told, Refused> {
    match ask {
        Ask::List { state, scope, prefix, from, at_most } => {
            let scope = scope.map(|name| ScopeDigest::new(store.secret(), &Scope::new(name)));
            let state = state.map(StateName::standing);
            let filter = Filter { state, scope, prefix: id_prefix(&prefix)? };
            let page = store.list(&filter, from.map(Cursor::new), at_most).await?;
            Ok(Told::Page {
                keys: page.records.iter().map(KeyView::listed).collect(),
                next: page.next.map(|next| next.as_str().to_owned()),
            })
        }
        Ask::Show { which, answer } => {
            let id = match which {
                Which::Key { scope, key } => id_of(store, scope, &key)?,
                Which::Id(digits) => match meant(store, &digits).await? {
                    Meant::One(id) => id,
                    Meant::None => return Ok(Told::Key(None)),
                    Meant::Many(ids) => return Ok(Told::Many(ids)),
                },
            };
            let view = |record| Box::new(KeyView::of(id, &record, answer));
            Ok(Told::Key(store.show(id).await?.map(view)))
        }
        Ask::Resolve { id, token, answer } => {
            let (id, token) = execution(&id, &token)?;
            let resolution = match answer {
                Some(answer) => Resolution::Done(answer.recorded().map_err(Refused::Wrong)?),
                None => Resolution::NotDone,
            };
            let as_done = matches!(resolution, Resolution::Done(_));
            Ok(match store.resolve(id, token, resolution).await? {
                ResolveOutcome::Resolved => {
                    tracing::warn!(%id, as_done, "an unknown outcome was resolved by an operator");
                    Told::Done
                }
                ResolveOutcome::Stands(record) => stands(id, record),
            })
        }
        Ask::Delete { id, token } => {
            let (id, token) = execution(&id, &token)?;
            Ok(match store.delete(id, token).await? {
                DeleteOutcome::Deleted => {
                    tracing::warn!(%id, "a key was deleted by an operator");
                    Told::Done
                }
                DeleteOutcome::Stands(record) => stands(id, record),
            })
        }
        Ask::Sweep => Err(Refused::Wrong("this store is not swept".into())),
    }
}

fn stands(id: RecordId, record: Option<seiriken::record::Record>) -> Told {
    Told::Stands(record.map(|record| Box::new(KeyView::of(id, &record, false))))
}

async fn swept<S: Sweep>(store: &S) -> Result<Told, Refused> {
    let Swept { removed, unresolved_removed, became_indeterminate, more } = store.sweep().await?;
    Ok(Told::Swept(SweptView { removed, unresolved_removed, became_indeterminate, more }))
}

/// Who is meant by the beginning of an id.
enum Meant {
    One(RecordId),
    None,
    Many(Vec<String>),
}

async fn meant<S: Operate>(store: &S, digits: &str) -> Result<Meant, Refused> {
    let prefix = id_prefix(digits)?;
    if let Some(id) = prefix.whole() {
        return Ok(Meant::One(id));
    }
    let filter = Filter { prefix, ..Filter::default() };
    let mut found: Vec<RecordId> = Vec::new();
    let mut from = None;
    loop {
        let page = store.list(&filter, from, 100).await?;
        for listed in page.records {
            if !found.contains(&listed.id) {
                found.push(listed.id);
            }
        }
        from = page.next;
        if from.is_none() || found.len() > 10 {
            break;
        }
    }
    Ok(match found.as_slice() {
        [] => Meant::None,
        [id] => Meant::One(*id),
        several => Meant::Many(several.iter().map(RecordId::hex).collect()),
    })
}

fn id_of<S: Operate>(store: &S, scope: String, key: &str) -> Result<RecordId, Refused> {
    let key = IdempotencyKey::parse(key.as_bytes(), KeySyntax::Lenient)
        .map_err(|wrong| Refused::Wrong(wrong.to_string()))?;
    Ok(RecordId::new(store.secret(), &Scope::new(scope), &key))
}

fn id_prefix(digits: &str) -> Result<IdPrefix, Refused> {
    IdPrefix::parse(digits).map_err(|wrong| Refused::Wrong(wrong.to_string()))
}

fn execution(id: &str, token: &str) -> Result<(RecordId, Token), Refused> {
    let id = id_prefix(id)?.whole().ok_or_else(|| Refused::Wrong("that is no whole id".into()))?;
    let token = token.parse().map_err(|_| Refused::Wrong("that is no token".into()))?;
    Ok((id, Token::from_u128(token)))
}

impl Which {
    /// A key that no request can have is a mistake of whoever typed it.
    pub(super) fn read(options: &WhichOptions) -> Result<Self, Ended> {
        match (&options.key, &options.id) {
            (Some(key), _) => {
                IdempotencyKey::parse(key.as_bytes(), KeySyntax::Lenient)
                    .map_err(|wrong| Ended::BadUse(format!("'{key}' is no key: {wrong}")))?;
                Ok(Self::Key { scope: options.scope.clone(), key: key.clone() })
            }
            (None, Some(id)) => Ok(Self::Id(id.clone())),
            (None, None) => Err(Ended::BadUse("which key is not said".into())),
        }
    }
}

impl SweptView {
    pub(super) fn add(&mut self, other: &Self) {
        self.removed += other.removed;
        self.unresolved_removed += other.unresolved_removed;
        self.became_indeterminate += other.became_indeterminate;
    }

    /// Rows that cannot be swept are due each time.
    pub(super) fn goes_on(&self) -> bool {
        self.more && *self != Self { more: true, ..Self::default() }
    }
}

/// Brings the tables to this version. Answers what was done.
pub(super) async fn migrate(url: &DatabaseUrl) -> Result<String, Ended> {
    let open = async |migrate| {
        let options = PostgresOptions::new().migrate(migrate).connections(1);
        options.connect(url.as_str()).await
    };
    let failed = |error: PostgresError| Ended::Failed(chain(&error));
    match open(false).await {
        Ok(store) => {
            store.close().await;
            Ok("the tables are of this version: there is nothing to do".into())
        }
        Err(PostgresError::NotMigrated { schema, found, needed }) => {
            open(true).await.map_err(failed)?.close().await;
            Ok(format!("the tables in {schema} were brought from version {found} to {needed}"))
        }
        Err(error) => Err(failed(error)),
    }
}
