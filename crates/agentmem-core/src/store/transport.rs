//! What an export reads, as of one event, and what an import writes (spec chapter 13).

use rusqlite::{OptionalExtension, params_from_iter};

use crate::error::{Code, Error, Result};
use crate::record::{Record, Timestamp};
use crate::scope::ScopeMatch;
use crate::store::log::{ENTRY, EventKind, read_entry};
use crate::store::read::{Selection, Snapshot};
use crate::store::rows::{self, COLUMNS, Stored};
use crate::store::write::Batch;
use crate::store::{sql_error, to_count};

/// What becomes of a record that the store has already, with other fields; spec 13.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExisting {
    /// `ALREADY_EXISTS`, and nothing is imported.
    #[default]
    Error,
    /// It is left.
    Skip,
    /// The one of the file takes its place.
    Replace,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Imported,
    Skipped,
    Replaced,
}

/// A state of a record as an export has it.
#[derive(Clone, Debug)]
pub(crate) struct Arriving {
    pub record: Record,
    pub request: Option<[u8; 32]>,
    /// int8, one a dimension; empty if there is none.
    pub vector: Vec<i8>,
}

/// An event of the log with the state that it left, if that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub at: Timestamp,
    pub kind: EventKind,
    pub id: String,
    pub state: Option<Stored>,
}

/// How much there was when an export began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub last_seq: i64,
    states: usize,
}

impl Snapshot<'_> {
    /// How much there is now.
    pub fn extent(&self) -> Result<Extent> {
        Ok(Extent {
            last_seq: self.last_seq()?,
            states: self
                .count_rows("SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM past)")?,
        })
    }

    /// Whether a state may have been erased since then: there are fewer than there were, and have been written since.
    pub fn may_lack(&self, extent: Extent) -> Result<bool> {
        let written = format!(
            "SELECT count(*) FROM event WHERE seq > {} AND kind IN (0, 1)",
            extent.last_seq
        );
        Ok(self.extent()?.states < extent.states + self.count_rows(&written)?)
    }

    fn count_rows(&self, sql: &str) -> Result<usize> {
        let count = self.connection().query_row(sql, [], |row| row.get(0));
        to_count(count.map_err(sql_error)?)
    }

    /// All records in a scope, expired ones too, by the events that added them, in that order.
    pub fn added_in(&self, scope: &ScopeMatch) -> Result<Vec<i64>> {
        let selection = Selection {
            scope: scope.clone(),
            ..Selection::default()
        };
        let (conditions, values) = selection.conditions(None);
        let sql = format!("SELECT seq FROM record WHERE {conditions} ORDER BY seq");
        let mut statement = self.connection().prepare_cached(&sql).map_err(sql_error)?;
        let found = statement
            .query_map(params_from_iter(values), |row| row.get(0))
            .map_err(sql_error)?;
        found.collect::<rusqlite::Result<_>>().map_err(sql_error)
    }

    /// The state that a record had after the event `as_of`; none if it was erased.
    pub fn state_at(&self, seq: i64, as_of: i64) -> Result<Option<Stored>> {
        if let Some(current) = self.by_seq(seq)?.filter(|stored| stored.began <= as_of) {
            return Ok(Some(current));
        }
        self.connection()
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM past WHERE seq = ?1 AND began <= ?2 AND until > ?2"
            ))
            .and_then(|mut statement| statement.query_row([seq, as_of], rows::read).optional())
            .map_err(sql_error)
    }

    /// Gives the events after one and up to another, of at most so many, to `each`: all of them, or those of records in a scope of which
    /// a state is kept (spec 13.4), as long as that says to go on. Gives the last that was looked at, none if there are no more.
    pub fn replay(
        &self,
        (after, until): (i64, i64),
        limit: usize,
        scope: &ScopeMatch,
        mut each: impl FnMut(Logged) -> Result<bool>,
    ) -> Result<Option<i64>> {
        let sql =
            format!("SELECT {ENTRY} FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3");
        let mut statement = self.connection().prepare_cached(&sql).map_err(sql_error)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let entries = statement
            .query_map([after, until, limit], read_entry)
            .map_err(sql_error)?;
        let mut last = None;
        for entry in entries {
            let entry = entry.map_err(sql_error)?;
            last = Some(entry.seq);
            let Some((id, state)) = self.told_by(&entry)? else {
                continue;
            };
            let event = entry.event(id, None)?;
            let is_seen = scope.is_any()
                || event.kind != EventKind::Purge && self.is_in(entry_record(&entry), scope)?;
            let logged = Logged {
                at: event.at,
                kind: event.kind,
                id: event.id,
                state,
            };
            if is_seen && !each(logged)? {
                break;
            }
        }
        Ok(last)
    }

    /// Whether a state of a record is kept, and in a scope.
    fn is_in(&self, seq: Option<i64>, scope: &ScopeMatch) -> Result<bool> {
        let Some(seq) = seq else {
            return Ok(false);
        };
        let state = match self.by_seq(seq)? {
            Some(stored) => Some(stored),
            None => self
                .connection()
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM past WHERE seq = ?1 LIMIT 1"
                ))
                .and_then(|mut statement| statement.query_row([seq], rows::read).optional())
                .map_err(sql_error)?,
        };
        Ok(state.is_some_and(|stored| scope.selects(&stored.record.scope)))
    }

    /// What will become of a record of a file; the errors have no field.
    pub fn fate_of(
        &self,
        record: &Record,
        on_existing: OnExisting,
        now: Timestamp,
    ) -> Result<(Fate, Option<Stored>)> {
        let found = self.by_id(&record.id)?;
        let fate = match &found {
            None => Fate::Imported,
            Some(found) if found.record == *record => Fate::Skipped,
            // As in an `add`.
            Some(found) if !found.record.is_live(now) => Fate::Imported,
            Some(_) => match on_existing {
                OnExisting::Skip => Fate::Skipped,
                OnExisting::Replace => Fate::Replaced,
                OnExisting::Error => {
                    return Err(Error::new(
                        Code::AlreadyExists,
                        "has an id that is in use by a record with other fields",
                    ));
                }
            },
        };
        Ok((fate, found))
    }

    /// The event that added the last record with this id, of which no row is left: the state that it began was erased.
    fn added_by(&self, id: &str) -> Result<Option<i64>> {
        let sql = "SELECT max(seq) FROM (SELECT seq FROM event WHERE id = ?1 AND kind = 0 \
            UNION ALL SELECT seq FROM past WHERE id = ?1)";
        self.connection()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
            .map_err(sql_error)
    }
}

