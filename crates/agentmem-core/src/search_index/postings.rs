//! Which records of a chunk have a term, and how often.

use std::collections::HashMap;

use super::chunk::CHUNK_SLOTS;

/// How many new entries may wait before they are merged: looking through them takes less time than a query's other work.
const RECENT: usize = 2048;

/// A slot in the low bits, the count above.
type Entry = u16;
const SLOT_BITS: u32 = CHUNK_SLOTS.trailing_zeros();
/// A count that is this or more stands apart.
const MANY: u32 = (Entry::MAX >> SLOT_BITS) as u32;
/// About what one of those takes.
const LARGE_BYTES: usize = 14;

/// An inverted index of one chunk: merged entries by term, and behind them a few that came since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Postings {
    /// Distinct terms, ascending.
    terms: Vec<u32>,
    /// Where the entries of each term end.
    ends: Vec<u32>,
    entries: Vec<Entry>,
    /// The counts of at least [`MANY`], by term and slot.
    large: HashMap<(u32, Entry), u32>,
    /// By slot, one bit: its merged entries do not count any more.
    stale: [u64; CHUNK_SLOTS / 64],
    /// (term, entry), in no order.
    recent: Vec<(u32, Entry)>,
}

impl Postings {
    /// Enters the words of a record that has no entries that count.
    pub fn add(&mut self, slot: usize, words: impl Iterator<Item = (u32, u32)>) {
        let slot = Entry::try_from(slot).expect("a chunk has 1024 slots");
        for (term, count) in words {
            if count >= MANY {
                self.large.insert((term, slot), count);
            }
            let count = Entry::try_from(count.min(MANY)).expect("what is many fits");
            self.recent.push((term, slot | count << SLOT_BITS));
        }
        if self.recent.len() > RECENT {
            self.merge();
        }
    }

    /// Makes the entries of a slot void.
    pub fn remove(&mut self, slot: usize) {
        self.stale[slot / 64] |= 1 << (slot % 64);
        self.recent.retain(|&(_, entry)| slot_of(entry) != slot);
        self.large
            .retain(|&(_, large), _| usize::from(large) != slot);
    }

    /// The slots that have a term, each with its count.
    pub fn of(&self, term: u32) -> impl Iterator<Item = (usize, u32)> {
        let merged = match self.terms.binary_search(&term) {
            Ok(at) => self.range(at),
            Err(_) => 0..0,
        };
        let merged = self.entries[merged].iter().copied();
        let recent = self.recent.iter().filter(move |&&(it, _)| it == term);
        merged
            .filter(|&entry| !self.is_stale(entry))
            .chain(recent.map(|&(_, entry)| entry))
            .map(move |entry| (slot_of(entry), self.count(term, entry)))
    }

    /// How many entries count.
    pub fn len(&self) -> usize {
        let merged = self.entries.iter().filter(|&&entry| !self.is_stale(entry));
        merged.count() + self.recent.len()
    }

