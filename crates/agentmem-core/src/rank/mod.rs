//! Ranking: BM25 over conversational context, vectors, their fusion, a second stage, scores, and what explains them (spec 8.4 to 8.13).
//!
//! Doubles in the stated order, so that every implementation gives the same bits.

mod blend;
mod exp2;
mod explain;
mod ln;
mod words;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::embed::{self, Embedder};
use crate::search_index::{CHUNK_SLOTS, Document, QueryTerm, View};
use crate::store::Selection;

pub(crate) use blend::Blend;
pub use blend::Recency;
pub use explain::{HitExplanation, HitTerm};
use words::Words;

/// What a turn gains whose speaker the query names, and what one loses that asks something itself.
const SPEAKER: f64 = 0.15;
const QUESTION: f64 = 0.1;
/// Each of the two lists of candidates is at least so long.
const CANDIDATES: usize = 200;
/// How many of the best get the second stage.
const SECOND_STAGE: usize = 40;
/// How many of the best give feedback.
const FEEDBACK: usize = 3;

/// Gives the weight of the vectors in the fusion (spec 8.9).
pub(crate) fn vector_weight(embedder: &Embedder) -> f64 {
    match embedder {
        Embedder::BuiltIn => 0.4,
        Embedder::Own { .. } => 0.5,
        Embedder::Nothing => 0.0,
    }
}

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
    /// Distinct terms in order of first appearance.
    pub terms: Vec<QueryTerm>,
    /// Distinct tokens for the second stage, which only the built-in embedder has.
    pub tokens: Vec<u16>,
    /// Of the store's embedder; empty if none is needed, or there is none.
    pub vector: Vec<i8>,
    /// Weight of the vectors in the fusion.
    pub vector_weight: f64,
    pub mode: Mode,
    pub limit: usize,
    pub min_score: f64,
    /// What counts beside the score, if anything does.
    pub blend: Option<Blend>,
    /// Whether what is found tells why.
    pub explain: bool,
}

/// A record that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub document: Arc<Document>,
    /// Where it is in the view.
    pub place: usize,
    pub score: f64,
    /// Why it was found, if the query asked.
    pub explanation: Option<HitExplanation>,
}

struct Candidate<'a> {
    document: &'a Arc<Document>,
    place: usize,
    bm25: f64,
    /// Of its own vector, 0 or more.
    cosine: f64,
    /// C of spec 8.9: of its own vector and its neighbours'.
    near: f64,
    /// L of spec 8.9, if the second stage reached it.
    coverage: Option<f64>,
    /// What feedback gave it.
    feedback: f64,
    /// How well it answers: BM25, the cosine, or the fusion of both.
    value: f64,
    /// From 0 to 1, in the end.
    score: f64,
}

/// How values become scores (spec 8.10).
struct Scale {
    /// P, where words and vectors count.
    likelihood: Option<f64>,
    /// The value that stands for the whole of it.
    greatest: f64,
}

impl Scale {
    fn score(&self, value: f64) -> f64 {
        let score = self.likelihood.unwrap_or(1.0) * (f64::max(0.0, value) / self.greatest);
        score.clamp(0.0, 1.0)
    }
}

/// Finds the best records of a view, best first.
pub(crate) fn search(view: &View, selection: &Selection, query: &Query) -> Vec<Found> {
    let words = match query.mode {
        Mode::Semantic => Words::new(view, &[]),
        Mode::Lexical | Mode::Hybrid => Words::new(view, &query.terms),
    };
    let (mut candidates, scale) = rank(view, selection, &words, query);
    cut(&mut candidates, &scale, query);
    let found = |candidate: &Candidate<'_>| Found {
        document: Arc::clone(candidate.document),
        place: candidate.place,
        score: candidate.score,
        explanation: query
            .explain
            .then(|| explain::explain(view, &words, query, &scale, candidate)),
    };
    candidates.iter().map(found).collect()
}

/// All that the mode finds, with values.
fn rank<'a>(
    view: &'a View,
    selection: &Selection,
    words: &Words,
    query: &Query,
) -> (Vec<Candidate<'a>>, Scale) {
    let of_values = |greatest| Scale {
        likelihood: None,
        greatest,
    };
    match query.mode {
        Mode::Lexical => {
            let mut candidates = candidates(view, selection, &words.bm25, &[], &[]);
            for candidate in &mut candidates {
                candidate.value = candidate.bm25;
            }
            (candidates, of_values(words.upper_bound))
        }
        Mode::Semantic => {
            let cosines = cosines(view, query);
            let mut candidates = candidates(view, selection, &[], &cosines, &cosines);
            for candidate in &mut candidates {
                candidate.value = candidate.cosine;
            }
            (candidates, of_values(1.0))
        }
        Mode::Hybrid => {
            let cosines = cosines(view, query);
            let near = near(view, &cosines);
            let candidates = candidates(view, selection, &words.bm25, &cosines, &near);
            rank_hybrid(view, words, candidates, query)
        }
    }
}

