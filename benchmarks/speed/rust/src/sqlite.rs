//! SQLite by itself, writing the same bytes: the least that a durable insert costs.
//!
//! A row has what AgentMem's has: id, user, text, metadata, times, and the vector as int8; one index on the id, one on the user.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::Failed;
use crate::data::Record;

const SCHEMA: &str = "
  CREATE TABLE IF NOT EXISTS record(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, user TEXT, text TEXT NOT NULL, metadata TEXT,
    importance REAL NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, version INTEGER NOT NULL, vector BLOB) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(id);
  CREATE INDEX IF NOT EXISTS record_user ON record(user)";
const INSERT: &str = "INSERT INTO record VALUES(NULL, ?1, ?2, ?3, ?4, 0.5, ?5, ?5, 1, ?6)";

pub struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub fn open(folder: &Path) -> Result<Sqlite, Failed> {
        std::fs::create_dir_all(folder)?;
        let connection = Connection::open(folder.join("bench.sqlite"))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Sqlite { connection })
    }

    pub fn add(&self, record: &Record) -> Result<(), Failed> {
        let vector: Vec<u8> = record
            .vector
            .iter()
            .map(|component| ((component * 127.0) as i8).cast_unsigned())
            .collect();
        let metadata = serde_json::to_string(&record.metadata)?;
        self.connection.prepare_cached(INSERT)?.execute(params![
            record.id,
            record.user,
            record.text,
            metadata,
            1_700_000_000_000_i64,
            vector
        ])?;
        Ok(())
    }

    pub fn add_many(&self, records: &[Record]) -> Result<(), Failed> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for record in records {
            self.add(record)?;
        }
        self.connection.execute_batch("COMMIT")?;
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
