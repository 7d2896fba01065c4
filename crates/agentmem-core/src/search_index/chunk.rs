//! A thousand records of an index, side by side: vectors, postings and lengths.

use std::collections::HashMap;
use std::sync::Arc;

use crate::embed;
use crate::search_index::Document;

/// Records in a chunk. A chunk that a search is reading is copied before it is changed, so it must not be large.
pub(crate) const CHUNK_SLOTS: usize = 1024;

/// How often a term is among the words of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub slot: u16,
    pub count: u32,
}

/// The places of the turns around a turn: one before, one after, two before, two after, three before, three after (spec 8.3).
pub(crate) type Neighbours = [u32; 2 * REACH];

/// How many turns before and after a turn are its neighbours.
pub(super) const REACH: usize = 3;

/// Where the nearest neighbours stand among them.
pub(super) const BEFORE: usize = 0;
pub(super) const AFTER: usize = 1;

/// Where there is no neighbour.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Up to [`CHUNK_SLOTS`] live records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    /// By slot; an empty slot is one whose record is gone.
    documents: Vec<Option<Arc<Document>>>,
    /// By slot.
    neighbours: Vec<Neighbours>,
    /// By slot, in eighths.
    len8: Vec<u64>,
    /// By slot, `dimensions` each.
    vectors: Vec<i8>,
    /// By slot: the sum of squares of the vector.
    square_norms: Vec<i64>,
    /// By term: the records that have it among their own words.
    postings: HashMap<u32, Vec<Posting>>,
    live: usize,
    total8: u64,
    words: u64,
}

impl Chunk {
    /// Puts a record into a free slot, or a new one at the end; what stands around it comes with [`Chunk::surround`].
    pub fn put(&mut self, slot: usize, document: Arc<Document>) {
        let dimensions = document.vector.len();
        if slot == self.documents.len() {
            self.documents.push(None);
            self.neighbours.push([NOWHERE; 2 * REACH]);
            self.len8.push(0);
            self.vectors.extend(std::iter::repeat_n(0, dimensions));
            self.square_norms.push(0);
        }
        self.vectors[slot * dimensions..(slot + 1) * dimensions].copy_from_slice(&document.vector);
        self.square_norms[slot] = embed::square_norm(&document.vector);
        let slot_number = u16::try_from(slot).expect("a chunk has 1024 slots");
        for &(term, count) in &document.words {
            self.postings.entry(term).or_default().push(Posting {
                slot: slot_number,
                count,
            });
        }
        self.words += document.word_count;
        self.documents[slot] = Some(document);
        self.live += 1;
    }

    /// Empties a slot.
    pub fn take(&mut self, slot: usize) -> Option<Arc<Document>> {
        let document = self.documents[slot].take()?;
        for (term, _) in &document.words {
            if let Some(list) = self.postings.get_mut(term) {
                list.retain(|posting| usize::from(posting.slot) != slot);
                if list.is_empty() {
                    self.postings.remove(term);
                }
            }
        }
        self.surround(slot, [NOWHERE; 2 * REACH], 0);
        self.vectors[slot * document.vector.len()..(slot + 1) * document.vector.len()].fill(0);
        self.square_norms[slot] = 0;
        self.words -= document.word_count;
        self.live -= 1;
        Some(document)
    }

    /// Says which turns stand around a record, and how long it is with them, in eighths.
    pub fn surround(&mut self, slot: usize, neighbours: Neighbours, len8: u64) {
        self.total8 = self.total8 - self.len8[slot] + len8;
        self.len8[slot] = len8;
        self.neighbours[slot] = neighbours;
    }

    pub fn document(&self, slot: usize) -> Option<&Arc<Document>> {
        self.documents[slot].as_ref()
    }

    /// Whether a record is found in the same way as one of another chunk: by postings, not only by what it says of itself.
    pub fn equals_at(&self, slot: usize, other: &Chunk, other_slot: usize) -> bool {
        let (Some(here), Some(there)) = (self.document(slot), other.document(other_slot)) else {
            return false;
        };
        let found = |chunk: &Chunk, slot: usize| {
            here.words.iter().all(|&(term, count)| {
                let mut postings = chunk.postings(term).iter();
                let same = |posting: &&Posting| usize::from(posting.slot) == slot;
                postings.find(same).is_some_and(|it| it.count == count)
                    && !postings.any(|it| same(&it))
            })
        };
        let vector = |chunk: &Chunk, slot: usize, document: &Document| {
            let dimensions = document.vector.len();
            chunk.vectors[slot * dimensions..(slot + 1) * dimensions].to_vec()
        };
        here.record == there.record
            && here.words == there.words
            && here.speaker == there.speaker
            && here.tokens == there.tokens
            && self.len8[slot] == other.len8[other_slot]
            && self.square_norms[slot] == other.square_norms[other_slot]
            && vector(self, slot, here) == vector(other, other_slot, there)
            && found(self, slot)
            && found(other, other_slot)
    }

    /// Slots in use and free ones.
    pub fn slots(&self) -> usize {
        self.documents.len()
    }

    /// How many records there are.
    pub fn live(&self) -> usize {
        self.live
    }

    /// The sum of the lengths of all records, in eighths.
    pub fn total8(&self) -> u64 {
        self.total8
    }

    /// How many words all records have together.
    pub fn words(&self) -> u64 {
        self.words
    }

    pub fn len8(&self, slot: usize) -> u64 {
        self.len8[slot]
    }

    /// The places of the turns around a record with how many places they are away, the nearest first, the earlier before the later.
    pub fn neighbours(&self, slot: usize) -> impl Iterator<Item = (usize, usize)> {
        let distances = self.neighbours[slot].iter().enumerate();
        distances
            .filter(|&(_, &place)| place != NOWHERE)
            .map(|(index, &place)| (place as usize, index / 2 + 1))
    }

    /// The place of one of the neighbours of a record, if it has that one.
    pub fn neighbour(&self, slot: usize, which: usize) -> Option<usize> {
        let place = self.neighbours[slot][which];
        (place != NOWHERE).then_some(place as usize)
    }

    /// The records that have a term among their own words.
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
