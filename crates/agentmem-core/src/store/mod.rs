//! The store: one SQLite file, its connections, and one transaction for each read or group of writes.
//!
//! The interface is narrow on purpose, so that another store can stand under the same engine: append, read a partition, read what
//! the log says has changed since a `seq`, and look records up.

mod checksum;
mod embedding;
mod files;
mod foreign;
mod log;
mod migration;
mod new_file;
mod page_cache;
mod past;
mod read;
mod readers;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod transport;
mod upkeep;
mod vfs;
mod wal_index;
mod write;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_IOERR_DATA as IOERR_DATA;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use readers::Watcher;

pub(crate) use embedding::{Embedding, Lacking, moved};
use files::Files;
pub(crate) use files::{FileId, create_file, io_error};
pub use log::{Event, EventKind};
pub(crate) use new_file::NewFile;
pub use past::AsOf;
pub(crate) use past::PointInTime;
pub use read::Order;
pub(crate) use read::{Place, Selection, Snapshot};
pub(crate) use rows::Stored;
pub use transport::OnExisting;
pub(crate) use transport::{Arriving, Extent, Fate, Logged};
pub use upkeep::{Problem, Stats};
pub(crate) use wal_index::Version;
pub(crate) use write::Batch;
use write::Head;

/// How much an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power loss: each commit is synced to the disk.
    #[default]
    Full,
    /// A killed process; a power loss may take the last commits, all of a commit or none.
    Normal,
}

/// How a file is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// Whether a file of no bytes is made into a store.
    pub create: bool,
    pub read_only: bool,
    pub durability: Durability,
    pub busy_timeout: Duration,
    /// The embedder that the store must have, if one is named.
    pub embedder: Option<Embedder>,
}

/// Page cache of the writing connection, in KiB: enough for the inner pages of the indexes of some million records.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// With so many pages the log is moved into the file, 16 MB of it: by then the pages that every write changes, and those of the index on the
/// user that writes of many users change in random order, stand in it several times, and are moved once. Where commits are not synced it stays
/// at SQLite's 4 MB, since what is behind the last checkpoint is what a power loss can take.
const LOG_PAGES: i64 = 4000;
/// The share of the time of a long transaction for which the file is left alone after it, so that another process that looks every
/// few milliseconds whether it is free finds it so.
const REST_SHARE: u32 = 16;
/// Transactions shorter than this leave room enough between them.
const LONG_TRANSACTION: Duration = Duration::from_millis(10);

/// The connection that writes.
#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// Until when the file is left to others.
    rest_until: Instant,
    /// What the last write left, and the version by which that is known to be true still.
    left: Option<(Version, Head)>,
}

impl Writer {
    fn new(connection: Connection) -> Mutex<Self> {
        Mutex::new(Writer {
            connection,
            rest_until: Instant::now(),
            left: None,
        })
    }
}

/// An open store, in a file or in memory.
#[derive(Debug)]
pub(crate) struct Store {
    /// Nothing for a store in memory.
    files: Option<Files>,
    durability: Durability,
    busy_timeout: Duration,
    /// In memory the one connection that there is, for reading too.
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    /// Opened at the first question.
    watcher: Mutex<Option<Watcher>>,
    /// What the vectors are of, in a version of the store.
    embedding: Mutex<Option<(Version, Arc<Embedding>)>>,
    /// Whether the file system is known to have no reads that do not wait.
    must_wait: AtomicBool,
    /// Whether bytes of what was purged may still be in the file.
    pending_erasure: AtomicBool,
}

impl Store {
    /// Makes a store in memory; it is gone when dropped.
    pub fn in_memory(embedder: &Embedder) -> Result<Store> {
        vfs::register()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_in_memory_with_flags_and_vfs(flags, vfs::NAME).map_err(sql_error)?;
        // For its backups, which are written page by page.
        vfs::leave_room(&connection)?;
        configure(&connection, Durability::Normal)?;
        schema::create(&connection, embedder)?;
        Ok(Store {
            files: None,
            durability: Durability::Normal,
            busy_timeout: Duration::ZERO,
            writer: Writer::new(connection),
            readers: Mutex::default(),
            watcher: Mutex::default(),
            embedding: Mutex::default(),
            must_wait: AtomicBool::new(false),
            pending_erasure: AtomicBool::new(false),
        })
    }

