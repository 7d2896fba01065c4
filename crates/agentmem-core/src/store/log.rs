//! The log as it is read: the events of one id, or of the store, each with the state that it left (spec 11.1, 11.2).

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use crate::error::{Code, Error, Result};
use crate::record::{Record, Timestamp};
use crate::scope::ScopeMatch;
use crate::store::read::Snapshot;
use crate::store::rows::{self, COLUMNS, Stored};
use crate::store::sql_error;
use crate::store::write::ERASED;

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A record was added.
    Add = 0,
    /// A record was changed.
    Update = 1,
    /// A record was deleted.
    Delete = 2,
    /// All states of an id were erased.
    Purge = 3,
}

const ALL_KINDS: [EventKind; 4] = [
    EventKind::Add,
    EventKind::Update,
    EventKind::Delete,
    EventKind::Purge,
];

impl EventKind {
    /// Returns the kind as it stands on the wire, such as `ADD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Add => "ADD",
            EventKind::Update => "UPDATE",
            EventKind::Delete => "DELETE",
            EventKind::Purge => "PURGE",
        }
    }

    /// The kind with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL_KINDS.into_iter().find(|kind| kind.as_str() == name)
    }

    fn read(number: i64) -> Result<Self> {
        ALL_KINDS
            .into_iter()
            .find(|kind| *kind as i64 == number)
            .ok_or_else(|| Error::new(Code::Corrupt, "has an event of an unknown kind").at("path"))
    }
}

/// One write in the life of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the log of the store, from 1.
    pub seq: i64,
    /// When it was written; never before the event before it.
    pub at: Timestamp,
    /// What it did.
    pub kind: EventKind,
    /// The id of the record.
    pub id: String,
    /// The full state that it left; none after a deletion, or if that state has been erased since.
    pub record: Option<Record>,
}

/// An event as it stands in the file.
pub(super) struct Entry {
    pub seq: i64,
    at: i64,
    pub kind: i64,
    pub old: Option<i64>,
    id: Option<String>,
}

pub(super) const ENTRY: &str = "seq, at, kind, old, id";

pub(super) fn read_entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        seq: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        old: row.get(3)?,
        id: row.get(4)?,
    })
}

impl Entry {
    pub fn event(&self, id: String, record: Option<Record>) -> Result<Event> {
        let at = Timestamp::from_millis(self.at)
            .map_err(|_| Error::new(Code::Corrupt, "has an event at no time").at("path"))?;
        Ok(Event {
            seq: self.seq,
            at,
            kind: EventKind::read(self.kind)?,
            id,
            record,
        })
    }
}

