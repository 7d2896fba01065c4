//! What keeps a file in order: erasing what was deleted, counting, checking, copying.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};

use crate::embed::{self, Embedder};
use crate::error::{Code, Error, Result};
use crate::record::{Timestamp, mark};
use crate::store::files::sync_folder;
use crate::store::read::Snapshot;
use crate::store::rows::{self, COLUMNS};
use crate::store::{
    Files, Store, connect, create_file, lock, pragma, retry_while_busy, schema, sql_error,
    to_count, use_log, vfs,
};

/// What [`Memory::stats`](crate::Memory::stats) counts; spec 11.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Live records.
    pub records: usize,
    /// Records that have expired and have not been erased.
    pub expired: usize,
    /// States that were superseded or deleted, and are kept.
    pub past: usize,
    /// Events in the log, one for all those of what was purged.
    pub events: usize,
    /// The size of the file and of those beside it; 0 in memory.
    pub bytes: u64,
    /// Whether something that was purged may still be in the file.
    pub pending_purge: bool,
    /// What makes the vectors.
    pub embedder: Embedder,
}

/// Something that [`Memory::verify`](crate::Memory::verify) found to be wrong; spec 11.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file`, `row`, `vector`, `event`, `past` or `index`.
    pub kind: &'static str,
    /// The event, or the record by the event that added it.
    pub seq: Option<i64>,
}

impl Store {
    /// Removes from the file, and from those beside it, all bytes of what has been deleted. The errors have field `purge`, `BUSY` while others need old pages.
    ///
    /// SQLite's `secure_delete` would not do: rebalancing leaves copies of rows in the free space of other pages. So the file is written
    /// anew, and the log, which has the old pages, is emptied once no reader needs them.
    pub fn erase(&self) -> Result<()> {
        self.erase_within(self.busy_timeout).map_err(|error| match error.code() {
            Code::Busy => Error::new(
                Code::Busy,
                "is gone from every answer, but another process kept old pages in use for longer than busyTimeout: \
                 the bytes are erased by the next write or opening that can",
            )
            .at("purge"),
            code => Error::new(
                code,
                "is gone from every answer, but the file could not be rewritten: \
                 the bytes are erased by the next write or opening that can",
            )
            .at("purge")
            .because(error),
        })
    }

    /// Tries once to finish an erasure that others held up.
    pub fn retry_erasure(&self) {
        if self.pending_erasure() {
            // Failing, it stays noted in the file.
            let _ = self.erase_within(Duration::ZERO);
        }
    }

