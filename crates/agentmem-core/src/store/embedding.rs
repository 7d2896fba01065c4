//! Which embedder the vectors of a store are of, and how the store moves to another (spec 12.7 to 12.9).

use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use crate::embed::{self, Embedder, TABLE_ID};
use crate::error::{Code, Error, Result};
use crate::record::turn_text;
use crate::store::read::Snapshot;
use crate::store::schema::NEXT_VECTOR;
use crate::store::write::Batch;
use crate::store::{begin_immediate, sql_error};

/// The names in the header: the embedder and its dimensions (only of the caller's own), and how often the store has moved.
const EMBEDDER: &str = "embedder";
const DIMENSIONS: &str = "dimensions";
const MOVES: &str = "moves";
/// The same of the embedder that the vectors in the table `next_vector` are of.
const NEXT_EMBEDDER: &str = "next_embedder";
const NEXT_DIMENSIONS: &str = "next_dimensions";
/// How many batches of them were kept: each changes the header, by which its log is known to be the store's.
const NEXT_BATCHES: &str = "next_batches";
/// The version of the ranking that last had the store; in one without it, the first.
const RANKING: &str = "ranking";
/// Stands in the header for no embedder.
const NOTHING: &str = "";

/// The version of the ranking of this release (spec chapter 8). Two releases that rank differently differ in it, so that no two processes
/// rank one store in two ways.
pub(super) const OUR_RANKING: i64 = 2;

/// Rows that are derived anew at once.
const PAGE: i64 = 1000;

/// What the header says of the vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Embedding {
    pub embedder: Embedder,
    /// How often the store has moved: vectors of before are of no use.
    moves: i64,
    /// Whether the vectors are of an older built-in table: it cannot be read as it is.
    pub has_old_vectors: bool,
    /// Whether the store was last ranked by an older release.
    pub has_old_ranking: bool,
}

impl Embedding {
    /// Checks that a handle which names an embedder means this one.
    pub fn check_named(&self, named: Option<&Embedder>) -> Result<()> {
        match named {
            Some(named) if *named != self.embedder => Err(Error::new(
                Code::EmbedderMismatch,
                format!(
                    "is {}, but the store's is {}: reembed moves a store to another",
                    named.name(),
                    self.embedder.name()
                ),
            )
            .at("embedder")),
            _ => Ok(()),
        }
    }
}

/// The error of a call whose vectors are of no use any more.
pub(crate) fn moved() -> Error {
    Error::new(
        Code::EmbedderMismatch,
        "is another one now: the store was moved, or is on its way to another embedder, since the call began",
    )
    .at("embedder")
}

/// A record that lacks its vector by the embedder that the store moves to.
#[derive(Debug)]
pub(crate) struct Lacking {
    pub seq: i64,
    /// The event that wrote the state whose text this is.
    pub began: i64,
    pub text: String,
}

/// Reads what the header says.
pub(super) fn read(connection: &Connection) -> Result<Embedding> {
    let ranking = number(connection, RANKING)?.unwrap_or(1);
    if ranking > OUR_RANKING {
        return Err(Error::new(
            Code::UnsupportedFormat,
            "is ranked by a newer release than this one",
        )
        .at("path"));
    }
    let embedder = text(connection, EMBEDDER)?.ok_or_else(damaged)?;
    let embedding = |embedder| {
        let moves = number(connection, MOVES)?.unwrap_or(0);
        Ok(Embedding {
            embedder,
            moves,
            has_old_vectors: false,
            has_old_ranking: ranking < OUR_RANKING,
        })
    };
    match table_version(&embedder) {
        Some(version) if version > table_version(TABLE_ID).unwrap_or(0) => Err(Error::new(
            Code::UnsupportedFormat,
            "has vectors of a table that this release does not have",
        )
        .at("path")),
        Some(_) => embedding(Embedder::BuiltIn).map(|found| Embedding {
            has_old_vectors: embedder != TABLE_ID,
            ..found
        }),
        None if embedder == NOTHING => embedding(Embedder::Nothing),
        None => {
            let dimensions = number(connection, DIMENSIONS)?;
            let dimensions = dimensions.and_then(|count| usize::try_from(count).ok());
            let own = Embedder::Own {
                id: embedder,
                dimensions: dimensions.ok_or_else(damaged)?,
            };
            own.check().map_err(|_| damaged())?;
            embedding(own)
        }
    }
}

