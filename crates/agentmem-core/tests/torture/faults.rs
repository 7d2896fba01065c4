//! Every call of the disk fails once, and all of them from then on: what was acknowledged is there, and nothing is there by half.

use crate::disk::{self, Call, Fault};
use crate::folder::Folder;
use crate::random::Case;
use crate::workload::{State, Work, everything, read};
use agentmem_core::{Code, Durability};
use rusqlite::ffi;

/// Calls that fail before what is wrong is put right, where it lasts.
const PATIENCE: usize = 3;

/// Runs the workload with one fault; false if it was never come to.
fn run_with(fault: Fault, n: u64) -> bool {
    let folder = Folder::new(&format!("{fault:?}-{n}"));
    let _case = Case(format!("{fault:?}, {n}"));
    let mut work = Work::new(&folder, Durability::Full, State::new());
    disk::fail(fault, n);
    let mut told = 0;
    for op in everything() {
        if let Err(error) = work.run(&op) {
            let code = error.code();
            assert!(
                matches!(code, Code::Io | Code::Busy | Code::NotFound)
                    || matches!(code, Code::EmbedderFailed | Code::EmbedderMismatch),
                "{op:?}: {error}"
            );
            told += 1;
            if told == PATIENCE {
                disk::heal();
            }
        }
    }
    let failed = disk::failed() > 0 || told > 0;
    disk::heal();
    work.check();
    work.close();
    work.check();
    if let Some(states) = &work.backup {
        let options = work.options();
        let copy = agentmem_core::Memory::open(work.copy(), options).expect("it opens");
        assert!(states.contains(&read(&copy)));
    }
    failed
}

fn run_all(name: &str, call: Call, code: i32, eighths: usize) {
    disk::install();
    for lasts in [false, true] {
        let fault = Fault {
            call,
            code,
            eighths,
            lasts,
        };
        let runs = (0..).take_while(|n| run_with(fault, *n)).count();
        assert!(runs > 0);
        let lasts = if lasts { "from then on" } else { "once" };
        println!("| {name}, {lasts} | {runs} | each call in turn, until none fails |");
    }
}

#[test]
fn reads_that_fail() {
    run_all("reads fail", Call::Read, ffi::SQLITE_IOERR_READ, 0);
}

#[test]
fn writes_that_fail() {
    run_all("writes fail", Call::Write, ffi::SQLITE_IOERR_WRITE, 0);
}

#[test]
fn writes_that_are_torn() {
    run_all("writes are torn", Call::Write, ffi::SQLITE_IOERR_WRITE, 3);
}

#[test]
fn a_disk_that_is_full() {
    run_all("the disk is full", Call::Write, ffi::SQLITE_FULL, 4);
}

#[test]
fn syncs_that_fail() {
    run_all("syncs fail", Call::Sync, ffi::SQLITE_IOERR_FSYNC, 0);
}

#[test]
fn files_that_cannot_be_cut() {
    run_all(
        "files cannot be cut",
        Call::Truncate,
        ffi::SQLITE_IOERR_TRUNCATE,
        0,
    );
}

#[test]
fn files_that_cannot_be_opened() {
    run_all(
        "files cannot be opened",
        Call::Open,
        ffi::SQLITE_CANTOPEN,
        0,
    );
}

#[test]
fn files_that_cannot_be_deleted() {
    run_all(
        "files cannot be deleted",
        Call::Delete,
        ffi::SQLITE_IOERR_DELETE,
        0,
    );
}

#[test]
fn sizes_that_cannot_be_told() {
    run_all(
        "sizes cannot be told",
        Call::Size,
        ffi::SQLITE_IOERR_FSTAT,
        0,
    );
}

#[test]
fn locks_that_fail() {
    run_all("locks fail", Call::Lock, ffi::SQLITE_IOERR_LOCK, 0);
}

#[test]
fn locks_that_others_hold() {
    run_all("locks are held by others", Call::Lock, ffi::SQLITE_BUSY, 0);
}

#[test]
fn an_index_that_cannot_be_mapped() {
    run_all(
        "the index of the log cannot be mapped",
        Call::Map,
        ffi::SQLITE_IOERR_SHMMAP,
        0,
    );
}
