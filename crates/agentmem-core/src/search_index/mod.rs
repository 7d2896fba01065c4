//! The index that search reads: all live records of one user, or of the whole store, derived from rows and kept up by the log.
//!
//! Records stand in the order of adding, so that the place of one is found by its `seq`, and the place tells which came first.
//! An [`Index`] changes in place; a [`View`] of it is what a search holds, and never changes. They share chunks, and a chunk that some
//! view holds is copied before it is changed, so that searches and writes never wait for each other.

mod around;
mod chunk;
mod packed;
mod passing;
mod postings;
mod vocabulary;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::embed::{self, Embedder};
use crate::filter::Filter;
use crate::record::{Record, Timestamp};
use crate::scope::Scope;
use crate::store::Stored;
use crate::text;

pub(crate) use around::REACH;
use around::len8;
use chunk::NOWHERE;
pub(crate) use chunk::{CHUNK_SLOTS, Chunk, Entry};
use passing::Filters;
pub(crate) use passing::{KnownFilter, Passing};
pub(crate) use vocabulary::{QueryTerm, Vocabulary};

/// A record and what its own text gives, whatever its context.
#[derive(Debug)]
pub(crate) struct Document {
    record: Record,
    /// Its place in the order of adding.
    seq: i64,
    vector: Vec<i8>,
    /// The terms of its text and, for a turn, of its date, each once with its count, in order of first appearance (spec 8.3).
    words: Vec<(u32, u32)>,
    /// How many words it has, each as often as it occurs.
    word_count: u32,
    /// The terms of the name of a turn's speaker.
    speaker: Vec<u32>,
    /// Whether it is a turn that asks something.
    asks: bool,
    /// Distinct tokens for the second stage of ranking (spec 8.9).
    tokens: Vec<u16>,
}

/// A record and what its text gives, before its terms have numbers.
#[derive(Debug)]
pub(crate) struct Analysed {
    stored: Stored,
    words: Vec<String>,
    speaker: Vec<String>,
    tokens: Vec<u16>,
}

impl Analysed {
    /// Only with the built-in embedder a second stage compares tokens.
    pub fn new(stored: Stored, embedder: &Embedder) -> Self {
        let record = &stored.record;
        let text = record.text();
        let tokens = match embedder {
            Embedder::BuiltIn => embed::distinct_tokens(&embed::token_ids(&text)),
            _ => Vec::new(),
        };
        let mut words = text::terms(&text);
        drop(text);
        let mut speaker = Vec::new();
        if record.role.is_some() {
            words.extend(text::date_terms(record.created_at.as_millis()));
            speaker = record.name.as_deref().map(text::terms).unwrap_or_default();
        }
        Analysed {
            stored,
            words,
            speaker,
            tokens,
        }
    }