/// The version of a built-in table from its id: `agentmem-static-128-v2`.
fn table_version(id: &str) -> Option<u32> {
    let (_, version) = id.strip_prefix("agentmem-static-")?.rsplit_once("-v")?;
    version.parse().ok()
}

/// Writes into the header of a new store what makes its vectors.
pub(super) fn write(connection: &Connection, embedder: &Embedder) -> Result<()> {
    write_as(connection, embedder, EMBEDDER, DIMENSIONS)
}

fn write_as(
    connection: &Connection,
    embedder: &Embedder,
    id: &str,
    dimensions: &str,
) -> Result<()> {
    let (stored, count) = match embedder {
        Embedder::BuiltIn => (TABLE_ID, None),
        Embedder::Own { id, dimensions } => (id.as_str(), Some(*dimensions as i64)),
        Embedder::Nothing => (NOTHING, None),
    };
    put(connection, id, Some(Value::Text(stored.to_owned())))?;
    put(connection, dimensions, count.map(Value::Integer))
}

fn put(connection: &Connection, name: &str, value: Option<Value>) -> Result<()> {
    let done = match value {
        Some(value) => connection.execute(
            "INSERT OR REPLACE INTO header VALUES(?1, ?2)",
            params![name, value],
        ),
        None => connection.execute("DELETE FROM header WHERE name = ?1", [name]),
    };
    done.map(drop).map_err(sql_error)
}

fn text(connection: &Connection, name: &str) -> Result<Option<String>> {
    value(connection, name)
}

fn number(connection: &Connection, name: &str) -> Result<Option<i64>> {
    value(connection, name)
}

fn value<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM header WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .map_err(sql_error)
}

fn damaged() -> Error {
    Error::new(Code::Corrupt, "does not say what its vectors are of").at("path")
}

/// Notes that the store is ranked by this release.
pub(super) fn note_ranking(connection: &Connection) -> Result<()> {
    put(connection, RANKING, Some(Value::Integer(OUR_RANKING)))
}

/// Derives all that an older release derived anew, which is the vectors of an older built-in table, in one transaction; another process may
/// have done so just now.
pub(super) fn derive_anew(connection: &Connection, busy_timeout: Duration) -> Result<()> {
    begin_immediate(connection, busy_timeout)?;
    let derived = read(connection).and_then(|found| {
        let is_by_table = found.embedder == Embedder::BuiltIn;
        if is_by_table && text(connection, EMBEDDER)?.as_deref() != Some(TABLE_ID) {
            derive_table(connection, "record", "seq")?;
            derive_table(connection, "past", "until")?;
            write(connection, &Embedder::BuiltIn)?;
        }
        note_ranking(connection)
    });
    let end = if derived.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    derived.and(connection.execute_batch(end).map_err(sql_error))
}

fn derive_table(connection: &Connection, table: &str, key: &str) -> Result<()> {
    let select = format!(
        "SELECT {key}, role, name, content FROM {table} WHERE {key} > ?1 ORDER BY {key} LIMIT {PAGE}"
    );
    let update = format!("UPDATE {table} SET vector = ?2 WHERE {key} = ?1");
    let mut after = 0_i64;
    loop {
        let mut statement = connection.prepare_cached(&select).map_err(sql_error)?;
        let rows = statement
            .query_map([after], |row| {
                let (role, name): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
                let content: String = row.get(3)?;
                let text = turn_text(role.as_deref(), name.as_deref(), &content).into_owned();
                Ok((row.get::<_, i64>(0)?, text))
            })
            .map_err(sql_error)?;
        let page: Vec<(i64, String)> = rows.collect::<rusqlite::Result<_>>().map_err(sql_error)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = *last;
        for (key, text) in &page {
            connection
                .prepare_cached(&update)
                .and_then(|mut statement| {
                    statement.execute(params![key, blob(&embed::embed(text))])
                })
                .map_err(sql_error)?;
        }
    }
}

/// A vector as it is stored: none as NULL.
pub(super) fn blob(vector: &[i8]) -> Option<Vec<u8>> {
    let bytes = vector.iter().map(|component| component.cast_unsigned());
    (!vector.is_empty()).then(|| bytes.collect())
}

