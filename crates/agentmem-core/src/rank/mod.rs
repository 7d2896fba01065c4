//! Ranking: BM25 over conversational context, vectors, their fusion, a second stage, scores, and what explains them (spec 8.4 to 8.13).
//!
//! Doubles in the stated order, so that every implementation gives the same bits.

mod best;
mod blend;
mod exp2;
mod explain;
mod ln;
mod selected;
mod vectors;
mod words;

use std::collections::HashMap;

use crate::embed::{self, Embedder};
use crate::search_index::{Entry, QueryTerm, View};
use crate::store::Selection;

use best::{Best, Valued};
pub(crate) use blend::Blend;
pub use blend::Recency;
pub use explain::{HitExplanation, HitTerm};
use selected::Selected;
use vectors::Cosines;
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
pub(crate) struct Found<'a> {
    pub entry: Entry<'a>,
    /// Where it is in the view.
    pub place: usize,
    pub score: f64,
    /// Why it was found, if the query asked.
    pub explanation: Option<HitExplanation>,
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    entry: Entry<'a>,
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

impl<'a> Candidate<'a> {
    fn new(entry: Entry<'a>, place: usize) -> Self {
        Candidate {
            entry,
            place,
            bm25: 0.0,
            cosine: 0.0,
            near: 0.0,
            coverage: None,
            feedback: 0.0,
            value: 0.0,
            score: 0.0,
        }
    }
}

/// How values become scores (spec 8.10).
struct Scale {
    /// P, where words and vectors count.
    likelihood: Option<f64>,
    /// The value that stands for the whole of it.
    greatest: f64,
}

impl Scale {
    fn of_values(greatest: f64) -> Self {
        Scale {
            likelihood: None,
            greatest,
        }
    }

    fn score(&self, value: f64) -> f64 {
        let score = self.likelihood.unwrap_or(1.0) * (f64::max(0.0, value) / self.greatest);
        score.clamp(0.0, 1.0)
    }
}

/// Finds the best records of a view, best first.
pub(crate) fn search<'a>(
    view: &'a View,
    selection: &'a Selection,
    query: &Query,
) -> Vec<Found<'a>> {
    let selected = Selected::new(view, selection);
    let words = match query.mode {
        Mode::Semantic => Words::new(&selected, &[]),
        Mode::Lexical | Mode::Hybrid => Words::new(&selected, &query.terms),
    };
    let (mut candidates, scale) = rank(&selected, &words, query);
    cut(&mut candidates, &scale, query);
    let found = |candidate: &Candidate<'a>| Found {
        entry: candidate.entry,
        place: candidate.place,
        score: candidate.score,
        explanation: query
            .explain
            .then(|| explain::explain(view, &words, query, &scale, candidate)),
    };
    candidates.iter().map(found).collect()
}

/// The best that the mode finds, at least as many as the query wants, with values.
fn rank<'a>(selected: &Selected<'a>, words: &Words, query: &Query) -> (Vec<Candidate<'a>>, Scale) {
    let view = selected.view;
    match query.mode {
        Mode::Lexical => {
            let scale = Scale::of_values(words.upper_bound);
            let mut best = Best::new(selected, query.limit);
            for &place in &words.touched {
                let (place, value) = (place as usize, words.bm25[place as usize]);
                offer(&mut best, view, place, value, &scale, query);
            }
            let candidate = |(place, _): Valued| {
                let place = place as usize;
                Some(Candidate {
                    bm25: words.bm25[place],
                    value: words.bm25[place],
                    ..Candidate::new(view.live_at(place)?, place)
                })
            };
            let best = best.into_values().into_iter();
            (best.filter_map(candidate).collect(), scale)
        }
        Mode::Semantic => {
            let scale = Scale::of_values(1.0);
            let norm = embed::square_norm(&query.vector);
            let mut best = Best::new(selected, query.limit);
            if query.blend.is_none() {
                vectors::offer_nearest(&mut best, selected, &query.vector);
            } else {
                let cosines = Cosines::new(selected, &query.vector);
                for place in 0..view.places() {
                    let cosine = cosines.cosine(place);
                    if cosine > 0.0 {
                        offer(&mut best, view, place, cosine, &scale, query);
                    }
                }
            }
            let candidate = |(place, value): Valued| {
                let place = place as usize;
                let entry = view.live_at(place)?;
                let cosine = match query.blend {
                    None => value,
                    Some(_) => entry.cosine(&query.vector, norm),
                };
                Some(Candidate {
                    cosine,
                    near: cosine,
                    value: cosine,
                    ..Candidate::new(entry, place)
                })
            };
            let best = best.into_values().into_iter();
            (best.filter_map(candidate).collect(), scale)
        }
        Mode::Hybrid => {
            let cosines = Cosines::new(selected, &query.vector);
            let candidates = unite(selected, query, words, &cosines);
            rank_hybrid(view, words, candidates, query)
        }
    }
}

/// Offers a record by its value, or by what its score is blended to.
fn offer(
    best: &mut Best<'_, '_>,
    view: &View,
    place: usize,
    value: f64,
    scale: &Scale,
    query: &Query,
) {
    match &query.blend {
        None => best.offer(place, value),
        Some(blend) => {
            if let Some(entry) = view.live_at(place) {
                best.offer(place, blend.score(entry, scale.score(value)));
            }
        }
    }
}

