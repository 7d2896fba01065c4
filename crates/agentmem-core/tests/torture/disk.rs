//! A disk that fails when it is told to, and that remembers what was written to it and what of that was synced.
//!
//! It is a VFS of SQLite, a thin one over that of the operating system, and the default one of a test program that asks for it: the core needs no
//! option for it. Each thread has a disk of its own, since a memory works on the threads that call it. Syncs do not reach the real disk,
//! which keeps thousands of runs quick.
#![allow(
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    reason = "a VFS is a table of C functions: each is called by SQLite alone, with the pointers that SQLite's documentation promises"
)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rusqlite::ffi;

/// What can fail, each counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Open,
    Read,
    Write,
    Truncate,
    Sync,
    Size,
    Delete,
    /// A lock on the file, or on its shared index.
    Lock,
    /// Mapping the shared index.
    Map,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub call: Call,
    /// What SQLite is told.
    pub code: c_int,
    /// How many of 8 parts of a write are put before it fails.
    pub eighths: usize,
    /// Whether all calls after it fail too, until [`heal`].
    pub lasts: bool,
}

/// What was done to a file, as far as a power loss could undo it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file appeared under a name, with this in it.
    Create(PathBuf, usize, Vec<u8>),
    Delete(PathBuf),
    Write(usize, u64, Vec<u8>),
    Truncate(usize, u64),
    /// A file is synced, and its folder too if that is said.
    Sync(usize, bool),
    /// The folder alone is synced.
    SyncFolder,
    /// The test begins a call, by its number, or heard that it is done.
    Begun(usize),
    Done(usize),
}

#[derive(Default)]
struct Disk {
    fault: Option<(Fault, u64)>,
    /// How often the call that is to fail was made, or any if none is to.
    counted: Option<Call>,
    count: u64,
    failed: u64,
    steps: Option<Vec<Step>>,
    /// The files under their names now, by their numbers.
    names: Vec<(PathBuf, usize)>,
    files: usize,
}

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

fn with<T>(work: impl FnOnce(&mut Disk) -> T) -> T {
    DISK.with_borrow_mut(work)
}

/// Makes the call number `n` from now fail, counted from 0.
pub fn fail(fault: Fault, n: u64) {
    with(|disk| {
        (disk.fault, disk.counted) = (Some((fault, n)), Some(fault.call));
        (disk.count, disk.failed) = (0, 0);
    });
}

/// Lets nothing fail any more, and tells how often something did.
pub fn heal() -> u64 {
    with(|disk| {
        disk.fault = None;
        std::mem::take(&mut disk.failed)
    })
}

/// How often something has failed since [`fail`].
pub fn failed() -> u64 {
    with(|disk| disk.failed)
}

/// Begins to remember all steps; the files that are there are taken to be safe.
pub fn record(folder: &Path) {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it lists") {
        let path = entry.expect("it lists").path();
        if path.extension().is_none_or(|end| end != "db-shm") {
            names.push(path);
        }
    }
    with(|disk| {
        disk.files = names.len();
        disk.names = names.into_iter().zip(0..).collect();
        let there = disk.names.iter().map(|(path, file)| {
            let bytes = std::fs::read(path).expect("it reads");
            Step::Create(path.clone(), *file, bytes)
        });
        let mut steps: Vec<Step> = there.collect();
        steps.extend((0..disk.files).map(|file| Step::Sync(file, true)));
        disk.steps = Some(steps);
    });
}

/// Notes a step of the test itself.
pub fn note(step: Step) {
    with(|disk| {
        disk.steps
            .iter_mut()
            .for_each(|steps| steps.push(step.clone()))
    });
}

/// Ends remembering.
pub fn recorded() -> Vec<Step> {
    with(|disk| disk.steps.take().unwrap_or_default())
}

/// Whether this call fails, and how.
fn fault(call: Call) -> Option<Fault> {
    with(|disk| {
        let (fault, n) = disk.fault?;
        if fault.call != call {
            return None;
        }
        let at = disk.count;
        disk.count += 1;
        let fails = at == n || (fault.lasts && at > n);
        disk.failed += u64::from(fails);
        fails.then_some(fault)
    })
}

impl Disk {
    fn number(&mut self, path: &Path) -> usize {
        if let Some((_, file)) = self.names.iter().find(|(name, _)| name == path) {
            return *file;
        }
        let file = self.files;
        self.files += 1;
        self.names.push((path.to_owned(), file));
        if let Some(steps) = &mut self.steps {
            let bytes = std::fs::read(path).unwrap_or_default();
            steps.push(Step::Create(path.to_owned(), file, bytes));
        }
        file
    }
}

/// An open file; that of the operating system lies behind it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// Its number; none for a temporary file, which no crash leaves.
    number: Option<usize>,
    /// Whether its first sync is one of its folder too, as that of a log or journal is that was made, or would have been (`UNIXFILE_DIRSYNC`).
    is_new: bool,
}

