//! Prints what a turn and a question cost in the core: `cargo run --release -p agentmem-core --example conversation -- LOCOMO.json`.
//!
//! The file has conversations in LoCoMo's form (snap-research/LoCoMo). The first thousand turns become one user's, in memory. CPU time is
//! what the kernel says of the thread that asks, where it says so (Linux), so that other work of the machine counts less; of five rounds the best.

use std::error::Error;
use std::time::Instant;

use agentmem_core::{
    Match, Memory, Mode, NewRecord, Options, ScopeMatch, Search, Select, Timestamp,
};
use serde_json::Value;

const TURNS: usize = 1000;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: conversation LOCOMO.json")?;
    let conversations: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let (turns, questions) = read(&conversations).ok_or("the file is not in LoCoMo's form")?;
    println!(
        "{} turns, {} questions\n\n| | CPU |\n|---|---|",
        turns.len(),
        questions.len()
    );
    let (mut adding, mut loading) = (Vec::new(), Vec::new());
    let mut memory = Memory::in_memory(Options::default())?;
    for _ in 0..ROUNDS {
        memory = Memory::in_memory(Options::default())?;
        let items = turns.clone();
        adding.push(microseconds(turns.len(), || {
            memory.add_many(items).map(drop)
        })?);
        loading.push(microseconds(turns.len(), || {
            memory.search("anything", options(Mode::Hybrid)).map(drop)
        })?);
    }
    row(
        "a turn added: checked, embedded, written (in memory)",
        &adding,
    );
    row("a turn taken into the index by the first search", &loading);
    for mode in [Mode::Hybrid, Mode::Lexical, Mode::Semantic] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            times.push(microseconds(questions.len(), || {
                questions
                    .iter()
                    .try_for_each(|question| memory.search(question, options(mode)).map(drop))
            })?);
        }
        row(&format!("a question, {mode:?}").to_lowercase(), &times);
    }
    Ok(())
}

fn row(what: &str, times: &[f64]) {
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("| {what} | {best:.0} us |");
}

/// The time of the processor for one of `count` things that are done together.
fn microseconds(
    count: usize,
    work: impl FnOnce() -> Result<(), agentmem_core::Error>,
) -> Result<f64, agentmem_core::Error> {
    let (wall, cpu) = (Instant::now(), cpu_nanoseconds());
    work()?;
    let nanoseconds = match (cpu, cpu_nanoseconds()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed().as_nanos() as f64,
    };
    Ok(nanoseconds / 1000.0 / count as f64)
}

fn cpu_nanoseconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn options(mode: Mode) -> Search {
    let scope = ScopeMatch {
        user_id: Match::Is("user".to_owned()),
        ..ScopeMatch::default()
    };
    Search {
        mode,
        select: Select {
            scope,
            ..Select::default()
        },
        ..Search::default()
    }
}

/// The first turns, a second apart, each session a run; and the questions about the conversations that they are of.
fn read(conversations: &Value) -> Option<(Vec<NewRecord>, Vec<String>)> {
    let (mut turns, mut questions) = (Vec::new(), Vec::new());
    for (number, conversation) in conversations.as_array()?.iter().enumerate() {
        if turns.len() >= TURNS {
            break;
        }
        for (name, session) in conversation["conversation"].as_object()? {
            for turn in session.as_array().into_iter().flatten() {
                let at = 1_700_000_000_000 + turns.len() as i64 * 1000;
                turns.push(NewRecord {
                    user_id: Some("user".to_owned()),
                    run_id: Some(format!("{number}/{name}")),
                    role: Some("user".to_owned()),
                    name: Some(turn["speaker"].as_str()?.to_owned()),
                    created_at: Timestamp::from_millis(at).ok(),
                    ..NewRecord::from(turn["text"].as_str()?.to_owned())
                });
            }
        }
        for question in conversation["qa"].as_array()? {
            questions.push(question["question"].as_str()?.to_owned());
        }
    }
    turns.truncate(TURNS);
    Some((turns, questions))
}
