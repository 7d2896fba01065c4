//! The store as it was: asked of later, it gives what it gave then.

#[path = "support/folder.rs"]
mod folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    AsOf, Change, Code, Expiry, GetAll, Hit, Memory, Mode, NewRecord, Options, Recency, Record,
    Result, Search, Select, Timestamp,
};
use folder::Folder;

const START: i64 = 1_800_000_000_000;
const WORDS: [&str; 6] = [
    "green tea",
    "coffee?",
    "Berlin in May",
    "a walk",
    "the garden",
    "a dog",
];
const USERS: [&str; 2] = ["ada", "bob"];

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % end
    }

    fn text(&mut self) -> String {
        let words = [0; 3].map(|_| WORDS[self.below(WORDS.len())]);
        words.join(" and ")
    }

    fn record(&mut self, number: usize) -> NewRecord {
        NewRecord {
            id: Some(format!("record-{}", number % 40)),
            user_id: Some(USERS[self.below(2)].into()),
            run_id: (self.below(3) == 0).then(|| "monday".into()),
            role: (self.below(3) > 0).then(|| "user".into()),
            name: (self.below(3) == 0).then(|| "Ada".into()),
            importance: Some(self.below(5) as f64 / 4.0),
            created_at: Some(time(START - self.below(90) as i64 * 86_400_000)),
            expiry: if self.below(6) == 0 {
                Expiry::Ttl(self.below(300) as f64)
            } else {
                Expiry::Never
            },
            ..NewRecord::from(self.text())
        }
    }

    /// One write, which may fail, and then writes nothing.
    fn write(&mut self, memory: &Memory, number: usize) {
        let id = format!("record-{}", self.below(40));
        let content = Some(self.text());
        let done: Result<()> = match self.below(10) {
            0..=4 => memory.add(self.record(number)).map(drop),
            5..=7 => memory
                .update(
                    &id,
                    Change {
                        content,
                        ..Change::default()
                    },
                )
                .map(drop),
            _ => memory.delete(&id).map(drop),
        };
        if let Err(error) = done {
            assert!(matches!(error.code(), Code::AlreadyExists | Code::NotFound));
        }
    }
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("it is in range")
}

fn question(number: usize, as_of: Option<AsOf>) -> Search {
    let mut select = Select::default();
    if !number.is_multiple_of(3) {
        select.scope.user_id = USERS[number % 2].into();
    }
    Search {
        select,
        mode: [Mode::Hybrid, Mode::Lexical, Mode::Semantic][number / 2 % 3],
        recency: number.is_multiple_of(5).then_some(Recency {
            weight: 0.5,
            half_life: 86_400.0,
        }),
        importance_weight: [0.0, 0.3][number / 3 % 2],
        context: number % 3,
        explain: number.is_multiple_of(4),
        as_of,
        ..Search::default()
    }
}

/// What the store gave after so many writes.
struct Seen {
    number: usize,
    now: i64,
    seq: i64,
    hits: Vec<Hit>,
    all: Vec<Record>,
}

#[test]
fn a_search_of_an_earlier_state_gives_to_the_bit_what_it_gave_then() {
    for seed in 0..3 {
        let folder = Folder::new(&format!("past-{seed}"));
        let clock = Arc::new(AtomicI64::new(START));
        let ticking = Arc::clone(&clock);
        let options = Options {
            clock: Some(Arc::new(move || ticking.load(Ordering::Relaxed))),
            ..Options::default()
        };
        let memory = Memory::open(folder.file(), options).expect("it opens");
        let mut random = Random(seed);
        let mut seen = Vec::new();
        for number in 0..150 {
            let now = clock.fetch_add(random.below(40_000) as i64 + 1, Ordering::Relaxed);
            let memory = memory.at(time(now));
            random.write(&memory, number);
            let events = memory.changes(0, None).expect("it has a log");
            seen.push(Seen {
                number,
                now,
                seq: events.last().map_or(0, |event| event.seq),
                hits: memory
                    .search("tea in Berlin?", question(number, None))
                    .expect("it is asked"),
                all: memory.get_all(GetAll::default()).expect("it is read"),
            });
        }
        for then in &seen {
            let as_of = AsOf::Time(time(then.now));
            let hits = memory.search("tea in Berlin?", question(then.number, Some(as_of)));
            assert_eq!(
                hits.expect("it is asked"),
                then.hits,
                "{seed} {}",
                then.number
            );
            let options = GetAll {
                as_of: Some(as_of),
                ..GetAll::default()
            };
            assert_eq!(memory.get_all(options).expect("it is read"), then.all);
            let count = memory.count_as_of(Select::default(), AsOf::Seq(then.seq));
            assert!(count.expect("it is counted") >= then.all.len());
            for record in &then.all {
                let found = memory.get_as_of(&record.id, as_of).expect("it is read");
                assert_eq!(found.as_ref(), Some(record));
            }
        }
        assert_eq!(memory.verify().expect("it is checked"), []);
    }
}

#[test]
fn loaded_indexes_are_left_alone() {
    let memory = Memory::new().expect("it opens");
    let id = memory.add("Ada likes green tea").expect("it is added").id;
    let content = Some("Ada likes coffee".to_owned());
    let change = Change {
        content,
        ..Change::default()
    };
    memory.update(&id, change).expect("it is changed");
    let now = memory
        .search("tea", Search::default())
        .expect("it is asked");
    let earlier = Search {
        as_of: Some(AsOf::Seq(1)),
        ..Search::default()
    };
    let hits = memory.search("tea", earlier.clone()).expect("it is asked");
    assert_eq!(hits[0].record.content, "Ada likes green tea");
    let at_once = |options: Search| memory.try_search("tea", &options).expect("it is asked");
    assert_eq!(at_once(Search::default()), Some(now));
    assert_eq!(at_once(earlier), None);
}

#[test]
fn a_number_below_zero_is_refused() {
    let memory = Memory::new().expect("it opens");
    let as_of = AsOf::Seq(-1);
    let options = Search {
        as_of: Some(as_of),
        ..Search::default()
    };
    let all = GetAll {
        as_of: Some(as_of),
        ..GetAll::default()
    };
    for error in [
        memory.search("tea", options).expect_err("it is refused"),
        memory.get_all(all).expect_err("it is refused"),
        memory.get_as_of("a", as_of).expect_err("it is refused"),
        memory
            .count_as_of(Select::default(), as_of)
            .expect_err("it is refused"),
    ] {
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.field(), Some("asOf.seq"));
    }
}