    /// Merges what came last, and gives back memory that is not needed.
    pub fn settle(&mut self) {
        if !self.recent.is_empty() || self.stale.iter().any(|&bits| bits != 0) {
            self.merge();
        }
        self.recent = Vec::new();
        self.terms.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// How much memory it takes, beside itself.
    pub fn bytes(&self) -> usize {
        4 * (self.terms.capacity() + self.ends.capacity())
            + size_of::<Entry>() * self.entries.capacity()
            + size_of::<(u32, Entry)>() * self.recent.capacity()
            + LARGE_BYTES * self.large.capacity()
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        begin as usize..self.ends[at] as usize
    }

    fn count(&self, term: u32, entry: Entry) -> u32 {
        let count = u32::from(entry >> SLOT_BITS);
        if count < MANY {
            return count;
        }
        let slot = Entry::try_from(slot_of(entry)).expect("a slot is part of an entry");
        self.large.get(&(term, slot)).copied().unwrap_or(count)
    }

    fn is_stale(&self, entry: Entry) -> bool {
        let slot = slot_of(entry);
        self.stale[slot / 64] >> (slot % 64) & 1 == 1
    }

    fn merge(&mut self) {
        let mut recent = std::mem::take(&mut self.recent);
        recent.sort_unstable();
        let mut merged = Postings {
            terms: Vec::with_capacity(self.terms.len() + recent.len() / 4),
            ends: Vec::with_capacity(self.ends.len() + recent.len() / 4),
            entries: Vec::with_capacity(self.entries.len() + recent.len()),
            large: std::mem::take(&mut self.large),
            ..Postings::default()
        };
        let mut newer = recent.iter().copied().peekable();
        for (at, &term) in self.terms.iter().enumerate() {
            while let Some((term, entry)) = newer.next_if(|&(it, _)| it < term) {
                merged.push(term, entry);
            }
            let counting = self.entries[self.range(at)].iter().copied();
            for entry in counting.filter(|&entry| !self.is_stale(entry)) {
                merged.push(term, entry);
            }
        }
        for (term, entry) in newer {
            merged.push(term, entry);
        }
        recent.clear();
        merged.recent = recent;
        *self = merged;
    }

    /// Appends an entry of the last term, or of one that is greater.
    fn push(&mut self, term: u32, entry: Entry) {
        if self.terms.last() != Some(&term) {
            self.terms.push(term);
            self.ends.push(0);
        }
        self.entries.push(entry);
        let end = u32::try_from(self.entries.len());
        *self.ends.last_mut().expect("a term was just pushed") =
            end.expect("a chunk of as many words does not fit in memory");
    }
}

fn slot_of(entry: Entry) -> usize {
    usize::from(entry) % CHUNK_SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(postings: &Postings, term: u32) -> Vec<(usize, u32)> {
        let mut found: Vec<_> = postings.of(term).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn entries_are_found_before_and_after_they_are_merged() {
        let mut postings = Postings::default();
        for slot in 0..CHUNK_SLOTS {
            let own = 10 + u32::try_from(slot).expect("is small");
            postings.add(slot, [(7, 1), (own, 2), (own + 1, 3)].into_iter());
        }
        for settled in [false, true] {
            assert_eq!(of(&postings, 7).len(), CHUNK_SLOTS, "{settled}");
            assert_eq!(of(&postings, 15), [(4, 3), (5, 2)]);
            assert_eq!(of(&postings, 5), []);
            assert_eq!(postings.len(), 3 * CHUNK_SLOTS);
            postings.settle();
        }
    }

    #[test]
    fn counts_of_any_size_are_kept() {
        let mut postings = Postings::default();
        let counts = [1, MANY - 1, MANY, MANY + 1, 1 << 20];
        for (slot, count) in counts.into_iter().enumerate() {
            postings.add(slot, [(7, count), (8, 1)].into_iter());
        }
        for _ in 0..2 {
            assert_eq!(
                of(&postings, 7),
                counts.into_iter().enumerate().collect::<Vec<_>>()
            );
            postings.settle();
        }
        postings.remove(4);
        postings.add(4, [(7, 3)].into_iter());
        assert_eq!(of(&postings, 7).last(), Some(&(4, 3)));
        postings.settle();
        assert_eq!(of(&postings, 7).last(), Some(&(4, 3)));
    }

    #[test]
    fn what_is_removed_is_gone_and_may_come_again() {
        let mut postings = Postings::default();
        postings.add(3, [(1, 1), (2, 5)].into_iter());
        postings.settle();
        postings.remove(3);
        assert_eq!((of(&postings, 1), postings.len()), (vec![], 0));
        postings.add(3, [(2, 9)].into_iter());
        assert_eq!(of(&postings, 2), [(3, 9)]);
        postings.settle();
        assert_eq!((of(&postings, 1), of(&postings, 2)), (vec![], vec![(3, 9)]));
        postings.add(3, [(4, 1)].into_iter());
        postings.remove(3);
        assert_eq!(postings.len(), 0);
    }
}
