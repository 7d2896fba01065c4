//! The index that search reads: all live records of one user, or of the whole store, derived from rows and kept up by the log.
//!
//! An [`Index`] changes in place; a [`View`] of it is what a search holds, and never changes. They share chunks, and a chunk that some
//! view holds is copied before it is changed, so that searches and writes never wait for each other.

mod around;
mod chunk;
mod vocabulary;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::embed::{self, Embedder};
use crate::record::{Record, Timestamp};
use crate::scope::Scope;
use crate::store::Stored;
use crate::text;

pub(crate) use chunk::{CHUNK_SLOTS, Chunk};
use chunk::{NOWHERE, Neighbours, REACH};
pub(crate) use vocabulary::{QueryTerm, Vocabulary};

/// A record and what its own text gives, whatever its context.
#[derive(Debug)]
pub(crate) struct Document {
    pub record: Record,
    /// Its place in the order of adding.
    pub seq: i64,
    pub vector: Box<[i8]>,
    /// The terms of its text and, for a turn, of its date, each once with its count, in order of first appearance (spec 8.3).
    pub words: Box<[(u32, u32)]>,
    /// How many words it has, each as often as it occurs.
    pub word_count: u64,
    /// The terms of the name of a turn's speaker.
    pub speaker: Box<[u32]>,
    /// Whether it is a turn that asks something.
    pub asks: bool,
    /// Distinct tokens for the second stage of ranking (spec 8.9).
    pub tokens: Box<[u16]>,
}

impl Document {
    /// Only with the built-in embedder a second stage compares tokens.
    pub fn new(stored: Stored, embedder: &Embedder, vocabulary: &mut Vocabulary) -> Self {
        let record = stored.record;
        let text = record.text();
        let tokens = match embedder {
            Embedder::BuiltIn => embed::distinct_tokens(&embed::token_ids(&text)).into(),
            _ => Box::default(),
        };
        let mut words = text::terms(&text);
        drop(text);
        let mut speaker = Vec::new();
        let is_turn = record.role.is_some();
        if is_turn {
            words.extend(text::date_terms(record.created_at.as_millis()));
            speaker = record.name.as_deref().map(text::terms).unwrap_or_default();
        }
        let numbers =
            |counted: Vec<(u32, u32)>| counted.into_iter().map(|(term, _)| term).collect();
        Document {
            word_count: words.len() as u64,
            words: vocabulary.count_terms(&words).into(),
            speaker: numbers(vocabulary.count_terms(&speaker)),
            asks: is_turn && record.content.contains(['?', '\u{61f}', '\u{ff1f}']),
            tokens,
            seq: stored.seq,
            vector: stored.vector.into(),
            record,
        }
    }

    /// How often a term is among its words.
    pub fn count(&self, term: u32) -> u32 {
        let mut words = self.words.iter();
        words
            .find(|(word, _)| *word == term)
            .map_or(0, |&(_, count)| count)
    }

    pub fn is_turn(&self) -> bool {
        self.record.role.is_some()
    }

    fn moment(&self) -> Moment {
        (self.record.created_at.as_millis(), self.seq)
    }

    /// About how much memory it takes with its place in a chunk.
    fn bytes(&self) -> usize {
        let record = &self.record;
        // A key and a value of metadata take some hundred bytes beside their text.
        400 + record.content.len()
            + record.metadata.len() * 200
            + self.vector.len() * 2
            + self.words.len() * 16
            + self.tokens.len() * 2
    }
}

/// When a turn happened; ties in the order of adding.
type Moment = (i64, i64);

/// The records that a search of one user, or of all, can find.
#[derive(Debug)]
pub(crate) struct Index {
    chunks: Vec<Arc<Chunk>>,
    /// Where each live record is, by `seq`: chunk * CHUNK_SLOTS + slot.
    places: HashMap<i64, usize>,
    free: Vec<usize>,
    /// The live turns of each conversation in order.
    conversations: HashMap<Scope, BTreeMap<Moment, usize>>,
    /// Live records that will expire, by (expiry, seq).
    expiring: BTreeMap<(i64, i64), ()>,
    /// Records that have expired, kept because a clock may go back.
    expired: BTreeMap<(i64, i64), Arc<Document>>,
    now: Timestamp,
    bytes: usize,
}

