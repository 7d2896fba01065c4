//! The layer between SQLite and the disk that writes and checks the sums of pages.
//!
//! A VFS of SQLite over the one that is the default when a file is opened, under a name of its own. It touches pages of stores and nothing else:
//! logs have sums of SQLite's own. <https://www.sqlite.org/vfs.html>
#![allow(
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    reason = "a VFS is a table of C functions: each is called by SQLite alone, with the pointers that its documentation promises"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use rusqlite::{Connection, ffi};

use crate::error::{Code, Error, Result};
use crate::store::checksum::{self, HEADER, Kind, PAGE, Page, RESERVED};
use crate::store::wal_index::{Version, WalIndex};
use crate::store::{page_cache, sql_error};

/// Its name, for `rusqlite`.
pub(super) const NAME: &CStr = c"agentmem";

/// An open file.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// The file below, in memory of its own: how large it is depends on the VFS that opens it.
    inner: *mut ffi::sqlite3_file,
    /// Owns `inner`; words, so that it is aligned for anything.
    _memory: Vec<u64>,
    /// Whether its pages have sums: not those of a log or a temporary file.
    is_summed: bool,
    /// Whether it is a database, whose header says that.
    is_database: bool,
    /// The first part of the index of its log, once it is mapped, and until it is no more.
    index: *mut c_void,
    /// What the index said when the lock for writing was last given back.
    left: Option<Version>,
}

/// The place of the lock for writing among those of the index. <https://www.sqlite.org/walformat.html#wal_locks>
const WRITING: c_int = 0;

/// Makes the layer known to SQLite, once.
pub(super) fn register() -> Result<()> {
    static CODE: OnceLock<c_int> = OnceLock::new();
    let code = *CODE.get_or_init(|| {
        // SAFETY: SQLite keeps the table for as long as the program runs, and it is never freed.
        unsafe {
            let below = default_vfs();
            if below.is_null() {
                return ffi::SQLITE_ERROR;
            }
            page_cache::replace_reads(below);
            let table = Box::new(table((*below).mxPathname));
            ffi::sqlite3_vfs_register(Box::into_raw(table), 0)
        }
    });
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(Error::new(Code::Io, "SQLite has no access to files here"))
    }
}

/// Makes SQLite leave room for sums in the pages of a database that is to be made, or written anew by `VACUUM`.
pub(super) fn leave_room(connection: &Connection) -> Result<()> {
    room(connection, RESERVED as c_int).map(drop)
}

/// Whether a database without tables has no page yet, or such as a store has.
pub(super) fn may_hold_store(connection: &Connection) -> Result<bool> {
    let number = |pragma: &str| {
        connection
            .query_row(pragma, [], |row| row.get::<_, i64>(0))
            .map_err(sql_error)
    };
    let is_begun = number("PRAGMA page_count")? > 0;
    let has_our_pages =
        room(connection, -1)? == RESERVED as c_int && number("PRAGMA page_size")? == PAGE as i64;
    Ok(!is_begun || has_our_pages)
}

/// Tells how many bytes of each page are left free, and wants so many in the pages that are written anew if that is not negative.
fn room(connection: &Connection, wanted: c_int) -> Result<c_int> {
    let mut bytes = wanted;
    // SAFETY: the connection is open, and SQLite reads and writes one int.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            ptr::null(),
            ffi::SQLITE_FCNTL_RESERVE_BYTES,
            ptr::from_mut(&mut bytes).cast(),
        )
    };
    if code == ffi::SQLITE_OK {
        Ok(bytes)
    } else {
        Err(Error::new(Code::Io, "the database refused").at("path"))
    }
}

/// The index of the log of a connection that has read something; it may be used until that is closed.
pub(super) fn wal_index(connection: &Connection) -> Option<WalIndex> {
    let file = file_of(connection)?;
    // SAFETY: the file is open; its index is a part of 32 KiB, aligned as pages are.
    unsafe { NonNull::new(file.as_ref().index.cast()).map(|start| WalIndex::new(start)) }
}

/// The version that a connection left when it last gave the lock for writing back, as it was while nobody else could write.
pub(super) fn version_left(connection: &Connection) -> Option<Version> {
    // SAFETY: the file is open.
    file_of(connection).and_then(|file| unsafe { file.as_ref().left })
}

