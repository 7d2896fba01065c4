//! The turns around others in their conversations (spec 8.12).

use std::sync::Arc;

use super::chunk::{AFTER, BEFORE};
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

    fn document(&self, place: usize) -> Option<&Arc<Document>> {
        self.chunks[place / CHUNK_SLOTS].document(place % CHUNK_SLOTS)
    }
}
