//! What costs most in the core, one part at a time: `npm run bench:parts` times them, `npm run bench:instructions` counts their instructions.
//!
//! What the core does not show is compiled here once more.

#[allow(
    dead_code,
    unused_imports,
    clippy::all,
    reason = "the core's, which checks it"
)]
#[path = "../../../../crates/agentmem-core/src/embed/mod.rs"]
mod embed;
#[allow(dead_code, reason = "the core's")]
#[path = "../../../../crates/agentmem-core/src/error.rs"]
mod error;
#[allow(dead_code, reason = "the core's")]
#[path = "../../../../crates/agentmem-core/src/scope.rs"]
mod scope;
#[allow(dead_code, unused_imports, reason = "the core's")]
#[path = "../../../../crates/agentmem-core/src/text/mod.rs"]
mod text;

mod texts;
mod whole;

use std::hint::black_box;

/// Something to repeat.
pub type Run = Box<dyn FnMut()>;

/// A part by its name, and what makes it ready; what that costs does not count.
pub type Part = (&'static str, fn() -> Run);

/// All parts.
pub const PARTS: [Part; 15] = [
    ("terms of a text", terms),
    ("tokens of a text", tokens),
    ("vector of a text", vector),
    ("1,000 dot products of 128", || products(128)),
    ("1,000 dot products of 384", || products(384)),
    ("second stage, 100 texts", second_stage),
    ("add, in memory", whole::add),
    ("addMany of 100, in memory", whole::add_many),
    ("get, in memory", whole::get),
    ("1,000 records added and loaded", whole::first_search),
    ("lexical search of 1,000 (BM25)", whole::lexical),
    ("semantic search of 1,000", whole::semantic),
    ("hybrid search of 1,000", whole::hybrid),
    ("the same, a new filter keeps a tenth", whole::filter_first),
    ("the same, a filter asked before", whole::filter_again),
];

fn terms() -> Run {
    let text = texts::text(1);
    Box::new(move || {
        black_box(text::terms(black_box(&text)));
    })
}

fn tokens() -> Run {
    let text = texts::text(1);
    Box::new(move || {
        black_box(embed::token_ids(black_box(&text)));
    })
}

fn vector() -> Run {
    let text = texts::text(1);
    Box::new(move || {
        black_box(embed::embed(black_box(&text)));
    })
}

fn products(dimensions: usize) -> Run {
    let component = |at: usize| ((at * 7919 + 13) % 255) as i32 - 127;
    let vectors: Vec<i8> = (0..1000 * dimensions)
        .map(|at| component(at) as i8)
        .collect();
    let query = embed::widened(&vectors[..dimensions]);
    let mut products = vec![0; 1000];
    Box::new(move || {
        embed::dots(black_box(&vectors), black_box(&query), &mut products);
        black_box(&products);
    })
}

fn second_stage() -> Run {
    let tokens = |text: &str| embed::distinct_tokens(&embed::token_ids(text));
    let query = tokens(texts::QUESTION);
    let documents: Vec<Vec<u16>> = (0..100).map(|place| tokens(&texts::text(place))).collect();
    Box::new(move || {
        let mut coverage = embed::Coverage::new(black_box(&query));
        for document in &documents {
            black_box(coverage.of(document.iter().copied()));
        }
    })
}
