//! BM25 of a query over conversational context (spec 8.4).

use super::ln::ln;
use super::selected::{Selected, slots};
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
        let mut context = InContext::new(view.places());
        let mut sum = 0.0;
        let is_known = selected.is_known();
        for term in terms {
            if let Some(term) = term.number {
                context.count(view, term);
            }
            let InContext { tf8, having } = &mut context;
            let count: u32 = having.iter().map(|bits| bits.count_ones()).sum();
            let idf = self.idf(count as usize);
            self.idfs.push(idf);
            sum += idf;
            for at in slots(having) {
                let tf8 = std::mem::take(&mut tf8[at]);
                if is_known && !selected.may_pass(at) {
                    continue;
                }
                let part = self.part(view, at, idf, tf8);
                if self.bm25[at] == 0.0 {
                    let place = u32::try_from(at).expect("memory ends before 2^32 records");
                    self.touched.push(place);
                }
                self.bm25[at] += part;
            }
            having.fill(0);
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

/// A term in all records of a view.
struct InContext {
    /// tf8 by place.
    tf8: Vec<u32>,
    /// One bit for each place where that is above 0.
    having: Vec<u64>,
}

/// What a count is shifted by for the turns from [`REACH`] before it to as many after it.
const SHIFTS: [usize; 2 * REACH + 1] = [0, 1, 2, REACH, 2, 1, 0];

impl InContext {
    fn new(places: usize) -> Self {
        InContext {
            tf8: vec![0; places],
            // One more, so that a run of bits may end behind the last place's.
            having: vec![0; places / 64 + 2],
        }
    }

    /// Counts a term, where none is counted yet.
    fn count(&mut self, view: &View, term: u32) {
        for (number, chunk) in view.chunks().iter().enumerate() {
            chunk.having(term).for_each(|(slot, count)| {
                let place = number * CHUNK_SLOTS + slot;
                if view.is_in_line(place) {
                    self.add_in_line(place - REACH, count);
                    return;
                }
                self.add(place, count << REACH);
                // Those that it is a neighbour of are its neighbours.
                for (place, distance) in view.neighbours(place) {
                    self.add(place, count << (REACH - distance));
                }
            });
        }
    }

    #[inline]
    fn add(&mut self, place: usize, count: u32) {
        self.tf8[place] += count;
        self.having[place / 64] |= 1 << (place % 64);
    }

    /// Adds to a turn and those around it, the first of which is at a place.
    #[inline]
    fn add_in_line(&mut self, first: usize, count: u32) {
        let line = &mut self.tf8[first..first + SHIFTS.len()];
        for (tf8, shift) in line.iter_mut().zip(SHIFTS) {
            *tf8 += count << shift;
        }
        let run = ((1 << SHIFTS.len()) - 1_u128) << (first % 64);
        self.having[first / 64] |= run as u64;
        self.having[first / 64 + 1] |= (run >> 64) as u64;
    }
}
