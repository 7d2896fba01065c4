//! What conformance cases cannot say: threads, several handles, files and their modes.

#[path = "support/database.rs"]
mod database;
#[path = "support/folder.rs"]
mod folder;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    Change, Code, Durability, GetAll, Memory, Mode, NewRecord, Options, Order, ScopeMatch, Search,
    Select, Timestamp,
};
use folder::Folder;

fn open(folder: &Folder) -> Memory {
    Memory::open(folder.file(), Options::default()).expect("the file opens")
}

fn user(id: &str) -> Select {
    Select {
        scope: ScopeMatch {
            user_id: id.into(),
            ..ScopeMatch::default()
        },
        ..Select::default()
    }
}

fn note(user: &str, content: &str) -> NewRecord {
    NewRecord {
        user_id: Some(user.to_owned()),
        ..NewRecord::from(content)
    }
}

#[test]
fn a_thousand_writes_from_many_threads_are_all_there_and_in_one_order() {
    let folder = Folder::new("threads");
    let memory = open(&folder);
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let memory = memory.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    memory
                        .add(note(
                            &format!("user-{}", thread % 3),
                            &format!("thread {thread} note {n}"),
                        ))
                        .expect("it is added");
                }
            });
        }
    });
    assert_eq!(memory.count(Select::default()).expect("it counts"), 1000);
    let ids: Vec<String> = memory
        .get_all(GetAll {
            order: Order::Asc,
            ..GetAll::default()
        })
        .expect("it lists")
        .into_iter()
        .map(|r| r.id)
        .collect();
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 1000);
}

#[test]
fn identical_adds_at_once_with_dedupe_write_one() {
    let folder = Folder::new("dedupe");
    let memory = open(&folder);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let adds: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    memory
                        .add(NewRecord {
                            dedupe: true,
                            ..note("ada", "likes tea")
                        })
                        .expect("it is added")
                        .id
                })
            })
            .collect();
        adds.into_iter()
            .map(|add| add.join().expect("no panic"))
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(memory.count(Select::default()).expect("it counts"), 1);
}

#[test]
fn handles_of_one_file_share_one_engine_whatever_the_path_is_called() {
    let folder = Folder::new("handles");
    let memory = open(&folder);
    let other_name = folder.0.join(".").join("memory.db");
    let other = Memory::open(&other_name, Options::default()).expect("it opens");
    let id = memory.add("seen through both").expect("it is added").id;
    assert!(other.get(&id).expect("it reads").is_some());
    let error = Memory::open(
        &other_name,
        Options {
            durability: Durability::Normal,
            ..Options::default()
        },
    );
    assert_eq!(
        error.expect_err("the handles would differ").field(),
        Some("durability")
    );
    let reader = Memory::open(
        &other_name,
        Options {
            read_only: true,
            ..Options::default()
        },
    )
    .expect("it opens");
    assert_eq!(
        reader.add("no").expect_err("it is read-only").code(),
        Code::ReadOnly
    );
    memory.close();
    assert_eq!(
        memory.get(&id).expect_err("it is closed").code(),
        Code::Closed
    );
    assert!(other.get(&id).expect("the other handle is open").is_some());
}

#[test]
fn what_a_path_may_be_is_told_before_anything_is_changed() {
    let folder = Folder::new("paths");
    let fails = |path: &std::path::Path, options: Options| {
        let error = Memory::open(path, options).expect_err("it cannot be opened");
        (error.code(), error.field().map(str::to_owned))
    };
    let path = Some("path".to_owned());
    assert_eq!(
        fails(&folder.0, Options::default()),
        (Code::Io, path.clone())
    );
    assert_eq!(
        fails(&folder.0.join("no/memory.db"), Options::default()),
        (Code::Io, path.clone())
    );
    assert_eq!(
        fails(
            &folder.file(),
            Options {
                create: false,
                ..Options::default()
            }
        ),
        (Code::Io, path.clone())
    );
    assert_eq!(
        fails(
            &folder.file(),
            Options {
                read_only: true,
                ..Options::default()
            }
        ),
        (Code::Io, path.clone())
    );
    assert!(!folder.file().exists());
    for bytes in [
        "x",
        "not a store at all",
        &"SQLite format 3 it is not ".repeat(100),
    ] {
        fs::write(folder.file(), bytes).expect("it is written");
        assert_eq!(
            fails(&folder.file(), Options::default()),
            (Code::UnsupportedFormat, path.clone())
        );
        assert_eq!(
            fs::read_to_string(folder.file()).expect("it is there"),
            *bytes
        );
    }
    fs::remove_file(folder.file()).expect("it is there");
    open(&folder).close();
    fs::hard_link(folder.file(), folder.0.join("other.db")).expect("it links");
    assert_eq!(fails(&folder.file(), Options::default()), (Code::Io, path));
}

