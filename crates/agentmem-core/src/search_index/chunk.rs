//! A thousand records of an index, side by side, a column for each thing that a search reads.

use std::sync::Arc;

use super::packed::{self, Packed};
use super::passing::{KnownFilter, Passing, Remembered};
use super::postings::Postings;
use super::{Document, Moment};
use crate::embed;
use crate::record::Record;
use crate::scope::Scope;

/// Records in a chunk. A chunk that a search is reading is copied before it is changed, so it must not be large.
pub(crate) const CHUNK_SLOTS: usize = 1024;

/// Where there is no turn.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The record is there and has not expired.
const LIVE: u8 = 1;
/// The record has a role.
const TURN: u8 = 2;
/// The record is a turn that asks something.
const ASKS: u8 = 4;

/// Up to [`CHUNK_SLOTS`] records in the order of adding. All columns are by slot; one whose record is gone stays empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    seqs: Vec<i64>,
    created_at: Vec<i64>,
    scopes: Vec<Option<Arc<Scope>>>,
    flags: Vec<u8>,
    /// Where in `data` the rest begins.
    starts: Vec<usize>,
    data: Vec<u8>,
    /// How much of `data` belongs to no record any more.
    wasted: usize,
    /// The turns before and after a turn in its conversation; empty while no slot has any.
    links: Vec<[u32; 2]>,
    word_counts: Vec<u32>,
    /// Lengths in context, in eighths (spec 8.3).
    len8: Vec<u32>,
    /// `dimensions` each.
    vectors: Vec<i8>,
    dimensions: usize,
    /// The sum of squares of the vector; 0 too where no record is live.
    square_norms: Vec<u32>,
    postings: Postings,
    filters: Remembered,
}

impl Chunk {
    /// Appends an empty slot for a record that was added after all that are here.
    pub fn push(&mut self, seq: i64) {
        self.seqs.push(seq);
        self.created_at.push(0);
        self.scopes.push(None);
        self.flags.push(0);
        self.starts.push(0);
        if !self.links.is_empty() {
            self.links.push([NOWHERE; 2]);
        }
        self.word_counts.push(0);
        self.len8.push(0);
        self.vectors.resize(self.seqs.len() * self.dimensions, 0);
        self.square_norms.push(0);
    }

    /// Makes an empty chunk for vectors of a size.
    pub fn new(dimensions: usize) -> Self {
        Chunk {
            dimensions,
            ..Chunk::default()
        }
    }

    /// Puts a record into an empty slot; it is not live yet.
    pub fn put(&mut self, slot: usize, document: &Document, scope: Arc<Scope>) {
        let is_turn = document.record.role.is_some();
        self.filters.forget(slot);
        self.created_at[slot] = document.record.created_at.as_millis();
        self.scopes[slot] = Some(scope);
        self.flags[slot] = (TURN * u8::from(is_turn)) | (ASKS * u8::from(document.asks));
        self.starts[slot] = self.data.len();
        packed::pack(document, &mut self.data);
        self.word_counts[slot] = document.word_count;
        self.vectors[slot * self.dimensions..][..self.dimensions].copy_from_slice(&document.vector);
    }

    /// Lets searches find a record, or no more; its place in its conversation is not touched.
    pub fn set_live(&mut self, slot: usize, live: bool) {
        if live {
            self.flags[slot] |= LIVE;
            let norm = embed::square_norm(self.vector(slot));
            self.square_norms[slot] = u32::try_from(norm).expect("at most 4096 * 127^2");
            let entry = Packed(&self.data[self.starts[slot]..]);
            self.postings.add(slot, entry.words());
        } else {
            self.flags[slot] &= !LIVE;
            self.square_norms[slot] = 0;
            self.postings.remove(slot);
        }
    }

    /// Empties a slot whose record is not live.
    pub fn clear(&mut self, slot: usize) {
        self.wasted += self.packed_len(slot);
        self.filters.forget(slot);
        self.scopes[slot] = None;
        self.flags[slot] = 0;
        self.word_counts[slot] = 0;
        self.vectors[slot * self.dimensions..][..self.dimensions].fill(0);
        if self.wasted > self.data.len() / 2 {
            self.gather();
        }
    }

