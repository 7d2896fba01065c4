//! A thousand records of an index, side by side: vectors, postings and lengths.

use std::collections::HashMap;
use std::sync::Arc;

use crate::embed;
use crate::search_index::Document;

/// Records in a chunk. A chunk that a search is reading is copied before it is changed, so it must not be large.
pub(crate) const CHUNK_SLOTS: usize = 1024;

/// How often a term counts in a record, in half units: 2 own + previous + date (spec 8.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub slot: u16,
    pub tf2: u32,
}

/// Up to [`CHUNK_SLOTS`] live records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    /// By slot; an empty slot is one whose record is gone.
    documents: Vec<Option<Arc<Document>>>,
    /// By slot: the terms of the record in its context, each once.
    terms: Vec<Box<[(u32, u32)]>>,
    /// By slot, in half units.
    len2: Vec<u64>,
    /// By slot, `dimensions` each.
    vectors: Vec<i8>,
    /// By slot: the sum of squares of the vector.
    square_norms: Vec<i64>,
    postings: HashMap<u32, Vec<Posting>>,
    live: usize,
    total2: u64,
}

impl Chunk {
    /// Puts a record into a free slot, or a new one at the end; its terms come with [`Chunk::set_terms`].
    pub fn put(&mut self, slot: usize, document: Arc<Document>) {
        let dimensions = document.vector.len();
        if slot == self.documents.len() {
            self.documents.push(None);
            self.terms.push(Box::default());
            self.len2.push(0);
            self.vectors.extend(std::iter::repeat_n(0, dimensions));
            self.square_norms.push(0);
        }
        self.vectors[slot * dimensions..(slot + 1) * dimensions].copy_from_slice(&document.vector);
        self.square_norms[slot] = embed::square_norm(&document.vector);
        self.documents[slot] = Some(document);
        self.live += 1;
    }

    /// Empties a slot.
    pub fn take(&mut self, slot: usize) -> Option<Arc<Document>> {
        self.set_terms(slot, Box::default());
        let document = self.documents[slot].take()?;
        self.vectors[slot * document.vector.len()..(slot + 1) * document.vector.len()].fill(0);
        self.square_norms[slot] = 0;
        self.live -= 1;
        Some(document)
    }

    /// Replaces the terms that a record is found by.
    pub fn set_terms(&mut self, slot: usize, terms: Box<[(u32, u32)]>) {
        let slot_number = u16::try_from(slot).expect("a chunk has 1024 slots");
        for (term, _) in &self.terms[slot] {
            if let Some(list) = self.postings.get_mut(term) {
                list.retain(|posting| posting.slot != slot_number);
                if list.is_empty() {
                    self.postings.remove(term);
                }
            }
        }
        for &(term, tf2) in &terms {
            self.postings.entry(term).or_default().push(Posting {
                slot: slot_number,
                tf2,
            });
        }
        let len2 = terms.iter().map(|&(_, tf2)| u64::from(tf2)).sum();
        self.total2 = self.total2 - self.len2[slot] + len2;
        self.len2[slot] = len2;
        self.terms[slot] = terms;
    }

    pub fn document(&self, slot: usize) -> Option<&Arc<Document>> {
        self.documents[slot].as_ref()
    }

    /// Whether a record is found in the same way as one of another chunk: by postings, not only by what it says of itself.
    pub fn equals_at(&self, slot: usize, other: &Chunk, other_slot: usize) -> bool {
        let found = |chunk: &Chunk, slot: usize| {
            let count = |&(term, tf2): &(u32, u32)| {
                chunk
                    .postings(term)
                    .iter()
                    .filter(|posting| usize::from(posting.slot) == slot && posting.tf2 == tf2)
                    .count()
            };
            chunk.terms[slot].iter().all(|term| count(term) == 1)
        };
        let vector = |chunk: &Chunk, slot: usize| {
            let dimensions = chunk.documents[slot]
                .as_ref()
                .map_or(0, |document| document.vector.len());
            chunk.vectors[slot * dimensions..(slot + 1) * dimensions].to_vec()
        };
        let record = |chunk: &Chunk, slot: usize| {
            chunk.documents[slot]
                .as_ref()
                .map(|document| document.record.clone())
        };
        self.terms[slot] == other.terms[other_slot]
            && self.len2[slot] == other.len2[other_slot]
            && self.square_norms[slot] == other.square_norms[other_slot]
            && vector(self, slot) == vector(other, other_slot)
            && record(self, slot) == record(other, other_slot)
            && found(self, slot)
            && found(other, other_slot)
    }

    /// All records.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.documents.iter().flatten()
    }

    /// Slots in use and free ones.
    pub fn slots(&self) -> usize {
        self.documents.len()
    }

    /// How many records there are.
    pub fn live(&self) -> usize {
        self.live
    }

    /// The sum of the lengths of all records, in half units.
    pub fn total2(&self) -> u64 {
        self.total2
    }

    pub fn len2(&self, slot: usize) -> u64 {
        self.len2[slot]
    }

    /// The records that have a term.
    pub fn postings(&self, term: u32) -> &[Posting] {
        self.postings.get(&term).map_or(&[], Vec::as_slice)
    }

    /// The cosine of a record's vector with a query's, whose sum of squares is given.
    pub fn cosine(&self, slot: usize, query: &[i8], query_square_norm: i64) -> f64 {
        let vector = &self.vectors[slot * query.len()..(slot + 1) * query.len()];
        embed::cosine(
            embed::dot(vector, query),
            query_square_norm,
            self.square_norms[slot],
        )
    }
}
