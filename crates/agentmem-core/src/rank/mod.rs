//! Ranking: BM25 over conversational context, vectors, their fusion, a second stage, and scores (spec 8.4 to 8.10).
//!
//! Doubles in the stated order, so that every implementation gives the same bits.

mod blend;
mod exp2;
mod ln;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::embed;
use crate::search_index::{Document, View};
use crate::store::Selection;

pub(crate) use blend::Blend;
pub use blend::Recency;

/// Weight of the vectors in the fusion.
const W: f64 = 0.4;
/// Each of the two lists of candidates is at least so long.
const CANDIDATES: usize = 200;
/// How many of the best get the second stage.
const SECOND_STAGE: usize = 40;

/// What counts as evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Words and vectors, then the second stage.
    #[default]
    Hybrid,
    /// Words alone.
    Lexical,
    /// Vectors alone.
    Semantic,
}

/// A query, analysed.
#[derive(Debug)]
pub(crate) struct Query {
    /// Distinct terms in order of first appearance; `None` is one that the store has never seen.
    pub terms: Vec<Option<u32>>,
    /// Distinct tokens for the second stage.
    pub tokens: Vec<u16>,
    pub vector: Vec<i8>,
    pub mode: Mode,
    pub limit: usize,
    pub min_score: f64,
    /// What counts beside the score, if anything does.
    pub blend: Option<Blend>,
}

/// A record that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub document: Arc<Document>,
    pub score: f64,
}

struct Candidate<'a> {
    document: &'a Arc<Document>,
    bm25: f64,
    cosine: f64,
    /// What the order goes by: BM25, the cosine, the fusion of both, or in the end perhaps the score.
    value: f64,
}

/// Finds the best records of a view, best first.
pub(crate) fn search(view: &View, selection: &Selection, query: &Query) -> Vec<Found> {
    let idf = inverse_document_frequencies(view, query);
    let candidates = score_all(view, selection, query, &idf);
    let upper = upper_bound(&idf);
    match query.mode {
        Mode::Lexical => rank_by(
            candidates,
            query,
            |candidate| candidate.bm25,
            |bm25| bm25 / upper,
        ),
        Mode::Semantic => rank_by(
            candidates,
            query,
            |candidate| candidate.cosine,
            |cosine| cosine,
        ),
        Mode::Hybrid => rank_hybrid(candidates, query, upper),
    }
}

/// The idf of each query term, in order.
fn inverse_document_frequencies(view: &View, query: &Query) -> Vec<f64> {
    let n = view.live() as f64;
    let idf = |term: &Option<u32>| {
        let df = term.map_or(0, |term| view.document_frequency(term)) as f64;
        ln::ln(1.0 + (n - df + 0.5) / (df + 0.5))
    };
    query.terms.iter().map(idf).collect()
}

/// U: more than the BM25 of any record can be.
fn upper_bound(idf: &[f64]) -> f64 {
    // Iterator::sum starts from -0.0, which is the same sum; written out because the order is part of the specification.
    1.9 * idf.iter().fold(0.0, |sum, idf| sum + idf)
}

/// BM25 and cosine of all selected records with some evidence for the mode.
fn score_all<'a>(
    view: &'a View,
    selection: &Selection,
    query: &Query,
    idf: &[f64],
) -> Vec<Candidate<'a>> {
    let (n, total2) = (view.live() as f64, view.total2() as f64);
    let query_square_norm = embed::square_norm(&query.vector);
    let mut candidates = Vec::new();
    let mut bm25 = Vec::new();
    for chunk in &view.chunks {
        bm25.clear();
        bm25.resize(chunk.slots(), 0.0);
        if query.mode != Mode::Semantic {
            for (term, idf) in query.terms.iter().zip(idf) {
                for posting in term.map_or(&[][..], |term| chunk.postings(term)) {
                    let slot = usize::from(posting.slot);
                    let tf = f64::from(posting.tf2) / 2.0;
                    let norm = (chunk.len2(slot) as f64 * n) / total2;
                    bm25[slot] += ((idf * tf) * 1.9) / (tf + 0.9 * (0.6 + 0.4 * norm));
                }
            }
        }
        for (slot, &bm25) in bm25.iter().enumerate() {
            let cosine = match query.mode {
                Mode::Lexical => 0.0,
                Mode::Hybrid | Mode::Semantic => {
                    chunk.cosine(slot, &query.vector, query_square_norm)
                }
            };
            if (bm25 > 0.0 || cosine > 0.0)
                && let Some(document) = chunk.document(slot)
                && selection.selects(&document.record)
            {
                candidates.push(Candidate {
                    document,
                    bm25,
                    cosine,
                    value: 0.0,
                });
            }
        }
    }
    candidates
}