    /// Copies what records still need, and leaves the rest.
    fn gather(&mut self) {
        let mut kept = Vec::with_capacity(self.data.len() - self.wasted);
        for slot in 0..self.slots() {
            if self.scopes[slot].is_some() {
                let packed = &self.data[self.starts[slot]..][..self.packed_len(slot)];
                self.starts[slot] = kept.len();
                kept.extend(packed);
            }
        }
        self.data = kept;
        self.wasted = 0;
    }

    fn packed_len(&self, slot: usize) -> usize {
        Packed(&self.data[self.starts[slot]..]).len()
    }

    /// Gives back memory that is not needed while nothing changes.
    pub fn settle(&mut self) {
        self.seqs.shrink_to_fit();
        self.created_at.shrink_to_fit();
        self.scopes.shrink_to_fit();
        self.flags.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.data.shrink_to_fit();
        self.links.shrink_to_fit();
        self.word_counts.shrink_to_fit();
        self.len8.shrink_to_fit();
        self.vectors.shrink_to_fit();
        self.square_norms.shrink_to_fit();
        self.postings.settle();
    }

    /// About how much memory a record takes.
    pub fn bytes_at(&self, slot: usize) -> usize {
        // What the columns take, and two bytes for each word in the postings and as many for their terms.
        56 + self.packed_len(slot) + self.dimensions + 4 * self.word_counts[slot] as usize
    }

    /// How much memory the chunk takes, but for what it remembers of filters.
    pub fn bytes(&self) -> usize {
        size_of::<Chunk>()
            + 8 * (self.seqs.capacity() + self.created_at.capacity() + self.scopes.capacity())
            + 8 * (self.starts.capacity() + self.links.capacity())
            + 4 * (self.word_counts.capacity() + self.len8.capacity())
            + 4 * self.square_norms.capacity()
            + (self.flags.capacity() + self.data.capacity() + self.vectors.capacity())
            + self.postings.bytes()
    }

    /// Says which turns stand beside a turn, and gives how long it was and is with those around it, in eighths.
    pub fn surround(&mut self, slot: usize, links: [u32; 2], len8: u32) {
        if links != [NOWHERE; 2] {
            self.links.resize(self.seqs.len(), [NOWHERE; 2]);
        }
        if let Some(before) = self.links.get_mut(slot) {
            *before = links;
        }
        self.len8[slot] = len8;
    }

    /// The slot of the record that was added by an event.
    pub fn slot_of(&self, seq: i64) -> Option<usize> {
        self.seqs.binary_search(&seq).ok()
    }

    pub fn seq(&self, slot: usize) -> i64 {
        self.seqs[slot]
    }

    /// How many slots there are, empty ones too.
    pub fn slots(&self) -> usize {
        self.seqs.len()
    }

    pub fn len8(&self, slot: usize) -> u32 {
        self.len8[slot]
    }

    pub fn word_count(&self, slot: usize) -> u32 {
        self.word_counts[slot]
    }

    pub fn links(&self, slot: usize) -> [u32; 2] {
        self.links.get(slot).copied().unwrap_or([NOWHERE; 2])
    }

    /// Those of all slots; none if no slot has any.
    pub fn all_links(&self) -> &[[u32; 2]] {
        &self.links
    }

    /// When a turn happened; ties in the order of adding.
    pub fn moment(&self, slot: usize) -> Moment {
        (self.created_at[slot], self.seqs[slot])
    }

    /// The slots that have a term among their own words, each with its count.
    pub fn having(&self, term: u32) -> impl Iterator<Item = (usize, u32)> {
        self.postings.of(term)
    }

    pub fn postings(&self) -> &Postings {
        &self.postings
    }

    /// The vectors of all slots, one behind the other.
    pub fn vectors(&self) -> &[i8] {
        &self.vectors
    }

    /// The sums of squares of the vectors; 0 where no record is live.
    pub fn square_norms(&self) -> &[u32] {
        &self.square_norms
    }

    pub fn vector(&self, slot: usize) -> &[i8] {
        &self.vectors[slot * self.dimensions..][..self.dimensions]
    }

    /// What is known of a filter that the index remembers.
    pub fn passing(&self, filter: &KnownFilter) -> Arc<Passing> {
        self.filters.passing(filter)
    }

