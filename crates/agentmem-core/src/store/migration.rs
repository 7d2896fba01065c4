//! Brings a store of an older format up to this one (docs/spec/file-format.md).
//!
//! Its pages get room for sums, which takes writing the file anew. Each step is a transaction, so that it may end anywhere: what is left
//! is a store that this release reads and writes as it is, and goes on with at the next opening.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::Result;
use crate::store::{
    Durability, begin_immediate, configure, connect, pragma, schema, sql_error, use_log, vfs,
};

/// Brings a store up if nobody else has it open; with others it stays as it is.
///
/// They might be of an older release, which writes pages without sums.
pub(super) fn bring_up(path: &Path, durability: Durability) -> Result<()> {
    let connection = connect(path)?;
    connection.busy_timeout(Duration::ZERO).map_err(sql_error)?;
    configure(&connection, durability)?;
    // Set before the file is first looked at, this takes it for the connection alone, or fails.
    connection
        .pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))
        .map_err(sql_error)?;
    use_log(&connection, Duration::ZERO)?;
    begin_immediate(&connection, Duration::ZERO)?;
    let begun = begin(&connection);
    let end = if begun.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(sql_error)?;
    if !begun? {
        return Ok(());
    }
    vfs::leave_room(&connection)?;
    // The copy that VACUUM makes on the way is as large as the store: not in memory.
    pragma(&connection, "temp_store", 1)?;
    connection.execute_batch("VACUUM").map_err(sql_error)?;
    schema::finish_rise(&connection)
}

/// Keeps older releases away; false if another process has brought the store up meanwhile.
fn begin(connection: &Connection) -> Result<bool> {
    match schema::detect(connection)? {
        schema::Format::Store { age, .. } if age != schema::Age::Current => {
            schema::begin_rise(connection, age).map(|()| true)
        }
        _ => Ok(false),
    }
}