/// Leaves the best by their values, or by what their scores are blended to, in order and with scores (spec 8.10, 8.11).
fn cut(candidates: &mut Vec<Candidate<'_>>, scale: &Scale, query: &Query) {
    let scored = |candidate: &Candidate<'_>| {
        let score = scale.score(candidate.value);
        match &query.blend {
            Some(blend) => blend.score(candidate.entry, score),
            None => score,
        }
    };
    let mut best = match query.blend {
        Some(_) => valued(candidates, scored),
        None => valued(candidates, |candidate| candidate.value),
    };
    best::sort_best(&mut best, query.limit, |number| {
        candidates[number as usize].entry
    });
    let kept = best.into_iter().map(|(number, _)| {
        let candidate = candidates[number as usize];
        Candidate {
            score: scored(&candidate),
            ..candidate
        }
    });
    *candidates = kept.filter(|it| it.score >= query.min_score).collect();
}

/// The numbers of candidates, with values: a part of them is selected by so much less than their whole.
fn valued(candidates: &[Candidate<'_>], value: impl Fn(&Candidate<'_>) -> f64) -> Vec<Valued> {
    (0..).zip(candidates.iter().map(value)).collect()
}

/// The numbers of the best `count` by their values, in order.
fn best_of(candidates: &[Candidate<'_>], count: usize) -> impl Iterator<Item = usize> + use<> {
    let mut best = valued(candidates, |candidate| candidate.value);
    best::sort_best(&mut best, count, |number| candidates[number as usize].entry);
    best.into_iter().map(|(number, _)| number as usize)
}

/// Fusion, second stage and feedback (spec 8.9), and the score that tells a foreign question (8.10).
fn rank_hybrid<'a>(
    view: &View,
    words: &Words,
    mut candidates: Vec<Candidate<'a>>,
    query: &Query,
) -> (Vec<Candidate<'a>>, Scale) {
    let w = query.vector_weight;
    let max_bm25 = greatest(&candidates, |candidate| candidate.bm25);
    let max_near = greatest(&candidates, |candidate| candidate.near);
    for candidate in &mut candidates {
        let (b, s) = (
            share(candidate.bm25, max_bm25),
            share(candidate.near, max_near),
        );
        let entry = candidate.entry;
        candidate.value = (((w * s) + ((1.0 - w) * b)) + speaker(entry, query)) - question(entry);
    }
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
fn speaker(entry: Entry<'_>, query: &Query) -> f64 {
    let asked = |name: u32| query.terms.iter().any(|term| term.number == Some(name));
    if entry.speaker().any(asked) {
        SPEAKER
    } else {
        0.0
    }
}

/// What a record loses by asking something itself (spec 8.9).
fn question(entry: Entry<'_>) -> f64 {
    if entry.asks() { QUESTION } else { 0.0 }
}

fn share(value: f64, max: f64) -> f64 {
    if max > 0.0 { value / max } else { 0.0 }
}

fn greatest(candidates: &[Candidate<'_>], value: impl Fn(&Candidate<'_>) -> f64) -> f64 {
    candidates.iter().map(value).fold(0.0, f64::max)
}

/// The second stage, on the best candidates; the greatest L, or none if the query has no tokens.
fn cover(candidates: &mut [Candidate<'_>], query: &Query) -> Option<f64> {
    if query.tokens.is_empty() {
        return None;
    }
    let mut coverage = embed::Coverage::new(&query.tokens);
    let mut max_covered = 0.0;
    for number in best_of(candidates, SECOND_STAGE) {
        let candidate = &mut candidates[number];
        let covered = coverage.of(candidate.entry.tokens());
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
    // By term: its idf, and what it weighs in the best together.
    let mut of_best: HashMap<u32, (f64, f64)> = HashMap::new();
    for number in best_of(candidates, FEEDBACK) {
        let candidate = &candidates[number];
        for (term, count) in candidate.entry.words() {
            let (idf, sum) = of_best
                .entry(term)
                .or_insert_with(|| (words.idf(view.having(term)), 0.0));
            *sum += words.weight(*idf, count, candidate.entry.word_count());
        }
    }
    let like: Vec<f64> = candidates
        .iter()
        .map(|candidate| {
            let (entry, length) = (candidate.entry, candidate.entry.word_count());
            let known = |(term, count)| of_best.get(&term).map(|&(idf, sum)| (idf, sum, count));
            let common = entry.words().filter_map(known);
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

/// The best by BM25 above 0 and the best by C above 0, each once.
fn unite<'a>(
    selected: &Selected<'a>,
    query: &Query,
    words: &Words,
    cosines: &Cosines<'_>,
) -> Vec<Candidate<'a>> {
    let count = CANDIDATES.max(query.limit);
    let mut by_words = Best::new(selected, count);
    for &place in &words.touched {
        by_words.offer(place as usize, words.bm25[place as usize]);
    }
    let mut by_meaning = Best::new(selected, count);
    cosines.offer_near(&mut by_meaning, selected);
    // One bit for each place.
    let mut both = vec![0_u64; selected.view.places().div_ceil(64)];
    for best in [by_words, by_meaning] {
        for (place, _) in best.into_values() {
            both[place as usize / 64] |= 1 << (place % 64);
        }
    }
    let candidate = |place: usize| {
        Some(Candidate {
            bm25: words.bm25.get(place).copied().unwrap_or(0.0),
            cosine: cosines.cosine(place),
            near: cosines.near(place),
            ..Candidate::new(selected.view.live_at(place)?, place)
        })
    };
    selected::slots(&both).filter_map(candidate).collect()
}
