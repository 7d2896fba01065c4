//! What one read transaction sees.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::error::Result;
use crate::filter::Filter;
use crate::record::{Record, Timestamp, mark};
use crate::scope::{Match, ScopeMatch};
use crate::store::rows::{self, COLUMNS, Stored};
use crate::store::{sql_error, to_count};

/// Which records a call speaks of: live ones, by scope, metadata and time of happening.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub scope: ScopeMatch,
    pub filter: Option<Filter>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Selection {
    /// Tells whether a record of that time is selected, if its scope is and it passes the filter.
    pub fn selects_time(&self, created_at: i64) -> bool {
        self.since.is_none_or(|it| it.as_millis() <= created_at)
            && self.until.is_none_or(|it| created_at < it.as_millis())
    }

    /// The part that SQL decides, on the columns of `record`, with its values; the filter is left to [`Filter::holds`].
    /// With `now` only of records that are live then.
    pub(super) fn conditions(&self, now: Option<Timestamp>) -> (String, Vec<Value>) {
        let mut sql = String::from("(expires_at IS NULL OR expires_at > ?)");
        // Nothing expires before the first moment.
        let mut values = vec![Value::Integer(now.map_or(-1, Timestamp::as_millis))];
        let mut condition = |text: &str, value: Option<Value>| {
            sql.push_str(" AND ");
            sql.push_str(text);
            values.extend(value);
        };
        let scope = &self.scope;
        for (wanted, is, is_null) in [
            (&scope.user_id, "user_id = ?", "user_id IS NULL"),
            (&scope.agent_id, "agent_id = ?", "agent_id IS NULL"),
            (&scope.run_id, "run_id = ?", "run_id IS NULL"),
        ] {
            match wanted {
                Match::Any => {}
                Match::Null => condition(is_null, None),
                Match::Is(value) => condition(is, Some(Value::Text(value.clone()))),
            }
        }
        if let Some(since) = self.since {
            condition("created_at >= ?", Some(Value::Integer(since.as_millis())));
        }
        if let Some(until) = self.until {
            condition("created_at < ?", Some(Value::Integer(until.as_millis())));
        }
        (sql, values)
    }
}

/// The order of `getAll`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// A record's place in the order of happening, ties in the order of adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub created_at: i64,
    pub seq: i64,
}

impl Stored {
    /// Its place in the order of happening.
    pub fn place(&self) -> Place {
        Place {
            created_at: self.record.created_at.as_millis(),
            seq: self.seq,
        }
    }
}

