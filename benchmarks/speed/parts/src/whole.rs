//! Calls of the engine on a memory that no file holds: SQLite is in them, the disk is not.

use std::hint::black_box;

use agentmem_core::{
    Filter, Match, Memory, Mode, NewRecord, Options, ScopeMatch, Search, Select, Timestamp,
};
use serde_json::{Value, json};

use crate::Run;
use crate::texts::{QUESTION, text};

const RECORDS: usize = 1000;
const WORKS: &str = "a memory in memory takes what is right";

fn turn(number: usize) -> NewRecord {
    let at = Timestamp::from_millis(1_700_000_000_000 + number as i64 * 1000);
    NewRecord {
        user_id: Some("user".to_owned()),
        run_id: Some(format!("run-{}", number / 50)),
        role: Some("user".to_owned()),
        name: Some("Ada".to_owned()),
        created_at: at.ok(),
        ..NewRecord::from(text(number))
    }
}

fn filled() -> Memory {
    let memory = Memory::in_memory(Options::default()).expect(WORKS);
    let turns = (0..RECORDS).map(turn).collect();
    memory.add_many(turns).expect(WORKS);
    memory
}

pub fn add() -> Run {
    let memory = filled();
    let mut number = RECORDS;
    Box::new(move || {
        number += 1;
        black_box(memory.add(turn(number)).expect(WORKS));
    })
}

pub fn add_many() -> Run {
    let memory = filled();
    let mut number = RECORDS;
    Box::new(move || {
        number += 100;
        let turns = (number..number + 100).map(turn).collect();
        black_box(memory.add_many(turns).expect(WORKS));
    })
}

pub fn get() -> Run {
    let memory = filled();
    let id = memory.add(turn(RECORDS)).expect(WORKS).id;
    Box::new(move || {
        black_box(memory.get(&id).expect(WORKS));
    })
}

/// Loading: each time of another memory.
pub fn first_search() -> Run {
    Box::new(move || {
        ask(&filled(), Mode::Hybrid);
    })
}

pub fn lexical() -> Run {
    search(Mode::Lexical)
}

pub fn semantic() -> Run {
    search(Mode::Semantic)
}

pub fn hybrid() -> Run {
    search(Mode::Hybrid)
}

/// A filter that keeps a tenth and is another one each time.
pub fn filter_first() -> Run {
    let memory = sorted();
    let mut number = 0;
    Box::new(move || {
        number += 1;
        let filter = json!({ "category": 3, format!("new-{number}"): null });
        ask_some(&memory, Mode::Hybrid, Some(&filter));
    })
}

/// One that keeps a tenth and has been asked before.
pub fn filter_again() -> Run {
    let memory = sorted();
    let filter = json!({ "category": 3 });
    for _ in 0..2 {
        ask_some(&memory, Mode::Hybrid, Some(&filter));
    }
    Box::new(move || ask_some(&memory, Mode::Hybrid, Some(&filter)))
}

/// A memory whose records are of ten categories.
fn sorted() -> Memory {
    let memory = Memory::in_memory(Options::default()).expect(WORKS);
    let of = |number: usize| NewRecord {
        metadata: json!({ "category": number % 10 }).as_object().cloned(),
        ..turn(number)
    };
    memory
        .add_many((0..RECORDS).map(of).collect())
        .expect(WORKS);
    memory
}

fn search(mode: Mode) -> Run {
    let memory = filled();
    ask(&memory, mode);
    Box::new(move || ask(&memory, mode))
}

fn ask(memory: &Memory, mode: Mode) {
    ask_some(memory, mode, None);
}

fn ask_some(memory: &Memory, mode: Mode, filter: Option<&Value>) {
    let filter = filter.map(Filter::parse).transpose().expect(WORKS);
    let scope = ScopeMatch {
        user_id: Match::Is("user".to_owned()),
        ..ScopeMatch::default()
    };
    let options = Search {
        mode,
        select: Select {
            scope,
            filter,
            ..Select::default()
        },
        ..Search::default()
    };
    black_box(memory.search(QUESTION, options).expect(WORKS));
}