#[cfg(unix)]
#[test]
fn a_new_file_and_those_beside_it_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("modes");
    let memory = open(&folder);
    memory.add("a secret").expect("it is added");
    let mut seen = 0;
    for entry in fs::read_dir(&folder.0).expect("it lists") {
        let mode = entry
            .expect("it reads")
            .metadata()
            .expect("it has some")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn a_path_is_never_a_uri() {
    let path = PathBuf::from(format!(
        "file:agentmem-{}.db?mode=memory",
        std::process::id()
    ));
    let memory = Memory::open(&path, Options::default()).expect("it opens");
    memory
        .add("in a file of a strange name")
        .expect("it is added");
    memory.close();
    let bytes = fs::read(&path).expect("the file has just that name");
    fs::remove_file(&path).expect("it is there");
    assert!(bytes.windows(12).any(|window| window == b"strange name"));
}

#[test]
fn a_database_of_another_program_and_a_newer_store_are_refused_byte_for_byte() {
    let folder = Folder::new("foreign");
    let foreign = || rusqlite::Connection::open(folder.file()).expect("it opens");
    let refused = || {
        let before = fs::read(folder.file()).expect("it is there");
        let error = Memory::open(folder.file(), Options::default()).expect_err("it is not ours");
        assert_eq!(
            (error.code(), error.field()),
            (Code::UnsupportedFormat, Some("path"))
        );
        assert_eq!(fs::read(folder.file()).expect("it is there"), before);
        fs::remove_file(folder.file()).expect("it is there");
    };
    for theirs in [
        "CREATE TABLE theirs(x)",
        "VACUUM",
        "PRAGMA user_version = 3",
    ] {
        foreign().execute_batch(theirs).expect("it runs");
        refused();
    }
    // What sums its pages have, if any, is not known of a newer format.
    open(&folder).close();
    foreign()
        .execute_batch("PRAGMA user_version = 4")
        .expect("it runs");
    refused();
    for change in [
        "PRAGMA user_version = 4",
        "PRAGMA user_version = 1000000",
        "INSERT OR REPLACE INTO header VALUES('ranking', 1000)",
        "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM event; END",
        "CREATE VIEW v AS SELECT 1",
    ] {
        open(&folder).close();
        database::connect(&folder.file())
            .execute_batch(change)
            .expect("it runs");
        refused();
    }
}

#[test]
fn an_index_follows_the_log_through_edits_expiry_and_a_clock_that_goes_back() {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Arc::clone(&now);
    let options = Options {
        clock: Some(Arc::new(move || clock.load(Ordering::Relaxed))),
        ..Options::default()
    };
    let memory = Memory::in_memory(options).expect("it opens");
    let found = |query: &str| {
        let options = Search {
            mode: Mode::Lexical,
            ..Search::default()
        };
        memory
            .search(query, options)
            .expect("it finds")
            .into_iter()
            .map(|hit| hit.record.id)
            .collect::<Vec<_>>()
    };
    let turn = |id: &str, content: &str, ms: i64| NewRecord {
        id: Some(id.into()),
        role: Some("user".into()),
        created_at: Timestamp::from_millis(ms).ok(),
        ..NewRecord::from(content)
    };
    memory
        .add(turn("b", "and then it rained", 2000))
        .expect("it is added");
    assert!(found("zebra").is_empty());
    let first = NewRecord {
        expiry: agentmem_core::Expiry::Ttl(60.0),
        ..turn("a", "we saw a zebra", 1000)
    };
    memory.add(first).expect("it is added");
    assert_eq!(found("zebra"), ["a", "b"]);
    now.fetch_add(60_000, Ordering::Relaxed);
    assert!(found("zebra").is_empty());
    now.fetch_sub(1, Ordering::Relaxed);
    assert_eq!(found("zebra"), ["a", "b"]);
    assert!(memory.delete("a").expect("it deletes"));
    assert!(found("zebra").is_empty());
    now.fetch_sub(50_000, Ordering::Relaxed);
    assert!(found("zebra").is_empty());
}

/// Numbers that look random (xorshift, G. Marsaglia), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn loaded_indexes_are_what_the_store_would_give_anew_after_any_writes() {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Arc::clone(&now);
    let options = Options {
        clock: Some(Arc::new(move || clock.load(Ordering::Relaxed))),
        ..Options::default()
    };
    let memory = Memory::in_memory(options).expect("it opens");
    let mut random = Random(88_172_645_463_325_252);
    let words = [
        "tea", "garden", "Osaka", "red", "train", "the", "was", "Ada",
    ];
    let some = |random: &mut Random, id: String| NewRecord {
        id: Some(id),
        user_id: Some(format!("user-{}", random.below(3))),
        run_id: (random.below(2) == 0).then(|| format!("run-{}", random.below(4))),
        role: (random.below(4) > 0).then(|| "user".to_owned()),
        created_at: Timestamp::from_millis(1_700_000_000_000 + random.below(500) as i64).ok(),
        expiry: match random.below(8) {
            0 => agentmem_core::Expiry::Ttl(random.below(100) as f64),
            _ => agentmem_core::Expiry::Never,
        },
        ..NewRecord::from(
            (0..=random.below(40))
                .map(|_| words[random.below(8) as usize])
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    // More than four chunks, so that one that loses most of them is made anew.
    let items = (0..6000).map(|number| some(&mut random, format!("id-{number}")));
    let items = items.collect();
    memory.add_many(items).expect("they are added");
    for round in 0..40 {
        for select in [user("user-1"), Select::default()] {
            let asked = Search {
                select,
                ..Search::default()
            };
            memory.search("tea in Osaka", asked).expect("it finds");
        }
        for _ in 0..40 {
            let id = format!("id-{}", random.below(6400));
            match random.below(3) {
                0 => drop(memory.delete(&id).expect("it deletes")),
                1 => {
                    let change = Change {
                        content: some(&mut random, id.clone()).content.into(),
                        ..Change::default()
                    };
                    // There may be no such record.
                    drop(memory.update(&id, change));
                }
                // It may be there already.
                _ => drop(memory.add(some(&mut random, id))),
            }
        }
        now.fetch_add(random.below(9000) as i64 - 3000, Ordering::Relaxed);
        if round % 8 == 0 {
            assert_eq!(memory.verify().expect("it verifies"), [], "round {round}");
        }
        if round == 20 {
            for number in 0..5000 {
                memory.delete(&format!("id-{number}")).expect("it deletes");
            }
        }
    }
    assert_eq!(memory.verify().expect("it verifies"), []);
}

#[test]
fn a_tiny_cache_evicts_and_answers_the_same() {
    let memory = Memory::in_memory(Options {
        cache_bytes: 0,
        ..Options::default()
    })
    .expect("it opens");
    for n in 0..40 {
        memory
            .add(note(
                &format!("user-{}", n % 4),
                &format!("note {n} about tea"),
            ))
            .expect("it is added");
    }
    for round in 0..3 {
        for n in 0..4 {
            let found = memory.search(
                "tea",
                Search {
                    select: user(&format!("user-{n}")),
                    ..Search::default()
                },
            );
            assert_eq!(found.expect("it finds").len(), 10, "round {round}");
        }
    }
}

/// The locks that this process holds on a file, as the kernel lists them.
///
/// The list is read in parts, and while other processes lock and unlock an entry may be left out or come twice: what is in one of some lists is there.
#[cfg(target_os = "linux")]
fn locks_on(path: &std::path::Path) -> usize {
    use std::collections::HashSet;
    use std::os::unix::fs::MetadataExt;
    let inode = fs::metadata(path).expect("it is there").ino();
    let process = std::process::id().to_string();
    let mut ours = HashSet::new();
    for _ in 0..5 {
        let locks = fs::read_to_string("/proc/locks").expect("the kernel lists them");
        for line in locks.lines() {
            // The first word is the place in the list.
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            if words.contains(&process.as_str()) && line.contains(&format!(":{inode} ")) {
                ours.insert(words.join(" "));
            }
        }
    }
    ours.len()
}

// Closing any descriptor of a file drops all locks that the process holds on it (POSIX): then another process may recover, or delete,
// a log that is in use. So nothing of ours may open the file but SQLite, and SQLite only once.
#[cfg(target_os = "linux")]
#[test]
fn opening_and_closing_other_handles_drops_no_lock_of_the_first() {
    let folder = Folder::new("locks");
    let memory = open(&folder);
    memory
        .add("holds a shared lock from now on")
        .expect("it is added");
    let held = locks_on(&folder.file());
    assert!(held > 0, "an open store is locked");
    for _ in 0..3 {
        let other =
            Memory::open(folder.0.join("./memory.db"), Options::default()).expect("it opens");
        other.count(Select::default()).expect("it counts");
        other.close();
        assert!(Memory::open(&folder.0, Options::default()).is_err());
        assert_eq!(locks_on(&folder.file()), held);
    }
    // What the test is about: that a look into the file by any other means would have been seen.
    drop(fs::File::open(folder.file()));
    assert_eq!(locks_on(&folder.file()), 0);
}

// A reader's snapshot keeps the log alive: one that is held between calls lets it grow without end.
#[test]
fn no_call_leaves_a_snapshot_behind_that_keeps_the_log_alive() {
    let folder = Folder::new("snapshots");
    let memory = open(&folder);
    for n in 0..20 {
        let id = memory
            .add(note("ada", &format!("note {n}")))
            .expect("it is added")
            .id;
        memory
            .search(
                "note",
                Search {
                    select: user("ada"),
                    ..Search::default()
                },
            )
            .expect("it finds");
        memory.search("note", Search::default()).expect("it finds");
        memory.get(&id).expect("it reads");
        memory.get_all(GetAll::default()).expect("it lists");
        memory.history(&id).expect("it lists");
        memory.changes(0, Some(1)).expect("it lists");
        memory.count(Select::default()).expect("it counts");
        memory.verify().expect("it checks");
        assert!(
            memory
                .get_all(GetAll {
                    after: Some("unknown".into()),
                    ..GetAll::default()
                })
                .is_err()
        );
    }
    let foreign = rusqlite::Connection::open(folder.file()).expect("it opens");
    let busy: i64 = foreign
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .expect("it runs");
    assert_eq!(busy, 0);
    let log = folder.0.join("memory.db-wal");
    assert_eq!(fs::metadata(log).expect("it is there").len(), 0);
}

#[test]
fn a_file_that_was_moved_replaced_or_deleted_under_an_open_memory_is_told_and_left_alone() {
    type Happening = fn(&Folder);
    let happenings: [Happening; 3] = [
        |folder| fs::remove_file(folder.file()).expect("it is there"),
        |folder| fs::rename(folder.file(), folder.0.join("elsewhere.db")).expect("it is there"),
        |folder| {
            let other = folder.0.join("other.db");
            let memory = Memory::open(&other, Options::default()).expect("it opens");
            memory.add("in the other file").expect("it is added");
            memory.close();
            fs::rename(other, folder.file()).expect("it is there");
        },
    ];
    for (n, happen) in happenings.into_iter().enumerate() {
        let folder = Folder::new(&format!("moved-{n}"));
        let memory = open(&folder);
        let id = memory.add("acknowledged").expect("it is added").id;
        memory
            .search("acknowledged", Search::default())
            .expect("it searches");
        happen(&folder);
        let told = |error: agentmem_core::Error| (error.code(), error.field().map(str::to_owned));
        let expected = (Code::Io, Some("path".to_owned()));
        assert_eq!(
            told(memory.add("nowhere").expect_err("it would be lost")),
            expected
        );
        assert_eq!(
            told(memory.get(&id).expect_err("it is another file")),
            expected
        );
        assert_eq!(
            told(
                memory
                    .search("nowhere", Search::default())
                    .expect_err("it is another file")
            ),
            expected
        );
        assert_eq!(
            told(memory.purge(&id).expect_err("it is another file")),
            expected
        );
        let log = folder.0.join("memory.db-wal");
        let before = fs::read(&log).ok();
        memory.close();
        assert_eq!(fs::read(&log).ok(), before, "the log is left as it is");
    }
}
