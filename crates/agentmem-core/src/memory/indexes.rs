//! The indexes that are loaded, kept up by the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::memory::engine::damaged_vector;
use crate::memory::loading::{self, Made, Reading};
use crate::record::Timestamp;
use crate::scope::Match;
use crate::search_index::{Analysed, Document, Index, View, Vocabulary};
use crate::store::{Embedding, Snapshot, Stored, Version, lock};

/// Changes that are taken in without waiting, at most: events, and bytes of content, whose analysis takes some tens of nanoseconds each.
const FEW_EVENTS: i64 = 4;
const FEW_BYTES: usize = 1024;

/// The few records that events have touched, by the events that added them, in the state that they have now.
pub(super) struct FewChanges {
    last_seq: i64,
    touched: Vec<(i64, Option<Stored>)>,
}

/// The indexes that are loaded, all as of the same event.
pub(super) struct Indexes {
    applied: i64,
    /// The version of the store when it was last read; none if something has to be read again.
    version: Option<Version>,
    embedding: Arc<Embedding>,
    loaded: HashMap<Match, Loaded>,
    cache_bytes: u64,
    uses: u64,
}

#[derive(Debug)]
struct Loaded {
    index: Index,
    /// Without words it answers what asks for vectors alone.
    has_words: bool,
    last_use: u64,
}

impl Indexes {
    pub fn new(embedding: Arc<Embedding>, cache_bytes: u64) -> Self {
        Indexes {
            applied: 0,
            version: None,
            embedding,
            loaded: HashMap::new(),
            cache_bytes,
            uses: 0,
        }
    }

    /// Whether the index of a user is loaded, with words if they are wanted.
    pub fn has(&self, user: &Match, wants_words: bool) -> bool {
        self.loaded_for(user, wants_words).is_some()
    }

    /// Whether it is, and nothing expires in it and nothing returns at a time.
    pub fn stand_at(&self, user: &Match, wants_words: bool, now: Timestamp) -> bool {
        let loaded = self.loaded_for(user, wants_words);
        loaded.is_some_and(|loaded| loaded.index.stands_at(now))
    }

    fn loaded_for(&self, user: &Match, wants_words: bool) -> Option<&Loaded> {
        let loaded = self.loaded.get(user);
        loaded.filter(|loaded| loaded.has_words || !wants_words)
    }

    /// Whether all are of this version of the store.
    pub fn are_of(&self, version: Version) -> bool {
        self.version == Some(version)
    }

    /// Notes which version they have been brought to; none if that went wrong.
    pub fn note(&mut self, version: Option<Version>) {
        if version.is_none() {
            // Half of the changes may have been applied: what is loaded again is right.
            self.loaded.clear();
        }
        self.version = version;
    }

    /// Takes in an index that was made while others may have used, changed or dropped those that are here. It is at least of the version that is
    /// given.
    ///
    /// What it lacks, or the others, is applied with what the log has next: from the earlier of both on. To apply a state twice changes nothing.
    pub fn take(&mut self, user: &Match, made: Made, version: Version) {
        if self.loaded.is_empty() {
            self.embedding = Arc::new(made.embedding);
            self.applied = made.seq;
            self.version = Some(version);
        } else if made.embedding != *self.embedding {
            // The store moved to another embedder meanwhile: which of them is right is seen when they are brought up.
            self.version = None;
            return;
        } else if made.seq != self.applied || !self.are_of(version) {
            self.applied = self.applied.min(made.seq);
            self.version = None;
        }
        self.put(user, made.index, made.has_words);
    }

    /// Applies what the log has that has not been seen, and loads the index if it is missing.
    pub fn bring_up(
        &mut self,
        snapshot: &Snapshot<'_>,
        user: &Match,
        wants_words: bool,
        now: Timestamp,
        vocabulary: &Mutex<Vocabulary>,
    ) -> Result<()> {
        let embedding = snapshot.embedding()?;
        if embedding != *self.embedding {
            self.embedding = Arc::new(embedding);
            self.loaded.clear();
        }
        let last_seq = snapshot.last_seq()?;
        if last_seq < self.applied {
            self.loaded.clear();
        }
        if last_seq != self.applied {
            if !self.loaded.is_empty() {
                self.apply(snapshot, vocabulary)?;
            }
            self.applied = last_seq;
        }
        if !self.has(user, wants_words) {
            let reading = Reading::new(&self.embedding.embedder, wants_words);
            let index = loading::load(snapshot, user, now, reading, vocabulary)?;
            let has_words = reading.has_words;
            self.put(user, index, has_words);
        }
        Ok(())
    }

    fn put(&mut self, user: &Match, index: Index, has_words: bool) {
        let loaded = Loaded {
            index,
            has_words,
            last_use: 0,
        };
        self.loaded.insert(user.clone(), loaded);
    }

    /// What a search of a loaded index sees at a time.
    pub fn view(&mut self, user: &Match, now: Timestamp) -> (View, Arc<Embedding>) {
        self.uses += 1;
        let loaded = self.loaded.get_mut(user).expect("it is loaded");
        loaded.last_use = self.uses;
        loaded.index.set_now(now);
        (loaded.index.view(), Arc::clone(&self.embedding))
    }

