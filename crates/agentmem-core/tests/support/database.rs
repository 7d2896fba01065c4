//! SQL on the file of a store, past the engine.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Opens a store as the engine does, which writes the sums of pages: what is changed so is no damage. The engine has been used before.
pub fn connect(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(path, flags, "agentmem").expect("it opens")
}
