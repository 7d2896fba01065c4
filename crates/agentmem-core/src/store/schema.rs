//! The tables of a store, and how a file is told to be one (docs/spec chapter 10).

use rusqlite::Connection;

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::store::embedding::{self, Embedding};
use crate::store::sql_error;

/// `AgMm` in ASCII, in the header of every store.
const APPLICATION_ID: i64 = 0x4167_4d6d;
/// The layout below. A greater one belongs to a newer library.
const FORMAT: i64 = 2;
/// The same without `store` and `seq` in the header: read as it is, and brought up by its first write.
const FIRST_FORMAT: i64 = 1;

/// An id of its own for each store, anew for each backup, by which a log is known to be the store's.
const NEW_STORE_ID: &str = "'agentmem-store:' || lower(hex(randomblob(16)))";

/// The last event. Its number in the header keeps one that was lost from being given again, which would hide the loss.
pub(super) const LAST_EVENT: &str = "SELECT max(seq, coalesce((SELECT value FROM header WHERE name = 'seq'), 0)), at \
    FROM event ORDER BY seq DESC LIMIT 1";

/// The name in the header that says that erased bytes may still be in the file.
pub(super) const PENDING_ERASURE: &str = "pending_erasure";

/// Rows hold the newest state of each record, `past` every state that was superseded, `event` the order of it all.
///
/// `seq` of a record is that of the event that added it: the order of adding. A state of it lasts from the event `began` to the event `until`.
/// An event names by `old` the record whose state it superseded. Its id is that of a state that it began or ended; only where no such
/// state is left does it stand in the event itself. `mark` is one byte of a hash of the content, so that
/// `dedupe` need not read all of a user's records; more bytes would scatter the inserts of a large user over the whole index.
const SCHEMA: [&str; 9] = [
    "CREATE TABLE header(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE record(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT, role TEXT, name TEXT,
  content TEXT NOT NULL, metadata TEXT, importance REAL NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  expires_at INTEGER, version INTEGER NOT NULL, vector BLOB, request BLOB, mark INTEGER NOT NULL, began INTEGER NOT NULL
) STRICT",
    "CREATE UNIQUE INDEX record_id ON record(id)",
    "CREATE INDEX record_user ON record(user_id, mark)",
    "CREATE TABLE past(
  until INTEGER PRIMARY KEY, seq INTEGER NOT NULL, id TEXT NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT, role TEXT, name TEXT,
  content TEXT NOT NULL, metadata TEXT, importance REAL NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  expires_at INTEGER, version INTEGER NOT NULL, vector BLOB, request BLOB, mark INTEGER NOT NULL, began INTEGER NOT NULL
) STRICT",
    "CREATE INDEX past_id ON past(id)",
    "CREATE INDEX past_seq ON past(seq)",
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, old INTEGER, id TEXT) STRICT",
    "CREATE INDEX event_id ON event(id) WHERE id IS NOT NULL",
];
/// There only while the store moves to another embedder: the vectors of records in the state that they have now.
pub(super) const NEXT_VECTOR: &str =
    "CREATE TABLE next_vector(seq INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT";

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Nothing has been written to it.
    Blank,
    /// A store that this library can use, and what its vectors are of.
    Store(Embedding),
}

/// Tells what the open file is, without writing to it.
pub(super) fn detect(connection: &Connection) -> Result<Format> {
    let number = |pragma: &str| {
        connection
            .query_row(pragma, [], |row| row.get::<_, i64>(0))
            .map_err(sql_error)
    };
    let (application_id, format) = (
        number("PRAGMA application_id")?,
        number("PRAGMA user_version")?,
    );
    let found = schema_of(connection)?;
    if application_id == 0 && format == 0 && found.is_empty() {
        return Ok(Format::Blank);
    }
    if application_id != APPLICATION_ID {
        return Err(unsupported("is a database of another program"));
    }
    if format != FORMAT && format != FIRST_FORMAT {
        return Err(unsupported(
            "was written in a format that this release does not know",
        ));
    }
    let mut expected = SCHEMA.to_vec();
    if found.iter().any(|statement| statement == NEXT_VECTOR) {
        expected.push(NEXT_VECTOR);
    }
    expected.sort_unstable();
    if found != expected {
        return Err(unsupported(
            "has tables, triggers or views that are not a store's",
        ));
    }
    embedding::read(connection).map(Format::Store)
}

/// Makes the tables; the caller has begun a transaction.
pub(super) fn create(connection: &Connection, embedder: &Embedder) -> Result<()> {
    for statement in SCHEMA {
        connection.execute_batch(statement).map_err(sql_error)?;
    }
    embedding::write(connection, embedder)?;
    connection
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))
        .map_err(sql_error)?;
    note_seq(connection, 0)
}

/// Notes the number of the last event; the caller has begun a transaction.
pub(super) fn note_seq(connection: &Connection, seq: i64) -> Result<()> {
    let noted = connection
        .prepare_cached("UPDATE header SET value = ?1 WHERE name = 'seq'")
        .and_then(|mut statement| statement.execute([seq]))
        .map_err(sql_error)?;
    if noted == 0 {
        let sql = format!(
            "INSERT INTO header VALUES('store', {NEW_STORE_ID}), ('seq', {seq}); PRAGMA user_version = {FORMAT}"
        );
        connection.execute_batch(&sql).map_err(sql_error)?;
    }
    Ok(())
}

/// The id of a store; one of format 1 has none.
pub(super) fn store_id(connection: &Connection) -> Option<String> {
    let sql = "SELECT value FROM header WHERE name = 'store'";
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

/// Gives a copy an id of its own, of the same length, which takes the place of the first.
pub(super) fn rename(connection: &Connection) -> Result<()> {
    let sql = format!("UPDATE header SET value = {NEW_STORE_ID} WHERE name = 'store'");
    connection.execute_batch(&sql).map_err(sql_error)
}

/// All statements in the schema but SQLite's own, sorted.
fn schema_of(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare("SELECT coalesce(sql, name) FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1")
        .map_err(sql_error)?;
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(sql_error)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql_error)
}

fn unsupported(message: &str) -> Error {
    Error::new(Code::UnsupportedFormat, message).at("path")
}
