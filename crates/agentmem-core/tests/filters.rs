//! A filter that was asked before finds what it finds when it is new, whatever has happened since.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    Change, Expiry, Filter, Hit, Memory, Mode, NewRecord, Options, Search, Select,
};
use serde_json::{Value, json};

const START: i64 = 1_750_000_000_000;
const TEXTS: [&str; 5] = [
    "green tea",
    "a walk",
    "the garden",
    "tea and music",
    "a dog",
];

/// Knuth's linear congruential generator: the same history in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn memory(clock: &Arc<AtomicI64>) -> Memory {
    let clock = Arc::clone(clock);
    Memory::in_memory(Options {
        clock: Some(Arc::new(move || clock.load(Ordering::Relaxed))),
        ..Options::default()
    })
    .expect("a memory in memory opens")
}

fn item(random: &mut Random, number: usize) -> NewRecord {
    NewRecord {
        id: Some(number.to_string()),
        user_id: Some(format!("user-{}", random.below(3))),
        role: (random.below(2) == 0).then(|| "user".to_owned()),
        metadata: json!({ "n": random.below(10), "of": { "n": random.below(4) } })
            .as_object()
            .cloned(),
        expiry: match random.below(8) {
            0 => Expiry::Ttl(1.0 + random.below(300) as f64),
            _ => Expiry::Never,
        },
        ..NewRecord::from(TEXTS[random.below(TEXTS.len())])
    }
}

fn find(memory: &Memory, filter: &Value, mode: Mode, user: Option<&str>) -> Vec<Hit> {
    let mut select = Select {
        filter: Some(Filter::parse(filter).expect("it is a filter")),
        ..Select::default()
    };
    if let Some(user) = user {
        select.scope.user_id = user.into();
    }
    let search = Search {
        mode,
        limit: 20,
        select,
        ..Search::default()
    };
    memory.search("green tea", search).expect("it finds")
}

/// Changes something that a filter may look at, or a record's neighbours, or the time.
fn change(memory: &Memory, random: &mut Random, clock: &AtomicI64, added: &mut usize) {
    let id = random.below(*added).to_string();
    match random.below(5) {
        0 => {
            memory.add(item(random, *added)).expect("it is added");
            *added += 1;
        }
        1 => {
            memory.delete(&id).expect("it is deleted");
        }
        2 => {
            clock.store(START + 1000 * random.below(300) as i64, Ordering::Relaxed);
        }
        _ => {
            let change = Change {
                metadata: json!({ "n": random.below(10) }).as_object().cloned(),
                ..Change::default()
            };
            // It may have been deleted before.
            memory.update(&id, change).ok();
        }
    }
}

#[test]
fn what_is_remembered_of_filters_changes_no_answer() {
    let clock = Arc::new(AtomicI64::new(START));
    let (memory, mut random) = (memory(&clock), Random(1));
    let mut added = 2500;
    let items = (0..added).map(|number| item(&mut random, number)).collect();
    memory.add_many(items).expect("they are added");
    // More than an index remembers, of which most pass, some and none.
    let filters = [
        json!({ "n": 3 }),
        json!({ "n": { "$gte": 2 } }),
        json!({ "of.n": 1, "n": { "$lt": 5 } }),
        json!({ "of": { "$exists": false } }),
        json!({ "n": 11 }),
        json!({ "$or": [{ "n": 3 }, { "of.n": 2 }] }),
    ];
    for step in 0..400 {
        // Some more often than others, so that some are remembered for long.
        let filter = &filters[random.below(filters.len()).min(random.below(filters.len()))];
        let mode = [Mode::Hybrid, Mode::Lexical, Mode::Semantic][step % 3];
        let user = (random.below(3) == 0).then_some("user-1");
        let found = find(&memory, filter, mode, user);
        // Nothing is remembered of what is large.
        let large = json!({ "$and": [filter, { "x".repeat(5000): null }] });
        assert_eq!(found, find(&memory, &large, mode, user), "{step}: {filter}");
        change(&memory, &mut random, &clock, &mut added);
    }
}
