//! The store as it was after an event: records in the state that they had then (spec 7.6 to 7.8).
//!
//! A state lasts from the event that began it to the one that ended it, so what was there after an event are the rows of `record`
//! that had begun, and those of `past` that had begun and not ended. Nothing is kept for it beside the log.

use rusqlite::types::{ToSql, Value};
use rusqlite::{OptionalExtension, params, params_from_iter};

use crate::error::{Code, Error, Result};
use crate::record::Timestamp;
use crate::scope::Match;
use crate::store::read::{Place, Selection, Snapshot};
use crate::store::rows::{self, COLUMNS, Stored};
use crate::store::sql_error;
use crate::store::write::ERASED;

/// Which state of the store a call asks of; spec 7.6.
///
/// ```
/// use agentmem_core::{AsOf, Change, Memory};
///
/// let memory = Memory::new()?;
/// let id = memory.add("Ada lives in London")?.id;
/// let added = memory.history(&id)?[0].seq;
/// memory.update(&id, Change { content: Some("Ada lives in Paris".into()), ..Change::default() })?;
///
/// let before = memory.get_as_of(&id, AsOf::Seq(added))?;
/// assert_eq!(before.map(|record| record.content).as_deref(), Some("Ada lives in London"));
/// # Ok::<(), agentmem_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After all that was written until this time, whatever time it speaks of.
    Time(Timestamp),
    /// After all events with a `seq` of at most this, which is 0 or more.
    Seq(i64),
}

impl AsOf {
    pub(crate) fn check(self) -> Result<()> {
        match self {
            AsOf::Seq(seq) if seq < 0 => Err(Error::invalid(
                "asOf.seq",
                "is not an integer from 0 to 2^53 - 1",
            )),
            _ => Ok(()),
        }
    }
}

/// A state of the store: the one after an event, in which expiry is judged by a time (spec 7.7).
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointInTime {
    pub seq: i64,
    pub now: Timestamp,
}

/// That a state of `past`, by its columns, was the newest after the event `?`.
const WAS_THERE: &str = "began <= ? AND until > ?";

impl Snapshot<'_> {
    /// The state of the store that is asked of.
    pub fn point_in_time(&self, as_of: AsOf) -> Result<PointInTime> {
        match as_of {
            AsOf::Time(now) => Ok(PointInTime {
                seq: self.last_until(now)?,
                now,
            }),
            AsOf::Seq(seq) => {
                // Of what was purged not even the time may tell anything: it is as if it had never been there.
                let sql = "SELECT at FROM event WHERE seq <= ?1 AND id IS NOT ?2 ORDER BY seq DESC LIMIT 1";
                let at: Option<i64> = self
                    .connection()
                    .prepare_cached(sql)
                    .and_then(|mut it| {
                        it.query_row(params![seq, ERASED], |row| row.get(0))
                            .optional()
                    })
                    .map_err(sql_error)?;
                let now = Timestamp::from_millis(at.unwrap_or(0))
                    .map_err(|_| Error::new(Code::Corrupt, "has an event at no time").at("path"))?;
                Ok(PointInTime { seq, now })
            }
        }
    }

    /// The last event that was written until a time, found by halves, since times never go back; 0 if there is none.
    fn last_until(&self, time: Timestamp) -> Result<i64> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT seq, at FROM event WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")
            .map_err(sql_error)?;
        // All up to `low` were written until then, and none from `high` on.
        let (mut low, mut high) = (0, self.last_seq()?.saturating_add(1));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let found: Option<(i64, i64)> = statement
                .query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(sql_error)?;
            match found {
                Some((seq, at)) if at > time.as_millis() => high = seq,
                _ => low = middle,
            }
        }
        Ok(low)
    }

    /// The state that the record with this id had, expired or not.
    pub fn by_id_at(&self, id: &str, seq: i64) -> Result<Option<Stored>> {
        match self.by_id(id)?.filter(|stored| stored.began <= seq) {
            Some(stored) => Ok(Some(stored)),
            None => self.past_state("id = ?", id, seq),
        }
    }

    /// The state that the record which an event added had, and whether it has been superseded since.
    pub fn by_seq_at(&self, added: i64, seq: i64) -> Result<Option<(Stored, bool)>> {
        match self.by_seq(added)?.filter(|stored| stored.began <= seq) {
            Some(stored) => Ok(Some((stored, false))),
            None => {
                let past = self.past_state("seq = ?", added, seq)?;
                Ok(past.map(|stored| (stored, true)))
            }
        }
    }

    fn past_state(&self, condition: &str, value: impl ToSql, seq: i64) -> Result<Option<Stored>> {
        let sql = format!("SELECT {COLUMNS} FROM past WHERE {condition} AND {WAS_THERE}");
        self.connection()
            .prepare_cached(&sql)
            .and_then(|mut it| {
                it.query_row(params![value, seq, seq], rows::read)
                    .optional()
            })
            .map_err(sql_error)
    }

    /// The places of all records that were selected and live, in no order.
    pub fn select_at(&self, selection: &Selection, point: PointInTime) -> Result<Vec<Place>> {
        let (conditions, values) = selection.conditions(Some(point.now));
        let seq = Value::Integer(point.seq);
        let mut places = self.places(
            &format!("record WHERE {conditions} AND began <= ?"),
            values.iter().cloned().chain([seq.clone()]),
            selection,
        )?;
        places.extend(self.places(
            &format!("past WHERE {conditions} AND {WAS_THERE}"),
            values.into_iter().chain([seq.clone(), seq]),
            selection,
        )?);
        Ok(places)
    }

    /// The place of the last state of an id that is kept of those written until then, with that state.
    pub fn place_at(&self, id: &str, seq: i64) -> Result<Option<(Place, Stored)>> {
        let states = self.states(id)?.into_iter().map(|(stored, _)| stored);
        let last = states
            .filter(|stored| stored.began <= seq)
            .max_by_key(|stored| stored.began);
        Ok(last.map(|stored| (stored.place(), stored)))
    }

    /// Gives all records of a user, or of the store for `Match::Any`, in the state that they had, expired ones too, to `each` in the
    /// order of adding, with whether the state has been superseded since.
    pub fn partition_at(
        &self,
        user: &Match,
        seq: i64,
        mut each: impl FnMut(Stored, bool) -> Result<()>,
    ) -> Result<()> {
        let (condition, value) = match user {
            Match::Any => ("true", None),
            Match::Null => ("user_id IS NULL", None),
            Match::Is(user) => ("user_id = ?", Some(Value::Text(user.clone()))),
        };
        let sql = format!(
            "SELECT seq FROM record WHERE {condition} AND began <= ? \
             UNION ALL SELECT seq FROM past WHERE {condition} AND {WAS_THERE}"
        );
        let seqs = [1, 2].map(|count| vec![Value::Integer(seq); count]);
        let values = seqs
            .into_iter()
            .flat_map(|seqs| value.clone().into_iter().chain(seqs));
        let mut added: Vec<i64> = self
            .connection()
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
                rows.collect()
            })
            .map_err(sql_error)?;
        // Here, since for SQLite's order it would look through all of `past`, not only what was superseded since.
        added.sort_unstable();
        for added in added {
            if let Some((stored, is_past)) = self.by_seq_at(added, seq)? {
                each(stored, is_past)?;
            }
        }
        Ok(())
    }
}
