//! Which records pass a filter, remembered for when it is asked again.
//!
//! That is a property of a record's state alone: scope, expiry and time are not in it, so neither the clock nor another user can make it wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::chunk::CHUNK_SLOTS;
use crate::filter::Filter;

/// So many filters an index remembers; those asked last.
const REMEMBERED: usize = 4;
/// A larger filter is not remembered, in bytes.
const LARGEST: usize = 4096;
/// What a chunk takes for each filter.
pub(super) const PASSING_BYTES: usize = 2 * CHUNK_SLOTS / 8;

const WORDS: usize = CHUNK_SLOTS / 64;

/// The slots of a chunk that pass a filter, as far as they have been looked at.
///
/// Searches that run at once may look at the same record; they find the same.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    known: [AtomicU64; WORDS],
    passes: [AtomicU64; WORDS],
}

impl Passing {
    /// Whether the record in a slot passes, which `holds` tells if nobody has asked before.
    pub fn ask(&self, slot: usize, holds: impl FnOnce() -> bool) -> bool {
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        if self.known[word].load(Ordering::Acquire) & bit != 0 {
            return self.passes[word].load(Ordering::Relaxed) & bit != 0;
        }
        let holds = holds();
        if holds {
            self.passes[word].fetch_or(bit, Ordering::Relaxed);
        }
        // Whoever sees that it is known sees what was stored before.
        self.known[word].fetch_or(bit, Ordering::Release);
        holds
    }

    /// One bit for each of the first `slots`, all of which `holds` is asked of that nobody has asked before.
    pub fn all(&self, slots: usize, mut holds: impl FnMut(usize) -> bool) -> [u64; WORDS] {
        for (word, known) in self.known.iter().enumerate() {
            let there = slots.saturating_sub(word * 64).min(64);
            let wanted = u64::MAX.checked_shr(64 - there as u32).unwrap_or(0);
            let mut unknown = wanted & !known.load(Ordering::Acquire);
            while unknown != 0 {
                let slot = word * 64 + unknown.trailing_zeros() as usize;
                self.ask(slot, || holds(slot));
                unknown &= unknown - 1;
            }
        }
        std::array::from_fn(|word| self.passes[word].load(Ordering::Relaxed))
    }

    /// How many of the first `slots` have not been looked at.
    pub fn unknown(&self, slots: usize) -> usize {
        let known = self.known.iter().map(|it| it.load(Ordering::Relaxed));
        slots.saturating_sub(known.map(|it| it.count_ones() as usize).sum())
    }

    /// Forgets a slot whose record changes.
    fn forget(&mut self, slot: usize) {
        let (word, bit) = (slot / 64, 1_u64 << (slot % 64));
        *self.known[word].get_mut() &= !bit;
        *self.passes[word].get_mut() &= !bit;
    }
}

impl Clone for Passing {
    /// What is known comes first, so that what passes is there for all of it.
    fn clone(&self) -> Self {
        let known = self
            .known
            .each_ref()
            .map(|word| word.load(Ordering::Acquire).into());
        let passes = self
            .passes
            .each_ref()
            .map(|word| word.load(Ordering::Relaxed).into());
        Passing { known, passes }
    }
}

/// The number of a filter, and what is known of it.
type Numbered = (u64, Arc<Passing>);

/// What a chunk remembers of filters, by their places among those of the index.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<[Option<Numbered>; REMEMBERED]>);

impl Remembered {
    /// What is known of a filter; nothing yet if it is new.
    pub fn passing(&self, filter: &KnownFilter) -> Arc<Passing> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &all[filter.place] {
            Some((number, passing)) if *number == filter.number => Arc::clone(passing),
            _ => {
                let passing = Arc::new(Passing::default());
                all[filter.place] = Some((filter.number, Arc::clone(&passing)));
                passing
            }
        }
    }

    /// Forgets a slot whose record changes. What a search still holds stays as it is, as its records do.
    pub fn forget(&mut self, slot: usize) {
        let all = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, passing) in all.iter_mut().flatten() {
            Arc::make_mut(passing).forget(slot);
        }
    }
}

impl Clone for Remembered {
    /// A copy of a chunk remembers the same, and from then on by itself.
    fn clone(&self) -> Self {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let copied = all.each_ref().map(|it| {
            it.as_ref()
                .map(|(number, passing)| (*number, Arc::new(Passing::clone(passing))))
        });
        Remembered(Mutex::new(copied))
    }
}

/// A filter that an index remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFilter {
    place: usize,
    /// No two filters of an index have the same.
    number: u64,
    /// Whether it was asked before.
    pub is_asked_again: bool,
}

