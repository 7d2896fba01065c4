//! History, erasure and upkeep, where files and damage are involved.

#[path = "support/folder.rs"]
mod folder;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use agentmem_core::{
    Change, Code, EventKind, Expiry, History, Memory, NewRecord, Options, ScopeMatch, Search,
    Select, Timestamp,
};
use folder::Folder;

/// Every run of 8 bytes in all files of a folder.
fn runs_in(folder: &Folder) -> HashSet<[u8; 8]> {
    let mut runs = HashSet::new();
    for entry in fs::read_dir(&folder.0).expect("it lists") {
        let bytes = fs::read(entry.expect("it reads").path()).expect("it reads");
        runs.extend(
            bytes
                .windows(8)
                .map(|window| <[u8; 8]>::try_from(window).expect("it has 8 bytes")),
        );
    }
    runs
}

fn open(path: &Path) -> Memory {
    Memory::open(path, Options::default()).expect("it opens")
}

/// Runs of 8 bytes of a text that are left in a folder.
fn left_of(text: &str, folder: &Folder) -> usize {
    let runs = runs_in(folder);
    text.as_bytes()
        .windows(8)
        .filter(|window| runs.contains(*window))
        .count()
}

fn secret(n: usize) -> String {
    // No run of 8 bytes is shared with another text, or with anything that the library writes: numbers mixed by splitmix64.
    let mixed = |k: u64| {
        let z = (n as u64 * 1000 + k).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ (z >> 27)
    };
    // 94 characters: with 16, some runs would be equal by chance.
    let characters = |k| (0..9).map(move |n| char::from(b'!' + (mixed(k) >> (7 * n)) as u8 % 94));
    (0..40).flat_map(characters).collect()
}

#[test]
fn what_is_purged_is_in_no_file_any_more_with_its_history_and_after_much_rebalancing() {
    let folder = Folder::new("purge");
    let (memory, other) = (open(&folder.file()), open(&folder.file()));
    for n in 0..600 {
        let user = Some(format!("user-{}", n % 7));
        memory
            .add(NewRecord {
                id: Some(format!("r{n}")),
                user_id: user,
                ..NewRecord::from(secret(n))
            })
            .expect("it is added");
    }
    for n in 0..200 {
        let content = Some(secret(n + 10_000));
        memory
            .update(
                &format!("r{n}"),
                Change {
                    content,
                    ..Change::default()
                },
            )
            .expect("it is updated");
    }
    for n in (1..600).step_by(2) {
        memory.delete(&format!("r{n}")).expect("it is deleted");
    }
    other
        .search("anything", Search::default())
        .expect("it searches");
    assert!(
        left_of(&secret(10), &folder) > 0,
        "an earlier state is in the file"
    );
    for n in [10, 11, 301, 302] {
        assert!(memory.purge(&format!("r{n}")).expect("it is purged"));
        assert!(
            !memory
                .purge(&format!("r{n}"))
                .expect("there is nothing left")
        );
        assert_eq!(left_of(&secret(n), &folder), 0, "r{n}");
        assert_eq!(left_of(&secret(n + 10_000), &folder), 0, "r{n}");
        let history = other.history(&format!("r{n}")).expect("it has one");
        assert_eq!(
            history.iter().map(|event| event.kind).collect::<Vec<_>>(),
            [EventKind::Purge]
        );
    }
    assert!(left_of(&secret(12), &folder) > 0, "others are still there");
    let user = Select {
        scope: ScopeMatch {
            user_id: "user-3".into(),
            ..ScopeMatch::default()
        },
        ..Select::default()
    };
    // r10 is this user's, and is purged already.
    assert_eq!(
        memory.purge_all(user).expect("it purges"),
        (3..600).step_by(7).count() - 1
    );
    for n in (3..600).step_by(7) {
        assert_eq!(left_of(&secret(n), &folder), 0, "r{n}");
    }
    assert_eq!(memory.verify().expect("it checks"), []);
    assert!(!memory.stats().expect("it counts").pending_purge);
}

#[test]
fn an_erasure_that_a_reader_holds_up_is_told_and_finished_later() {
    let folder = Folder::new("pending");
    let memory = Memory::open(
        folder.file(),
        Options {
            busy_timeout: std::time::Duration::from_millis(50),
            ..Options::default()
        },
    );
    let memory = memory.expect("it opens");
    memory
        .add(NewRecord {
            id: Some("a".into()),
            ..NewRecord::from(secret(1))
        })
        .expect("it is added");
    // A reader of another program, in the middle of a transaction.
    let reader = rusqlite::Connection::open(folder.file()).expect("it opens");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM record")
        .expect("it reads");
    let error = memory.purge("a").expect_err("the old pages are in use");
    assert_eq!((error.code(), error.field()), (Code::Busy, Some("purge")));
    assert_eq!(memory.get("a").expect("it reads"), None);
    assert!(memory.stats().expect("it counts").pending_purge);
    reader.execute_batch("COMMIT").expect("it ends");
    memory.add("the next write").expect("it is added");
    assert!(!memory.stats().expect("it counts").pending_purge);
    assert_eq!(left_of(&secret(1), &folder), 0);
}