impl Index {
    pub fn new(now: Timestamp) -> Self {
        Index {
            chunks: Vec::new(),
            places: HashMap::new(),
            free: Vec::new(),
            conversations: HashMap::new(),
            expiring: BTreeMap::new(),
            expired: BTreeMap::new(),
            now,
            bytes: 0,
        }
    }

    /// What a search holds: it does not change while the index does.
    pub fn view(&self) -> View {
        View {
            chunks: self.chunks.clone(),
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether both find the same records by the same terms and vectors.
    pub fn equals(&self, other: &Index) -> bool {
        let (view, others) = (self.view(), other.view());
        let sums = |view: &View| (view.live(), view.total8(), view.words());
        sums(&view) == sums(&others)
            && self.expired.keys().eq(other.expired.keys())
            && self.places.iter().all(|(seq, &place)| {
                other.places.get(seq).is_some_and(|&elsewhere| {
                    let (here, there) = (
                        &self.chunks[place / CHUNK_SLOTS],
                        &other.chunks[elsewhere / CHUNK_SLOTS],
                    );
                    here.equals_at(place % CHUNK_SLOTS, there, elsewhere % CHUNK_SLOTS)
                        && self.around(place) == other.around(elsewhere)
                })
            })
    }

    /// The neighbours of a record by their places in the order of adding.
    fn around(&self, place: usize) -> Vec<(i64, usize)> {
        let neighbours = self.chunks[place / CHUNK_SLOTS].neighbours(place % CHUNK_SLOTS);
        neighbours
            .map(|(place, distance)| (self.document(place).seq, distance))
            .collect()
    }

    /// Takes in a record, in the state that the store has now.
    pub fn insert(&mut self, document: Document) {
        self.bytes += document.bytes();
        self.place(Arc::new(document));
    }

    /// Forgets a record; one that is not here is no error.
    pub fn remove(&mut self, seq: i64) {
        if let Some(document) = self.displace(seq) {
            self.bytes -= document.bytes();
            self.expiring.remove(&(expiry(&document.record), seq));
        } else if let Some(key) = self
            .expired
            .keys()
            .find(|(_, expired)| *expired == seq)
            .copied()
        {
            let document = self.expired.remove(&key).expect("the key was just found");
            self.bytes -= document.bytes();
        }
    }

    /// Moves to another time, forwards or back: what expires leaves, what has not yet expired returns.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        while let Some((&(expires, seq), ())) = self.expiring.first_key_value() {
            if expires > now.as_millis() {
                break;
            }
            self.expiring.remove(&(expires, seq));
            let document = self
                .displace(seq)
                .expect("a record that will expire is live");
            self.expired.insert((expires, seq), document);
        }
        while let Some((&(expires, seq), _)) = self.expired.last_key_value() {
            if expires <= now.as_millis() {
                break;
            }
            let document = self
                .expired
                .remove(&(expires, seq))
                .expect("the key was just read");
            self.place(document);
        }
    }

    /// Puts a record among the live, or among the expired.
    fn place(&mut self, document: Arc<Document>) {
        let (seq, expires) = (document.seq, expiry(&document.record));
        if !document.record.is_live(self.now) {
            self.expired.insert((expires, seq), document);
            return;
        }
        if document.record.expires_at.is_some() {
            self.expiring.insert((expires, seq), ());
        }
        let place = self.free.pop().unwrap_or_else(|| self.new_place());
        self.chunk_mut(place)
            .put(place % CHUNK_SLOTS, Arc::clone(&document));
        self.places.insert(seq, place);
        if document.is_turn() {
            let turns = self
                .conversations
                .entry(document.record.scope.clone())
                .or_default();
            turns.insert(document.moment(), place);
        }
        if document.is_turn() {
            self.derive_around(&document);
        } else {
            self.surround(place, &[]);
        }
    }