    /// Of the text only what a search by vectors of the caller's own needs: nothing.
    pub fn without_words(stored: Stored) -> Self {
        Analysed {
            stored,
            words: Vec::new(),
            speaker: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

impl Document {
    /// Leaves what [`Analysed::without_words`] gives.
    pub fn forget_words(&mut self) {
        self.words = Vec::new();
        self.word_count = 0;
        self.speaker = Vec::new();
        self.tokens = Vec::new();
    }

    /// Gives the terms their numbers.
    pub fn new(analysed: Analysed, vocabulary: &mut Vocabulary) -> Self {
        let Stored { record, .. } = &analysed.stored;
        let is_turn = record.role.is_some();
        let numbers =
            |counted: Vec<(u32, u32)>| counted.into_iter().map(|(term, _)| term).collect();
        Document {
            word_count: u32::try_from(analysed.words.len()).expect("a text has at most 1 MiB"),
            words: vocabulary.count_terms(&analysed.words),
            speaker: numbers(vocabulary.count_terms(&analysed.speaker)),
            asks: is_turn && record.content.contains(['?', '\u{61f}', '\u{ff1f}']),
            tokens: analysed.tokens,
            seq: analysed.stored.seq,
            vector: analysed.stored.vector,
            record: analysed.stored.record,
        }
    }
}

/// About what an index takes without records: itself among the others, whose it is, and tables of its own.
const INDEX_BYTES: usize = 600;
/// About what a scope takes: its names, its place among the others, and the turns that it has.
const SCOPE_BYTES: usize = 320;

/// When a record happened; ties in the order of adding.
type Moment = (i64, i64);

/// The records that a search of one user, or of all, can find.
#[derive(Debug)]
pub(crate) struct Index {
    view: View,
    /// Every scope that some record has.
    conversations: HashMap<Arc<Scope>, Conversation>,
    /// Live records that will expire, by (expiry, seq).
    expiring: BTreeSet<(i64, i64)>,
    /// Records that have expired, kept because a clock may go back.
    expired: BTreeSet<(i64, i64)>,
    now: Timestamp,
    /// How many places are in use.
    held: usize,
    /// What the chunks took when they were last settled, and about what has come and gone since.
    bytes: usize,
}

/// The records of one scope.
#[derive(Debug, Default)]
struct Conversation {
    /// The live turns in order, by their places.
    turns: Vec<u32>,
    /// How many records have the scope, live or expired, turns or not.
    records: usize,
}

impl Index {
    pub fn new(now: Timestamp) -> Self {
        Index {
            view: View::default(),
            conversations: HashMap::new(),
            expiring: BTreeSet::new(),
            expired: BTreeSet::new(),
            now,
            held: 0,
            bytes: 0,
        }
    }

    /// What a search holds: it does not change while the index does.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        INDEX_BYTES
            + self.bytes
            + SCOPE_BYTES * self.conversations.len()
            + self.view.filters.bytes(self.view.chunks.len())
    }

    /// Whether both find the same records by the same terms and vectors.
    pub fn equals(&self, other: &Index) -> bool {
        let sums = |view: &View| {
            let chunks = view.chunks.iter();
            let postings: usize = chunks.map(|chunk| chunk.postings().len()).sum();
            (view.live, view.total8, view.words, postings)
        };
        sums(&self.view) == sums(&other.view)
            && self.held == other.held
            && self.entries().all(|(place, entry)| {
                other.place_of(self.seq(place)).is_some_and(|elsewhere| {
                    let there = other.view.entry(elsewhere);
                    there.is_some_and(|there| entry.equals(there) && there.is_posted())
                        && entry.is_posted()
                        && self.around(place) == other.around(elsewhere)
                })
            })
    }

    /// The records and their places.
    fn entries(&self) -> impl Iterator<Item = (usize, Entry<'_>)> {
        let places = 0..self.view.places();
        places.filter_map(|place| Some((place, self.view.entry(place)?)))
    }

    /// The neighbours of a record by their places in the order of adding.
    fn around(&self, place: usize) -> Vec<(i64, usize)> {
        let neighbours = self.view.neighbours(place);
        neighbours
            .map(|(place, distance)| (self.seq(place), distance))
            .collect()
    }

    fn seq(&self, place: usize) -> i64 {
        self.view.chunks[place / CHUNK_SLOTS].seq(place % CHUNK_SLOTS)
    }

    /// Takes in a record in the state that the store has now: one that was added after all others, or a new state of one that is here.
    pub fn insert(&mut self, document: &Document) {
        self.remove(document.seq);
        let place = match self.place_of(document.seq) {
            Some(place) => place,
            None => self.push(document),
        };
        let scope = self.join(&document.record.scope);
        let (chunk, slot) = self.chunk_mut(place);
        chunk.put(slot, document, scope);
        self.bytes += chunk.bytes_at(slot);
        self.held += 1;
        self.appear(place);
    }

    /// Forgets a record; one that is not here is no error.
    pub fn remove(&mut self, seq: i64) {
        let Some((place, entry)) = self
            .place_of(seq)
            .and_then(|place| Some((place, self.view.entry(place)?)))
        else {
            return;
        };
        let key = (entry.expires_at().unwrap_or(i64::MAX), seq);
        if entry.is_live() {
            self.expiring.remove(&key);
            self.disappear(place);
        } else {
            self.expired.remove(&key);
        }
        self.leave(place);
        let (chunk, slot) = self.chunk_mut(place);
        let bytes = chunk.bytes_at(slot);
        chunk.clear(slot);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.held -= 1;
    }

    /// Whether nothing expires and nothing returns by moving to another time.
    pub fn stands_at(&self, now: Timestamp) -> bool {
        let now = now.as_millis();
        self.expiring.first().is_none_or(|it| it.0 > now)
            && self.expired.last().is_none_or(|it| it.0 <= now)
    }

    /// Moves to another time, forwards or back: what expires leaves, what has not yet expired returns.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        let now = now.as_millis();
        while let Some(&(expires, seq)) = self.expiring.first().filter(|it| it.0 <= now) {
            self.expiring.remove(&(expires, seq));
            let place = self
                .place_of(seq)
                .expect("a record that will expire is here");
            self.disappear(place);
            self.expired.insert((expires, seq));
        }
        while let Some(&(expires, seq)) = self.expired.last().filter(|it| it.0 > now) {
            self.expired.remove(&(expires, seq));
            let place = self
                .place_of(seq)
                .expect("a record that has expired is here");
            self.appear(place);
        }
    }

    /// Gives back memory that was needed only while many records were taken in.
    pub fn settle(&mut self) {
        for chunk in Arc::make_mut(&mut self.view.chunks) {
            Arc::make_mut(chunk).settle();
        }
        self.bytes = self.view.chunks.iter().map(|chunk| chunk.bytes()).sum();
        for conversation in self.conversations.values_mut() {
            conversation.turns.shrink_to_fit();
        }
    }

    /// Whether a search has its view, which is copied before it changes.
    pub fn is_read(&self) -> bool {
        Arc::strong_count(&self.view.chunks) > 1
    }

    /// Whether most places are empty, so that the index had better be made anew.
    pub fn is_sparse(&self) -> bool {
        let places = self.view.places();
        places > 4 * CHUNK_SLOTS && self.held < places / 4
    }

    /// Finds the place of the record that was added by an event, if it was ever here.
    fn place_of(&self, seq: i64) -> Option<usize> {
        let chunks = &self.view.chunks;
        let later = chunks.partition_point(|chunk| chunk.seq(0) <= seq);
        let number = later.checked_sub(1)?;
        let slot = chunks[number].slot_of(seq)?;
        Some(number * CHUNK_SLOTS + slot)
    }

    /// Makes a place at the end.
    fn push(&mut self, document: &Document) -> usize {
        let chunks = Arc::make_mut(&mut self.view.chunks);
        if chunks.last().is_none_or(|last| last.slots() == CHUNK_SLOTS) {
            if let Some(full) = chunks.last_mut() {
                Arc::make_mut(full).settle();
            }
            chunks.push(Arc::new(Chunk::new(document.vector.len())));
        }
        let number = chunks.len() - 1;
        let last = Arc::make_mut(&mut chunks[number]);
        debug_assert!(last.slots() == 0 || last.seq(last.slots() - 1) < document.seq);
        last.push(document.seq);
        number * CHUNK_SLOTS + last.slots() - 1
    }

    /// Counts a record in, and gives the one copy of its scope.
    fn join(&mut self, scope: &Scope) -> Arc<Scope> {
        let shared = match self.conversations.get_key_value(scope) {
            Some((shared, _)) => Arc::clone(shared),
            None => Arc::new(scope.clone()),
        };
        let conversation = self.conversations.entry(Arc::clone(&shared));
        conversation.or_default().records += 1;
        shared
    }

    /// Counts a record out.
    fn leave(&mut self, place: usize) {
        let entry = self.view.entry(place).expect("the record is there");
        let conversation = self.conversations.get_mut(entry.scope());
        let conversation = conversation.expect("every scope has its conversation");
        conversation.records -= 1;
        if conversation.records == 0 {
            self.conversations.remove(entry.scope());
        }
    }

    /// Puts a record that is here among the live, or among the expired.
    fn appear(&mut self, place: usize) {
        let entry = self.view.entry(place).expect("a record was put there");
        let (seq, expires_at) = (self.seq(place), entry.expires_at());
        let (is_turn, words, scope) = (
            entry.is_turn(),
            entry.word_count(),
            Arc::clone(entry.scope()),
        );
        if let Some(expires_at) = expires_at {
            if expires_at <= self.now.as_millis() {
                self.expired.insert((expires_at, seq));
                return;
            }
            self.expiring.insert((expires_at, seq));
        }
        self.view.live += 1;
        self.view.words += u64::from(words);
        let (chunk, slot) = self.chunk_mut(place);
        chunk.set_live(slot, true);
        if !is_turn {
            self.view.surround(place, [NOWHERE; 2], words << REACH);
            return;
        }
        let turns = turns_of(&mut self.conversations, &scope);
        let view = &mut self.view;
        let moment = view.moment(place);
        let at = turns.partition_point(|&other| view.moment(other as usize) < moment);
        turns.insert(
            at,
            u32::try_from(place).expect("memory ends before 2^32 records"),
        );
        view.surround_all(turns, at.saturating_sub(REACH)..at + REACH + 1);
    }

    /// Takes a record from the live.
    fn disappear(&mut self, place: usize) {
        let entry = self.view.entry(place).expect("a live record is there");
        let (is_turn, words, scope) = (
            entry.is_turn(),
            entry.word_count(),
            Arc::clone(entry.scope()),
        );
        self.view.live -= 1;
        self.view.words -= u64::from(words);
        self.view.surround(place, [NOWHERE; 2], 0);
        let (chunk, slot) = self.chunk_mut(place);
        chunk.set_live(slot, false);
        if !is_turn {
            return;
        }
        let turns = turns_of(&mut self.conversations, &scope);
        let view = &mut self.view;
        let moment = view.moment(place);
        let at = turns.partition_point(|&other| view.moment(other as usize) < moment);
        turns.remove(at);
        view.surround_all(turns, at.saturating_sub(REACH)..at + REACH);
    }

    fn chunk_mut(&mut self, place: usize) -> (&mut Chunk, usize) {
        (
            self.view.chunk_mut(place / CHUNK_SLOTS),
            place % CHUNK_SLOTS,
        )
    }
}

fn turns_of<'a>(
    conversations: &'a mut HashMap<Arc<Scope>, Conversation>,
    scope: &Scope,
) -> &'a mut Vec<u32> {
    let conversation = conversations.get_mut(scope);
    &mut conversation
        .expect("every scope has its conversation")
        .turns
}

