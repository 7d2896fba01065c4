//! How well the tokens of documents cover those of a query: the second stage of ranking (spec 8.9).

use super::{DIMENSIONS, row_norm, token_row};

/// Compares the tokens of one query with those of documents; each pair of tokens is compared once, however many documents have it.
///
/// Source: late interaction, O. Khattab and M. Zaharia, "ColBERT" (2020).
#[derive(Debug)]
pub struct Coverage {
    /// The rows of the query's tokens, widened to 16 bits once for many products: that halves their time.
    query: Vec<[i16; DIMENSIONS]>,
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
            query: query.iter().map(|&id| wide_row(id)).collect(),
            // In the order of the query's tokens, so that the result is the same to the last bit everywhere.
            weight: query.iter().fold(0.0, |sum, &id| sum + row_norm(id.into())),
            known: vec![0; usize::from(u16::MAX) + 1],
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
        let mut best = vec![0.0; self.query.len()];
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
        let width = self.query.len();
        let known = &mut self.known[usize::from(id)];
        if *known == 0 {
            let (row, norm) = (wide_row(id), row_norm(id.into()));
            self.similarities.extend(
                self.query
                    .iter()
                    .map(|query| f64::from(wide_dot(query, &row)) / norm),
            );
            *known = u16::try_from(self.similarities.len() / width)
                .expect("there are fewer tokens than 2^16");
        }
        let end = usize::from(*known) * width;
        &self.similarities[end - width..end]
    }
}

fn wide_row(id: u16) -> [i16; DIMENSIONS] {
    token_row(id.into()).map(i16::from)
}

fn wide_dot(a: &[i16; DIMENSIONS], b: &[i16; DIMENSIONS]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| i32::from(a) * i32::from(b))
        .sum()
}