    fn displace(&mut self, seq: i64) -> Option<Arc<Document>> {
        let place = self.places.remove(&seq)?;
        let document = self
            .chunk_mut(place)
            .take(place % CHUNK_SLOTS)
            .expect("a place holds a record");
        self.free.push(place);
        if document.is_turn()
            && let Some(turns) = self.conversations.get_mut(&document.record.scope)
        {
            turns.remove(&document.moment());
            if turns.is_empty() {
                self.conversations.remove(&document.record.scope);
            }
        }
        self.derive_around(&document);
        Some(document)
    }

    fn new_place(&mut self) -> usize {
        match self.chunks.last() {
            Some(last) if last.slots() < CHUNK_SLOTS => {
                (self.chunks.len() - 1) * CHUNK_SLOTS + last.slots()
            }
            _ => {
                self.chunks.push(Arc::default());
                (self.chunks.len() - 1) * CHUNK_SLOTS
            }
        }
    }

    fn chunk_mut(&mut self, place: usize) -> &mut Chunk {
        Arc::make_mut(&mut self.chunks[place / CHUNK_SLOTS])
    }

    fn document(&self, place: usize) -> &Arc<Document> {
        self.chunks[place / CHUNK_SLOTS]
            .document(place % CHUNK_SLOTS)
            .expect("a place holds a record")
    }

    /// Tells the turns around one that came or went, and it itself if it is there, who their neighbours are now.
    fn derive_around(&mut self, document: &Document) {
        let Some(turns) = self.conversations.get(&document.record.scope) else {
            return;
        };
        let moment = document.moment();
        let later = (Bound::Excluded(moment), Bound::Unbounded);
        // As far as a neighbour's neighbours reach.
        let before: Vec<usize> = turns
            .range(..=moment)
            .rev()
            .map(|(_, &place)| place)
            .take(2 * REACH + 1)
            .collect();
        let after = turns.range(later).map(|(_, &place)| place).take(2 * REACH);
        let first = before.len().saturating_sub(REACH + 1);
        let line: Vec<usize> = before.iter().rev().copied().chain(after).collect();
        for index in first..line.len().min(before.len() + REACH) {
            let at = |place: Option<usize>| place.and_then(|place| line.get(place)).copied();
            let around = (1..=REACH).flat_map(|k| [at(index.checked_sub(k)), at(Some(index + k))]);
            self.surround(line[index], &around.collect::<Vec<_>>());
        }
    }

    /// Sets the neighbours of a record, in the order of [`Neighbours`], and with them its length.
    fn surround(&mut self, place: usize, around: &[Option<usize>]) {
        let mut neighbours: Neighbours = [NOWHERE; 2 * REACH];
        let mut len8 = self.document(place).word_count << REACH;
        for (index, neighbour) in around.iter().enumerate() {
            if let Some(neighbour) = *neighbour {
                neighbours[index] =
                    u32::try_from(neighbour).expect("memory ends before 2^32 records");
                len8 += self.document(neighbour).word_count << (REACH - 1 - index / 2);
            }
        }
        self.chunk_mut(place)
            .surround(place % CHUNK_SLOTS, neighbours, len8);
    }
}

fn expiry(record: &Record) -> i64 {
    record.expires_at.map_or(i64::MAX, Timestamp::as_millis)
}

/// All live records of an index at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub chunks: Vec<Arc<Chunk>>,
}

impl View {
    /// N: how many records there are.
    pub fn live(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.live()).sum()
    }

    /// The sum of the lengths of all records, in eighths.
    pub fn total8(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.total8()).sum()
    }

    /// How many words all records have together.
    pub fn words(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.words()).sum()
    }

    /// How many records have a term among their own words.
    pub fn having(&self, term: u32) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.postings(term).len())
            .sum()
    }

    /// How many places there are, in use and free.
    pub fn places(&self) -> usize {
        self.chunks.len() * CHUNK_SLOTS
    }
}
