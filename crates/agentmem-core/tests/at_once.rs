//! Reads that are answered without waiting: only if what they need is at hand, and then as those that wait.

#[path = "support/folder.rs"]
mod folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    Change, Code, Expiry, Filter, Memory, Mode, NewRecord, Options, Recency, ScopeMatch, Search,
    Select, Timestamp,
};
use folder::Folder;
use serde_json::json;

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn id(&mut self, ids: &[String]) -> String {
        ids[self.below(ids.len() as u64) as usize].clone()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

const WORDS: [&str; 8] = [
    "green tea",
    "coffee",
    "Berlin",
    "a walk",
    "the garden",
    "music",
    "a dog",
    "support",
];
const USERS: [&str; 2] = ["ada", "bob"];

fn search(random: &mut Random) -> Search {
    let mut select = Select::default();
    if random.below(4) > 0 {
        select.scope.user_id = (*random.one(&USERS)).into();
    }
    if random.below(4) == 0 {
        select.filter = Some(Filter::parse(&json!({ "n": { "$gte": 3 } })).expect("a filter"));
    }
    Search {
        select,
        limit: 1 + random.below(12) as usize,
        mode: *random.one(&[Mode::Hybrid, Mode::Lexical, Mode::Semantic]),
        context: random.below(3) as usize,
        recency: (random.below(3) == 0).then_some(Recency {
            weight: 0.5,
            half_life: 60.0,
        }),
        ..Search::default()
    }
}

fn change(memory: &Memory, random: &mut Random, ids: &mut Vec<String>, clock: &AtomicI64) {
    match random.below(12) {
        0..4 => {
            let new = NewRecord {
                user_id: Some((*random.one(&USERS)).to_owned()),
                role: (random.below(2) == 0).then(|| "user".to_owned()),
                metadata: json!({ "n": random.below(6) }).as_object().cloned(),
                expiry: if random.below(3) == 0 {
                    Expiry::Ttl(random.below(20) as f64)
                } else {
                    Expiry::Never
                },
                ..NewRecord::from(format!("{} and {}", random.one(&WORDS), random.one(&WORDS)))
            };
            ids.push(memory.add(new).expect("it is added").id);
        }
        4 => {
            let change = Change {
                content: Some(format!("now {}", random.one(&WORDS))),
                ..Change::default()
            };
            let _ = memory.update(&random.id(ids), change);
        }
        5 => {
            memory.delete(&random.id(ids)).expect("it answers");
        }
        6 => {
            memory.purge(&random.id(ids)).expect("it answers");
        }
        7 => {
            memory.compact().expect("it compacts");
        }
        // A clock may go back.
        _ => {
            clock.fetch_add(random.below(9_000) as i64 - 2_000, Ordering::Relaxed);
        }
    }
}

#[test]
fn what_is_answered_without_waiting_is_what_waiting_gives_after_any_history() {
    let folder = Folder::new("at-once");
    for (seed, path) in [(1, None), (2, Some(folder.file()))] {
        let random = &mut Random(seed);
        let clock = Arc::new(AtomicI64::new(1_800_000_000_000));
        let read = Arc::clone(&clock);
        let options = Options {
            clock: Some(Arc::new(move || read.load(Ordering::Relaxed))),
            ..Options::default()
        };
        let memory = match path {
            Some(path) => Memory::open(path, options).unwrap(),
            None => Memory::in_memory(options).unwrap(),
        };
        let ada = memory
            .scoped(ScopeMatch {
                user_id: "ada".into(),
                ..ScopeMatch::default()
            })
            .unwrap();
        let mut ids = vec![memory.add("the first").unwrap().id];
        let (mut found, mut got) = (0, 0);
        for _ in 0..2_000 {
            if random.below(3) == 0 {
                change(&memory, random, &mut ids, &clock);
            }
            let (query, options, id) = (*random.one(&WORDS), search(random), random.id(&ids));
            if let Some(hits) = memory.try_search(query, &options).unwrap() {
                assert_eq!(hits, memory.search(query, options).unwrap());
                found += 1;
                // What was brought up at once is as what is loaded anew.
                if found % 8 == 0 {
                    assert_eq!(memory.verify().unwrap(), []);
                }
            } else {
                memory.search(query, options).unwrap();
            }
            for memory in [&memory, &ada] {
                match memory.try_get(&id).unwrap() {
                    Some(found) => {
                        assert_eq!(found, memory.get(&id).unwrap());
                        got += 1;
                    }
                    None => drop(memory.get(&id).unwrap()),
                }
            }
        }
        assert!(
            found > 400 && got > 400,
            "{found} searches and {got} records"
        );
        memory.close();
    }
}

#[test]
fn what_was_written_since_is_never_missed() {
    let folder = Folder::new("at-once-written");
    let (memory, other) = (open(&folder), open(&folder));
    let id = memory.add("Ada likes green tea").unwrap().id;
    let options = Search::default();
    let at_hand = |memory: &Memory| {
        (
            memory.try_search("tea", &options).unwrap().is_some(),
            memory.try_get(&id).unwrap().is_some(),
        )
    };
    let read = || {
        memory.search("tea", options.clone()).unwrap();
        memory.get(&id).unwrap();
    };
    // The record may be: an `add` asks for the version of the store too.
    assert!(!at_hand(&memory).0);
    read();
    // What one handle has read is there for every handle of the process.
    assert_eq!(
        (at_hand(&memory), at_hand(&other)),
        ((true, true), (true, true))
    );
    other.add("and coffee").unwrap();
    // Whether what the system has of a file in memory is read at once: a matter of system and file system.
    let reads_at_once = memory.try_get(&id).unwrap().is_some();
    assert_eq!(at_hand(&memory), (reads_at_once, reads_at_once));
    // Many changes take longer than a moment, and so does much text.
    other
        .add_many(
            (0..5)
                .map(|n| NewRecord::from(format!("milk {n}")))
                .collect(),
        )
        .unwrap();
    assert_eq!(at_hand(&memory), (false, reads_at_once));
    memory.search("tea", options.clone()).unwrap();
    assert_eq!(at_hand(&memory), (true, reads_at_once));
    other.add("milk ".repeat(300)).unwrap();
    assert_eq!(at_hand(&memory), (false, reads_at_once));
    read();
    assert_eq!(at_hand(&memory), (true, true));
    // Nothing that was read before is given for what is now.
    let change = Change {
        content: Some("Ada likes coffee".into()),
        ..Change::default()
    };
    let changed = other.update(&id, change).unwrap();
    let found = memory.try_get(&id).unwrap();
    assert_eq!(found, reads_at_once.then_some(Some(changed.clone())));
    assert_eq!(memory.get(&id).unwrap(), Some(changed.clone()));
    assert_eq!(memory.try_get(&id).unwrap(), Some(Some(changed)));
    other.delete(&id).unwrap();
    let found = memory.try_get(&id).unwrap();
    assert_eq!(found, reads_at_once.then_some(None));
    assert_eq!(memory.get(&id).unwrap(), None);
    memory.close();
    assert_eq!(memory.try_get(&id).unwrap_err().code(), Code::Closed);
    assert_eq!(
        memory.try_search("tea", &options).unwrap_err().code(),
        Code::Closed
    );
}

#[test]
fn a_moved_file_is_noticed_without_waiting_too() {
    let folder = Folder::new("at-once-moved");
    let memory = open(&folder);
    let id = memory.add("Ada likes green tea").unwrap().id;
    for _ in 0..2 {
        let _ = memory.try_get(&id).unwrap();
        memory.get(&id).unwrap();
        memory.search("tea", Search::default()).unwrap();
    }
    assert!(memory.try_get(&id).unwrap().is_some());
    let away = folder.file().with_extension("away");
    std::fs::rename(folder.file(), &away).unwrap();
    for error in [
        memory.try_get(&id).unwrap_err(),
        memory.try_search("tea", &Search::default()).unwrap_err(),
    ] {
        assert_eq!((error.code(), error.field()), (Code::Io, Some("path")));
    }
    std::fs::rename(away, folder.file()).unwrap();
    assert!(memory.try_get(&id).unwrap().is_some());
}

#[test]
fn what_takes_longer_than_a_moment_or_copies_much_is_to_be_waited_for() {
    let memory = Memory::new().unwrap();
    let large = memory
        .add(format!("tea {}", "x ".repeat(100_000)))
        .unwrap()
        .id;
    let small = memory.add("green coffee").unwrap().id;
    let is_at_hand = |query: &str, options: Search| {
        memory.search(query, options.clone()).unwrap();
        memory.try_search(query, &options).unwrap().is_some()
    };
    let lexical = Search {
        mode: Mode::Lexical,
        ..Search::default()
    };
    assert!(is_at_hand("coffee", lexical.clone()));
    assert!(!is_at_hand("tea", lexical.clone()));
    assert!(!is_at_hand(&"coffee ".repeat(100), lexical.clone()));
    assert!(!is_at_hand("coffeee", lexical.clone()));
    for (id, is_kept) in [(&large, false), (&small, true)] {
        for _ in 0..2 {
            let _ = memory.try_get(id).unwrap();
            memory.get(id).unwrap();
        }
        assert_eq!(memory.try_get(id).unwrap().is_some(), is_kept);
    }
    let many = (0..10_000).map(|n| NewRecord::from(format!("coffee {n}")));
    memory.add_many(many.collect()).unwrap();
    assert!(!is_at_hand("coffee", lexical));
}

fn open(folder: &Folder) -> Memory {
    Memory::open(folder.file(), Options::default()).expect("it opens")
}

#[test]
fn bad_arguments_are_told_at_once() {
    let memory = Memory::new().unwrap();
    let error = memory.try_get("").unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (Code::InvalidArgument, Some("id"))
    );
    let options = Search {
        limit: 0,
        ..Search::default()
    };
    let error = memory.try_search("tea", &options).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (Code::InvalidArgument, Some("limit"))
    );
    let before = memory.at(Timestamp::from_millis(0).unwrap());
    assert!(
        before
            .try_search("tea", &Search::default())
            .unwrap()
            .is_none()
    );
}
