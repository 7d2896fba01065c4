//! Why a record was found, in the numbers that its ranking used (spec 8.13).

use super::words::Words;
use super::{Candidate, Mode, Query, Scale, question, speaker};
use crate::search_index::View;

/// Why a search found a record: the numbers that its ranking used; spec 8.13.
#[derive(Clone, Debug, PartialEq)]
pub struct HitExplanation {
    /// The words of the query that it or a turn near it has; none if vectors alone count.
    pub terms: Vec<HitTerm>,
    /// How well its words answer: the sum of the weights of `terms`.
    pub bm25: f64,
    /// How near its own meaning is to the query's, 0 to 1.
    pub cosine: f64,
    /// The same with the turns around it.
    pub near: f64,
    /// How much of the query's meaning its words cover; none where the second stage did not look at it.
    pub coverage: Option<f64>,
    /// What it gained because the query names who speaks.
    pub speaker: f64,
    /// What it lost because it asks something itself.
    pub question: f64,
    /// What it gained because it is like the best.
    pub feedback: f64,
    /// What all that comes to. Hits are ordered by it, unless recency or importance count.
    pub value: f64,
    /// How likely it is that an answer is there at all; only where words and vectors count.
    pub likelihood: Option<f64>,
    /// The score without recency and importance, where one of them was asked for.
    pub relevance: Option<f64>,
    /// From 1, for what is new, down to 0; where it was asked for.
    pub recency: Option<f64>,
    /// The importance of the record, where it was asked for.
    pub importance: Option<f64>,
}

/// What a word of the query says for a hit; spec 8.13.
#[derive(Clone, Debug, PartialEq)]
pub struct HitTerm {
    /// The word as it is searched: in lower case, without its ending.
    pub term: String,
    /// How often it is among the record's own words.
    pub own: u32,
    /// What the turns around it add, each place away half as much.
    pub around: f64,
    /// What it adds to `bm25`.
    pub weight: f64,
}

/// Tells why a candidate was found. What the candidate does not hold is computed anew, from what the ranking had.
pub(super) fn explain(
    view: &View,
    words: &Words,
    query: &Query,
    scale: &Scale,
    candidate: &Candidate<'_>,
) -> HitExplanation {
    let entry = candidate.entry;
    let (speaker, question) = match query.mode {
        Mode::Hybrid => (speaker(entry, query), question(entry)),
        Mode::Lexical | Mode::Semantic => (0.0, 0.0),
    };
    let blend = query.blend.as_ref();
    HitExplanation {
        terms: terms(view, words, query, candidate.place),
        bm25: candidate.bm25,
        cosine: candidate.cosine,
        near: candidate.near,
        coverage: candidate.coverage,
        speaker,
        question,
        feedback: candidate.feedback,
        value: candidate.value,
        likelihood: scale.likelihood,
        relevance: blend.map(|_| scale.score(candidate.value)),
        recency: blend.and_then(|blend| blend.recency(entry)),
        importance: blend.and_then(|blend| blend.importance(entry)),
    }
}

/// The terms whose weights are the BM25 of the record at a place, in order; there is an idf of those alone that were counted.
fn terms(view: &View, words: &Words, query: &Query, place: usize) -> Vec<HitTerm> {
    let terms = query.terms.iter().zip(&words.idfs);
    let found = terms.filter_map(|(term, &idf)| {
        let (own, tf8) = view.count_at(place, term.number?);
        (tf8 > 0).then(|| HitTerm {
            term: term.text.clone(),
            own,
            around: f64::from(tf8 - (own << 3)) / 8.0,
            weight: words.part(view, place, idf, tf8),
        })
    });
    found.collect()
}