impl Snapshot<'_> {
    /// What the header says of the vectors.
    pub fn embedding(&self) -> Result<Embedding> {
        read(self.connection())
    }

    /// Whether the store is on its way to another embedder.
    pub fn is_moving(&self) -> Result<bool> {
        text(self.connection(), NEXT_EMBEDDER).map(|next| next.is_some())
    }

    /// How many records have their next vector, and how many there are.
    pub fn count_moved(&self) -> Result<(usize, usize)> {
        let sql = "SELECT (SELECT count(*) FROM next_vector), (SELECT count(*) FROM record)";
        let counts: (i64, i64) = self
            .connection()
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(sql_error)?;
        Ok((super::to_count(counts.0)?, super::to_count(counts.1)?))
    }

    /// The first records behind one that lack their next vector.
    pub fn lacking(&self, after: i64, limit: usize) -> Result<Vec<Lacking>> {
        let sql = "SELECT seq, began, role, name, content FROM record AS r \
            WHERE seq > ?1 AND NOT EXISTS (SELECT 1 FROM next_vector WHERE seq = r.seq) ORDER BY seq LIMIT ?2";
        let mut statement = self.connection().prepare_cached(sql).map_err(sql_error)?;
        let rows = statement
            .query_map(params![after, limit as i64], |row| {
                let (role, name): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
                let content: String = row.get(4)?;
                Ok(Lacking {
                    seq: row.get(0)?,
                    began: row.get(1)?,
                    text: turn_text(role.as_deref(), name.as_deref(), &content).into_owned(),
                })
            })
            .map_err(sql_error)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql_error)
    }
}

impl Batch<'_> {
    /// Whether the next vectors that are kept are of this embedder.
    pub fn aims_at(&self, target: &Embedder) -> Result<bool> {
        let (id, count) = (
            text(self.connection(), NEXT_EMBEDDER)?,
            number(self.connection(), NEXT_DIMENSIONS)?,
        );
        Ok(match target {
            Embedder::BuiltIn => id.as_deref() == Some(TABLE_ID),
            Embedder::Own {
                id: own,
                dimensions,
            } => id.as_deref() == Some(own) && count == Some(*dimensions as i64),
            Embedder::Nothing => id.as_deref() == Some(NOTHING),
        })
    }

    /// Begins to move to an embedder: what is kept of a move to another is dropped.
    pub fn aim_at(&mut self, target: &Embedder) -> Result<()> {
        let made_anew = format!("DROP TABLE IF EXISTS next_vector; {NEXT_VECTOR}");
        self.connection()
            .execute_batch(&made_anew)
            .map_err(sql_error)?;
        self.set_moving(true);
        write_as(self.connection(), target, NEXT_EMBEDDER, NEXT_DIMENSIONS)
    }

    /// Keeps the next vector of a state, if the record still is in it.
    pub fn keep_next(&mut self, seq: i64, began: i64, vector: &[i8]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO next_vector SELECT seq, ?3 FROM record WHERE seq = ?1 AND began = ?2";
        self.connection()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![seq, began, blob(vector)]))
            .map(drop)
            .map_err(sql_error)
    }

    /// Notes that the batch keeps next vectors.
    pub fn count_next(&mut self) -> Result<()> {
        let count = number(self.connection(), NEXT_BATCHES)?.unwrap_or(0) + 1;
        put(self.connection(), NEXT_BATCHES, Some(Value::Integer(count)))
    }

    /// Moves the store: all records have their next vector, or the embedder makes none. Gives their number.
    pub fn finish_move(&mut self, target: &Embedder) -> Result<usize> {
        let moves = self.embedding().moves;
        let moved =
            "UPDATE record SET vector = (SELECT vector FROM next_vector WHERE seq = record.seq)";
        let count = self.connection().execute(moved, []).map_err(sql_error)?;
        self.connection()
            .execute_batch("UPDATE past SET vector = NULL; DROP TABLE next_vector")
            .map_err(sql_error)?;
        self.set_moving(false);
        write(self.connection(), target)?;
        for name in [NEXT_EMBEDDER, NEXT_DIMENSIONS, NEXT_BATCHES] {
            put(self.connection(), name, None)?;
        }
        put(self.connection(), MOVES, Some(Value::Integer(moves + 1)))?;
        self.set_embedding(read(self.connection())?);
        Ok(count)
    }
}
