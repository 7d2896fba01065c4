//! What may lie beside a store: its own log, another's, a journal, and files that were left or removed by somebody.

#[path = "support/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use agentmem_core::{Code, Memory, Options, Select};
use folder::Folder;

fn open(path: &Path) -> Memory {
    Memory::open(path, Options::default()).expect("it opens")
}

fn add(memory: &Memory, notes: std::ops::Range<usize>) {
    for n in notes {
        memory
            .add(format!("note {n} about tea"))
            .expect("it is added");
    }
}

fn count(memory: &Memory) -> usize {
    memory.count(Select::default()).expect("it counts")
}

/// The file beside another that ends so.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Every file of a folder with its bytes.
fn files(folder: &Folder) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(&folder.0).expect("it lists");
    let read = |path: PathBuf| fs::read(path).expect("it reads");
    entries
        .map(|entry| entry.expect("it lists"))
        .map(|entry| (entry.file_name(), read(entry.path())))
        .collect()
}

/// Expects that opening is `CORRUPT` and changes no byte of any file.
fn is_refused(folder: &Folder) {
    let before = files(folder);
    for read_only in [false, true] {
        let options = Options {
            read_only,
            ..Options::default()
        };
        let error = Memory::open(folder.file(), options).expect_err("it is another's");
        assert_eq!((error.code(), error.field()), (Code::Corrupt, Some("path")));
        assert!(files(folder) == before, "a file was changed");
    }
}

/// Makes a store of `notes` whose process is killed before its log is moved into the file.
fn killed(path: &Path, notes: std::ops::Range<usize>) {
    let original = beside(path, "-original");
    let memory = open(&original);
    add(&memory, notes);
    fs::copy(&original, path).expect("it copies");
    fs::copy(beside(&original, "-wal"), beside(path, "-wal")).expect("it copies");
    memory.close();
    fs::remove_file(original).expect("it is there");
}

fn sql(path: &Path, text: &str) {
    let connection = rusqlite::Connection::open(path).expect("it opens");
    connection.execute_batch(text).expect("it runs");
}

fn value<T: rusqlite::types::FromSql>(path: &Path, query: &str) -> T {
    let connection = rusqlite::Connection::open(path).expect("it opens");
    connection
        .query_row(query, [], |row| row.get(0))
        .expect("it is there")
}

const STORE_ID: &str = "SELECT value FROM header WHERE name = 'store'";

#[test]
fn the_log_of_another_store_beside_a_store_is_refused_and_both_are_left_byte_for_byte() {
    let folder = Folder::new("other-log");
    let other = folder.0.join("other.db");
    killed(&other, 0..50);
    let memory = open(&folder.file());
    add(&memory, 0..20);
    memory.close();
    fs::rename(beside(&other, "-wal"), beside(&folder.file(), "-wal")).expect("it is there");
    is_refused(&folder);
    fs::remove_file(beside(&folder.file(), "-wal")).expect("it is there");
    let memory = open(&folder.file());
    assert_eq!(count(&memory), 20);
    assert_eq!(memory.verify().expect("it checks"), []);
}

#[test]
fn the_log_of_a_store_whose_backup_was_put_in_its_place_is_refused_and_so_is_the_other_way_round() {
    let folder = Folder::new("restored");
    let (path, copy) = (folder.file(), folder.0.join("copy.db"));
    let memory = open(&path);
    add(&memory, 0..20);
    memory.backup(&copy).expect("it copies");
    add(&memory, 20..30);
    let (log, kept) = (beside(&path, "-wal"), folder.0.join("kept-wal"));
    fs::copy(&log, &kept).expect("it copies");
    memory.close();
    fs::rename(&path, folder.0.join("old.db")).expect("it is there");
    fs::rename(&copy, &path).expect("it is there");
    fs::rename(&kept, &log).expect("it is there");
    is_refused(&folder);
    fs::remove_file(&log).expect("it is there");

    let memory = open(&path);
    assert_eq!(count(&memory), 20);
    add(&memory, 20..25);
    fs::copy(&log, &kept).expect("it copies");
    memory.close();
    fs::rename(folder.0.join("old.db"), &path).expect("it is there");
    fs::rename(&kept, &log).expect("it is there");
    is_refused(&folder);
}

