//! How well the tokens of documents cover those of a query: the second stage of ranking (spec 8.9).

use super::{TOKENS, dots, row_norm, token_row, widened};

/// Compares the tokens of one query with those of documents; each pair of tokens is compared once, however many documents have it.
///
/// Source: late interaction, O. Khattab and M. Zaharia, "ColBERT" (2020).
#[derive(Debug)]
pub struct Coverage {
    /// The rows of the query's tokens, one behind the other.
    query: Vec<i8>,
    /// As many as the query has tokens: the products with one of a document's.
    products: Vec<i32>,
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
        Coverage {
            query: query
                .iter()
                .flat_map(|&id| token_row(id.into()))
                .copied()
                .collect(),
            products: vec![0; query.len()],
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
        let mut best = vec![0.0; self.products.len()];
        for id in document {
            for (best, &similarity) in best.iter_mut().zip(self.similarities_of(id)) {
                if similarity > *best {
                    *best = similarity;
                }
            }
        }
        best.iter().fold(0.0, |sum, best| sum + best) / self.weight
    }

    fn similarities_of(&mut self, id: u16) -> &[f64] {
        let width = self.products.len();
        let known = &mut self.known[usize::from(id)];
        if *known == 0 {
            let (row, norm) = (widened(token_row(id.into())), row_norm(id.into()));
            dots(&self.query, &row, &mut self.products);
            let similarities = self.products.iter().map(|&it| f64::from(it) / norm);
            self.similarities.extend(similarities);
            *known = u16::try_from(self.similarities.len() / width)
                .expect("there are fewer tokens than 2^16");
        }
        let end = usize::from(*known) * width;
        &self.similarities[end - width..end]
    }
}