/// All records of an index at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    chunks: Arc<Vec<Arc<Chunk>>>,
    live: usize,
    total8: u64,
    words: u64,
    /// Of the index, and so of all its views.
    filters: Arc<Filters>,
}

impl View {
    /// Remembers a filter until it is asked again, if it is not too large.
    pub fn remember(&self, filter: &Filter) -> Option<KnownFilter> {
        self.filters.ask(filter)
    }

    /// How many places have not been looked at with a filter.
    pub fn unknown(&self, filter: &Filter) -> usize {
        let Some(known) = self.filters.find(filter) else {
            return self.places();
        };
        let of = |chunk: &Arc<Chunk>| chunk.passing(&known).unknown(chunk.slots());
        self.chunks.iter().map(of).sum()
    }

    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// N: how many live records there are.
    pub fn live(&self) -> usize {
        self.live
    }

    /// The sum of the lengths of all live records, in eighths.
    pub fn total8(&self) -> u64 {
        self.total8
    }

    /// How many words all live records have together.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// How many live records have a term among their own words.
    pub fn having(&self, term: u32) -> usize {
        let chunks = self.chunks.iter();
        chunks.map(|chunk| chunk.having(term).count()).sum()
    }

    /// How many places there are, in use and empty.
    pub fn places(&self) -> usize {
        self.chunks.last().map_or(0, |last| {
            (self.chunks.len() - 1) * CHUNK_SLOTS + last.slots()
        })
    }

