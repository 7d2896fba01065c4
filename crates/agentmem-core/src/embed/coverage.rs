//! How well the tokens of documents cover those of a query: the second stage of ranking (spec 8.9).

use super::dot::row_products;
use super::{DIMENSIONS, TOKENS, row_norm, token_row};

/// Compares the tokens of one query with those of documents; each pair of tokens is compared once, however many documents have it.
///
/// Source: late interaction, O. Khattab and M. Zaharia, "ColBERT" (2020).
#[derive(Debug)]
pub struct Coverage {
    /// The rows of the query's tokens, widened.
    query: Vec<[i16; DIMENSIONS]>,
    /// The products of each with one of a document's.
    products: Vec<i32>,
    /// The best match of each among a document's tokens.
    best: Vec<[f64; LANES]>,
    /// The sum of their lengths.
    weight: f64,
    /// For each token of the vocabulary: which of `similarities` is its, counted from 1; 0 if none yet.
    known: Vec<u16>,
    /// For each known token: how much it is like each of the query's.
    similarities: Vec<[f64; LANES]>,
}

/// So many of the query's tokens are compared at once; behind the last ones there are zeros.
const LANES: usize = 4;
/// For so many tokens there is room from the beginning: most questions need no more.
const ROOM: usize = 512;

impl Coverage {
    /// Takes what [`super::distinct_tokens`] gives of a query.
    pub fn new(query: &[u16]) -> Self {
        let rows = query.iter().map(|&id| token_row(id.into()));
        let width = query.len().div_ceil(LANES);
        Coverage {
            query: rows.map(|row| row.map(i16::from)).collect(),
            products: vec![0; width * LANES],
            best: vec![[0.0; LANES]; width],
            // In the order of the query's tokens, so that the result is the same to the last bit everywhere.
            weight: query.iter().fold(0.0, |sum, &id| sum + row_norm(id.into())),
            known: vec![0; TOKENS],
            similarities: Vec::with_capacity(ROOM * width),
        }
    }

    /// Tells how well a document's tokens cover the query's, 0 to 1: for each token of the query the best match among the document's.
    ///
    /// Both are what [`super::distinct_tokens`] gives. 0 where one is empty.
    pub fn of(&mut self, document: impl Iterator<Item = u16>) -> f64 {
        if self.query.is_empty() {
            return 0.0;
        }
        let width = self.best.len();
        self.best.fill([0.0; LANES]);
        for id in document {
            let end = self.known(id) * width;
            let similarities = &self.similarities[end - width..end];
            for (best, similarities) in self.best.iter_mut().zip(similarities) {
                for (best, &similarity) in best.iter_mut().zip(similarities) {
                    // Not left alone, so that one instruction does it for several.
                    *best = if similarity > *best {
                        similarity
                    } else {
                        *best
                    };
                }
            }
        }
        let best = self.best.as_flattened().iter();
        best.fold(0.0, |sum, best| sum + best) / self.weight
    }

    /// Which of the similarities are a token's, counted from 1.
    fn known(&mut self, id: u16) -> usize {
        let known = &mut self.known[usize::from(id)];
        if *known == 0 {
            let square = row_products(token_row(id.into()), &self.query, &mut self.products);
            let norm = f64::from(square).sqrt();
            let like = |products: &[i32; LANES]| products.map(|it| f64::from(it) / norm);
            let products = self.products.as_chunks().0;
            self.similarities.extend(products.iter().map(like));
            *known = u16::try_from(self.similarities.len() / self.best.len())
                .expect("there are fewer tokens than 2^16");
        }
        usize::from(*known)
    }
}