/// The filters that an index remembers.
#[derive(Debug, Default)]
pub(super) struct Filters(Mutex<Asked>);

#[derive(Debug, Default)]
struct Asked {
    filters: Vec<AskedFilter>,
    /// Counts questions.
    count: u64,
}

#[derive(Debug)]
struct AskedFilter {
    filter: Filter,
    /// The question that it was asked with first, and last.
    first: u64,
    last: u64,
}

impl Asked {
    fn find(&self, filter: &Filter) -> Option<KnownFilter> {
        let place = self.filters.iter().position(|it| it.filter == *filter)?;
        Some(KnownFilter {
            place,
            number: self.filters[place].first,
            is_asked_again: true,
        })
    }
}

impl Filters {
    /// Remembers a filter, if it is not too large, in the place of the one that has not been asked for longest.
    pub fn ask(&self, filter: &Filter) -> Option<KnownFilter> {
        if filter.bytes() > LARGEST {
            return None;
        }
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.count += 1;
        let number = asked.count;
        if let Some(known) = asked.find(filter) {
            asked.filters[known.place].last = number;
            return Some(known);
        }
        let filters = &mut asked.filters;
        let new = AskedFilter {
            filter: filter.clone(),
            first: number,
            last: number,
        };
        let oldest = (0..filters.len()).min_by_key(|&place| filters[place].last);
        let place = match oldest {
            Some(oldest) if filters.len() == REMEMBERED => {
                filters[oldest] = new;
                oldest
            }
            _ => {
                filters.push(new);
                filters.len() - 1
            }
        };
        Some(KnownFilter {
            place,
            number,
            is_asked_again: false,
        })
    }

    /// A filter that is remembered, without asking it.
    pub fn find(&self, filter: &Filter) -> Option<KnownFilter> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.find(filter)
    }

    /// At most so much memory is remembered in, by an index of so many chunks.
    pub fn bytes(&self, chunks: usize) -> usize {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |it: &AskedFilter| it.filter.bytes() + chunks * PASSING_BYTES;
        asked.filters.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(n: usize) -> Filter {
        Filter::parse(&json!({ "n": n })).expect("is a filter")
    }

    #[test]
    fn what_is_known_is_not_asked_again_until_it_changes() {
        let mut passing = Passing::default();
        assert!(passing.ask(70, || true));
        assert!(!passing.ask(3, || false));
        assert!(passing.ask(70, || unreachable!("it is known")));
        let copy = passing.clone();
        passing.forget(70);
        assert!(!passing.ask(70, || false));
        assert!(copy.ask(70, || unreachable!("the copy knows it still")));
        for slots in [1, 63, 64, 65, 1023, CHUNK_SLOTS] {
            let mut asked = Vec::new();
            let passing = passing.clone();
            let bits = passing.all(slots, |slot| {
                asked.push(slot);
                slot % 2 == 0
            });
            let expected: Vec<usize> = (0..slots).filter(|&it| it != 3 && it != 70).collect();
            assert_eq!(asked, expected);
            // Slots 3 and 70 were known before.
            let known = slots + [3, 70].iter().filter(|&&slot| slot >= slots).count();
            assert_eq!(passing.unknown(CHUNK_SLOTS), CHUNK_SLOTS - known);
            let passes = |slot: usize| bits[slot / 64] >> (slot % 64) & 1 == 1;
            assert!(
                (0..CHUNK_SLOTS)
                    .all(|slot| { passes(slot) == (slot < slots && slot % 2 == 0 && slot != 70) })
            );
        }
    }

    #[test]
    fn the_filter_that_was_not_asked_for_longest_makes_room() {
        let (filters, chunk) = (Filters::default(), Remembered::default());
        for n in 0..REMEMBERED {
            let known = filters.ask(&filter(n)).expect("it is small");
            assert!(!known.is_asked_again);
            assert!(chunk.passing(&known).ask(n, || true));
        }
        assert_eq!(filters.bytes(2), REMEMBERED * (7 + 2 * PASSING_BYTES));
        for (n, is_asked_again) in [(0, true), (4, false), (1, false), (0, true)] {
            let known = filters.ask(&filter(n)).expect("it is small");
            assert_eq!(known.is_asked_again, is_asked_again, "{n}");
            assert!(filters.find(&filter(n)).is_some());
            // What was known of the one before is not taken for this one's.
            assert_eq!(chunk.passing(&known).ask(n, || false), n == 0);
        }
        let large = Filter::parse(&json!({ "n": "x".repeat(LARGEST) })).expect("is a filter");
        assert!(filters.ask(&large).is_none());
    }
}