/// The file of a connection, if it has one and it is of this layer.
fn file_of(connection: &Connection) -> Option<NonNull<File>> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the connection is open, and SQLite writes one pointer, that to its file.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            ptr::null(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            ptr::from_mut(&mut file).cast(),
        )
    };
    // SAFETY: it is null or an open file, of ours if it has our methods.
    let is_ours =
        unsafe { code == ffi::SQLITE_OK && !file.is_null() && ptr::eq((*file).pMethods, &METHODS) };
    NonNull::new(file.cast()).filter(|_| is_ours)
}

/// Looked for at each use: a program may make another one the default at any time.
fn default_vfs() -> *mut ffi::sqlite3_vfs {
    // SAFETY: no name means the default one.
    unsafe { ffi::sqlite3_vfs_find(ptr::null()) }
}

fn table(longest_path: c_int) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<File>() as c_int,
        mxPathname: longest_path,
        pNext: ptr::null_mut(),
        zName: NAME.as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        // Stores load no code.
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// Calls a method of the default VFS, or gives what stands for its lack.
macro_rules! below {
    ($method:ident($($argument:expr),*) or $otherwise:expr) => {{
        let below = default_vfs();
        match below.as_ref().and_then(|vfs| vfs.$method) {
            Some(method) => method(below, $($argument),*),
            None => $otherwise,
        }
    }};
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    below!(xDelete(name, sync) or ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    below!(xAccess(name, flags, out) or ffi::SQLITE_IOERR_ACCESS)
}

unsafe extern "C" fn full_path(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    below!(xFullPathname(name, count, out) or ffi::SQLITE_CANTOPEN)
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    below!(xRandomness(count, out) or 0)
}

/// Who does not wait for the disk does not wait for others either: what has been tried often enough fails then.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    if !page_cache::may_wait() {
        return microseconds;
    }
    below!(xSleep(microseconds) or 0)
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    below!(xCurrentTime(out) or ffi::SQLITE_ERROR)
}

unsafe extern "C" fn current_time_int64(
    _: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    below!(xCurrentTimeInt64(out) or ffi::SQLITE_ERROR)
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    below!(xGetLastError(count, out) or 0)
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    (*file).pMethods = ptr::null();
    let below = default_vfs();
    let Some((vfs, open)) = below.as_ref().and_then(|vfs| Some((vfs, vfs.xOpen?))) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let size = usize::try_from(vfs.szOsFile).expect("the size of a file in memory is not negative");
    let mut memory = vec![0_u64; size.div_ceil(size_of::<u64>())];
    let inner: *mut ffi::sqlite3_file = memory.as_mut_ptr().cast();
    let code = open(below, name, inner, flags, out);
    if code != ffi::SQLITE_OK {
        // One that failed and has methods all the same is to be closed.
        if let Some(close) = (*inner).pMethods.as_ref().and_then(|it| it.xClose) {
            close(inner);
        }
        return code;
    }
    let has_index = (*(*inner).pMethods).iVersion >= 2;
    let is_database = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
    file.cast::<File>().write(File {
        base: ffi::sqlite3_file {
            pMethods: if has_index { &METHODS } else { &METHODS_1 },
        },
        inner,
        _memory: memory,
        // One that is empty becomes a store, in which there is room for sums from the first page on; else its header is read first of all.
        is_summed: is_database,
        is_database,
        index: ptr::null_mut(),
        left: None,
    });
    ffi::SQLITE_OK
}

/// The methods of a file. No pages are mapped into memory, where nobody would check them: so it is version 2, not 3.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xShmMap: Some(map),
    xShmLock: Some(lock_index),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap),
    ..METHODS_1
};

