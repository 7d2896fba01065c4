//! The turns around others in their conversations (spec 8.12).

use std::sync::Arc;

use super::chunk::{AFTER, BEFORE, REACH};
use super::{CHUNK_SLOTS, Document, View};

impl View {
    /// At most `count` turns before the one at a place and as many after it, oldest first; none if it is no turn.
    pub fn around(&self, place: usize, count: usize) -> [Vec<&Arc<Document>>; 2] {
        let mut before = self.walk(place, BEFORE, count);
        before.reverse();
        [before, self.walk(place, AFTER, count)]
    }

    /// Goes from neighbour to neighbour in one direction.
    fn walk(&self, from: usize, direction: usize, count: usize) -> Vec<&Arc<Document>> {
        let next = |place: &usize| {
            self.chunks[place / CHUNK_SLOTS].neighbour(place % CHUNK_SLOTS, direction)
        };
        let places = std::iter::successors(next(&from), next).take(count);
        places.filter_map(|place| self.document(place)).collect()
    }

    /// How often a term is among the words of the record at a place, and tf8 of spec 8.3: in eighths, with what its neighbours add.
    pub fn count_at(&self, place: usize, term: u32) -> (u32, u32) {
        let count = |place| self.document(place).map_or(0, |it| it.count(term));
        let own = count(place);
        let around = self.chunks[place / CHUNK_SLOTS].neighbours(place % CHUNK_SLOTS);
        let tf8 = around.fold(own << REACH, |tf8, (neighbour, distance)| {
            tf8 + (count(neighbour) << (REACH - distance))
        });
        (own, tf8)
    }

    fn document(&self, place: usize) -> Option<&Arc<Document>> {
        self.chunks[place / CHUNK_SLOTS].document(place % CHUNK_SLOTS)
    }
}
