//! The tables of a store, and how a file is told to be one (docs/spec chapter 10).

use rusqlite::Connection;

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::store::embedding::{self, Embedding};
use crate::store::sql_error;

/// `AgMm` in ASCII, in the header of every store.
pub(super) const APPLICATION_ID: i64 = 0x4167_4d6d;
/// The layout below, in pages that have sums. A greater one belongs to a newer library.
pub(super) const FORMAT: i64 = 3;
/// The same without sums, and without `ranking` in the header: read and written as it is where it cannot be brought up.
const PLAIN_FORMAT: i64 = 2;
/// That without `store` and `seq` in the header.
const FIRST_FORMAT: i64 = 1;
/// While a store is brought up from one of these: it has all but the sums, and may have these too. Releases that do not know it keep away.
const RISING_FORMAT: i64 = 0x100 + FORMAT;

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

/// How old the layout of a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// The layout below.
    Current,
    /// Its tables, but without sums or rows of the header: read and written as it is where it cannot be brought up.
    Older,
    /// Tables that lack something: they must be made anew.
    First,
}

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Nothing has been written to it.
    Blank,
    /// A store that this library can use.
    Store {
        /// What its vectors are of.
        embedding: Embedding,
        age: Age,
    },
}

/// Whether this release reads stores of a format.
pub(super) fn knows(format: i64) -> bool {
    [FORMAT, RISING_FORMAT, PLAIN_FORMAT, FIRST_FORMAT].contains(&format)
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
    if !knows(format) {
        return Err(unsupported(
            "was written in a format that this release does not know",
        ));
    }
    let mut expected = SCHEMA.to_vec();
    if found.iter().any(|statement| statement == NEXT_VECTOR) {
        expected.push(NEXT_VECTOR);
    }
    expected.sort_unstable();
    let age = if format == FORMAT && found == expected {
        Age::Current
    } else if found == expected {
        Age::Older
    } else if format == FIRST_FORMAT && found == first_layout() {
        Age::First
    } else {
        return Err(unsupported(
            "has tables, triggers or views that are not a store's",
        ));
    };
    Ok(Format::Store {
        embedding: embedding::read(connection)?,
        age,
    })
}

/// Makes the tables; the caller has begun a transaction.
pub(super) fn create(connection: &Connection, embedder: &Embedder) -> Result<()> {
    for statement in SCHEMA {
        connection.execute_batch(statement).map_err(sql_error)?;
    }
    embedding::write(connection, embedder)?;
    embedding::note_ranking(connection)?;
    let sql = format!(
        "INSERT INTO header VALUES('store', {NEW_STORE_ID}), ('seq', 0); \
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}"
    );
    connection.execute_batch(&sql).map_err(sql_error)
}

/// Notes the number of the last event; the caller has begun a transaction.
pub(super) fn note_seq(connection: &Connection, seq: i64) -> Result<()> {
    let noted = connection
        .prepare_cached("UPDATE header SET value = ?1 WHERE name = 'seq'")
        .and_then(|mut statement| statement.execute([seq]))
        .map_err(sql_error)?;
    if noted == 0 {
        complete_header(connection, PLAIN_FORMAT)?;
    }
    Ok(())
}

/// What the tables of the first stores lacked: the column `began`, and two indexes.
const LATER_COLUMN: &str = ", began INTEGER NOT NULL";
const LATER_INDEXES: [usize; 2] = [6, 8];

/// The statements of the schema that the first stores had, sorted.
fn first_layout() -> Vec<String> {
    let all = SCHEMA.iter().enumerate();
    let had = all.filter(|(n, _)| !LATER_INDEXES.contains(n));
    let mut found: Vec<String> = had
        .map(|(_, statement)| statement.replace(LATER_COLUMN, ""))
        .collect();
    found.sort_unstable();
    found
}

/// Gives the tables of the first stores what they lacked, which the log tells: a state of a record began with the last event before
/// its end that changed the record, or else with the one that added it.
fn complete_tables(connection: &Connection) -> Result<()> {
    let mut sql = String::from("CREATE INDEX rising ON event(old, seq) WHERE kind = 1;");
    for table in ["record", "past"] {
        sql.push_str(&format!("ALTER TABLE {table} RENAME TO first_{table};"));
    }
    sql.push_str("DROP INDEX record_id; DROP INDEX record_user; DROP INDEX past_id;");
    for statement in &SCHEMA[1..7] {
        sql.push_str(statement);
        sql.push(';');
    }
    for (table, before) in [("record", ""), ("past", "AND e.seq < s.until")] {
        sql.push_str(&format!(
            "INSERT INTO {table} SELECT s.*, coalesce((SELECT max(e.seq) FROM event AS e WHERE e.kind = 1 AND e.old = s.seq {before}), s.seq) \
             FROM first_{table} AS s; DROP TABLE first_{table};"
        ));
    }
    sql.push_str("DROP INDEX rising;");
    sql.push_str(SCHEMA[8]);
    connection.execute_batch(&sql).map_err(sql_error)
}

/// Begins to bring a store up to this format: from now on no older release opens it. The caller has begun a transaction.
pub(super) fn begin_rise(connection: &Connection, age: Age) -> Result<()> {
    if age == Age::First {
        complete_tables(connection)?;
    }
    embedding::note_ranking(connection)?;
    complete_header(connection, RISING_FORMAT)
}

/// Makes a store that has all else one of this format, now that its pages have room for sums.
pub(super) fn finish_rise(connection: &Connection) -> Result<()> {
    connection
        .pragma_update(None, "user_version", FORMAT)
        .map_err(sql_error)
}

/// Adds to the header what format 1 lacks.
fn complete_header(connection: &Connection, format: i64) -> Result<()> {
    let sql = format!(
        "INSERT OR IGNORE INTO header VALUES('store', {NEW_STORE_ID}), ('seq', (SELECT coalesce(max(seq), 0) FROM event)); \
         PRAGMA user_version = {format}"
    );
    connection.execute_batch(&sql).map_err(sql_error)
}

/// The id of a store; one of format 1 has none.
pub(super) fn store_id(connection: &Connection) -> Option<String> {
    let sql = "SELECT value FROM header WHERE name = 'store'";
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

/// Gives a copy an id of its own, of the same length, which takes the place of the first, and this format.
pub(super) fn rename(connection: &Connection) -> Result<()> {
    let sql = format!("UPDATE header SET value = {NEW_STORE_ID} WHERE name = 'store'");
    connection.execute_batch(&sql).map_err(sql_error)?;
    complete_header(connection, FORMAT)
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

pub(super) fn unsupported(message: &str) -> Error {
    Error::new(Code::UnsupportedFormat, message).at("path")
}
