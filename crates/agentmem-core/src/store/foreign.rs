//! What somebody else has left beside a store: SQLite would take it for the store's own, and write it into the file.
//!
//! Every transaction of a store changes a row of the header, whose page holds the id of the store too: so the store's own log has that id,
//! and another one does not. The format of a log: <https://www.sqlite.org/fileformat2.html#walformat>.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Code, Error, Result};
use crate::store::checksum::{PAGE, Sum};
use crate::store::files::Files;
use crate::store::{schema, set_config, sql_error, vfs};

/// How a rollback journal begins that SQLite would roll back.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// How a log begins; its last bit is set if the words that are summed are big-endian.
const LOG_MAGIC: u32 = 0x377f_0682;
const LOG_VERSION: u32 = 3_007_000;

/// Refuses a journal or a log that is not the store's, before SQLite opens the file; both and the file are left as they are.
pub(super) fn check(files: &Files) -> Result<()> {
    let refuse = |what: &str| Err(Error::new(Code::Corrupt, what).at("path"));
    // The file is looked at first: it grows after the journal is gone.
    // That of a store that is being made has a page; one with more has been made, and then its journal is the log.
    let is_made = fs::metadata(files.path()).is_ok_and(|found| found.len() > PAGE as u64);
    if is_made && stays(|| begins_with(&files.journal, &JOURNAL_MAGIC)) {
        return refuse(
            "has a journal of another program beside it (-journal), which would damage it: move that away",
        );
    }
    if !is_file(&files.log) {
        return Ok(());
    }
    let Some(store) = store_in(files.path())? else {
        return Ok(());
    };
    // What cannot be read SQLite cannot either, and says so.
    if is_of_another(&files.log, store.as_bytes()).unwrap_or(false) {
        return refuse(
            "has the log of another store or program beside it (-wal), which would damage it: move that away",
        );
    }
    Ok(())
}

/// Whether something is still so after a moment: a file that is in no log yet, made by other means, has a journal while a process takes it over.
fn stays(is_so: impl Fn() -> bool) -> bool {
    (0..20).all(|_| {
        let so = is_so();
        if so {
            std::thread::sleep(Duration::from_millis(5));
        }
        so
    })
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn begins_with(path: &Path, bytes: &[u8; 8]) -> bool {
    let mut found = [0; 8];
    is_file(path)
        && File::open(path).is_ok_and(|mut file| file.read_exact(&mut found).is_ok())
        && found == *bytes
}

/// The id in a file by itself, without its log; nothing if it has none there, or is no store.
///
/// SQLite reads it, which shares one descriptor of a file among all connections of a process: closing one of our own would drop the locks of
/// those that are still being closed. `immutable` keeps it from looking beside the file. An id never changes, so it
/// does not matter if another process writes to the file meanwhile.
fn store_in(path: &Path) -> Result<Option<String>> {
    let mut uri = String::from(if path.is_absolute() {
        "file://"
    } else {
        "file:./"
    });
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    vfs::register()?;
    let connection =
        Connection::open_with_flags_and_vfs(uri, flags, vfs::NAME).map_err(sql_error)?;
    set_config(&connection, DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    Ok(match schema::detect(&connection) {
        Ok(schema::Format::Store { .. }) => schema::store_id(&connection),
        // It is opened as always, which tells what is wrong with it.
        _ => None,
    })
}

/// Whether a log has a transaction, and no page with the id of this store.
fn is_of_another(log: &Path, store: &[u8]) -> io::Result<bool> {
    let mut log = BufReader::new(File::open(log)?);
    let mut header = [0; 32];
    if !read_whole(&mut log, &mut header)? {
        return Ok(false);
    }
    let word = |bytes: &[u8], at: usize| {
        u32::from_be_bytes(bytes[at..at + 4].try_into().expect("it has 4 bytes"))
    };
    let page_size = word(&header, 8);
    let of_sum = if word(&header, 0) & 1 == 1 {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    let mut sum = Sum::default();
    sum.add(&header[..24], of_sum);
    let is_log = word(&header, 0) & !1 == LOG_MAGIC
        && word(&header, 4) == LOG_VERSION
        && page_size.is_power_of_two()
        && (512..=65536).contains(&page_size)
        && sum.words == (word(&header, 24), word(&header, 28));
    if !is_log {
        return Ok(false);
    }
    let mut has_transaction = false;
    let mut frame = vec![0; 24 + page_size as usize];
    // A log is written anew from its start, with a new header: what follows the newest frames is of an older round, and does not sum up.
    while read_whole(&mut log, &mut frame)? {
        sum.add(&frame[..8], of_sum);
        sum.add(&frame[24..], of_sum);
        if sum.words != (word(&frame, 16), word(&frame, 20)) {
            break;
        }
        if frame[24..].windows(store.len()).any(|run| run == store) {
            return Ok(false);
        }
        has_transaction |= word(&frame, 4) != 0;
    }
    Ok(has_transaction)
}

/// Fills a buffer; false at the end of the file.
fn read_whole(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
