//! SQLite by itself: the least that a durable insert costs, and the least that it costs with what AgentMem promises.

use std::cell::Cell;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::Failed;
use crate::data::Record;

/// What is written for a record.
#[derive(Clone, Copy, PartialEq)]
pub enum Rows {
    /// What AgentMem's row has: id, user, text, metadata, times, and the vector as int8; one index on the id, one on the user.
    Least,
    /// AgentMem's tables, which `history`, `asOf`, retries and `dedupe` need: all columns of a row, the event in the log, and the last event's
    /// number in the header; its settings too. No sums of pages, no checks, no vectors made.
    Logged,
}

const LEAST: &str = "
  CREATE TABLE IF NOT EXISTS record(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, user TEXT, text TEXT NOT NULL, metadata TEXT,
    importance REAL NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, version INTEGER NOT NULL, vector BLOB) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(id);
  CREATE INDEX IF NOT EXISTS record_user ON record(user)";
const INSERT_LEAST: &str = "INSERT INTO record VALUES(NULL, ?1, ?2, ?3, ?4, 0.5, ?5, ?5, 1, ?6)";

const LOGGED: &str = "
  CREATE TABLE IF NOT EXISTS header(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS record(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT, role TEXT,
    name TEXT, content TEXT NOT NULL, metadata TEXT, importance REAL NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    expires_at INTEGER, version INTEGER NOT NULL, vector BLOB, request BLOB, mark INTEGER NOT NULL, began INTEGER NOT NULL) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(id);
  CREATE INDEX IF NOT EXISTS record_user ON record(user_id, mark);
  CREATE TABLE IF NOT EXISTS event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, old INTEGER, id TEXT) STRICT;
  CREATE INDEX IF NOT EXISTS event_id ON event(id) WHERE id IS NOT NULL;
  INSERT OR IGNORE INTO header VALUES('seq', 0)";
const INSERT_LOGGED: &str = "INSERT INTO record VALUES(?7, ?1, ?2, NULL, NULL, NULL, NULL, ?3, ?4, 0.5, ?5, ?5, NULL, 1, ?6, ?8, ?9, ?7)";
const EVENT: &str = "INSERT INTO event VALUES(?1, ?2, 0, NULL, NULL)";
const NOTE: &str = "UPDATE header SET value = ?1 WHERE name = 'seq'";

/// As AgentMem sets them.
const LOG_PAGES: i64 = 4000;
const CACHE_KIB: i64 = 16 * 1024;

const AT: i64 = 1_700_000_000_000;

/// What is bound for a record: made beforehand, so that the engine alone is measured.
#[derive(Clone)]
pub struct Row {
    id: String,
    user: String,
    text: String,
    metadata: String,
    vector: Vec<u8>,
}

impl Row {
    pub fn of(record: &Record) -> Result<Row, Failed> {
        let components = record.vector.iter();
        let mut vector: Vec<u8> = components
            .map(|component| ((component * 127.0) as i8).cast_unsigned())
            .collect();
        if vector.is_empty() {
            // As long as one of AgentMem's own.
            vector.resize(128, 0);
        }
        Ok(Row {
            id: record.id.clone(),
            user: record.user.clone(),
            text: record.text.clone(),
            metadata: serde_json::to_string(&record.metadata)?,
            vector,
        })
    }

    pub fn all(records: &[Record]) -> Result<Vec<Row>, Failed> {
        records.iter().map(Row::of).collect()
    }
}

pub struct Sqlite {
    connection: Connection,
    rows: Rows,
    last_seq: Cell<i64>,
}

impl Sqlite {
    pub fn open(folder: &Path, rows: Rows) -> Result<Sqlite, Failed> {
        std::fs::create_dir_all(folder)?;
        let connection = Connection::open(folder.join("bench.sqlite"))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        if rows == Rows::Logged {
            connection.pragma_update_and_check(
                None,
                "wal_autocheckpoint",
                LOG_PAGES,
                |_| Ok(()),
            )?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        }
        connection.execute_batch(match rows {
            Rows::Least => LEAST,
            Rows::Logged => LOGGED,
        })?;
        Ok(Sqlite {
            connection,
            rows,
            last_seq: Cell::new(0),
        })
    }

    pub fn add(&self, row: &Row) -> Result<(), Failed> {
        match self.rows {
            Rows::Least => self.insert(row),
            Rows::Logged => self.add_many(std::slice::from_ref(row)),
        }
    }

    pub fn add_many(&self, rows: &[Row]) -> Result<(), Failed> {
        self.run("BEGIN IMMEDIATE")?;
        for row in rows {
            self.insert(row)?;
        }
        if self.rows == Rows::Logged {
            let mut note = self.connection.prepare_cached(NOTE)?;
            note.execute([self.last_seq.get()])?;
        }
        self.run("COMMIT")
    }

    fn run(&self, sql: &str) -> Result<(), Failed> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn insert(&self, row: &Row) -> Result<(), Failed> {
        let Row {
            id,
            user,
            text,
            metadata,
            vector,
        } = row;
        if self.rows == Rows::Least {
            let mut insert = self.connection.prepare_cached(INSERT_LEAST)?;
            insert.execute(params![id, user, text, metadata, AT, vector])?;
            return Ok(());
        }
        let seq = self.last_seq.get() + 1;
        self.last_seq.set(seq);
        // A hash of a byte, and a hash of a request, as far as their sizes matter.
        let (mark, request) = (seq * 7919 % 256 - 128, [seq as u8; 32]);
        let mut insert = self.connection.prepare_cached(INSERT_LOGGED)?;
        insert.execute(params![
            id, user, text, metadata, AT, vector, seq, request, mark
        ])?;
        let mut event = self.connection.prepare_cached(EVENT)?;
        event.execute([seq, AT])?;
        Ok(())
    }

    /// Reads a row by its id.
    pub fn get(&self, record: &Record) -> Result<(String, String), Failed> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT text, metadata FROM record WHERE id = ?1")?;
        Ok(statement.query_row([&record.id], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    pub fn update(&self, record: &Record, text: &str) -> Result<(), Failed> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE record SET text = ?1 WHERE id = ?2")?;
        statement.execute([text, &record.id])?;
        Ok(())
    }

    pub fn delete(&self, record: &Record) -> Result<(), Failed> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM record WHERE id = ?1")?;
        statement.execute([&record.id])?;
        Ok(())
    }
}