    /// The record in a slot that is not empty, live or expired.
    pub fn entry(&self, slot: usize) -> Option<Entry<'_>> {
        self.scopes[slot].as_ref().map(|scope| Entry {
            chunk: self,
            slot,
            scope,
        })
    }

    /// The record in a slot, if searches may find it.
    pub fn live(&self, slot: usize) -> Option<Entry<'_>> {
        self.entry(slot).filter(|entry| entry.is_live())
    }
}

/// A record of an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    chunk: &'a Chunk,
    slot: usize,
    scope: &'a Arc<Scope>,
}

impl<'a> Entry<'a> {
    pub fn record(self) -> Record {
        self.packed().record(self.scope, self.created_at())
    }

    pub fn id(self) -> String {
        self.packed().id()
    }

    /// About how much memory it takes.
    pub fn bytes(self) -> usize {
        self.chunk.bytes_at(self.slot)
    }

    pub fn scope(self) -> &'a Arc<Scope> {
        self.scope
    }

    /// In milliseconds since 1970.
    pub fn created_at(self) -> i64 {
        self.chunk.created_at[self.slot]
    }

    /// In milliseconds since 1970; never if none.
    pub fn expires_at(self) -> Option<i64> {
        self.packed().expires_at()
    }

    pub fn importance(self) -> f64 {
        self.packed().importance()
    }

    /// Its metadata in the form of RFC 8785; nothing for an empty object.
    pub fn metadata_json(self) -> &'a [u8] {
        self.packed().metadata_json()
    }

    pub fn is_live(self) -> bool {
        self.flag(LIVE)
    }

    pub fn is_turn(self) -> bool {
        self.flag(TURN)
    }

    /// Whether it is a turn that asks something.
    pub fn asks(self) -> bool {
        self.flag(ASKS)
    }

    /// The cosine of its vector with a query's, whose sum of squares is given.
    pub fn cosine(self, query: &[i8], query_square_norm: i64) -> f64 {
        let product = embed::dot(self.chunk.vector(self.slot), query);
        let square_norm = self.chunk.square_norms[self.slot];
        embed::cosine(product, query_square_norm, i64::from(square_norm))
    }

    /// How many words it has, each as often as it occurs.
    pub fn word_count(self) -> u32 {
        self.chunk.word_counts[self.slot]
    }

    /// The terms of its text and, for a turn, of its date, each once with its count, in order of first appearance (spec 8.3).
    pub fn words(self) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.packed().words()
    }

    /// The terms of the name of a turn's speaker.
    pub fn speaker(self) -> impl Iterator<Item = u32> + 'a {
        self.packed().speaker()
    }

    /// Distinct tokens for the second stage of ranking (spec 8.9).
    pub fn tokens(self) -> impl Iterator<Item = u16> + 'a {
        self.packed().tokens()
    }

    /// Whether two hold the same record with the same words and tokens, in the same length of context and with the same vector.
    pub fn equals(self, other: Entry<'_>) -> bool {
        let columns = |it: Entry<'_>| {
            let (chunk, slot) = (it.chunk, it.slot);
            let numbers = (
                chunk.word_counts[slot],
                chunk.len8[slot],
                chunk.square_norms[slot],
            );
            (chunk.moment(slot), chunk.flags[slot], numbers)
        };
        let bytes = |it: Entry<'a>| &it.packed().0[..it.packed().len()];
        let others = other.packed();
        columns(self) == columns(other)
            && self.scope == other.scope
            && self.chunk.vector(self.slot) == other.chunk.vector(other.slot)
            && bytes(self) == &others.0[..others.len()]
    }

    /// Whether the postings have its words, each once with its count, if it is live.
    pub fn is_posted(self) -> bool {
        let postings = &self.chunk.postings;
        self.words().all(|(term, count)| {
            let mut own = postings.of(term).filter(|&(slot, _)| slot == self.slot);
            own.next() == self.is_live().then_some((self.slot, count)) && own.next().is_none()
        })
    }

    fn flag(self, flag: u8) -> bool {
        self.chunk.flags[self.slot] & flag != 0
    }

    fn packed(self) -> Packed<'a> {
        Packed(&self.chunk.data[self.chunk.starts[self.slot]..])
    }
}
