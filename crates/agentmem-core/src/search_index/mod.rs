//! The index that search reads: all live records of one user, or of the whole store, derived from rows and kept up by the log.
//!
//! An [`Index`] changes in place; a [`View`] of it is what a search holds, and never changes. They share chunks, and a chunk that some
//! view holds is copied before it is changed, so that searches and writes never wait for each other.

mod around;
mod chunk;
mod vocabulary;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::embed;
use crate::record::{Record, Timestamp};
use crate::scope::Scope;
use crate::store::Stored;
use crate::text;

pub(crate) use chunk::{CHUNK_SLOTS, Chunk};
pub(crate) use vocabulary::Vocabulary;

/// A record and what its own text gives, whatever its context.
#[derive(Debug)]
pub(crate) struct Document {
    pub record: Record,
    /// Its place in the order of adding.
    pub seq: i64,
    pub vector: Box<[i8]>,
    /// Terms of its own text with their counts, by number of term.
    own: Box<[(u32, u32)]>,
    /// Distinct tokens for the second stage of ranking (spec 8.9).
    pub tokens: Box<[u16]>,
}

impl Document {
    pub fn new(stored: Stored, vocabulary: &mut Vocabulary) -> Self {
        let text = stored.record.text();
        let own = vocabulary.count_terms(&text::terms(&text)).into();
        let tokens = embed::distinct_tokens(&embed::token_ids(&text)).into();
        drop(text);
        Document {
            own,
            tokens,
            seq: stored.seq,
            vector: stored.vector.into(),
            record: stored.record,
        }
    }

    fn is_turn(&self) -> bool {
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
            + self.own.len() * 32
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
        let sums = |view: &View| (view.live(), view.total2());
        sums(&view) == sums(&others)
            && self.expired.keys().eq(other.expired.keys())
            && self.places.iter().all(|(seq, &place)| {
                other.places.get(seq).is_some_and(|&elsewhere| {
                    let (here, there) = (
                        &self.chunks[place / CHUNK_SLOTS],
                        &other.chunks[elsewhere / CHUNK_SLOTS],
                    );
                    here.equals_at(place % CHUNK_SLOTS, there, elsewhere % CHUNK_SLOTS)
                })
            })
    }

    /// Takes in a record, in the state that the store has now.
    pub fn insert(&mut self, document: Document, vocabulary: &mut Vocabulary) {
        self.bytes += document.bytes();
        self.place(Arc::new(document), vocabulary);
    }

    /// Forgets a record; one that is not here is no error.
    pub fn remove(&mut self, seq: i64, vocabulary: &mut Vocabulary) {
        if let Some(document) = self.displace(seq, vocabulary) {
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
    pub fn set_now(&mut self, now: Timestamp, vocabulary: &mut Vocabulary) {
        self.now = now;
        while let Some((&(expires, seq), ())) = self.expiring.first_key_value() {
            if expires > now.as_millis() {
                break;
            }
            self.expiring.remove(&(expires, seq));
            let document = self
                .displace(seq, vocabulary)
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
            self.place(document, vocabulary);
        }
    }

    /// Puts a record among the live, or among the expired.
    fn place(&mut self, document: Arc<Document>, vocabulary: &mut Vocabulary) {
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
        self.derive(place, vocabulary);
        self.derive_next(&document, vocabulary);
    }

    fn displace(&mut self, seq: i64, vocabulary: &mut Vocabulary) -> Option<Arc<Document>> {
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
        self.derive_next(&document, vocabulary);
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

    /// Derives the terms of the turn after this one, whose previous has changed.
    fn derive_next(&mut self, document: &Document, vocabulary: &mut Vocabulary) {
        if !document.is_turn() {
            return;
        }
        let moment = document.moment();
        let after = (
            std::ops::Bound::Excluded(moment),
            std::ops::Bound::Unbounded,
        );
        let turns = self.conversations.get(&document.record.scope);
        if let Some(place) = turns
            .and_then(|turns| turns.range(after).next())
            .map(|(_, &place)| place)
        {
            self.derive(place, vocabulary);
        }
    }

    /// Derives the terms of a record in its context: 2 own + previous + date (spec 8.3).
    fn derive(&mut self, place: usize, vocabulary: &mut Vocabulary) {
        let document = Arc::clone(self.document(place));
        let mut terms: Vec<(u32, u32)> = document
            .own
            .iter()
            .map(|&(term, count)| (term, 2 * count))
            .collect();
        if document.is_turn() {
            let turns = &self.conversations[&document.record.scope];
            if let Some((_, &previous)) = turns.range(..document.moment()).next_back() {
                terms.extend_from_slice(&self.document(previous).own);
            }
            terms.extend(
                vocabulary.count_terms(&text::date_terms(document.record.created_at.as_millis())),
            );
            terms.sort_unstable_by_key(|&(term, _)| term);
            terms.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0 };
                same
            });
        }
        self.chunk_mut(place)
            .set_terms(place % CHUNK_SLOTS, terms.into());
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

    /// The sum of the lengths of all records, in half units.
    pub fn total2(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.total2()).sum()
    }

    /// df: how many records have a term.
    pub fn document_frequency(&self, term: u32) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.postings(term).len())
            .sum()
    }
}
