//! BM25 of a query over conversational context (spec 8.4).

use super::ln::ln;
use super::selected::Selected;
use crate::search_index::{CHUNK_SLOTS, QueryTerm, REACH, View};

/// The query's words in all records of a view.
pub(super) struct Words {
    /// By place, of records that may be selected; empty if there are no terms.
    pub bm25: Vec<f64>,
    /// The places where it is above 0.
    pub touched: Vec<u32>,
    /// Of each query term.
    pub idfs: Vec<f64>,
    /// U of spec 8.10: more than the BM25 of any record can be.
    pub upper_bound: f64,
    /// From 0, where records are as short as chat turns, to 1.
    pub long: f64,
    n: f64,
    total8: f64,
    words: f64,
    b: f64,
}

impl Words {
    /// Reads all records by distinct terms.
    pub fn new(selected: &Selected<'_>, terms: &[QueryTerm]) -> Self {
        let view = selected.view;
        let (n, words) = (view.live() as f64, view.words() as f64);
        let long = ((words / n) / 32.0 - 1.0).clamp(0.0, 1.0);
        let mut it = Words {
            bm25: Vec::new(),
            touched: Vec::new(),
            idfs: Vec::with_capacity(terms.len()),
            upper_bound: 0.0,
            long,
            n,
            total8: view.total8() as f64,
            words,
            b: 0.4 + 0.35 * long,
        };
        it.read(selected, terms);
        it
    }

    fn read(&mut self, selected: &Selected<'_>, terms: &[QueryTerm]) {
        let view = selected.view;
        if terms.is_empty() {
            return;
        }
        self.bm25 = vec![0.0; view.places()];
        let mut tf8: Vec<u32> = vec![0; view.places()];
        let mut having = Vec::new();
        let mut sum = 0.0;
        let passing = selected.is_known();
        for term in terms {
            if let Some(term) = term.number {
                count_in_context(view, term, &mut tf8, &mut having);
            }
            let idf = self.idf(having.len());
            self.idfs.push(idf);
            sum += idf;
            for place in having.drain(..) {
                let at = place as usize;
                let tf8 = std::mem::take(&mut tf8[at]);
                if passing && !selected.may_pass(at) {
                    continue;
                }
                let part = self.part(view, at, idf, tf8);
                if self.bm25[at] == 0.0 {
                    self.touched.push(place);
                }
                self.bm25[at] += part;
            }
        }
        self.upper_bound = 1.9 * sum;
    }

    /// The idf of a term that so many records have.
    pub fn idf(&self, having: usize) -> f64 {
        let df = having as f64;
        ln(1.0 + (self.n - df + 0.5) / (df + 0.5))
    }

    /// What a term says of a record in its context: its part of BM25.
    pub fn part(&self, view: &View, place: usize, idf: f64, tf8: u32) -> f64 {
        let len8 = view.chunks()[place / CHUNK_SLOTS].len8(place % CHUNK_SLOTS);
        let norm = (f64::from(len8) * self.n) / self.total8;
        self.saturated(idf, f64::from(tf8) / 8.0, norm)
    }

    /// What a word that occurs `count` times among `length` says of a record, its neighbours left aside: v of spec 8.9.
    pub fn weight(&self, idf: f64, count: u32, length: u32) -> f64 {
        let norm = (f64::from(length) * self.n) / self.words;
        self.saturated(idf, f64::from(count), norm)
    }

    fn saturated(&self, idf: f64, tf: f64, norm: f64) -> f64 {
        ((idf * tf) * 1.9) / (tf + 0.9 * ((1.0 - self.b) + self.b * norm))
    }
}

/// Gives tf8 of a term by place, and the places where it is above 0.
fn count_in_context(view: &View, term: u32, tf8: &mut [u32], having: &mut Vec<u32>) {
    let mut add = |place: usize, count: u32| {
        if tf8[place] == 0 {
            having.push(u32::try_from(place).expect("memory ends before 2^32 records"));
        }
        tf8[place] += count;
    };
    for (number, chunk) in view.chunks().iter().enumerate() {
        chunk.having(term).for_each(|(slot, count)| {
            let place = number * CHUNK_SLOTS + slot;
            if view.is_in_line(place) {
                let shifts = (0..=REACH).chain((0..REACH).rev());
                for (place, shift) in (place - REACH..).zip(shifts) {
                    add(place, count << shift);
                }
                return;
            }
            add(place, count << REACH);
            // Those that it is a neighbour of are its neighbours.
            for (place, distance) in view.neighbours(place) {
                add(place, count << (REACH - distance));
            }
        });
    }
}