    /// The live record at a place.
    pub fn live_at(&self, place: usize) -> Option<Entry<'_>> {
        self.chunks[place / CHUNK_SLOTS].live(place % CHUNK_SLOTS)
    }

    /// The record at a place, live or expired.
    pub fn entry(&self, place: usize) -> Option<Entry<'_>> {
        self.chunks[place / CHUNK_SLOTS].entry(place % CHUNK_SLOTS)
    }

    fn moment(&self, place: usize) -> Moment {
        self.chunks[place / CHUNK_SLOTS].moment(place % CHUNK_SLOTS)
    }

    fn chunk_mut(&mut self, number: usize) -> &mut Chunk {
        Arc::make_mut(&mut Arc::make_mut(&mut self.chunks)[number])
    }

    /// Tells some turns of a conversation who stands beside them, and how long they are with those around.
    fn surround_all(&mut self, turns: &[u32], range: std::ops::Range<usize>) {
        for at in range.start..range.end.min(turns.len()) {
            let beside = |at: Option<usize>| at.and_then(|at| turns.get(at)).copied();
            let links =
                [at.checked_sub(1), at.checked_add(1)].map(|at| beside(at).unwrap_or(NOWHERE));
            let words = |at: usize| {
                let place = turns[at] as usize;
                self.chunks[place / CHUNK_SLOTS].word_count(place % CHUNK_SLOTS)
            };
            let len8 = len8(at, turns.len(), words);
            self.surround(turns[at] as usize, links, len8);
        }
    }

    fn surround(&mut self, place: usize, links: [u32; 2], len8: u32) {
        let (chunk, slot) = (self.chunk_mut(place / CHUNK_SLOTS), place % CHUNK_SLOTS);
        let before = chunk.len8(slot);
        chunk.surround(slot, links, len8);
        self.total8 = self.total8 - u64::from(before) + u64::from(len8);
    }
}