/// Greater value, newer, smaller id by bytes (spec 8.8).
fn compare(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    compare_by(a, b, |candidate| candidate.value)
}

fn compare_by(
    a: &Candidate<'_>,
    b: &Candidate<'_>,
    value: impl Fn(&Candidate<'_>) -> f64,
) -> Ordering {
    let (newer, older) = (&b.document.record, &a.document.record);
    value(b)
        .total_cmp(&value(a))
        .then_with(|| newer.created_at.cmp(&older.created_at))
        .then_with(|| older.id.cmp(&newer.id))
}

/// Leaves the best `count`, in no order.
fn keep_best(candidates: &mut Vec<Candidate<'_>>, count: usize) {
    if candidates.len() > count {
        candidates.select_nth_unstable_by(count, compare);
        candidates.truncate(count);
    }
}

fn rank_by(
    mut candidates: Vec<Candidate<'_>>,
    query: &Query,
    value: impl Fn(&Candidate<'_>) -> f64,
    score: impl Fn(f64) -> f64,
) -> Vec<Found> {
    for candidate in &mut candidates {
        candidate.value = value(candidate);
    }
    cut(candidates, query, score)
}

/// The best by their values, or by what their scores are blended to (spec 8.10, 8.11).
fn cut(
    mut candidates: Vec<Candidate<'_>>,
    query: &Query,
    score: impl Fn(f64) -> f64,
) -> Vec<Found> {
    let score = |candidate: &Candidate<'_>| score(candidate.value).clamp(0.0, 1.0);
    if let Some(blend) = &query.blend {
        for candidate in &mut candidates {
            candidate.value = blend.score(&candidate.document.record, score(candidate));
        }
    }
    keep_best(&mut candidates, query.limit);
    candidates.sort_unstable_by(compare);
    let found = candidates.iter().map(|candidate| Found {
        document: Arc::clone(candidate.document),
        score: match query.blend {
            Some(_) => candidate.value,
            None => score(candidate),
        },
    });
    found
        .filter(|found| found.score >= query.min_score)
        .collect()
}

/// Fusion and second stage (spec 8.9), and the score that tells a foreign question (8.10).
fn rank_hybrid(candidates: Vec<Candidate<'_>>, query: &Query, upper: f64) -> Vec<Found> {
    let mut candidates = unite(candidates, CANDIDATES.max(query.limit));
    let max_bm25 = candidates
        .iter()
        .fold(0.0, |max, candidate| f64::max(max, candidate.bm25));
    let max_cosine = candidates
        .iter()
        .fold(0.0, |max, candidate| f64::max(max, candidate.cosine));
    let share = |value: f64, max: f64| if max > 0.0 { value / max } else { 0.0 };
    for candidate in &mut candidates {
        let (b, s) = (
            share(candidate.bm25, max_bm25),
            share(candidate.cosine.max(0.0), max_cosine),
        );
        candidate.value = (W * s) + ((1.0 - W) * b);
    }
    candidates.sort_unstable_by(compare);
    let best = if query.tokens.is_empty() {
        0
    } else {
        SECOND_STAGE.min(candidates.len())
    };
    for candidate in &mut candidates[..best] {
        candidate.value += 0.5 * embed::max_sim(&query.tokens, &candidate.document.tokens);
    }
    let answerable = W * max_cosine + (1.0 - W) * share(max_bm25, upper);
    let divisor = if query.tokens.is_empty() { 1.0 } else { 1.5 };
    let root = answerable.sqrt();
    cut(candidates, query, |value| (value / divisor) * root)
}

/// The best `count` by BM25 above 0 and the best `count` by cosine above 0, each once.
fn unite(mut candidates: Vec<Candidate<'_>>, count: usize) -> Vec<Candidate<'_>> {
    if candidates.len() <= count {
        return candidates;
    }
    let mut keep = vec![false; candidates.len()];
    let mut mark_best = |value: fn(&Candidate<'_>) -> f64| {
        let mut list: Vec<usize> = (0..candidates.len())
            .filter(|&index| value(&candidates[index]) > 0.0)
            .collect();
        if list.len() > count {
            list.select_nth_unstable_by(count, |&a, &b| {
                compare_by(&candidates[a], &candidates[b], value)
            });
            list.truncate(count);
        }
        for index in list {
            keep[index] = true;
        }
    };
    mark_best(|candidate| candidate.bm25);
    mark_best(|candidate| candidate.cosine);
    let mut keep = keep.into_iter();
    candidates.retain(|_| keep.next().expect("there is one flag for each candidate"));
    candidates
}
