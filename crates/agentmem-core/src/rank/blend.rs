//! Recency and importance beside how well a record answers (spec 8.11).

use super::exp2::exp2;
use crate::record::Timestamp;
use crate::search_index::Entry;

/// How much it counts that a record is new; spec 8.11.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recency {
    /// What a record that is new gains, beside how well it answers, which counts 1; 0 to 100.
    pub weight: f64,
    /// After so many seconds it gains half of that; above 0.
    pub half_life: f64,
}

/// What the score of a search is blended with.
#[derive(Debug)]
pub(crate) struct Blend {
    recency: Recency,
    importance_weight: f64,
    now: Timestamp,
}

impl Blend {
    /// None if nothing but the score counts: then not even the order may change.
    pub fn new(recency: Option<Recency>, importance_weight: f64, now: Timestamp) -> Option<Self> {
        let recency = recency.unwrap_or(Recency {
            weight: 0.0,
            half_life: 1.0,
        });
        (recency.weight > 0.0 || importance_weight > 0.0).then_some(Blend {
            recency,
            importance_weight,
            now,
        })
    }

    /// The score of a record that answers as well as `score` says.
    pub fn score(&self, record: Entry<'_>, score: f64) -> f64 {
        let weight = self.recency.weight;
        let sum =
            (score + weight * self.newness(record)) + self.importance_weight * record.importance();
        sum / ((1.0 + weight) + self.importance_weight)
    }

    /// How new a record is, from 1 to 0; none where that does not count.
    pub fn recency(&self, record: Entry<'_>) -> Option<f64> {
        (self.recency.weight > 0.0).then(|| self.newness(record))
    }

    /// The importance of a record; none where that does not count.
    pub fn importance(&self, record: Entry<'_>) -> Option<f64> {
        (self.importance_weight > 0.0).then(|| record.importance())
    }

    fn newness(&self, record: Entry<'_>) -> f64 {
        let age = (self.now.as_millis() - record.created_at()).max(0) as f64 / 1000.0;
        exp2(-(age / self.recency.half_life))
    }
}