#[test]
fn compact_erases_what_has_expired_and_what_the_option_does_not_keep() {
    for (history, left) in [
        (History::Keep, true),
        (History::Days(1.0), true),
        (History::Days(0.0), false),
        (History::Nothing, false),
    ] {
        let folder = Folder::new("compact");
        let memory = Memory::open(
            folder.file(),
            Options {
                history,
                ..Options::default()
            },
        )
        .expect("it opens");
        memory
            .add(NewRecord {
                id: Some("a".into()),
                ..NewRecord::from(secret(1))
            })
            .expect("it is added");
        memory
            .update(
                "a",
                Change {
                    content: Some(secret(2)),
                    ..Change::default()
                },
            )
            .expect("it is updated");
        memory
            .add(NewRecord {
                id: Some("b".into()),
                expiry: Expiry::Ttl(0.0),
                ..NewRecord::from(secret(3))
            })
            .expect("it is added");
        let erased = memory.compact().expect("it compacts");
        assert_eq!(erased, if left { 1 } else { 2 }, "{history:?}");
        assert_eq!(left_of(&secret(3), &folder), 0);
        assert_eq!(left_of(&secret(1), &folder) > 0, left, "{history:?}");
        assert!(left_of(&secret(2), &folder) > 0);
        let events = memory.history("a").expect("it has one");
        assert_eq!(
            events
                .iter()
                .map(|event| (event.kind, event.record.is_some()))
                .collect::<Vec<_>>(),
            [(EventKind::Add, left), (EventKind::Update, true)]
        );
        let events = memory.changes(0, None).expect("it lists");
        let ids: Vec<_> = events
            .iter()
            .map(|event| (event.id.as_str(), event.kind))
            .collect();
        assert_eq!(
            ids,
            [
                ("a", EventKind::Add),
                ("a", EventKind::Update),
                ("b", EventKind::Add),
                ("b", EventKind::Delete)
            ]
        );
        assert_eq!(memory.verify().expect("it checks"), []);
        memory.close();
    }
}

#[test]
fn a_backup_is_a_store_of_its_own_and_never_over_something() {
    let folder = Folder::new("backup");
    let memory = open(&folder.file());
    for n in 0..50 {
        memory
            .add(format!("note {n} about tea"))
            .expect("it is added");
    }
    let copy = folder.0.join("copy.db");
    assert_eq!(memory.backup(&copy).expect("it copies"), 50);
    assert_eq!(
        memory
            .backup(&copy)
            .expect_err("it is there already")
            .code(),
        Code::Io
    );
    memory.add("later").expect("it is added");
    let copied = open(&copy);
    assert_eq!(copied.count(Select::default()).expect("it counts"), 50);
    let search = |memory: &Memory| {
        memory
            .search("note 7", Search::default())
            .expect("it finds")[0]
            .record
            .clone()
    };
    assert_eq!(search(&copied), search(&memory));
    copied.add("only in the copy").expect("it is added");
    assert_eq!(copied.verify().expect("it checks"), []);
    assert_eq!(
        Memory::new()
            .expect("it opens")
            .backup(folder.0.join("empty.db"))
            .expect("it copies"),
        0
    );
}

#[test]
fn verify_finds_a_missing_vector_a_lost_event_a_foreign_row_and_a_torn_history() {
    let damages = [
        ("UPDATE record SET vector = NULL WHERE seq = 3", "vector"),
        (
            "UPDATE record SET vector = zeroblob(128) WHERE seq = 3",
            "vector",
        ),
        ("DELETE FROM event WHERE seq = 3", "event"),
        (
            "INSERT INTO record SELECT 99, 'foreign', user_id, agent_id, run_id, role, name, content, metadata, importance, \
            created_at, updated_at, expires_at, version, vector, request, mark, 99 FROM record WHERE seq = 3",
            "row",
        ),
        ("DELETE FROM record WHERE seq = 3", "event"),
        ("DELETE FROM past", "event"),
        ("UPDATE past SET seq = 1", "past"),
        (
            "UPDATE record SET content = 'other words' WHERE seq = 3",
            "vector",
        ),
        ("UPDATE record SET version = -1 WHERE seq = 3", "row"),
        ("UPDATE event SET at = 0 WHERE seq = 4", "event"),
    ];
    for (damage, kind) in damages {
        let folder = Folder::new("verify");
        let memory = open(&folder.file());
        for n in 0..5 {
            memory
                .add(NewRecord {
                    id: Some(format!("r{n}")),
                    ..NewRecord::from(format!("note {n} about tea"))
                })
                .expect("it is added");
        }
        memory
            .update(
                "r2",
                Change {
                    importance: Some(1.0),
                    ..Change::default()
                },
            )
            .expect("it is updated");
        assert_eq!(memory.verify().expect("it checks"), []);
        let foreign = rusqlite::Connection::open(folder.file()).expect("it opens");
        foreign.execute_batch(damage).expect("it runs");
        let kinds: Vec<_> = memory
            .verify()
            .expect("it checks")
            .iter()
            .map(|problem| problem.kind)
            .collect();
        assert!(kinds.contains(&kind), "{damage}: {kinds:?}");
    }
}

