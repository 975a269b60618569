//! What a person does, on SQLite: what is not settled stands in the index, answers in the file.

use rusqlite::{Connection, params};

use super::error::not_applied;
use super::{SqliteStore, rows};
use crate::clock::Timestamp;
use crate::record::transition::{self, DeleteOutcome, Resolution, ResolveOutcome};
use crate::record::{Record, Token};
use crate::scope::RecordId;
use crate::store::operate::NotACursor;
use crate::store::{Cursor, Filter, IdPrefix, Listed, Operate, Page, Standing, StoreError};

/// First what is not settled, by id, then the answers, by row. A record goes from the first to the second
/// alone, so whoever reads in this order comes past it.
#[derive(Debug, Clone, Copy)]
enum Place {
    Unsettled { after: Option<RecordId> },
    Settled { after: i64 },
}

/// A row is told apart from others by its id alone; what it says else, its record says again.
const SETTLED: &str = "
    SELECT token, record_id, record FROM main.idempotency_records
     WHERE token > ?1 AND state = 3 AND expires_ms > ?2
       AND (?3 IS NULL OR scope = ?3)
       AND lower(hex(record_id)) LIKE ?4
     ORDER BY token LIMIT ?5";

/// A row of the answers: its token, its id if it still says so, and its record.
type Settled = (i64, Option<RecordId>, Vec<u8>);

impl Operate for SqliteStore {
    /// By the writer: behind whatever it is just writing.
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        self.write_verb(id, |record: Option<&_>, _, now| transition::show(record, now)).await
    }

    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        self.shared.writer.check_open()?;
        let at_most = at_most.max(1);
        let from = match from {
            Some(cursor) => Place::read(&cursor)?,
            None => Place::Unsettled { after: None },
        };
        let now = self.shared.clock.now();
        let (mut records, mut next) = match from {
            Place::Unsettled { after } => self.unsettled(filter, after, at_most, now),
            Place::Settled { .. } => (Vec::new(), Some(from)),
        };
        let answers = filter.state.is_none_or(|state| state == Standing::Completed);
        if let Some(Place::Settled { after }) = next {
            next = None;
            if answers {
                let room = at_most - records.len();
                let rows = self.settled(filter, after, room, now).await?;
                if rows.len() == room {
                    let last = rows.last().map_or(after, |(token, ..)| *token);
                    next = Some(Place::Settled { after: last });
                }
                records.extend(rows.into_iter().filter_map(|row| listed(filter, row, now)));
            }
        }
        Ok(Page { records, next: next.map(Place::cursor) })
    }

    async fn about_how_many(&self) -> Result<u64, StoreError> {
        self.shared.writer.check_open()?;
        Ok(self.shared.index.about_how_many() as u64)
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        let verb =
            move |record: Option<&_>, _, now| transition::resolve(record, token, &resolution, now);
        self.write_verb(id, verb).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        let verb = move |record: Option<&_>, _, now| transition::delete(record, token, now);
        self.write_verb(id, verb).await
    }
}

impl SqliteStore {
    /// What is not settled, and where to go on.
    fn unsettled(
        &self,
        filter: &Filter,
        after: Option<RecordId>,
        at_most: usize,
        now: Timestamp,
    ) -> (Vec<Listed>, Option<Place>) {
        let later = |id: &RecordId| after.is_none_or(|after| *id > after);
        let mut records: Vec<Listed> = self
            .shared
            .index
            .unsettled()
            .into_iter()
            .filter(|(id, _)| later(id))
            .filter_map(|(id, record)| filter.take(id, &record, now))
            .collect();
        records.sort_unstable_by_key(|listed| listed.id);
        let more = records.len() > at_most;
        records.truncate(at_most);
        let next = match records.last() {
            Some(last) if more => Place::Unsettled { after: Some(last.id) },
            _ => Place::Settled { after: 0 },
        };
        (records, Some(next))
    }

    async fn settled(
        &self,
        filter: &Filter,
        after: i64,
        at_most: usize,
        now: Timestamp,
    ) -> Result<Vec<Settled>, StoreError> {
        let scope = filter.scope.map(|scope| *scope.as_bytes());
        let like = format!("{}%", filter.prefix.as_str());
        let read = move |connection: &Connection| {
            let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
            let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(SETTLED)?;
            let scope = scope.as_ref().map(<[u8; 8]>::as_slice);
            let rows = statement.query_map(params![after, now, scope, like, at_most], |row| {
                let id: Option<[u8; 16]> = row.get(1).ok();
                Ok((row.get(0)?, id.map(RecordId::from_bytes), row.get(2)?))
            })?;
            rows.collect::<Result<Vec<_>, rusqlite::Error>>()
        };
        self.shared.readers.run(read).await?.map_err(not_applied)
    }
}

impl Place {
    fn cursor(self) -> Cursor {
        Cursor::new(match self {
            Self::Unsettled { after } => {
                format!("u{}", after.map(|id| id.hex()).unwrap_or_default())
            }
            Self::Settled { after } => format!("s{after}"),
        })
    }

    fn read(cursor: &Cursor) -> Result<Self, StoreError> {
        let unsettled = |id: &str| {
            let after = Some(IdPrefix::parse(id).ok()?.whole()?);
            Some(Self::Unsettled { after })
        };
        let settled = |row: &str| Some(Self::Settled { after: row.parse().ok()? });
        let word = cursor.as_str();
        let place = word.strip_prefix('u').and_then(unsettled);
        place
            .or_else(|| word.strip_prefix('s').and_then(settled))
            .ok_or_else(|| not_applied(NotACursor))
    }
}

fn listed(filter: &Filter, (token, id, bytes): Settled, now: Timestamp) -> Option<Listed> {
    let Some(id) = id else {
        // Opening the file finds such a row; it was damaged since.
        tracing::error!(token, "a row does not say which key it belongs to");
        return None;
    };
    match rows::decode(&id, bytes) {
        // Of a key that was claimed anew meanwhile, only the record that stands is told.
        Ok(record) => filter.take(id, &record, now),
        Err(unreadable) => {
            Some(Listed { id, record: Err(unreadable) }).filter(|_| filter.takes_id(&id))
        }
    }
}
