//! Rows of the tables `record` and `past`, to and from records.

use rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{CachedStatement, Connection, Row, ToSql};

use crate::record::{Metadata, Record, RecordMetadata, Timestamp, parse_metadata};
use crate::scope::Scope;
use crate::store::embedding::blob;

/// The columns that [`read_record`] takes, in their order, to be made part of a statement when it is compiled.
macro_rules! record_columns {
    () => {
        "seq, id, user_id, agent_id, run_id, role, name, content, metadata, importance, \
         created_at, updated_at, expires_at, version"
    };
}

/// Those that [`read`] takes.
macro_rules! columns {
    () => {
        concat!(record_columns!(), ", vector, request, mark, began")
    };
}

/// The same as text.
pub(super) const COLUMNS: &str = columns!();

pub(super) const SELECT_BY_ID: &str = concat!("SELECT ", columns!(), " FROM record WHERE id = ?1");
pub(super) const SELECT_RECORD: &str =
    concat!("SELECT ", record_columns!(), " FROM record WHERE id = ?1");
pub(super) const SELECT_BY_SEQ: &str =
    concat!("SELECT ", columns!(), " FROM record WHERE seq = ?1");
const INSERT: &str = concat!(
    "INSERT INTO record(",
    columns!(),
    ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
);

/// How many columns [`COLUMNS`] names.
pub(super) const COLUMN_COUNT: usize = 18;

/// A record as it is stored, with what is derived from it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The event that added it: its place in the order of adding.
    pub seq: i64,
    pub record: Record,
    /// int8, one a dimension; empty if there is none.
    pub vector: Vec<i8>,
    /// SHA-256 of the request that added it, if that gave an id.
    pub request: Option<[u8; 32]>,
    /// The event that wrote this state.
    pub began: i64,
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let vector: Option<Vec<u8>> = row.get(14)?;
    Ok(Stored {
        seq: row.get(0)?,
        record: read_record(row)?,
        vector: vector
            .unwrap_or_default()
            .into_iter()
            .map(u8::cast_signed)
            .collect(),
        request: row.get(15)?,
        began: row.get(17)?,
    })
}

/// Reads the record of a row.
pub(super) fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let content: String = row.get(7)?;
    // No text has it (spec 1.1): zeros are what a disk gives for what it has lost.
    if content.contains('\0') {
        return Err(damaged(7, Type::Text));
    }
    Ok(Record {
        id: row.get(1)?,
        scope: Scope {
            user_id: row.get(2)?,
            agent_id: row.get(3)?,
            run_id: row.get(4)?,
        },
        role: row.get(5)?,
        name: row.get(6)?,
        content,
        metadata: read_metadata(row, 8)?,
        importance: row.get(9)?,
        created_at: read_time(row, 10)?,
        updated_at: read_time(row, 11)?,
        expires_at: row
            .get::<_, Option<i64>>(12)?
            .map(|_| read_time(row, 12))
            .transpose()?,
        version: u64::try_from(row.get::<_, i64>(13)?).map_err(|_| damaged(13, Type::Integer))?,
    })
}

/// Reads the members of metadata, for who asks for them anyhow.
pub(super) fn read_members(row: &Row<'_>, column: usize) -> rusqlite::Result<Metadata> {
    match row.get_ref(column)?.as_str_or_null()? {
        None => Ok(Metadata::new()),
        Some(json) => parse_metadata(json).ok_or_else(|| damaged(column, Type::Text)),
    }
}

/// Reads metadata; an empty object is stored as NULL.
fn read_metadata(row: &Row<'_>, column: usize) -> rusqlite::Result<RecordMetadata> {
    match row.get_ref(column)?.as_str_or_null()? {
        None => Ok(RecordMetadata::default()),
        Some(json) => RecordMetadata::read(json).ok_or_else(|| damaged(column, Type::Text)),
    }
}

/// What stands in the place of a record's metadata.
pub(super) fn stored_metadata(record: &Record) -> Option<&str> {
    (!record.metadata.is_empty()).then(|| record.metadata.as_json())
}

fn read_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millis(row.get(column)?).map_err(|_| damaged(column, Type::Integer))
}

fn damaged(column: usize, kind: Type) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(FromSqlError::InvalidType))
}

/// `INSERT INTO record`, compiled, and which of its values are NULL as they stand.
pub(super) struct Inserting<'a> {
    statement: CachedStatement<'a>,
    is_null: [bool; COLUMN_COUNT],
}

impl<'a> Inserting<'a> {
    pub fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Inserting {
            statement: connection.prepare_cached(INSERT)?,
            is_null: [true; COLUMN_COUNT],
        })
    }

    /// Inserts a row; false, with nothing written, if another has its id.
    pub fn insert(&mut self, row: &Stored, mark: i64) -> rusqlite::Result<bool> {
        self.bind(row, mark)?;
        match self.statement.raw_execute() {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn bind(&mut self, row: &Stored, mark: i64) -> rusqlite::Result<()> {
        let record = &row.record;
        let scope = &record.scope;
        self.set(0, Some(row.seq))?;
        self.set(1, Some(&record.id))?;
        self.set(2, scope.user_id.as_ref())?;
        self.set(3, scope.agent_id.as_ref())?;
        self.set(4, scope.run_id.as_ref())?;
        self.set(5, record.role.as_ref())?;
        self.set(6, record.name.as_ref())?;
        self.set(7, Some(&record.content))?;
        self.set(8, stored_metadata(record))?;
        self.set(9, Some(record.importance))?;
        self.set(10, Some(record.created_at.as_millis()))?;
        self.set(11, Some(record.updated_at.as_millis()))?;
        self.set(12, record.expires_at.map(Timestamp::as_millis))?;
        self.set(13, Some(record.version.cast_signed()))?;
        self.set(14, blob(&row.vector))?;
        self.set(15, row.request.as_ref())?;
        self.set(16, Some(mark))?;
        self.set(17, Some(row.began))
    }

    /// Binds the value of a column, unless both it and what stands there are NULL: a third of most rows.
    fn set<T: ToSql>(&mut self, column: usize, value: Option<T>) -> rusqlite::Result<()> {
        let was_null = std::mem::replace(&mut self.is_null[column], value.is_none());
        if was_null && value.is_none() {
            return Ok(());
        }
        self.statement.raw_bind_parameter(column + 1, value)
    }
}

/// Whether a row was refused since another has the same id: there is no other index without repeats.
fn is_taken(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|it| it.extended_code == SQLITE_CONSTRAINT_UNIQUE)
}