#[test]
fn the_own_log_is_taken_up_whatever_was_done_last() {
    let doings: [fn(&Memory); 5] = [
        |_| (),
        |memory| add(memory, 20..21),
        |memory| {
            memory.clear(Select::default()).expect("it clears");
            add(memory, 0..1);
        },
        // The log is emptied, and begun anew by the transaction that notes that.
        |memory| assert_eq!(memory.compact().expect("it compacts"), 0),
        |memory| {
            let id = memory.add("a secret").expect("it is added").id;
            memory.purge(&id).expect("it is purged");
            memory.add("and another").expect("it is added");
        },
    ];
    for (n, doing) in doings.into_iter().enumerate() {
        let folder = Folder::new(&format!("own-{n}"));
        let (path, copy) = (folder.file(), folder.0.join("copy.db"));
        let memory = open(&path);
        add(&memory, 0..20);
        // Moved into the file, so that this file has its id and the log begins anew.
        sql(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
        doing(&memory);
        fs::copy(&path, &copy).expect("it copies");
        fs::copy(beside(&path, "-wal"), beside(&copy, "-wal")).expect("it copies");
        let again = open(&copy);
        assert_eq!(count(&again), count(&memory), "{n}");
        assert_eq!(again.verify().expect("it checks"), [], "{n}");
    }
}

#[test]
fn a_store_that_is_just_made_is_known_by_its_file_alone() {
    let folder = Folder::new("made");
    let other = folder.0.join("other.db");
    let memory = open(&folder.file());
    fs::copy(folder.file(), &other).expect("it copies");
    memory.close();
    let (one, copied): (String, String) =
        (value(&folder.file(), STORE_ID), value(&other, STORE_ID));
    assert_eq!(one, copied);
    assert_eq!(one.len(), 47);
    open(&folder.0.join("second.db")).close();
    assert_ne!(one, value::<String>(&folder.0.join("second.db"), STORE_ID));
}

#[test]
fn a_log_that_is_torn_is_taken_up_as_far_as_it_goes() {
    let folder = Folder::new("torn");
    killed(&folder.file(), 0..20);
    let log = beside(&folder.file(), "-wal");
    let bytes = fs::read(&log).expect("it reads");
    for length in [0, 31, 32, 56, 5000, bytes.len() / 2, bytes.len() - 1] {
        let copy = folder.0.join(format!("torn-{length}.db"));
        fs::copy(folder.file(), &copy).expect("it copies");
        fs::write(beside(&copy, "-wal"), &bytes[..length]).expect("it is written");
        let memory = open(&copy);
        assert!(count(&memory) < 20);
        assert_eq!(memory.verify().expect("it checks"), [], "{length}");
    }
}

#[test]
fn a_backup_has_an_id_of_its_own_is_in_the_mode_of_a_store_and_holds_nothing_of_the_first_id() {
    let folder = Folder::new("backup-id");
    let copy = folder.0.join("copy.db");
    let memory = open(&folder.file());
    add(&memory, 0..20);
    let id: String = value(&folder.file(), STORE_ID);
    memory.backup(&copy).expect("it copies");
    let bytes = fs::read(&copy).expect("it reads");
    // File format versions for writing and reading: 2 is WAL (SQLite's file format, 1.3).
    assert_eq!(bytes[18..20], [2, 2]);
    assert!(!bytes.windows(id.len()).any(|run| run == id.as_bytes()));
    for end in ["-wal", "-shm", "-journal"] {
        assert!(!beside(&copy, end).exists(), "{end}");
    }
    assert_eq!(open(&copy).verify().expect("it checks"), []);
}

#[test]
fn a_journal_of_another_program_beside_a_store_is_refused_and_not_rolled_back() {
    let folder = Folder::new("journal");
    let other = folder.0.join("theirs.db");
    let memory = open(&folder.file());
    add(&memory, 0..200);
    memory.close();
    let theirs = rusqlite::Connection::open(&other).expect("it opens");
    theirs
        .execute_batch(
            "PRAGMA cache_size = 1; CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000)); \
             BEGIN; UPDATE t SET x = randomblob(100000)",
        )
        .expect("it runs");
    fs::copy(
        beside(&other, "-journal"),
        beside(&folder.file(), "-journal"),
    )
    .expect("it is hot");
    is_refused(&folder);
    fs::remove_file(beside(&folder.file(), "-journal")).expect("it is there");
    let memory = open(&folder.file());
    assert_eq!(count(&memory), 200);
    assert_eq!(memory.verify().expect("it checks"), []);
}

#[test]
fn a_process_that_is_killed_while_it_makes_a_store_leaves_a_journal_that_is_rolled_back() {
    let folder = Folder::new("half-made");
    let half = folder.0.join("half.db");
    let connection = rusqlite::Connection::open(&half).expect("it opens");
    connection
        .execute_batch("PRAGMA cache_size = 1; BEGIN; CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000))")
        .expect("it runs");
    // The first page is written, and may be torn.
    fs::write(folder.file(), [0; 4096]).expect("it is written");
    fs::copy(
        beside(&half, "-journal"),
        beside(&folder.file(), "-journal"),
    )
    .expect("it is hot");
    let memory = open(&folder.file());
    add(&memory, 0..1);
    assert_eq!(memory.verify().expect("it checks"), []);
}

#[test]
fn another_log_without_a_whole_transaction_is_no_log() {
    let folder = Folder::new("cut");
    let other = folder.0.join("other.db");
    killed(&other, 0..50);
    let memory = open(&folder.file());
    add(&memory, 0..20);
    memory.close();
    let bytes = fs::read(beside(&other, "-wal")).expect("it reads");
    // The header and the first frame: a page of the first transaction, which has more.
    fs::write(beside(&folder.file(), "-wal"), &bytes[..32 + 24 + 4096]).expect("it is written");
    let memory = open(&folder.file());
    assert_eq!(count(&memory), 20);
    assert_eq!(memory.verify().expect("it checks"), []);
}

#[test]
fn verify_finds_that_the_last_event_was_lost_and_later_writes_do_not_hide_it() {
    let folder = Folder::new("last-event");
    let memory = open(&folder.file());
    add(&memory, 0..5);
    sql(
        &folder.file(),
        "DELETE FROM event WHERE seq = 5; DELETE FROM record WHERE seq = 5",
    );
    let kinds = || -> Vec<_> {
        let problems = memory.verify().expect("it checks");
        problems.iter().map(|problem| problem.kind).collect()
    };
    assert_eq!(kinds(), ["event"]);
    add(&memory, 5..6);
    assert_eq!(kinds(), ["event"]);
}

#[test]
fn a_name_that_changes_is_noticed_however_long_nothing_in_its_folder_has_changed() {
    let folder = Folder::new("settled");
    let (inner, path) = (folder.0.join("inner"), folder.0.join("inner/memory.db"));
    fs::create_dir(&inner).expect("it can be made");
    let memory = open(&path);
    add(&memory, 0..1);
    let (kept, moved) = (folder.0.join("kept"), folder.0.join("moved"));
    let names = [path.clone(), beside(&path, "-wal"), beside(&path, "-shm")];
    let is_told = |memory: &Memory| {
        let error = memory.count(Select::default()).expect_err("it is told");
        assert_eq!((error.code(), error.field()), (Code::Io, Some("path")));
    };
    for name in &names {
        // Until the names are no longer looked at one by one.
        std::thread::sleep(std::time::Duration::from_millis(120));
        for _ in 0..3 {
            assert_eq!(count(&memory), 1);
        }
        fs::rename(name, &kept).expect("it is there");
        is_told(&memory);
        fs::copy(&kept, name).expect("it copies");
        is_told(&memory);
        fs::rename(&kept, name).expect("it is there");
        assert_eq!(count(&memory), 1);
    }
    std::thread::sleep(std::time::Duration::from_millis(120));
    assert_eq!(count(&memory), 1);
    fs::rename(&inner, &moved).expect("it is there");
    is_told(&memory);
    fs::create_dir(&inner).expect("it can be made");
    is_told(&memory);
    fs::remove_dir(&inner).expect("it is empty");
    fs::rename(&moved, &inner).expect("it is there");
    assert_eq!(count(&memory), 1);
    memory.close();
}

#[test]
fn a_log_or_its_index_that_is_removed_or_replaced_under_an_open_memory_is_told_and_loses_nothing() {
    type Happening = (&'static str, fn(&Path));
    let happenings: [Happening; 4] = [
        ("-shm", |side| fs::remove_file(side).expect("it is there")),
        ("-wal", |side| fs::remove_file(side).expect("it is there")),
        ("-shm", |side| {
            let copy = beside(side, "-copy");
            fs::copy(side, &copy).expect("it copies");
            fs::rename(copy, side).expect("it is there");
        }),
        ("-wal", |side| {
            fs::remove_file(side).expect("it is there");
            fs::write(side, "").expect("it is written");
        }),
    ];
    for (n, (end, happen)) in happenings.into_iter().enumerate() {
        let folder = Folder::new(&format!("sides-{n}"));
        let memory = open(&folder.file());
        add(&memory, 0..20);
        happen(&beside(&folder.file(), end));
        let told = |error: agentmem_core::Error| (error.code(), error.field().map(str::to_owned));
        let expected = (Code::Io, Some("path".to_owned()));
        assert_eq!(told(memory.add("x").expect_err("it would split")), expected);
        let counted = memory.count(Select::default());
        assert_eq!(told(counted.expect_err("it may be stale")), expected);
        assert_eq!(
            told(memory.compact().expect_err("it would split")),
            expected
        );
        memory.close();
        let memory = open(&folder.file());
        assert_eq!(count(&memory), 20, "{n}");
        assert_eq!(memory.verify().expect("it checks"), [], "{n}");
        add(&memory, 20..21);
    }
}

#[cfg(unix)]
#[test]
fn files_beside_a_store_that_may_only_be_read_get_the_mode_of_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("side-modes");
    killed(&folder.file(), 0..20);
    let mode = |path: &Path| {
        let found = fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    };
    let sides = ["-wal", "-shm"].map(|end| beside(&folder.file(), end));
    fs::write(&sides[1], "").expect("it is written");
    for side in &sides {
        fs::set_permissions(side, fs::Permissions::from_mode(0o400)).expect("it is ours");
    }
    let memory = open(&folder.file());
    for side in &sides {
        assert_eq!(mode(side), mode(&folder.file()), "{}", side.display());
    }
    add(&memory, 20..21);
    assert_eq!(count(&memory), 21);
}
