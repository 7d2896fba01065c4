//! The connections of a store that read, and the one that tells its version.

use std::sync::atomic::Ordering;

use rusqlite::Connection;

use crate::error::Result;
use crate::record::Record;
use crate::store::page_cache::{self, Looked};
use crate::store::wal_index::WalIndex;
use crate::store::{
    Snapshot, Store, Version, Writer, command, configure, connect, lock, pragma, sql_error,
    try_lock, vfs,
};

/// Reading connections that are kept for the next call; more are opened while more calls run at once.
const IDLE_READERS: usize = 4;

/// Pages that a reading connection keeps: those of some users with a hundred records, and those on the way to them. With more, who reads records
/// here and there takes fresh memory from the system for each page, whose faults cost more than to read some pages again.
const READER_PAGES: i64 = 256;

/// Pages that are read without waiting: those on the way to some records, and of them no more than takes a moment to read and to check.
const MOST_LOOKED_AT: u32 = 24;

/// The connection that is asked whether others have written; it does nothing else.
#[derive(Debug)]
pub(super) struct Watcher {
    pub connection: Connection,
    /// Tells it without a transaction.
    index: Option<WalIndex>,
}

impl Watcher {
    fn new(connection: Connection) -> Result<Self> {
        // Reading maps the index.
        data_version(&connection)?;
        let index = vfs::wal_index(&connection);
        Ok(Watcher { connection, index })
    }

    fn version(&self) -> Result<Version> {
        match self.index.as_ref().and_then(WalIndex::version) {
            Some(version) => Ok(version),
            // It also mends what a commit has left that was killed in the middle.
            None => data_version(&self.connection).map(Version::counted),
        }
    }

    /// The same, but nothing while a commit is under way.
    fn try_version(&self) -> Result<Option<Version>> {
        match &self.index {
            Some(index) => Ok(index.version()),
            None => self.version().map(Some),
        }
    }
}

impl Store {
    /// Runs `work` in one read transaction: all that it sees is of one state.
    pub fn read<T>(&self, work: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.check_files()?;
        self.read_by(|reader| self.in_transaction(reader, work))
    }

    /// The same, but nothing where the disk would have to be waited for, another thread or process, or a connection to be opened.
    ///
    /// The files must have been checked by this call: by [`Store::try_version`].
    pub fn try_read<T>(&self, work: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<Option<T>> {
        self.try_read_by(|reader| self.in_transaction(reader, work))
    }

    /// Gives the record with this id, expired or not. One statement is a transaction by itself.
    ///
    /// The files must have been checked by this call: by [`Store::version`].
    pub fn by_id(&self, id: &str) -> Result<Option<Record>> {
        self.read_by(|reader| Snapshot::new(reader).record(id))
    }

    /// The same, but nothing where something would have to be waited for, as with [`Store::try_read`].
    pub fn try_by_id(&self, id: &str) -> Result<Option<Option<Record>>> {
        self.try_read_by(|reader| Snapshot::new(reader).record(id))
    }

    fn try_read_by<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<Option<T>> {
        if self.files.is_none() {
            let writer = try_lock(&self.writer);
            return writer.map(|writer| work(&writer.connection)).transpose();
        }
        if self.must_wait.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(reader) = try_lock(&self.readers).and_then(|mut readers| readers.pop()) else {
            return Ok(None);
        };
        let answer = match page_cache::look(MOST_LOOKED_AT, || work(&reader)) {
            Looked::Found(answer) => Some(answer?),
            Looked::Missed => None,
            Looked::Unsupported => {
                self.must_wait.store(true, Ordering::Relaxed);
                None
            }
        };
        Ok(self.keep_reader(reader, answer))
    }

    /// Lends a connection that reads, which is kept for the next call unless something goes wrong.
    pub(super) fn read_by<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.files.is_none() {
            return work(&lock(&self.writer).connection);
        }
        let reader = match lock(&self.readers).pop() {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let answer = work(&reader)?;
        Ok(self.keep_reader(reader, answer))
    }

    /// Runs `work` in a read transaction, which has ended whatever comes of it; in memory nobody else can write meanwhile.
    fn in_transaction<T>(
        &self,
        reader: &Connection,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.files.is_none() {
            return work(&Snapshot::new(reader));
        }
        command(reader, "BEGIN")?;
        let answer = work(&Snapshot::new(reader));
        // SQLite has ended it already where the file could not be read.
        let ended = match reader.is_autocommit() {
            true => Ok(()),
            false => command(reader, "COMMIT"),
        };
        let answer = answer?;
        ended.map(|()| answer)
    }

    fn keep_reader<T>(&self, reader: Connection, answer: T) -> T {
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS && reader.is_autocommit() {
            readers.push(reader);
        }
        answer
    }

    /// What is another one after every change to the store, whoever made it: to ask for it costs far less than a read.
    ///
    /// What is read after it was asked for is at least as new as it.
    pub fn version(&self) -> Result<Version> {
        self.check_files()?;
        self.unchecked_version()
    }

    /// The same without a look at whether the files are still those of the path: for what a read or a write will check.
    pub(super) fn unchecked_version(&self) -> Result<Version> {
        if self.files.is_none() {
            return Ok(changes_of(&lock(&self.writer)));
        }
        let mut watcher = lock(&self.watcher);
        match &mut *watcher {
            Some(watcher) => watcher.version(),
            None => watcher.insert(Watcher::new(self.open_reader()?)?).version(),
        }
    }

    /// The same, but nothing where another thread would have to be waited for, or a file to be opened.
    ///
    /// It reads what the system knows of the files, and the memory that processes share.
    pub fn try_version(&self) -> Result<Option<Version>> {
        if self.files.is_none() {
            return Ok(try_lock(&self.writer).map(|writer| changes_of(&writer)));
        }
        let Some(watcher) = try_lock(&self.watcher) else {
            return Ok(None);
        };
        self.check_files()?;
        match &*watcher {
            Some(watcher) => watcher.try_version(),
            None => Ok(None),
        }
    }

    pub(super) fn open_reader(&self) -> Result<Connection> {
        let files = self.files.as_ref();
        let files = files.expect("only a file has readers of its own");
        let connection = connect(files.path())?;
        connection
            .busy_timeout(self.busy_timeout)
            .map_err(sql_error)?;
        configure(&connection, self.durability)?;
        pragma(&connection, "cache_size", READER_PAGES)?;
        Ok(connection)
    }

    /// The version that a write transaction begins with, which nobody else can change before it ends.
    pub(super) fn version_within(&self, writer: &Writer) -> Option<Version> {
        match self.files {
            Some(_) => vfs::wal_index(&writer.connection)?.version(),
            None => Some(changes_of(writer)),
        }
    }

    /// The version that a write transaction has left, which others may have changed since.
    pub(super) fn version_left(&self, writer: &Writer) -> Option<Version> {
        match self.files {
            Some(_) => vfs::version_left(&writer.connection),
            None => Some(changes_of(writer)),
        }
    }
}

/// The version of a store in memory, which nobody else can change.
fn changes_of(writer: &Writer) -> Version {
    Version::counted(writer.connection.total_changes())
}

/// Counts the commits of all other connections, of this process too (SQLite, PRAGMA data_version).
fn data_version(watcher: &Connection) -> Result<u64> {
    watcher
        .prepare_cached("PRAGMA data_version")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
        .map(i64::cast_unsigned)
        .map_err(sql_error)
}