    fn erase_within(&self, wait: Duration) -> Result<()> {
        let writer = lock(&self.writer);
        let connection = &writer.connection;
        self.check_files()?;
        if self.files.is_some() {
            connection.busy_timeout(Duration::ZERO).map_err(sql_error)?;
            let erased = rewrite(connection, wait);
            connection
                .busy_timeout(self.busy_timeout)
                .map_err(sql_error)?;
            erased?;
        }
        let sql = "DELETE FROM header WHERE name = ?1";
        connection
            .execute(sql, [schema::PENDING_ERASURE])
            .map_err(sql_error)?;
        self.pending_erasure.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The bytes of the file and of those beside it.
    pub fn bytes(&self) -> u64 {
        self.files.as_ref().map_or(0, Files::bytes)
    }

    /// Whether an erasure waits for others.
    pub fn pending_erasure(&self) -> bool {
        self.pending_erasure.load(Ordering::Relaxed)
    }

    /// Copies the store to a new file and gives the number of its records.
    pub fn backup(&self, path: &Path) -> Result<usize> {
        let name = path
            .to_str()
            .ok_or_else(|| Error::invalid("path", "is not Unicode"))?;
        // Whoever makes the file owns it: of two backups to one path at once, one fails, and touches nothing.
        if !create_file(path)? {
            return Err(
                Error::new(Code::Io, "exists already: a backup goes to a new file").at("path"),
            );
        }
        // Unless the folder is synced, a power loss may leave no copy, or beside it the journal by which it would be rolled back to nothing.
        let copied = self.copy_into(name).and_then(|count| {
            sync_folder(path)?;
            Ok(count)
        });
        if copied.is_err() {
            // Nothing half written stays where somebody might take it for a backup.
            let _ = fs::remove_file(path);
        }
        copied
    }

    fn copy_into(&self, name: &str) -> Result<usize> {
        // The bundled SQLite takes a name that begins with "file:" for a URI.
        let name = if name.starts_with("file:") {
            format!("./{name}")
        } else {
            name.to_owned()
        };
        let copy = |connection: &Connection| {
            connection
                .execute("VACUUM INTO ?1", [&name])
                .map_err(sql_error)
        };
        if self.files.is_none() {
            copy(&lock(&self.writer).connection)?;
        } else {
            self.check_files()?;
            // A connection of its own: VACUUM is not for a transaction, and takes a while.
            let reader = self.open_reader()?;
            vfs::leave_room(&reader)?;
            copy(&reader)?;
        }
        let copied = connect(Path::new(&name))?;
        // Nothing beside it if the process is killed: a journal would be refused when the backup is opened.
        copied
            .pragma_update_and_check(None, "journal_mode", "memory", |_| Ok(()))
            .map_err(sql_error)?;
        schema::rename(&copied)?;
        use_log(&copied, self.busy_timeout)?;
        let count: i64 = copied
            .query_row("SELECT count(*) FROM record", [], |row| row.get(0))
            .map_err(sql_error)?;
        to_count(count)
    }
}

/// What is left to do of an erasure, as it stands in the header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The file is to be written anew.
    Rewrite = 1,
    /// That is done, but the log still has old pages.
    EmptyLog = 2,
}

/// The erasure that is noted in the file, if one is.
pub(super) fn erasure_step(connection: &Connection) -> Result<Option<Step>> {
    let noted = connection
        .prepare_cached("SELECT value FROM header WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([schema::PENDING_ERASURE], |row| row.get::<_, i64>(0))
                .optional()
        })
        .map_err(sql_error)?;
    Ok(noted.map(|step| {
        if step == Step::EmptyLog as i64 {
            Step::EmptyLog
        } else {
            Step::Rewrite
        }
    }))
}

fn rewrite(connection: &Connection, wait: Duration) -> Result<()> {
    if erasure_step(connection)? != Some(Step::EmptyLog) {
        // The copy that VACUUM makes on the way is as large as the store: not in memory.
        pragma(connection, "temp_store", 1)?;
        let written = retry_while_busy(wait, || {
            connection.execute_batch("VACUUM").map_err(sql_error)
        });
        pragma(connection, "temp_store", 2)?;
        written?;
        retry_while_busy(wait, || {
            let values = rusqlite::params![schema::PENDING_ERASURE, Step::EmptyLog as i64];
            connection
                .execute("INSERT OR REPLACE INTO header VALUES(?1, ?2)", values)
                .map_err(sql_error)
        })?;
    }
    empty_log(connection, wait)
}

