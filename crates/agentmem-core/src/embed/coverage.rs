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
    /// As many as the query has tokens: the products with one of a document's.
    products: Vec<i32>,
    /// As many: the best match among a document's tokens.
    best: Vec<f64>,
    /// The sum of their lengths.
    weight: f64,
    /// For each token of the vocabulary: which of `similarities` is its, counted from 1; 0 if none yet.
    known: Vec<u16>,
    /// For each known token: how much it is like each of the query's.
    similarities: Vec<f64>,
}

impl Coverage {
    /// Takes what [`super::distinct_tokens`] gives of a query.
    pub fn new(query: &[u16]) -> Self {
        let rows = query.iter().map(|&id| token_row(id.into()));
        Coverage {
            query: rows.map(|row| row.map(i16::from)).collect(),
            products: vec![0; query.len()],
            best: vec![0.0; query.len()],
            // In the order of the query's tokens, so that the result is the same to the last bit everywhere.
            weight: query.iter().fold(0.0, |sum, &id| sum + row_norm(id.into())),
            known: vec![0; TOKENS],
            similarities: Vec::new(),
        }
    }

    /// Tells how well a document's tokens cover the query's, 0 to 1: for each token of the query the best match among the document's.
    ///
    /// Both are what [`super::distinct_tokens`] gives. 0 where one is empty.
    pub fn of(&mut self, document: impl Iterator<Item = u16>) -> f64 {
        if self.query.is_empty() {
            return 0.0;
        }
        self.best.fill(0.0);
        for id in document {
            let end = self.known(id) * self.query.len();
            let similarities = &self.similarities[end - self.query.len()..end];
            for (best, &similarity) in self.best.iter_mut().zip(similarities) {
                // Written so that one instruction does it.
                *best = if similarity > *best { similarity } else { *best };
            }
        }
        self.best.iter().fold(0.0, |sum, best| sum + best) / self.weight
    }

    /// Which of the similarities are a token's, counted from 1.
    fn known(&mut self, id: u16) -> usize {
        let known = &mut self.known[usize::from(id)];
        if *known == 0 {
            let square = row_products(token_row(id.into()), &self.query, &mut self.products);
            let norm = f64::from(square).sqrt();
            let similarities = self.products.iter().map(|&it| f64::from(it) / norm);
            self.similarities.extend(similarities);
            *known = u16::try_from(self.similarities.len() / self.query.len())
                .expect("there are fewer tokens than 2^16");
        }
        usize::from(*known)
    }
}
