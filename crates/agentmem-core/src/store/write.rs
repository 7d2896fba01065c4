//! What one write transaction does: the row of a record changes, the state before it is kept, and the log says so.

use std::ops::Deref;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params, params_from_iter};

use crate::error::{Code, Error, Result};
use crate::record::{Draft, Record, Revision, Timestamp, mark};
use crate::scope::ScopeMatch;
use crate::store::log::EventKind;
use crate::store::read::{Selection, Snapshot};
use crate::store::rows::{self, COLUMNS, Inserting, Stored};
use crate::store::upkeep::{Step, erasure_step};
use crate::store::{Embedding, command, schema, sql_error};

/// Stands for the id in the events of what was purged: nobody's.
pub(super) const ERASED: &str = "";

const APPEND: &str = "INSERT INTO event(seq, at, kind, old) VALUES(?1, ?2, ?3, ?4)";
/// The events of rows that were added one behind the other at one time.
const APPEND_ADDED: &str =
    "INSERT INTO event(seq, at, kind) SELECT seq, ?3, 0 FROM record WHERE seq BETWEEN ?1 AND ?2";

/// What each write has to know of the store before it begins. It stays true until somebody else writes: to read it anew takes as long as to
/// insert a row.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub embedding: Arc<Embedding>,
    /// Whether the store is on its way to another embedder.
    is_moving: bool,
    last_seq: i64,
    last_at: i64,
    /// Whether bytes of what was purged may still be in the file.
    pub is_erasing: bool,
}

impl Head {
    fn read(connection: &Connection) -> Result<Self> {
        let last = connection
            .prepare_cached(schema::LAST_EVENT)
            .and_then(|mut statement| {
                statement
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(sql_error)?;
        let (last_seq, last_at) = last.unwrap_or((0, 0));
        let snapshot = Snapshot::new(connection);
        Ok(Head {
            embedding: Arc::new(snapshot.embedding()?),
            is_moving: snapshot.is_moving()?,
            last_seq,
            last_at,
            is_erasing: erasure_step(connection)?.is_some(),
        })
    }
}

/// A write transaction. It reads what it has written itself.
pub(crate) struct Batch<'a> {
    connection: &'a Connection,
    snapshot: Snapshot<'a>,
    /// The last event before this transaction.
    first_seq: i64,
    last_seq: i64,
    last_at: i64,
    /// The first of the rows behind each other, up to the last event, whose events are still to be written: one statement does it for all,
    /// at a fifth of the cost.
    unlogged: Option<i64>,
    /// Whether something was deleted that must not be left in free space.
    must_erase: bool,
    embedding: Arc<Embedding>,
    /// Whether the store is on its way to another embedder, so that a state that ends takes its next vector along.
    is_moving: bool,
    /// Whether erased bytes were still in the file before this transaction.
    is_erasing: bool,
    /// What runs for every record, kept at hand: to look a statement up costs a tenth of what it does.
    inserting: Inserting<'a>,
    appending: CachedStatement<'a>,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("first_seq", &self.first_seq)
            .field("last_seq", &self.last_seq)
            .finish_non_exhaustive()
    }
}