    /// Opens a file that exists.
    pub fn open(path: &Path, file: FileId, opening: &Opening) -> Result<Store> {
        let (durability, busy_timeout) = (opening.durability, opening.busy_timeout);
        let mut files = Files::new(path, file)?;
        foreign::check(&files)?;
        files.share_permissions();
        let (mut connection, mut embedding, age) = connect_to_store(path, opening)?;
        embedding.check_named(opening.embedder.as_ref())?;
        let is_older = age != schema::Age::Current;
        if is_older && !opening.read_only {
            // For that nobody else may have it open.
            drop(connection);
            let risen = migration::bring_up(path, durability);
            if age == schema::Age::First {
                risen?;
            }
            // Else it works as it is if that has failed, and the next opening tries again.
            (connection, embedding, _) = connect_to_store(path, opening)?;
        }
        let is_outdated = embedding.has_old_vectors || age == schema::Age::First;
        if is_outdated && opening.read_only {
            return Err(Error::new(
                Code::UnsupportedFormat,
                "was last written by an older release, and must be moved: open it once without readOnly",
            )
            .at("path"));
        }
        set_config(
            &connection,
            DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            false,
        )?;
        configure(&connection, durability)?;
        pragma(&connection, "cache_size", -WRITER_CACHE_KIB)?;
        if durability == Durability::Full {
            // It answers with the new value.
            let sql = format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}");
            connection
                .query_row(&sql, [], |_| Ok(()))
                .map_err(sql_error)?;
        }
        // A backup is not, until it is opened.
        use_log(&connection, busy_timeout)?;
        if (is_outdated || embedding.has_old_ranking) && !opening.read_only {
            embedding::derive_anew(&connection, busy_timeout)?;
        }
        let pending = upkeep::erasure_step(&connection)?.is_some();
        // They are there since something was read, and stay until the last one to have the store open has closed it.
        files.note_sides();
        let store = Store {
            files: Some(files),
            durability,
            busy_timeout,
            writer: Writer::new(connection),
            readers: Mutex::default(),
            watcher: Mutex::default(),
            embedding: Mutex::default(),
            must_wait: AtomicBool::new(false),
            pending_erasure: AtomicBool::new(pending),
        };
        store.retry_erasure();
        Ok(store)
    }

    /// Runs `work` in one write transaction, and syncs it; an error undoes all of it.
    pub fn write<T>(&self, work: impl FnOnce(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.writer);
        std::thread::sleep(writer.rest_until.saturating_duration_since(Instant::now()));
        begin_immediate(&writer.connection, self.busy_timeout)?;
        let left = writer.left.take();
        let transaction = Transaction(&writer.connection);
        let begun = Instant::now();
        // After the wait for others, which may have been long.
        let checked = self.check_files();
        let head = left.filter(|(version, _)| self.version_within(&writer) == Some(*version));
        let batch =
            checked.and_then(|()| Batch::new(&writer.connection, head.map(|(_, head)| head)));
        let answer = batch.and_then(|mut batch| {
            let answer = work(&mut batch)?;
            batch.finish().map(|head| (answer, head))
        });
        let ended = match &answer {
            Ok(_) => command(&writer.connection, "COMMIT"),
            Err(_) => Ok(()),
        };
        drop(transaction);
        let took = begun.elapsed();
        if self.files.is_some() && took > LONG_TRANSACTION {
            writer.rest_until = Instant::now() + (took / REST_SHARE).min(LONG_TRANSACTION);
        }
        ended?;
        let (answer, head) = answer?;
        self.pending_erasure
            .store(head.is_erasing, Ordering::Relaxed);
        if let Some(version) = self.version_left(&writer) {
            *lock(&self.embedding) = Some((version, Arc::clone(&head.embedding)));
            writer.left = Some((version, head));
        }
        Ok(answer)
    }

    /// What the vectors are of now. It takes a read transaction only if somebody else has written since this was last known.
    ///
    /// Where it is known the files are not checked: the write that it is for does that.
    pub fn embedding(&self) -> Result<Arc<Embedding>> {
        let version = self.unchecked_version()?;
        let known = lock(&self.embedding).clone();
        match known.filter(|(of, _)| *of == version) {
            Some((_, embedding)) => Ok(embedding),
            None => {
                let embedding = Arc::new(self.read(|snapshot| snapshot.embedding())?);
                *lock(&self.embedding) = Some((version, Arc::clone(&embedding)));
                Ok(embedding)
            }
        }
    }

    /// Whether a file is the store's, or one of those beside it.
    pub fn has_file(&self, file: FileId) -> bool {
        self.files.as_ref().is_some_and(|files| files.has(file))
    }

    /// Whether a path is that of the store, or of one beside it, be there something or not.
    pub fn has_path(&self, path: &Path) -> bool {
        self.files
            .as_ref()
            .is_some_and(|files| files.has_path(path))
    }

    fn check_files(&self) -> Result<()> {
        self.files.as_ref().map_or(Ok(()), Files::check)
    }
}