/// One state of the store, seen through one connection.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    connection: &'a Connection,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Snapshot { connection }
    }

    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// The `seq` of the last event; 0 in a store without any.
    pub fn last_seq(&self) -> Result<i64> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq FROM event ORDER BY seq DESC LIMIT 1")
            .map_err(sql_error)?;
        Ok(statement
            .query_row([], |row| row.get(0))
            .optional()
            .map_err(sql_error)?
            .unwrap_or(0))
    }

    /// The record with this id, expired ones too.
    pub fn by_id(&self, id: &str) -> Result<Option<Stored>> {
        let mut statement = self
            .connection
            .prepare_cached(rows::SELECT_BY_ID)
            .map_err(sql_error)?;
        statement
            .query_row([id], rows::read)
            .optional()
            .map_err(sql_error)
    }

    /// The same without what is derived from it: half the work, since its vector is not copied.
    pub fn record(&self, id: &str) -> Result<Option<Record>> {
        let mut statement = self
            .connection
            .prepare_cached(rows::SELECT_RECORD)
            .map_err(sql_error)?;
        statement
            .query_row([id], rows::read_record)
            .optional()
            .map_err(sql_error)
    }

    /// The record that was added by the event `seq`, if it is still there.
    pub fn by_seq(&self, seq: i64) -> Result<Option<Stored>> {
        let mut statement = self
            .connection
            .prepare_cached(rows::SELECT_BY_SEQ)
            .map_err(sql_error)?;
        statement
            .query_row([seq], rows::read)
            .optional()
            .map_err(sql_error)
    }

    /// Gives all records of a user, or of the store for `Match::Any`, expired ones too, to `each` in the order of adding.
    pub fn partition(
        &self,
        user: &Match,
        mut each: impl FnMut(Stored) -> Result<()>,
    ) -> Result<()> {
        let (condition, value) = match user {
            Match::Any => ("", None),
            Match::Null => (
                "WHERE seq IN (SELECT seq FROM record WHERE user_id IS NULL)",
                None,
            ),
            Match::Is(user) => (
                "WHERE seq IN (SELECT seq FROM record WHERE user_id = ?1)",
                Some(user),
            ),
        };
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM record {condition} ORDER BY seq"
            ))
            .map_err(sql_error)?;
        let mut found = statement
            .query(params_from_iter(value))
            .map_err(sql_error)?;
        while let Some(row) = found.next().map_err(sql_error)? {
            each(rows::read(row).map_err(sql_error)?)?;
        }
        Ok(())
    }

    /// The records, by the event that added them, that the events after `seq` have touched: added, changed or removed.
    pub fn touched_since(&self, seq: i64) -> Result<Vec<i64>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT old FROM event WHERE seq > ?1 AND old IS NOT NULL UNION SELECT seq FROM event WHERE seq > ?1 AND kind = 0")
            .map_err(sql_error)?;
        let touched = statement
            .query_map([seq], |row| row.get(0))
            .map_err(sql_error)?;
        touched.collect::<rusqlite::Result<_>>().map_err(sql_error)
    }

    /// The places of all records that are selected and live at `now`, in no order.
    pub fn select(&self, selection: &Selection, now: Timestamp) -> Result<Vec<Place>> {
        let (conditions, values) = selection.conditions(Some(now));
        self.places(&format!("record WHERE {conditions}"), values, selection)
    }

    /// The places of the rows of a table that conditions select and the filter of a selection too, in no order.
    pub(super) fn places(
        &self,
        rows: &str,
        values: impl IntoIterator<Item = Value>,
        selection: &Selection,
    ) -> Result<Vec<Place>> {
        let metadata = if selection.filter.is_some() {
            "metadata"
        } else {
            "NULL"
        };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT created_at, seq, {metadata} FROM {rows}"))
            .map_err(sql_error)?;
        let mut found = statement
            .query(params_from_iter(values))
            .map_err(sql_error)?;
        let mut places = Vec::new();
        while let Some(row) = found.next().map_err(sql_error)? {
            let holds = match &selection.filter {
                Some(filter) => filter.holds(&rows::read_members(row, 2).map_err(sql_error)?),
                None => true,
            };
            if holds {
                places.push(Place {
                    created_at: row.get(0).map_err(sql_error)?,
                    seq: row.get(1).map_err(sql_error)?,
                });
            }
        }
        Ok(places)
    }

    /// How many records are selected and live at `now`.
    pub fn count(&self, selection: &Selection, now: Timestamp) -> Result<usize> {
        if selection.filter.is_some() {
            return self.select(selection, now).map(|places| places.len());
        }
        let (conditions, values) = selection.conditions(Some(now));
        let count: i64 = self
            .connection
            .prepare_cached(&format!("SELECT count(*) FROM record WHERE {conditions}"))
            .and_then(|mut statement| {
                statement.query_row(params_from_iter(values), |row| row.get(0))
            })
            .map_err(sql_error)?;
        to_count(count)
    }

    /// The place of the last record that had this id, with its scope, also of one deleted since.
    pub fn place_of(&self, id: &str) -> Result<Option<(Place, Stored)>> {
        let found = match self.by_id(id)? {
            Some(stored) => Some(stored),
            None => self
                .connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM past WHERE id = ?1 ORDER BY until DESC LIMIT 1"
                ))
                .and_then(|mut statement| statement.query_row([id], rows::read).optional())
                .map_err(sql_error)?,
        };
        Ok(found.map(|stored| (stored.place(), stored)))
    }

    /// The first live record that equals this one in content, role, name, scope and metadata.
    pub fn equal_to(&self, record: &Record, now: Timestamp) -> Result<Option<Stored>> {
        let scope = &record.scope;
        let metadata = rows::stored_metadata(record);
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM record WHERE user_id IS ?1 AND mark = ?2 AND content = ?3 AND agent_id IS ?4 \
                 AND run_id IS ?5 AND role IS ?6 AND name IS ?7 AND metadata IS ?8 \
                 AND (expires_at IS NULL OR expires_at > ?9) ORDER BY seq LIMIT 1"
            ))
            .and_then(|mut statement| {
                statement
                    .query_row(
                        params![
                            scope.user_id,
                            mark(&record.content),
                            record.content,
                            scope.agent_id,
                            scope.run_id,
                            record.role,
                            record.name,
                            metadata,
                            now.as_millis()
                        ],
                        rows::read,
                    )
                    .optional()
            })
            .map_err(sql_error)
    }
}