impl<'a> Deref for Batch<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl<'a> Batch<'a> {
    /// Begins one where the store is as `head` says, if that is known.
    pub(super) fn new(connection: &'a Connection, head: Option<Head>) -> Result<Self> {
        let Head {
            embedding,
            is_moving,
            last_seq,
            last_at,
            is_erasing,
        } = head.map_or_else(|| Head::read(connection), Ok)?;
        Ok(Batch {
            connection,
            snapshot: Snapshot::new(connection),
            first_seq: last_seq,
            last_seq,
            last_at,
            unlogged: None,
            must_erase: false,
            embedding,
            is_moving,
            is_erasing,
            inserting: Inserting::new(connection).map_err(sql_error)?,
            appending: connection.prepare_cached(APPEND).map_err(sql_error)?,
        })
    }

    pub(super) fn set_moving(&mut self, is_moving: bool) {
        self.is_moving = is_moving;
    }

    /// What the vectors of the store are of.
    pub fn embedding(&self) -> &Arc<Embedding> {
        &self.embedding
    }

    pub(super) fn set_embedding(&mut self, embedding: Embedding) {
        self.embedding = Arc::new(embedding);
    }

    /// Runs a part of the batch that fails alone: an error undoes what it wrote and nothing else.
    ///
    /// The outer error is one of the file itself, after which the batch must end.
    pub fn part<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        self.log_added()?;
        let before = (self.last_seq, self.last_at, self.must_erase);
        command(self.connection, "SAVEPOINT part")?;
        let done = work(self);
        if done.is_err() {
            (self.last_seq, self.last_at, self.must_erase) = before;
            self.unlogged = None;
            command(self.connection, "ROLLBACK TO part")?;
        }
        command(self.connection, "RELEASE part")?;
        Ok(done)
    }

    /// Does the same for one that says no before it writes anything, and so needs no savepoint: what fails later is the file.
    pub fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        let before = self.last_seq;
        let done = work(self);
        // Some errors end the transaction.
        match done {
            Err(error) if self.last_seq != before || self.connection.is_autocommit() => Err(error),
            done => Ok(done),
        }
    }

    /// Adds a record, or gives back the one that a retry or `dedupe` finds (spec 6.3 to 6.5).
    pub fn add(&mut self, draft: Draft, vector: Vec<i8>, now: Timestamp) -> Result<Record> {
        if self.last_at < now.as_millis() {
            // Those of rows of another time; here, where it may fail with nothing of this record written.
            self.log_added()?;
        }
        let seq = self.last_seq + 1;
        let row = Stored {
            seq,
            record: draft.record,
            vector,
            request: draft.request_hash,
            began: seq,
        };
        // That an id is free, as nearly all are, its index tells on the way: to look it up first costs a fifth more.
        if !draft.dedupe && self.insert(&row, draft.mark)? {
            self.append_later(now);
            return Ok(row.record);
        }
        let same_id = self.by_id(&row.record.id)?;
        let expired = same_id.as_ref().map(|found| found.seq);
        if let Some(found) = same_id.filter(|found| found.record.is_live(now)) {
            return match (found.request, row.request) {
                (Some(first), Some(again)) if first == again => Ok(found.record),
                _ => Err(Error::new(
                    Code::AlreadyExists,
                    "is in use by a record that was added with other fields",
                )
                .at("id")),
            };
        }
        if draft.dedupe
            && let Some(equal) = self.equal_to(&row.record, now)?
        {
            return Ok(equal.record);
        }
        self.append_added(expired, now)?;
        self.insert_free(&row)?;
        Ok(row.record)
    }

    /// Counts the event that adds the row that was just written; it will be in the log before anything else is.
    fn append_later(&mut self, now: Timestamp) {
        self.last_at = self.last_at.max(now.as_millis());
        self.last_seq += 1;
        self.unlogged.get_or_insert(self.last_seq);
    }

    /// Writes the events of the rows that were added last.
    fn log_added(&mut self) -> Result<()> {
        let Some(first) = self.unlogged else {
            return Ok(());
        };
        let (last, at) = (self.last_seq, self.last_at);
        let written = if first == last {
            let values = params![last, at, EventKind::Add as i64, None::<i64>];
            self.appending.execute(values)
        } else {
            let statement = self.connection.prepare_cached(APPEND_ADDED);
            statement.and_then(|mut statement| statement.execute([first, last, at]))
        };
        if i64::try_from(written.map_err(sql_error)?) != Ok(last - first + 1) {
            return Err(Error::new(Code::Corrupt, "lacks a row that was just written").at("path"));
        }
        self.unlogged = None;
        Ok(())
    }

    /// Inserts a row; false, with nothing written, if another has its id.
    fn insert(&mut self, row: &Stored, mark: i64) -> Result<bool> {
        self.inserting.insert(row, mark).map_err(sql_error)
    }

    /// Inserts a row whose id was looked up, and is free.
    pub(super) fn insert_free(&mut self, row: &Stored) -> Result<()> {
        if self.insert(row, mark(&row.record.content))? {
            Ok(())
        } else {
            Err(Error::new(Code::Corrupt, "has an id in its index that no record has").at("path"))
        }
    }

    /// Appends the event that adds a record, in the place of an expired one if there is one.
    pub(super) fn append_added(&mut self, expired: Option<i64>, now: Timestamp) -> Result<i64> {
        let seq = self.append(EventKind::Add, expired, now)?;
        if let Some(expired) = expired {
            self.supersede(expired, seq)?;
            self.remove(expired)?;
        }
        Ok(seq)
    }

    /// The last event, of this transaction too.
    pub fn last_event(&self) -> i64 {
        self.last_seq
    }

    /// Changes the live record with this id; `embed` gives its vector, if that is another one now.
    pub fn update(
        &mut self,
        id: &str,
        scope: &ScopeMatch,
        revision: &Revision,
        now: Timestamp,
        embed: impl FnOnce(&Record) -> Result<Option<Vec<i8>>>,
    ) -> Result<Record> {
        let found = self.live(id, scope, now)?;
        let Some(mut stored) = found else {
            return Err(Error::new(Code::NotFound, "there is no record with this id").at("id"));
        };
        stored.record = revision.apply(&stored.record, now)?;
        if let Some(vector) = embed(&stored.record)? {
            stored.vector = vector;
        }
        let seq = self.append(EventKind::Update, Some(stored.seq), now)?;
        stored.began = seq;
        self.supersede(stored.seq, seq)?;
        self.remove(stored.seq)?;
        self.insert_free(&stored)?;
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

    pub(super) fn delete_seq(&mut self, seq: i64, now: Timestamp) -> Result<()> {
        let event = self.append(EventKind::Delete, Some(seq), now)?;
        self.supersede(seq, event)?;
        self.remove(seq)
    }

    /// Erases all states of an id and leaves one event; false if there was nothing to erase, or nothing that `scope` may see.
    pub fn purge(&mut self, id: &str, scope: &ScopeMatch, now: Timestamp) -> Result<bool> {
        let Some((_, last)) = self
            .place_of(id)?
            .filter(|(_, last)| scope.selects(&last.record.scope))
        else {
            return Ok(false);
        };
        for (stored, until) in self.states(id)? {
            self.name_event(stored.began, ERASED)?;
            until.map_or(Ok(()), |until| self.name_event(until, ERASED))?;
        }
        self.execute("UPDATE event SET id = ?2 WHERE id = ?1", [id, ERASED])?;
        self.remove(last.seq)?;
        self.execute("DELETE FROM past WHERE id = ?1", [id])?;
        let event = self.append(EventKind::Purge, Some(last.seq), now)?;
        self.name_event(event, id)?;
        self.must_erase = true;
        Ok(true)
    }

    /// Purges the ids whose last state is selected, deleted and expired ones too, and counts them.
    pub fn purge_selected(&mut self, selection: &Selection, now: Timestamp) -> Result<usize> {
        let (conditions, values) = selection.conditions(None);
        let last_states = "SELECT seq, id, metadata, user_id, agent_id, run_id, created_at, expires_at FROM record UNION ALL \
            SELECT seq, id, metadata, user_id, agent_id, run_id, created_at, expires_at FROM past AS p \
            WHERE until = (SELECT max(until) FROM past WHERE id = p.id) AND NOT EXISTS (SELECT 1 FROM record WHERE id = p.id)";
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT id, metadata FROM ({last_states}) WHERE {conditions} ORDER BY seq"
            ))
            .map_err(sql_error)?;
        let states = statement
            .query_map(params_from_iter(values), |row| {
                Ok((row.get::<_, String>(0)?, rows::read_members(row, 1)?))
            })
            .map_err(sql_error)?;
        let mut ids = Vec::new();
        for state in states {
            let (id, metadata) = state.map_err(sql_error)?;
            if selection
                .filter
                .as_ref()
                .is_none_or(|filter| filter.holds(&metadata))
            {
                ids.push(id);
            }
        }
        drop(statement);
        for id in &ids {
            self.purge(id, &selection.scope, now)?;
        }
        Ok(ids.len())
    }

    /// Erases all expired records, and the states that were superseded until `before`, if that is given; counts them.
    pub fn compact(&mut self, before: Option<i64>, now: Timestamp) -> Result<usize> {
        let expired = self.rows(
            "SELECT seq, id, began, 0 FROM record WHERE expires_at <= ?1",
            now.as_millis(),
        )?;
        for (seq, id, began, _) in &expired {
            let event = self.append(EventKind::Delete, Some(*seq), now)?;
            self.name_event(event, id)?;
            self.name_event(*began, id)?;
            self.remove(*seq)?;
        }
        let sql = "SELECT p.seq, p.id, p.began, p.until FROM past AS p JOIN event AS e ON e.seq = p.until WHERE e.at <= ?1";
        let past = before.map_or(Ok(Vec::new()), |before| self.rows(sql, before))?;
        for (_, id, began, until) in &past {
            self.name_event(*began, id)?;
            self.name_event(*until, id)?;
            self.execute("DELETE FROM past WHERE until = ?1", [until])?;
        }
        self.must_erase |= !(expired.is_empty() && past.is_empty());
        Ok(expired.len() + past.len())
    }

    fn rows(&self, sql: &str, bound: i64) -> Result<Vec<(i64, String, i64, i64)>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(sql_error)?;
        let rows = statement
            .query_map([bound], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .map_err(sql_error)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql_error)
    }

    /// Writes an id into an event of which no state will be left.
    pub(super) fn name_event(&self, seq: i64, id: &str) -> Result<()> {
        self.execute("UPDATE event SET id = ?2 WHERE seq = ?1", params![seq, id])
    }

    /// Notes in the header the last event, and that erased bytes may still be in the file if this transaction erased any; gives what the
    /// next one has to know. A transaction that changed anything changes the header, by which its log is known to be the store's.
    pub(super) fn finish(mut self) -> Result<Head> {
        self.log_added()?;
        if self.last_seq != self.first_seq {
            schema::note_seq(self.connection, self.last_seq)?;
        }
        if self.must_erase {
            self.execute(
                "INSERT OR REPLACE INTO header VALUES(?1, ?2)",
                params![schema::PENDING_ERASURE, Step::Rewrite as i64],
            )?;
        }
        Ok(Head {
            embedding: self.embedding,
            is_moving: self.is_moving,
            last_seq: self.last_seq,
            last_at: self.last_at,
            is_erasing: self.is_erasing || self.must_erase,
        })
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        let run = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values));
        run.map(drop).map_err(sql_error)
    }

    /// Appends an event; its time never goes back.
    pub(super) fn append(
        &mut self,
        kind: EventKind,
        old: Option<i64>,
        now: Timestamp,
    ) -> Result<i64> {
        self.log_added()?;
        self.last_seq += 1;
        self.last_at = self.last_at.max(now.as_millis());
        let values = params![self.last_seq, self.last_at, kind as i64, old];
        self.appending.execute(values).map_err(sql_error)?;
        Ok(self.last_seq)
    }

    /// Keeps the state of a record that the event `until` ends.
    pub(super) fn supersede(&self, seq: i64, until: i64) -> Result<()> {
        let sql = format!(
            "INSERT INTO past(until, {COLUMNS}) SELECT ?2, {COLUMNS} FROM record WHERE seq = ?1"
        );
        self.execute(&sql, [seq, until])
    }

    pub(super) fn remove(&self, seq: i64) -> Result<()> {
        if self.is_moving {
            self.execute("DELETE FROM next_vector WHERE seq = ?1", [seq])?;
        }
        self.execute("DELETE FROM record WHERE seq = ?1", [seq])
    }
}