impl Snapshot<'_> {
    /// The events of an id that `scope` may see, oldest first.
    pub fn history(&self, id: &str, scope: &ScopeMatch) -> Result<Vec<Event>> {
        let states = self.states(id)?;
        let mut records: BTreeMap<i64, Option<Record>> = BTreeMap::new();
        for (stored, until) in states
            .into_iter()
            .filter(|(stored, _)| scope.selects(&stored.record.scope))
        {
            records.insert(stored.began, Some(stored.record));
            if let Some(until) = until {
                records.entry(until).or_insert(None);
            }
        }
        let sees_all = scope.is_any();
        if sees_all {
            // Events of which no state is left: nobody knows any more whose they were.
            for seq in self.named_events(id)? {
                records.entry(seq).or_insert(None);
            }
        }
        let event = |(seq, record): (i64, Option<Record>)| -> Result<Option<Event>> {
            let Some(entry) = self.entry(seq)? else {
                return Err(
                    Error::new(Code::Corrupt, "lacks an event that a record names").at("path"),
                );
            };
            // Added anew over an expired record: the event that ended the one began the other, which is nobody's business here unless its
            // state is seen too, or was erased and nothing is hidden.
            let is_foreign = record.is_none() && entry.kind == EventKind::Add as i64 && !sees_all;
            if is_foreign {
                Ok(None)
            } else {
                entry.event(id.to_owned(), record).map(Some)
            }
        };
        records
            .into_iter()
            .filter_map(|pair| event(pair).transpose())
            .collect()
    }

    /// All events after `after`, at most `limit`.
    pub fn changes(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut statement = self
            .connection()
            .prepare_cached(&format!(
                "SELECT {ENTRY} FROM event WHERE seq > ?1 ORDER BY seq"
            ))
            .map_err(sql_error)?;
        let entries = statement
            .query_map([after], read_entry)
            .map_err(sql_error)?;
        for entry in entries {
            if events.len() >= limit {
                break;
            }
            let entry = entry.map_err(sql_error)?;
            if let Some((id, state)) = self.told_by(&entry)? {
                events.push(entry.event(id, state.map(|stored| stored.record))?);
            }
        }
        Ok(events)
    }

    /// The id of an event and the state that it left, if that is kept; nothing for one of what was purged.
    pub(super) fn told_by(&self, entry: &Entry) -> Result<Option<(String, Option<Stored>)>> {
        let state = self.state_begun_by(entry)?;
        let id = match (&entry.id, &state) {
            (Some(id), _) => Some(id.clone()),
            (None, Some(stored)) => Some(stored.record.id.clone()),
            (None, None) => self.id_ended_by(entry.seq)?,
        };
        // Of an event of what was purged nothing is left to tell: the PURGE event stands for all of them.
        Ok(id.filter(|id| id != ERASED).map(|id| (id, state)))
    }

    /// All states of an id with the event that ended each, if one has.
    pub(super) fn states(&self, id: &str) -> Result<Vec<(Stored, Option<i64>)>> {
        let mut statement = self
            .connection()
            .prepare_cached(&format!("SELECT {COLUMNS}, until FROM past WHERE id = ?1"))
            .map_err(sql_error)?;
        let past = statement
            .query_map([id], |row| {
                Ok((rows::read(row)?, Some(row.get(rows::COLUMN_COUNT)?)))
            })
            .map_err(sql_error)?;
        let mut states = past
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(sql_error)?;
        states.extend(self.by_id(id)?.map(|stored| (stored, None)));
        Ok(states)
    }

    fn named_events(&self, id: &str) -> Result<Vec<i64>> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT seq FROM event WHERE id = ?1")
            .map_err(sql_error)?;
        let seqs = statement
            .query_map([id], |row| row.get(0))
            .map_err(sql_error)?;
        seqs.collect::<rusqlite::Result<_>>().map_err(sql_error)
    }

    fn entry(&self, seq: i64) -> Result<Option<Entry>> {
        self.connection()
            .prepare_cached(&format!("SELECT {ENTRY} FROM event WHERE seq = ?1"))
            .and_then(|mut statement| statement.query_row([seq], read_entry).optional())
            .map_err(sql_error)
    }

    fn state_begun_by(&self, entry: &Entry) -> Result<Option<Stored>> {
        let record = match (EventKind::read(entry.kind)?, entry.old) {
            (EventKind::Add, _) => entry.seq,
            (EventKind::Update, Some(old)) => old,
            _ => return Ok(None),
        };
        if let Some(current) = self
            .by_seq(record)?
            .filter(|stored| stored.began == entry.seq)
        {
            return Ok(Some(current));
        }
        self.connection()
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM past WHERE seq = ?1 AND began = ?2"
            ))
            .and_then(|mut statement| {
                statement
                    .query_row(params![record, entry.seq], rows::read)
                    .optional()
            })
            .map_err(sql_error)
    }

    fn id_ended_by(&self, seq: i64) -> Result<Option<String>> {
        self.connection()
            .prepare_cached("SELECT id FROM past WHERE until = ?1")
            .and_then(|mut statement| statement.query_row([seq], |row| row.get(0)).optional())
            .map_err(sql_error)
    }
}
