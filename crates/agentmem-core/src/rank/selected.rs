//! Which records of a view a search may find, without looking at more of each than decides.

use std::cell::Cell;
use std::sync::Arc;

use memchr::memmem::Finder;

use crate::filter::Filter;
use crate::scope::Scope;
use crate::search_index::{CHUNK_SLOTS, Chunk, Entry, KnownFilter, Passing, View};
use crate::store::Selection;

/// One bit for each slot of a chunk.
pub(super) type Bits = [u64; CHUNK_SLOTS / 64];

/// The slots, or places, whose bits are set, ascending.
pub(super) fn slots(bits: &[u64]) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(|(word, &bits)| {
        let next = |&bits: &u64| Some(bits & (bits - 1)).filter(|&bits| bits != 0);
        let rests = std::iter::successors(Some(bits).filter(|&bits| bits != 0), next);
        rests.map(move |bits| word * 64 + bits.trailing_zeros() as usize)
    })
}

fn has(bits: &Bits, slot: usize) -> bool {
    bits[slot / 64] >> (slot % 64) & 1 == 1
}

/// What a search selects of a view.
pub(super) struct Selected<'a> {
    pub view: &'a View,
    selection: &'a Selection,
    filter: Option<Filtered<'a>>,
    /// The scope that was looked at last, and whether it is selected: most records have that of the one before them.
    scope: Cell<Option<(&'a Arc<Scope>, bool)>>,
}

/// What is known of the filter of a search.
struct Filtered<'a> {
    filter: &'a Filter,
    /// What the metadata of every record has that passes.
    needles: Vec<Finder<'static>>,
    known: Known,
}

enum Known {
    /// Nothing is kept of a filter that is large.
    Nothing,
    /// Asked for the first time: each record when it matters, since it may be the only time. By chunk.
    Some(Vec<Arc<Passing>>),
    /// Asked again: one bit for each place.
    All(Vec<Bits>),
}

impl<'a> Selected<'a> {
    pub fn new(view: &'a View, selection: &'a Selection) -> Self {
        let filter = selection.filter.as_ref();
        Selected {
            view,
            selection,
            filter: filter.map(|filter| Filtered::new(view, filter)),
            scope: Cell::new(None),
        }
    }

    /// Whether a live record is selected.
    pub fn selects(&self, place: usize, entry: Entry<'a>) -> bool {
        self.selects_scope(entry.scope())
            && self.selection.selects_time(entry.created_at())
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.passes(place, entry))
    }

    fn selects_scope(&self, scope: &'a Arc<Scope>) -> bool {
        match self.scope.get() {
            Some((last, selects)) if Arc::ptr_eq(last, scope) => selects,
            _ => {
                let selects = self.selection.scope.selects(scope);
                self.scope.set(Some((scope, selects)));
                selects
            }
        }
    }

    /// False if it is known that the record at a place does not pass the filter.
    pub fn may_pass(&self, place: usize) -> bool {
        self.slots(place / CHUNK_SLOTS)
            .is_none_or(|bits| has(bits, place % CHUNK_SLOTS))
    }

    /// Whether it is known of all records whether they pass a filter.
    pub fn is_known(&self) -> bool {
        self.all().is_some()
    }

    /// One bit for each slot of a chunk that passes the filter, if that is known of all.
    pub fn slots(&self, chunk: usize) -> Option<&Bits> {
        self.all().map(|bits| &bits[chunk])
    }

    /// The same of all chunks, with the neighbours of those that pass; nothing too if they are too many to be worth it.
    pub fn with_neighbours(&self) -> Option<Vec<Bits>> {
        let all = self.all()?;
        let passing: u32 = all.iter().flatten().map(|bits| bits.count_ones()).sum();
        if 2 * passing as usize > self.view.places() {
            return None;
        }
        let mut wanted = all.to_vec();
        for (chunk, bits) in all.iter().enumerate() {
            for slot in slots(bits) {
                for (place, _) in self.view.neighbours(chunk * CHUNK_SLOTS + slot) {
                    let slot = place % CHUNK_SLOTS;
                    wanted[place / CHUNK_SLOTS][slot / 64] |= 1 << (slot % 64);
                }
            }
        }
        Some(wanted)
    }

    fn all(&self) -> Option<&[Bits]> {
        match &self.filter.as_ref()?.known {
            Known::All(bits) => Some(bits),
            Known::Nothing | Known::Some(_) => None,
        }
    }
}

impl<'a> Filtered<'a> {
    fn new(view: &View, filter: &'a Filter) -> Self {
        let needles = filter.needles().into_iter();
        let mut it = Filtered {
            filter,
            needles: needles
                .map(|needle| Finder::new(&needle).into_owned())
                .collect(),
            known: Known::Nothing,
        };
        if let Some(known) = view.remember(filter) {
            it.known = it.look_up(view, &known);
        }
        it
    }

    fn look_up(&self, view: &View, known: &KnownFilter) -> Known {
        let chunks = view.chunks().iter();
        if !known.is_asked_again {
            return Known::Some(chunks.map(|chunk| chunk.passing(known)).collect());
        }
        let of = |chunk: &Chunk| {
            let holds = |slot| chunk.entry(slot).is_some_and(|entry| self.holds(entry));
            chunk.passing(known).all(chunk.slots(), holds)
        };
        Known::All(chunks.map(|chunk| of(chunk)).collect())
    }

    fn passes(&self, place: usize, entry: Entry<'_>) -> bool {
        let (chunk, slot) = (place / CHUNK_SLOTS, place % CHUNK_SLOTS);
        match &self.known {
            Known::Nothing => self.holds(entry),
            Known::Some(chunks) => chunks[chunk].ask(slot, || self.holds(entry)),
            Known::All(bits) => has(&bits[chunk], slot),
        }
    }

    fn holds(&self, entry: Entry<'_>) -> bool {
        let json = entry.metadata_json();
        let has = |needle: &Finder<'_>| needle.find(json).is_some();
        self.needles.iter().all(has) && self.filter.holds_json(json)
    }
}
