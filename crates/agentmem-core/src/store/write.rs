//! What one write transaction does: the row of a record changes, the state before it is kept, and the log says so.

use std::ops::Deref;

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Code, Error, Result};
use crate::record::{Draft, Record, Revision, Timestamp, json};
use crate::scope::ScopeMatch;
use crate::store::read::{Selection, Snapshot};
use crate::store::rows::{self, COLUMNS, Stored};
use crate::store::sql_error;

/// The kinds of events, as they stand in the file.
#[derive(Clone, Copy)]
enum Kind {
    Add = 0,
    Update = 1,
    Delete = 2,
}

/// A write transaction. It reads what it has written itself.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    connection: &'a Connection,
    snapshot: Snapshot<'a>,
    last_seq: i64,
    last_at: i64,
}

impl<'a> Deref for Batch<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Self> {
        let last = connection
            .prepare_cached("SELECT seq, at FROM event ORDER BY seq DESC LIMIT 1")
            .and_then(|mut statement| {
                statement
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(sql_error)?;
        let (last_seq, last_at) = last.unwrap_or((0, 0));
        Ok(Batch {
            connection,
            snapshot: Snapshot::new(connection),
            last_seq,
            last_at,
        })
    }

    /// Runs a part of the batch that fails alone: an error undoes what it wrote and nothing else.
    ///
    /// The outer error is one of the file itself, after which the batch must end.
    pub fn part<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        let (last_seq, last_at) = (self.last_seq, self.last_at);
        self.connection
            .execute_batch("SAVEPOINT part")
            .map_err(sql_error)?;
        let done = work(self);
        if done.is_err() {
            (self.last_seq, self.last_at) = (last_seq, last_at);
            self.connection
                .execute_batch("ROLLBACK TO part")
                .map_err(sql_error)?;
        }
        self.connection
            .execute_batch("RELEASE part")
            .map_err(sql_error)?;
        Ok(done)
    }

    /// Adds a record, or gives back the one that a retry or `dedupe` finds (spec 6.3 to 6.5).
    pub fn add(&mut self, draft: &Draft, vector: &[i8], now: Timestamp) -> Result<Record> {
        let same_id = self.by_id(&draft.record.id)?;
        if let Some(found) = same_id.as_ref().filter(|found| found.record.is_live(now)) {
            return match (&found.request, &draft.request_hash) {
                (Some(first), Some(again)) if first == again => Ok(found.record.clone()),
                _ => Err(Error::new(
                    Code::AlreadyExists,
                    "is in use by a record that was added with other fields",
                )
                .at("id")),
            };
        }
        if draft.dedupe
            && let Some(equal) = self.equal_to(&draft.record, &draft.metadata_json, now)?
        {
            return Ok(equal.record);
        }
        let expired = same_id.map(|expired| expired.seq);
        let seq = self.append(Kind::Add, expired, now)?;
        if let Some(expired) = expired {
            self.supersede(expired, seq)?;
            self.remove(expired)?;
        }
        let stored = Stored {
            seq,
            record: draft.record.clone(),
            vector: vector.to_vec(),
            request: draft.request_hash,
        };
        rows::insert(self.connection, &stored, &draft.metadata_json).map_err(sql_error)?;
        Ok(stored.record)
    }

    /// Changes the live record with this id; `embed` gives the vector of a record whose content is new.
    pub fn update(
        &mut self,
        id: &str,
        scope: &ScopeMatch,
        revision: &Revision,
        now: Timestamp,
        embed: impl FnOnce(&Record) -> Vec<i8>,
    ) -> Result<Record> {
        let found = self.live(id, scope, now)?;
        let Some(mut stored) = found else {
            return Err(Error::new(Code::NotFound, "there is no record with this id").at("id"));
        };
        stored.record = revision.apply(&stored.record, now)?;
        if revision.content.is_some() {
            stored.vector = embed(&stored.record);
        }
        let metadata_json = match &revision.metadata {
            Some((_, json)) => json.clone(),
            None => json::canonical_object(&stored.record.metadata),
        };
        let seq = self.append(Kind::Update, Some(stored.seq), now)?;
        self.supersede(stored.seq, seq)?;
        self.remove(stored.seq)?;
        rows::insert(self.connection, &stored, &metadata_json).map_err(sql_error)?;
        Ok(stored.record)
    }

    /// Deletes the live record with this id; false if there is none.
    pub fn delete(&mut self, id: &str, scope: &ScopeMatch, now: Timestamp) -> Result<bool> {
        match self.live(id, scope, now)? {
            Some(stored) => self.delete_seq(stored.seq, now).map(|()| true),
            None => Ok(false),
        }
    }

    /// Deletes all live records that are selected, and counts them.
    pub fn clear(&mut self, selection: &Selection, now: Timestamp) -> Result<usize> {
        let mut places = self.select(selection, now)?;
        places.sort_unstable_by_key(|place| place.seq);
        for place in &places {
            self.delete_seq(place.seq, now)?;
        }
        Ok(places.len())
    }

    fn live(&self, id: &str, scope: &ScopeMatch, now: Timestamp) -> Result<Option<Stored>> {
        let found = self.by_id(id)?;
        Ok(found.filter(|found| found.record.is_live(now) && scope.selects(&found.record.scope)))
    }

    fn delete_seq(&mut self, seq: i64, now: Timestamp) -> Result<()> {
        let event = self.append(Kind::Delete, Some(seq), now)?;
        self.supersede(seq, event)?;
        self.remove(seq)
    }

    /// Appends an event; its time never goes back.
    fn append(&mut self, kind: Kind, old: Option<i64>, now: Timestamp) -> Result<i64> {
        self.last_seq += 1;
        self.last_at = self.last_at.max(now.as_millis());
        self.connection
            .prepare_cached("INSERT INTO event(seq, at, kind, old) VALUES(?1, ?2, ?3, ?4)")
            .and_then(|mut statement| {
                statement.execute(params![self.last_seq, self.last_at, kind as i64, old])
            })
            .map_err(sql_error)?;
        Ok(self.last_seq)
    }

    /// Keeps the state of a record that the event `until` ends.
    fn supersede(&self, seq: i64, until: i64) -> Result<()> {
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO past(until, {COLUMNS}) SELECT ?2, {COLUMNS} FROM record WHERE seq = ?1"
            ))
            .and_then(|mut statement| statement.execute([seq, until]))
            .map(drop)
            .map_err(sql_error)
    }

    fn remove(&self, seq: i64) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM record WHERE seq = ?1")
            .and_then(|mut statement| statement.execute([seq]))
            .map(drop)
            .map_err(sql_error)
    }
}