/// The cosines of all records above 0, by place; 0 for the others.
fn cosines(view: &View, query: &Query) -> Vec<f64> {
    let square_norm = embed::square_norm(&query.vector);
    let mut cosines = vec![0.0; view.places()];
    for (chunk, cosines) in view.chunks.iter().zip(cosines.chunks_mut(CHUNK_SLOTS)) {
        for (slot, cosine) in cosines.iter_mut().enumerate().take(chunk.slots()) {
            *cosine = f64::max(0.0, chunk.cosine(slot, &query.vector, square_norm));
        }
    }
    cosines
}

/// C of spec 8.9 by place: what the neighbours of a turn mean counts too, the less the further away.
fn near(view: &View, cosines: &[f64]) -> Vec<f64> {
    let mut near = cosines.to_vec();
    for (chunk, near) in view.chunks.iter().zip(near.chunks_mut(CHUNK_SLOTS)) {
        for (slot, near) in near.iter_mut().enumerate().take(chunk.slots()) {
            let mut pairs = [0.0; 3];
            for (place, distance) in chunk.neighbours(slot) {
                pairs[distance - 1] += cosines[place];
            }
            *near = ((*near + 0.5 * pairs[0]) + 0.25 * pairs[1]) + 0.125 * pairs[2];
        }
    }
    near
}

/// The selected records with some evidence, by BM25 or by C; what is not given is 0.
fn candidates<'a>(
    view: &'a View,
    selection: &Selection,
    bm25: &[f64],
    cosines: &[f64],
    near: &[f64],
) -> Vec<Candidate<'a>> {
    let at = |values: &[f64], place: usize| values.get(place).copied().unwrap_or(0.0);
    let mut found = Vec::new();
    for (chunk_number, chunk) in view.chunks.iter().enumerate() {
        for slot in 0..chunk.slots() {
            let place = chunk_number * CHUNK_SLOTS + slot;
            let (bm25, near) = (at(bm25, place), at(near, place));
            if (bm25 > 0.0 || near > 0.0)
                && let Some(document) = chunk.document(slot)
                && selection.selects(&document.record)
            {
                found.push(Candidate {
                    document,
                    place,
                    bm25,
                    cosine: at(cosines, place),
                    near,
                    coverage: None,
                    feedback: 0.0,
                    value: 0.0,
                    score: 0.0,
                });
            }
        }
    }
    found
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

/// Leaves the best by their values, or by what their scores are blended to, in order and with scores (spec 8.10, 8.11).
fn cut(candidates: &mut Vec<Candidate<'_>>, scale: &Scale, query: &Query) {
    match &query.blend {
        Some(blend) => {
            for candidate in candidates.iter_mut() {
                let score = scale.score(candidate.value);
                candidate.score = blend.score(&candidate.document.record, score);
            }
            keep_best(candidates, query.limit, |candidate| candidate.score);
        }
        None => {
            keep_best(candidates, query.limit, |candidate| candidate.value);
            for candidate in candidates.iter_mut() {
                candidate.score = scale.score(candidate.value);
            }
        }
    }
    candidates.retain(|candidate| candidate.score >= query.min_score);
}

/// Leaves the best `count`, in order.
fn keep_best(
    candidates: &mut Vec<Candidate<'_>>,
    count: usize,
    value: impl Fn(&Candidate<'_>) -> f64,
) {
    let compare = |a: &Candidate<'_>, b: &Candidate<'_>| compare_by(a, b, &value);
    if candidates.len() > count {
        candidates.select_nth_unstable_by(count, compare);
        candidates.truncate(count);
    }
    candidates.sort_unstable_by(compare);
}

/// Fusion, second stage and feedback (spec 8.9), and the score that tells a foreign question (8.10).
fn rank_hybrid<'a>(
    view: &View,
    words: &Words,
    candidates: Vec<Candidate<'a>>,
    query: &Query,
) -> (Vec<Candidate<'a>>, Scale) {
    let w = query.vector_weight;
    let mut candidates = unite(candidates, CANDIDATES.max(query.limit));
    let max_bm25 = greatest(&candidates, |candidate| candidate.bm25);
    let max_near = greatest(&candidates, |candidate| candidate.near);
    for candidate in &mut candidates {
        let (b, s) = (
            share(candidate.bm25, max_bm25),
            share(candidate.near, max_near),
        );
        let document = candidate.document;
        candidate.value =
            (((w * s) + ((1.0 - w) * b)) + speaker(document, query)) - question(document);
    }
    candidates.sort_unstable_by(compare);
    let max_covered = cover(&mut candidates, query);
    if words.long > 0.0 {
        feedback(view, words, &mut candidates);
    }
    let evidence = share(max_bm25, words.upper_bound);
    let likelihood = match max_covered {
        Some(covered) => likelihood(evidence + covered),
        None => {
            (w * greatest(&candidates, |candidate| candidate.cosine) + (1.0 - w) * evidence).sqrt()
        }
    };
    let scale = Scale {
        likelihood: Some(likelihood),
        greatest: greatest(&candidates, |candidate| candidate.value),
    };
    (candidates, scale)
}

