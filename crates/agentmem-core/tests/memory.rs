//! `cacheBytes` bounds what loaded indexes take: what the heap holds is counted here, so that no other test may run in this process.

#[path = "support/folder.rs"]
mod folder;

use agentmem_core::{Memory, NewRecord, Options, Search, Select};
use folder::Folder;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const CACHE: u64 = 2 << 20;

/// Loads all users, of so many records each, and gives how much of the cache's size the heap then holds.
fn share(users: usize, each: usize, item: impl Fn(usize) -> NewRecord) -> f64 {
    let folder = Folder::new("memory");
    let memory = Memory::open(folder.file(), Options::default()).expect("it opens");
    let items: Vec<NewRecord> = (0..users * each)
        .map(|number| NewRecord {
            user_id: Some(format!("user-{}", number / each)),
            ..item(number)
        })
        .collect();
    memory.add_many(items).expect("they are added");
    memory.close();
    let options = Options {
        cache_bytes: CACHE,
        ..Options::default()
    };
    let memory = Memory::open(folder.file(), options).expect("it opens");
    let ask = |user: usize| {
        let mut select = Select::default();
        select.scope.user_id = format!("user-{user}").as_str().into();
        let search = Search {
            select,
            ..Search::default()
        };
        let found = memory.search("green tea", search).expect("it finds");
        assert!(!found.is_empty());
    };
    let before = HEAP.current_usage();
    (0..users).for_each(ask);
    (HEAP.current_usage() - before) as f64 / CACHE as f64
}

#[test]
fn loaded_indexes_take_what_cache_bytes_allows() {
    for (users, each) in [(3000, 1), (600, 10), (80, 100), (12, 1000)] {
        let fact = |number: usize| {
            NewRecord::from(format!(
                "Ada {number} likes green tea and asked about the office in Lyon, since it takes less time"
            ))
        };
        let turn = |number: usize| NewRecord {
            role: Some("user".to_owned()),
            name: Some("Ada".to_owned()),
            ..fact(number)
        };
        for (what, share) in [
            ("facts", share(users, each, fact)),
            ("turns", share(users, each, turn)),
        ] {
            // At least as much as without the index that did not fit any more.
            assert!((0.6..1.15).contains(&share), "{share} of {each} {what}");
        }
    }
}