#[test]
fn verify_finds_an_index_that_does_not_have_what_the_rows_say() {
    let folder = Folder::new("stale");
    let memory = open(&folder.file());
    memory
        .add(NewRecord {
            id: Some("a".into()),
            ..NewRecord::from("green tea")
        })
        .expect("it is added");
    memory
        .search("tea", Search::default())
        .expect("the index is loaded");
    // A writer that keeps no log: the index cannot know of it, though vectors and rows agree.
    let foreign = rusqlite::Connection::open(folder.file()).expect("it opens");
    foreign
        .execute_batch("UPDATE record SET importance = 0.9")
        .expect("it runs");
    let kinds: Vec<_> = memory
        .verify()
        .expect("it checks")
        .iter()
        .map(|problem| problem.kind)
        .collect();
    assert_eq!(kinds, ["index"]);
}

#[test]
fn history_tells_each_state_also_of_an_id_that_was_added_anew() {
    let memory = Memory::new().expect("it opens");
    let at = |ms: i64| memory.at(Timestamp::from_millis(ms).expect("is in range"));
    let add = |user: &str, content: &str, ttl: f64| NewRecord {
        id: Some("a".into()),
        user_id: Some(user.into()),
        expiry: Expiry::Ttl(ttl),
        ..NewRecord::from(content)
    };
    at(1000).add(add("ada", "first", 1.0)).expect("it is added");
    at(3000)
        .add(add("bob", "second", 9.0))
        .expect("the first has expired");
    at(2000)
        .update(
            "a",
            Change {
                content: Some("third".into()),
                ..Change::default()
            },
        )
        .expect("it is updated");
    at(5000).delete("a").expect("it is deleted");
    let told = |memory: &Memory| {
        let events = memory.history("a").expect("it has one");
        events
            .into_iter()
            .map(|event| {
                (
                    event.seq,
                    event.at.as_millis(),
                    event.kind.as_str(),
                    event.record.map(|record| record.content),
                )
            })
            .collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    let all = [
        (1, 1000, "ADD", text("first")),
        (2, 3000, "ADD", text("second")),
        (3, 3000, "UPDATE", text("third")),
        (4, 5000, "DELETE", None),
    ];
    assert_eq!(told(&memory), all);
    let view = |user: &str| {
        memory
            .scoped(ScopeMatch {
                user_id: user.into(),
                ..ScopeMatch::default()
            })
            .expect("it is one")
    };
    assert_eq!(told(&view("ada")), all[..1]);
    assert_eq!(told(&view("bob")), all[1..]);
    assert_eq!(memory.changes(2, Some(1)).expect("it lists")[0].seq, 3);
    assert!(view("ada").changes(0, None).is_err());
}

#[test]
fn of_backups_to_one_path_at_once_one_is_made_and_stays() {
    let folder = Folder::new("backups");
    let memory = open(&folder.file());
    memory.add("a note").expect("it is added");
    for round in 0..20 {
        let copy = folder.0.join(format!("copy-{round}.db"));
        let made: usize = std::thread::scope(|scope| {
            let backups: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| memory.backup(&copy).is_ok()))
                .collect();
            backups
                .into_iter()
                .map(|backup| usize::from(backup.join().expect("no panic")))
                .sum()
        });
        assert_eq!(made, 1);
        assert_eq!(open(&copy).count(Select::default()).expect("it counts"), 1);
    }
}

#[test]
fn an_erasure_that_another_engine_left_pending_is_finished_by_the_next_write_of_any() {
    let folder = Folder::new("others");
    let memory = open(&folder.file());
    memory
        .add(NewRecord {
            id: Some("a".into()),
            ..NewRecord::from(secret(1))
        })
        .expect("it is added");
    // As another process does that dies between deleting and rewriting.
    let foreign = rusqlite::Connection::open(folder.file()).expect("it opens");
    foreign
        .execute_batch(
            "BEGIN; DELETE FROM record; UPDATE event SET id = ''; INSERT INTO event VALUES(2, 0, 3, 1, 'a'); \
             UPDATE event SET at = (SELECT at FROM event WHERE seq = 1); INSERT INTO header VALUES('pending_erasure', 1); COMMIT",
        )
        .expect("it runs");
    drop(foreign);
    assert!(memory.stats().expect("it counts").pending_purge);
    memory.add("the next write").expect("it is added");
    assert!(!memory.stats().expect("it counts").pending_purge);
    assert_eq!(left_of(&secret(1), &folder), 0);
}
