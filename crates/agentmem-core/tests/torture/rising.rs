//! Bringing a store of an older format up is interrupted at each call of the disk, and by a loss of power at each sync: it is a store still.

use std::fs;
use std::path::PathBuf;

use agentmem_core::{GetAll, Memory, Options, Order, Record};
use rusqlite::ffi;

use crate::crashes::put;
use crate::disk::{self, Call, Fault, Step};
use crate::folder::Folder;
use crate::power::images;
use crate::random::{Case, Random, setting};

/// Made by older releases: the first tables of all, and the last without sums.
const OLDER: [&str; 2] = ["format-1-first", "format-2"];

fn older(name: &str) -> PathBuf {
    let stores = "../../conformance/stores";
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("{stores}/{name}.agentmem"))
}

fn records(memory: &Memory) -> Vec<Record> {
    assert_eq!(memory.verify().expect("it checks"), []);
    let order = Order::Asc;
    memory
        .get_all(GetAll {
            order,
            ..GetAll::default()
        })
        .expect("it lists")
}

fn open(folder: &Folder) -> Result<Memory, agentmem_core::Error> {
    Memory::open(folder.file(), Options::default())
}

/// What a store of an older format has, found by bringing a copy up without trouble.
fn right(name: &str, test: &str) -> Vec<Record> {
    let folder = Folder::new(&format!("risen-{name}-{test}"));
    fs::copy(older(name), folder.file()).expect("it copies");
    records(&open(&folder).expect("it opens"))
}

#[test]
fn a_store_that_could_not_be_brought_up_is_one_still() {
    disk::install();
    let mut tried = 0;
    for name in OLDER {
        let right = right(name, "fails");
        for (call, code, eighths) in [
            (Call::Open, ffi::SQLITE_CANTOPEN, 0),
            (Call::Write, ffi::SQLITE_FULL, 4),
            (Call::Truncate, ffi::SQLITE_IOERR_TRUNCATE, 0),
            (Call::Sync, ffi::SQLITE_IOERR_FSYNC, 0),
            (Call::Lock, ffi::SQLITE_BUSY, 0),
        ] {
            for lasts in [false, true] {
                for n in 0.. {
                    let _case = Case(format!("{name}, {call:?} {n}, {lasts}"));
                    let folder = Folder::new(&format!("rising-{name}"));
                    fs::copy(older(name), folder.file()).expect("it copies");
                    disk::fail(
                        Fault {
                            call,
                            code,
                            eighths,
                            lasts,
                        },
                        n,
                    );
                    let options = Options {
                        busy_timeout: std::time::Duration::from_millis(5),
                        ..Options::default()
                    };
                    drop(Memory::open(folder.file(), options));
                    let has_failed = disk::heal() > 0;
                    assert_eq!(records(&open(&folder).expect("it opens")), right);
                    if !has_failed {
                        break;
                    }
                    tried += 1;
                }
            }
        }
    }
    println!(
        "| a store that is brought up: calls that fail | {tried} | each in turn, once and from then on |"
    );
}

#[test]
fn power_that_is_lost_while_a_store_is_brought_up_leaves_a_store() {
    disk::install();
    let mut tried = 0;
    for name in OLDER {
        let right = right(name, "power");
        let folder = Folder::new(&format!("rising-power-{name}"));
        fs::copy(older(name), folder.file()).expect("it copies");
        disk::record(&folder.0);
        disk::note(Step::Begun(1));
        drop(open(&folder).expect("it opens"));
        disk::note(Step::Done(1));
        let steps = disk::recorded();
        let mut random = Random(setting("AGENTMEM_SEED", 1));
        images(&steps, &mut random, |image, begun, _| {
            // Before that nothing is lost but the making of the file.
            if begun == 0 {
                return;
            }
            tried += 1;
            let _case = Case(format!("{name}, image {tried}"));
            put(image, &folder);
            assert_eq!(records(&open(&folder).expect("it opens")), right);
        });
    }
    println!("| a store that is brought up: crash images | {tried} | |");
}