/// Those of a file on a system without shared memory.
const METHODS_1: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the file below.
macro_rules! inner {
    ($file:expr, $method:ident($($argument:expr),*) or $otherwise:expr) => {{
        let inner = (*$file.cast::<File>()).inner;
        match (*(*inner).pMethods).$method {
            Some(method) => method(inner, $($argument),*),
            None => $otherwise,
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = inner!(file, xClose() or ffi::SQLITE_OK);
    ptr::drop_in_place(file.cast::<File>());
    code
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: i64,
) -> c_int {
    let code = inner!(file, xRead(to, count, at) or ffi::SQLITE_IOERR_READ);
    let file = &mut *file.cast::<File>();
    let is_short = code == ffi::SQLITE_IOERR_SHORT_READ;
    if !file.is_database || (code != ffi::SQLITE_OK && !is_short) {
        return code;
    }
    let bytes = std::slice::from_raw_parts_mut(to.cast::<u8>(), count as usize);
    if is_short {
        // SQLite takes zeros for what is missing. Of a page behind the end that may be all of it, of one that is cut off not.
        let is_cut = file.is_summed && bytes.len() == PAGE && bytes.iter().any(|byte| *byte != 0);
        return if is_cut { ffi::SQLITE_IOERR_DATA } else { code };
    }
    check(file, bytes, at)
}

/// Checks what was read of a database, and takes the sum of a page away, so that it does not go into the log with another state of it.
fn check(file: &mut File, bytes: &mut [u8], at: i64) -> c_int {
    let is_first = at == 0;
    if is_first && bytes.len() >= HEADER {
        let kind = checksum::kind(bytes);
        file.is_summed = kind == Kind::Summed;
        // The header alone is read before any lock is taken: it may be changing at this moment.
        if kind == Kind::Damaged && bytes.len() > HEADER {
            return ffi::SQLITE_IOERR_DATA;
        }
    }
    if !file.is_summed || bytes.len() <= HEADER {
        return ffi::SQLITE_OK;
    }
    match <&mut Page>::try_from(bytes) {
        Ok(page) if checksum::is_sound(page, is_first) => {
            page[PAGE - RESERVED..].fill(0);
            ffi::SQLITE_OK
        }
        // Pages of another size are not those of a store with sums: the header is wrong that says so.
        _ => ffi::SQLITE_IOERR_DATA,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: i64,
) -> c_int {
    let state = &mut *file.cast::<File>();
    if state.is_database {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), count as usize);
        if at == 0 && bytes.len() >= HEADER {
            state.is_summed = checksum::kind(bytes) == Kind::Summed;
        }
        if let Some(mut page) = Page::try_from(bytes).ok().filter(|_| state.is_summed) {
            checksum::seal(&mut page);
            let sealed = page.as_ptr().cast();
            return inner!(file, xWrite(sealed, count, at) or ffi::SQLITE_IOERR_WRITE);
        }
    }
    inner!(file, xWrite(from, count, at) or ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    inner!(file, xTruncate(size) or ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    inner!(file, xSync(flags) or ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    inner!(file, xFileSize(out) or ffi::SQLITE_IOERR_FSTAT)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    inner!(file, xLock(level) or ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    inner!(file, xUnlock(level) or ffi::SQLITE_IOERR_UNLOCK)
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    inner!(file, xCheckReservedLock(out) or ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    inner!(file, xFileControl(operation, argument) or ffi::SQLITE_NOTFOUND)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    inner!(file, xSectorSize() or 0)
}

/// A part of a page cannot be checked: none is to be read.
unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    inner!(file, xDeviceCharacteristics() or 0) & !ffi::SQLITE_IOCAP_SUBPAGE_READ
}

unsafe extern "C" fn map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let code = inner!(file, xShmMap(region, size, extend, out) or ffi::SQLITE_IOERR_SHMMAP);
    if region == 0 && code == ffi::SQLITE_OK {
        (*file.cast::<File>()).index = *out;
    }
    code
}

unsafe extern "C" fn lock_index(
    file: *mut ffi::sqlite3_file,
    at: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    if at == WRITING && flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        let state = &mut *file.cast::<File>();
        let index = NonNull::new(state.index.cast()).map(|start| WalIndex::new(start));
        state.left = index.and_then(|index| index.version());
    }
    inner!(file, xShmLock(at, count, flags) or ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn barrier(file: *mut ffi::sqlite3_file) {
    inner!(file, xShmBarrier() or ());
}

unsafe extern "C" fn unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    (*file.cast::<File>()).index = ptr::null_mut();
    inner!(file, xShmUnmap(delete) or ffi::SQLITE_OK)
}