impl Drop for Store {
    /// A log that is not this store's any more must be neither moved into the file nor deleted.
    fn drop(&mut self) {
        if self.files.as_ref().is_none_or(Files::may_move_log) {
            return;
        }
        let readers = std::mem::take(&mut *lock(&self.readers));
        let (writer, watcher) = (lock(&self.writer), lock(&self.watcher));
        let watching = watcher.as_ref().map(|watcher| &watcher.connection);
        let others = readers.iter().chain(watching);
        for connection in others.chain([&writer.connection]) {
            // Failing, it is closed as always.
            let _ = set_config(connection, DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

/// A transaction that is undone unless it was committed, by a panic too.
struct Transaction<'a>(&'a Connection);

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // What cannot be rolled back now is rolled back by the next one to open the file.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// Opens a connection to a file that exists.
fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // The bundled SQLite takes names that begin so for URIs, whatever the flags: they could name another file, or none.
    let plain = if path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
        &Path::new(".").join(path)
    } else {
        path
    };
    vfs::register()?;
    Connection::open_with_flags_and_vfs(plain, flags, vfs::NAME).map_err(sql_error)
}

/// Opens a connection to a file, and makes it a store if nobody has begun one; the file is not written to otherwise, not even by closing.
///
/// Gives with it what the vectors are of, and how old its layout is.
fn connect_to_store(
    path: &Path,
    opening: &Opening,
) -> Result<(Connection, Embedding, schema::Age)> {
    let connection = connect(path)?;
    // Until it is known to be ours, closing must not move a foreign log into its file.
    set_config(
        &connection,
        DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        true,
    )?;
    let wait = opening.busy_timeout;
    connection.busy_timeout(wait).map_err(sql_error)?;
    let mut found = detect(&connection)?;
    if found == schema::Format::Blank {
        if !opening.create {
            return Err(schema::unsupported(
                "is empty: no store has been made in it",
            ));
        }
        found = begin_store(&connection, opening)?;
    }
    match found {
        schema::Format::Store { embedding, age } => Ok((connection, embedding, age)),
        schema::Format::Blank => Err(schema::unsupported("is not a store")),
    }
}

/// Sets what every connection needs: a stranger's file must not run code or be written around its schema.
fn configure(connection: &Connection, durability: Durability) -> Result<()> {
    set_config(connection, DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set_config(connection, DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    set_config(connection, DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    set_config(connection, DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_prepared_statement_cache_capacity(64);
    pragma(connection, "cell_size_check", 1)?;
    pragma(connection, "temp_store", 2)?;
    match durability {
        Durability::Full => {
            pragma(connection, "synchronous", 2)?;
            // On macOS a plain fsync leaves the data in the drive's cache; elsewhere this changes nothing.
            pragma(connection, "fullfsync", 1)?;
            pragma(connection, "checkpoint_fullfsync", 1)
        }
        Durability::Normal => pragma(connection, "synchronous", 1),
    }
}

fn set_config(connection: &Connection, config: DbConfig, value: bool) -> Result<()> {
    connection
        .set_db_config(config, value)
        .map(drop)
        .map_err(sql_error)
}

fn pragma(connection: &Connection, name: &str, value: i64) -> Result<()> {
    connection
        .pragma_update(None, name, value)
        .map_err(sql_error)
}

/// Tells what a file is, as of one moment: another process may be making it into a store.
fn detect(connection: &Connection) -> Result<schema::Format> {
    connection.execute_batch("BEGIN").map_err(sql_error)?;
    let found = schema::detect(connection);
    // A file that is no database has no transaction to end either.
    let ended = if connection.is_autocommit() {
        Ok(())
    } else {
        connection.execute_batch("COMMIT").map_err(sql_error)
    };
    found.and_then(|found| ended.map(|()| found))
}

/// Makes the tables in a blank file; others may be doing the same at this moment.
fn begin_store(connection: &Connection, opening: &Opening) -> Result<schema::Format> {
    if !vfs::may_hold_store(connection)? {
        return Err(schema::unsupported(
            "is an empty database of another program",
        ));
    }
    vfs::leave_room(connection)?;
    use_log(connection, opening.busy_timeout)?;
    begin_immediate(connection, opening.busy_timeout)?;
    let embedder = opening.embedder.as_ref().unwrap_or(&Embedder::BuiltIn);
    let made = match schema::detect(connection) {
        Ok(schema::Format::Blank) => {
            schema::create(connection, embedder).and_then(|()| schema::detect(connection))
        }
        found => found,
    };
    let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(sql_error)?;
    let found = made?;
    // The file itself is to have the id by which its log is known. If others are in the way, their next checkpoint does it.
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    Ok(found)
}

/// Makes SQLite write ahead to a log, which lets readers go on; a file remembers it.
fn use_log(connection: &Connection, busy_timeout: Duration) -> Result<()> {
    // Going over needs the file alone for a moment, and SQLite does not wait for that through its busy handler.
    retry_while_busy(busy_timeout, || {
        let mut statement = connection
            .prepare("PRAGMA journal_mode = wal")
            .map_err(sql_error)?;
        let mut rows = statement.query([]).map_err(sql_error)?;
        // To the end, where it is written: that may fail too.
        while rows.next().map_err(sql_error)?.is_some() {}
        Ok(())
    })
}

/// Runs a statement that begins or ends something; it is compiled once a connection, which would take longer than it.
fn command(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(sql_error)
}

fn begin_immediate(connection: &Connection, busy_timeout: Duration) -> Result<()> {
    connection.busy_timeout(Duration::ZERO).map_err(sql_error)?;
    let begun = retry_while_busy(busy_timeout, || command(connection, "BEGIN IMMEDIATE"));
    connection.busy_timeout(busy_timeout).map_err(sql_error)?;
    begun
}

/// Tries again, after pauses of random length that grow to some two milliseconds, until it works or the time is over.
///
/// SQLite's own busy handler waits up to 100 ms in fixed steps, so that of two busy processes one can starve.
fn retry_while_busy<T>(
    busy_timeout: Duration,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + busy_timeout;
    let mut pause = 250_u64;
    loop {
        match attempt() {
            Err(error) if error.code() == Code::Busy && Instant::now() < deadline => {
                let jitter = getrandom::u32().map_or(0, u64::from) % pause;
                std::thread::sleep(Duration::from_micros(pause / 2 + jitter));
                pause = (pause * 2).min(1_500);
            }
            outcome => return outcome,
        }
    }
}

/// Locks; a thread that panicked while it held the lock left nothing half done that the next transaction does not undo.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks, unless somebody else holds the lock.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// A number of rows, as SQLite gives it.
fn to_count(count: i64) -> Result<usize> {
    usize::try_from(count)
        .map_err(|error| Error::new(Code::Corrupt, "has a count below zero").because(error))
}

/// Gives an error of SQLite its code; the message of SQLite is only in the cause, since it may quote values.
fn sql_error(error: rusqlite::Error) -> Error {
    let (code, field, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Code::Busy,
            None,
            "another process held the file for longer than busyTimeout",
        ),
        Some(ErrorCode::NotADatabase) => (Code::UnsupportedFormat, Some("path"), "is not a store"),
        Some(ErrorCode::DatabaseCorrupt) => (Code::Corrupt, Some("path"), "is damaged"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (Code::Io, Some("path"), "cannot be written")
        }
        // A page whose sum is not that of its bytes.
        Some(ErrorCode::SystemIoFailure)
            if error.sqlite_error().map(|it| it.extended_code) == Some(IOERR_DATA) =>
        {
            (Code::Corrupt, Some("path"), "is damaged")
        }
        Some(ErrorCode::CannotOpen) => (Code::Io, Some("path"), "cannot be opened"),
        Some(ErrorCode::DiskFull) => (Code::Io, Some("path"), "has no room left on its disk"),
        Some(ErrorCode::SystemIoFailure) => {
            (Code::Io, Some("path"), "could not be read or written")
        }
        Some(ErrorCode::TooBig) => (Code::Limit, None, "is larger than a row can be"),
        Some(_) => (Code::Io, Some("path"), "the database refused"),
        // A value of a type that no store of ours has.
        None => (Code::Corrupt, Some("path"), "holds a row that is damaged"),
    };
    let error_out = Error::new(code, message).because(error);
    match field {
        Some(field) => error_out.at(field),
        None => error_out,
    }
}