/// Makes this the VFS that SQLite takes in this program.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default VFS is there for as long as the program runs, and so is the copy, which is never freed. What is not replaced here
        // takes no pointer to a file, and gets a VFS that it does not look into.
        unsafe {
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!system.is_null(), "SQLite has a VFS");
            let disk = ffi::sqlite3_vfs {
                szOsFile: size_of::<File>() as c_int + (*system).szOsFile,
                pNext: std::ptr::null_mut(),
                zName: c"disk".as_ptr(),
                pAppData: system.cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                xSleep: Some(sleep),
                ..*system
            };
            let code = ffi::sqlite3_vfs_register(Box::into_raw(Box::new(disk)), 1);
            assert_eq!(code, ffi::SQLITE_OK);
        }
    });
}

/// Syncs of folders by others than SQLite, which come to the function of this name, are noted too.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    let found = std::fs::metadata(format!("/proc/self/fd/{descriptor}"));
    if found.is_ok_and(|found| found.is_dir()) {
        note(Step::SyncFolder);
    }
    0
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
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
    xShmMap: Some(map),
    xShmLock: Some(lock_index),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The file of the operating system behind one of ours, and a method of it.
macro_rules! inner {
    ($file:expr, $method:ident($($argument:expr),*)) => {{
        let inner = $file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
        let method = (*(*inner).pMethods).$method.expect("the VFS of a system has all methods");
        method(inner, $($argument),*)
    }};
}

/// Gives the code of a fault, if this call is to fail.
macro_rules! fails {
    ($call:expr) => {
        if let Some(fault) = fault($call) {
            return fault.code;
        }
    };
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    (*file).pMethods = std::ptr::null();
    fails!(Call::Open);
    let path = (!name.is_null()).then(|| {
        let name = CStr::from_ptr(name).to_str();
        PathBuf::from(name.expect("a test has plain names"))
    });
    let system = (*vfs).pAppData.cast::<ffi::sqlite3_vfs>();
    let inner = file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
    let open = (*system)
        .xOpen
        .expect("the VFS of a system has all methods");
    let code = open(system, name, inner, flags, out);
    if code != ffi::SQLITE_OK {
        return code;
    }
    let first_syncs_folder = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL;
    let opened = File {
        base: ffi::sqlite3_file { pMethods: &METHODS },
        number: path.map(|path| with(|disk| disk.number(&path))),
        is_new: flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & first_syncs_folder != 0,
    };
    file.cast::<File>().write(opened);
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    fails!(Call::Delete);
    let path = PathBuf::from(
        CStr::from_ptr(name)
            .to_str()
            .expect("a test has plain names"),
    );
    with(|disk| disk.names.retain(|(name, _)| *name != path));
    note(Step::Delete(path));
    if sync != 0 {
        note(Step::SyncFolder);
    }
    let system = (*vfs).pAppData.cast::<ffi::sqlite3_vfs>();
    let delete = (*system)
        .xDelete
        .expect("the VFS of a system has all methods");
    delete(system, name, 0)
}

/// Who waits for a lock is told that the time is over.
unsafe extern "C" fn sleep(_vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    inner!(file, xClose())
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: i64,
) -> c_int {
    fails!(Call::Read);
    inner!(file, xRead(to, count, at))
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: i64,
) -> c_int {
    let fault = fault(Call::Write);
    let eighths = fault.map_or(8, |fault| fault.eighths);
    let count = count as usize * eighths / 8;
    if count > 0 {
        if let Some(number) = (*file.cast::<File>()).number {
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), count);
            note(Step::Write(number, at as u64, bytes.to_vec()));
        }
        let code = inner!(file, xWrite(from, count as c_int, at));
        if code != ffi::SQLITE_OK {
            return code;
        }
    }
    fault.map_or(ffi::SQLITE_OK, |fault| fault.code)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    fails!(Call::Truncate);
    if let Some(number) = (*file.cast::<File>()).number {
        note(Step::Truncate(number, size as u64));
    }
    inner!(file, xTruncate(size))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    fails!(Call::Sync);
    let file = file.cast::<File>();
    if let Some(number) = (*file).number {
        note(Step::Sync(number, (*file).is_new));
    }
    (*file).is_new = false;
    ffi::SQLITE_OK
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    fails!(Call::Size);
    inner!(file, xFileSize(out))
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    fails!(Call::Lock);
    inner!(file, xLock(level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    inner!(file, xUnlock(level))
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    inner!(file, xCheckReservedLock(out))
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    inner!(file, xFileControl(operation, argument))
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    inner!(file, xSectorSize())
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    inner!(file, xDeviceCharacteristics())
}

unsafe extern "C" fn map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    fails!(Call::Map);
    inner!(file, xShmMap(region, size, extend, out))
}

unsafe extern "C" fn lock_index(
    file: *mut ffi::sqlite3_file,
    at: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    if flags & ffi::SQLITE_SHM_LOCK != 0 {
        fails!(Call::Lock);
    }
    inner!(file, xShmLock(at, count, flags))
}

unsafe extern "C" fn barrier(file: *mut ffi::sqlite3_file) {
    inner!(file, xShmBarrier());
}

unsafe extern "C" fn unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    inner!(file, xShmUnmap(delete))
}