/// Moves the log into the file and cuts it to nothing; `BUSY` while a reader needs it.
fn empty_log(connection: &Connection, wait: Duration) -> Result<()> {
    let deadline = Instant::now() + wait;
    loop {
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(sql_error)?;
        if busy == 0 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Error::new(Code::Busy, "the log is in use"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Snapshot<'_> {
    /// Counts what is in the store; the size is left to [`Store::bytes`].
    pub fn stats(&self, now: Timestamp) -> Result<Stats> {
        let count = |sql: &str| -> Result<usize> {
            let count: i64 = self
                .connection()
                .query_row(sql, [], |row| row.get(0))
                .map_err(sql_error)?;
            to_count(count)
        };
        let all = count("SELECT count(*) FROM record")?;
        let expired = count(&format!(
            "SELECT count(*) FROM record WHERE expires_at <= {}",
            now.as_millis()
        ))?;
        let pending = count(&format!(
            "SELECT count(*) FROM header WHERE name = '{}'",
            schema::PENDING_ERASURE
        ))?;
        Ok(Stats {
            records: all - expired,
            expired,
            past: count("SELECT count(*) FROM past")?,
            events: count("SELECT count(*) FROM event WHERE id IS NULL OR id <> ''")?,
            bytes: 0,
            pending_purge: pending > 0,
            embedder: self.embedding()?.embedder,
        })
    }

    /// Checks the file, and that rows, vectors and log agree.
    pub fn problems(&self) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        let sound: String = self
            .connection()
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(sql_error)?;
        if sound != "ok" {
            problems.push(Problem {
                kind: "file",
                seq: None,
            });
        }
        self.check_rows("record", &mut problems)?;
        let mut checks = vec![
            (
                "row",
                "SELECT seq FROM record WHERE seq NOT IN (SELECT seq FROM event WHERE kind = 0)",
            ),
            (
                "row",
                "SELECT seq FROM record WHERE began NOT IN (SELECT seq FROM event WHERE kind IN (0, 1))",
            ),
            // Events are numbered without a gap: one that is missing was lost.
            (
                "event",
                "SELECT seq FROM event AS e WHERE seq > 1 AND NOT EXISTS (SELECT 1 FROM event WHERE seq = e.seq - 1)",
            ),
            // The last one has no next; the header knows its number, but in a store of format 1.
            (
                "event",
                "SELECT max(value, last) FROM header, (SELECT coalesce(max(seq), 0) AS last FROM event) \
                 WHERE name = 'seq' AND value <> last",
            ),
            (
                "event",
                "SELECT seq FROM event AS e WHERE at < (SELECT at FROM event WHERE seq = e.seq - 1)",
            ),
            // The state that it began, or ended, was lost.
            (
                "event",
                "SELECT seq FROM event WHERE id IS NULL AND kind IN (0, 1) \
                 AND seq NOT IN (SELECT began FROM record UNION ALL SELECT began FROM past)",
            ),
            (
                "event",
                "SELECT seq FROM event WHERE id IS NULL AND kind IN (1, 2) AND seq NOT IN (SELECT until FROM past)",
            ),
            (
                "past",
                "SELECT until FROM past WHERE until NOT IN (SELECT seq FROM event)",
            ),
            (
                "past",
                "SELECT p.until FROM past AS p JOIN event AS e ON e.seq = p.until WHERE e.old IS NOT p.seq",
            ),
            (
                "past",
                "SELECT p.until FROM past AS p WHERE p.began >= p.until OR p.seq > p.began",
            ),
        ];
        if self.is_moving()? {
            let sql = "SELECT seq FROM next_vector WHERE seq NOT IN (SELECT seq FROM record)";
            checks.push(("vector", sql));
        }
        for (kind, sql) in checks {
            let mut statement = self.connection().prepare(sql).map_err(sql_error)?;
            let found = statement
                .query_map([], |row| row.get(0))
                .map_err(sql_error)?;
            for seq in found {
                problems.push(Problem {
                    kind,
                    seq: Some(seq.map_err(sql_error)?),
                });
            }
        }
        Ok(problems)
    }

    fn check_rows(&self, table: &str, problems: &mut Vec<Problem>) -> Result<()> {
        let embedder = self.embedding()?.embedder;
        let mut statement = self
            .connection()
            .prepare(&format!("SELECT {COLUMNS} FROM {table}"))
            .map_err(sql_error)?;
        let mut found = statement.query([]).map_err(sql_error)?;
        while let Some(row) = found.next().map_err(sql_error)? {
            let seq = row.get(0).map_err(sql_error)?;
            match rows::read(row) {
                Err(_) => problems.push(Problem {
                    kind: "row",
                    seq: Some(seq),
                }),
                Ok(stored) => {
                    let is_right = match embedder {
                        Embedder::BuiltIn => stored.vector == embed::embed(&stored.record.text()),
                        _ => stored.vector.len() == embedder.dimensions(),
                    };
                    if !is_right {
                        problems.push(Problem {
                            kind: "vector",
                            seq: Some(seq),
                        });
                    }
                    if row.get::<_, i64>(16).map_err(sql_error)? != mark(&stored.record.content) {
                        problems.push(Problem {
                            kind: "row",
                            seq: Some(seq),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}