/// The record that an event is about, by the event that added it.
fn entry_record(entry: &crate::store::log::Entry) -> Option<i64> {
    if entry.kind == EventKind::Add as i64 {
        Some(entry.seq)
    } else {
        entry.old
    }
}

impl Batch<'_> {
    /// Takes in a record of an export without history (spec 13.7).
    pub fn import(
        &mut self,
        arriving: &Arriving,
        on_existing: OnExisting,
        now: Timestamp,
    ) -> Result<Fate> {
        let (fate, found) = self.fate_of(&arriving.record, on_existing, now)?;
        match (fate, found) {
            (Fate::Skipped, _) => return Ok(fate),
            (Fate::Replaced, Some(found)) => {
                self.delete_seq(found.seq, now)?;
                self.begin(arriving, None, now)?;
            }
            (_, expired) => self.begin(arriving, expired.map(|expired| expired.seq), now)?,
        }
        Ok(fate)
    }

    fn begin(&mut self, arriving: &Arriving, expired: Option<i64>, now: Timestamp) -> Result<()> {
        let seq = self.append_added(expired, now)?;
        self.insert_arriving(arriving, seq, seq)
    }

    fn insert_arriving(&mut self, arriving: &Arriving, seq: i64, began: i64) -> Result<()> {
        let stored = Stored {
            seq,
            record: arriving.record.clone(),
            vector: arriving.vector.clone(),
            request: arriving.request,
            began,
        };
        self.insert_free(&stored)
    }

    /// Takes in an event of an export with history, at its own time (spec 13.9), which is not before that of the last one.
    pub fn take_in(
        &mut self,
        kind: EventKind,
        at: Timestamp,
        id: &str,
        state: Option<&Arriving>,
    ) -> Result<()> {
        let found = self.by_id(id)?.map(|stored| stored.seq);
        let old = match (kind, found) {
            (EventKind::Update | EventKind::Delete, None) => self.added_by(id)?,
            (_, found) => found,
        };
        let seq = self.append(kind, old, at)?;
        if let Some(found) = found {
            self.supersede(found, seq)?;
            self.remove(found)?;
        }
        if let Some(state) = state {
            let added = if kind == EventKind::Add {
                seq
            } else {
                old.unwrap_or(seq)
            };
            self.insert_arriving(state, added, seq)?;
        }
        let is_known_by_state = match kind {
            EventKind::Add => state.is_some(),
            EventKind::Update => state.is_some() && found.is_some(),
            EventKind::Delete => found.is_some(),
            EventKind::Purge => false,
        };
        if is_known_by_state {
            Ok(())
        } else {
            self.name_event(seq, id)
        }
    }
}