    /// Brings every loaded index up to date and compares it with one that is made anew.
    pub fn find_stale(
        &mut self,
        snapshot: &Snapshot<'_>,
        now: Timestamp,
        vocabulary: &Mutex<Vocabulary>,
    ) -> Result<bool> {
        let loaded = self.loaded.iter();
        let users: Vec<(Match, bool)> = loaded
            .map(|(user, loaded)| (user.clone(), loaded.has_words))
            .collect();
        for (user, has_words) in users {
            self.bring_up(snapshot, &user, has_words, now, vocabulary)?;
            self.view(&user, now);
            let reading = Reading::new(&self.embedding.embedder, has_words);
            let fresh = loading::load(snapshot, &user, now, reading, vocabulary)?;
            let Some(loaded) = self.loaded.get(&user) else {
                continue;
            };
            if !loaded.index.equals(&fresh) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in the records that later events have touched, in the state that they have now.
    fn apply(&mut self, snapshot: &Snapshot<'_>, vocabulary: &Mutex<Vocabulary>) -> Result<()> {
        for seq in snapshot.touched_since(self.applied)? {
            let stored = snapshot.by_seq(seq)?;
            self.renew(seq, stored, |it| Document::new(it, &mut lock(vocabulary)))?;
        }
        self.loaded.retain(|_, loaded| !loaded.index.is_sparse());
        Ok(())
    }

    /// Takes in a record that an event has touched, or that it is gone.
    fn renew(
        &mut self,
        seq: i64,
        stored: Option<Stored>,
        document: impl FnOnce(Analysed) -> Document,
    ) -> Result<()> {
        let embedder = &self.embedding.embedder;
        if stored
            .as_ref()
            .is_some_and(|stored| stored.vector.len() != embedder.dimensions())
        {
            return Err(damaged_vector());
        }
        let user_id = stored
            .as_ref()
            .map(|stored| stored.record.scope.user_id.clone());
        let wants_words = self.loaded.values().any(|loaded| loaded.has_words);
        let reading = Reading::new(embedder, wants_words);
        let analysed = stored.map(|stored| reading.analyse(stored));
        let mut document = analysed.map(document);
        // First those that take all of it.
        for has_words in [true, false] {
            if !has_words && let Some(document) = &mut document {
                document.forget_words();
            }
            let loaded = self.loaded.iter_mut();
            for (user, loaded) in loaded.filter(|(_, loaded)| loaded.has_words == has_words) {
                match (&document, &user_id) {
                    (Some(document), Some(user_id)) if user.selects(user_id.as_deref()) => {
                        loaded.index.insert(document);
                    }
                    _ => loaded.index.remove(seq),
                }
            }
        }
        Ok(())
    }

    /// Reads what the log has that has not been seen: nothing if it is more than a few changes, or all must be loaded anew.
    pub fn few_changes(&self, snapshot: &Snapshot<'_>) -> Result<Option<FewChanges>> {
        let last_seq = snapshot.last_seq()?;
        let is_few = (0..=FEW_EVENTS).contains(&(last_seq - self.applied));
        if !is_few || snapshot.embedding()? != *self.embedding {
            return Ok(None);
        }
        let (mut touched, mut bytes) = (Vec::new(), 0);
        for seq in snapshot.touched_since(self.applied)? {
            let stored = snapshot.by_seq(seq)?;
            bytes += stored.as_ref().map_or(0, |it| it.record.content.len());
            touched.push((seq, stored));
        }
        Ok((bytes <= FEW_BYTES).then_some(FewChanges { last_seq, touched }))
    }

    /// Takes them in.
    pub fn take_few(&mut self, changes: FewChanges, vocabulary: &mut Vocabulary) -> Result<()> {
        for (seq, stored) in changes.touched {
            self.renew(seq, stored, |it| Document::new(it, vocabulary))?;
        }
        self.applied = changes.last_seq;
        Ok(())
    }

    /// Whether a search under way has one of them before it, which is copied before it changes.
    pub fn are_read(&self) -> bool {
        self.loaded.values().any(|loaded| loaded.index.is_read())
    }

    /// Drops the indexes that have not been used for longest until the rest fits; the one that is wanted stays.
    pub fn evict(&mut self, wanted: &Match, vocabulary: &Mutex<Vocabulary>) {
        let sizes = self.loaded.values().map(|loaded| loaded.index.bytes());
        let mut bytes = sizes.sum::<usize>() + lock(vocabulary).bytes();
        while bytes as u64 > self.cache_bytes {
            let others = self.loaded.iter().filter(|(user, _)| *user != wanted);
            let oldest = others.min_by_key(|(_, loaded)| loaded.last_use);
            let Some(oldest) = oldest.map(|(user, _)| user.clone()) else {
                break;
            };
            let removed = self.loaded.remove(&oldest);
            bytes -= removed.map_or(0, |loaded| loaded.index.bytes());
        }
    }
}