/// What a record gains by who says it (spec 8.9).
fn speaker(document: &Document, query: &Query) -> f64 {
    let asked = |name: &u32| query.terms.iter().any(|term| term.number == Some(*name));
    if document.speaker.iter().any(asked) {
        SPEAKER
    } else {
        0.0
    }
}

/// What a record loses by asking something itself (spec 8.9).
fn question(document: &Document) -> f64 {
    if document.asks { QUESTION } else { 0.0 }
}

fn share(value: f64, max: f64) -> f64 {
    if max > 0.0 { value / max } else { 0.0 }
}

fn greatest(candidates: &[Candidate<'_>], value: impl Fn(&Candidate<'_>) -> f64) -> f64 {
    candidates.iter().map(value).fold(0.0, f64::max)
}

/// The second stage, on the best of the ordered candidates; the greatest L, or none if the query has no tokens.
fn cover(candidates: &mut [Candidate<'_>], query: &Query) -> Option<f64> {
    if query.tokens.is_empty() {
        return None;
    }
    let best = SECOND_STAGE.min(candidates.len());
    let mut coverage = embed::Coverage::new(&query.tokens);
    let mut max_covered = 0.0;
    for candidate in &mut candidates[..best] {
        let covered = coverage.of(&candidate.document.tokens);
        max_covered = f64::max(max_covered, covered);
        candidate.coverage = Some(covered);
        candidate.value += 0.5 * covered;
    }
    Some(max_covered)
}

/// Lets candidates rise that are like the best, where texts are long enough to tell what they are about (spec 8.9).
///
/// Source: pseudo-relevance feedback, J. Rocchio, "Relevance feedback in information retrieval" (1971).
fn feedback(view: &View, words: &Words, candidates: &mut [Candidate<'_>]) {
    candidates.sort_unstable_by(compare);
    // By term: its idf, and what it weighs in the best together.
    let mut of_best: HashMap<u32, (f64, f64)> = HashMap::new();
    for candidate in candidates.iter().take(FEEDBACK) {
        for &(term, count) in &candidate.document.words {
            let (idf, sum) = of_best
                .entry(term)
                .or_insert_with(|| (words.idf(view.having(term)), 0.0));
            *sum += words.weight(*idf, count, candidate.document.word_count);
        }
    }
    let like: Vec<f64> = candidates
        .iter()
        .map(|candidate| {
            let (document, length) = (candidate.document, candidate.document.word_count);
            let known = |&(term, count)| of_best.get(&term).map(|&(idf, sum)| (idf, sum, count));
            let common = document.words.iter().filter_map(known);
            common.fold(0.0, |like, (idf, sum, count)| {
                like + words.weight(idf, count, length) * sum
            })
        })
        .collect();
    let max_like = like.iter().copied().fold(0.0, f64::max);
    for (candidate, like) in candidates.iter_mut().zip(like) {
        candidate.feedback = (0.6 * words.long) * share(like, max_like);
        candidate.value += candidate.feedback;
    }
}

/// P of spec 8.10: how likely it is that the answer is there, by how much of the question the best records have.
fn likelihood(evidence: f64) -> f64 {
    let z = 8.0 * evidence - 7.5;
    let y = exp2::exp2(-z.abs());
    if z >= 0.0 {
        1.0 / (1.0 + y)
    } else {
        y / (1.0 + y)
    }
}

/// The best `count` by BM25 above 0 and the best `count` by C above 0, each once.
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
    mark_best(|candidate| candidate.near);
    let mut keep = keep.into_iter();
    candidates.retain(|_| keep.next().expect("there is one flag for each candidate"));
    candidates
}
