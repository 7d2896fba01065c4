//! One open store with everything that its handles share: connections, the queue of writes, loaded indexes.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::memory::ids::IdSource;
use crate::memory::importing::Part;
use crate::memory::indexes::Indexes;
use crate::memory::loading::{Loads, Made};
use crate::memory::queue::{Commit, Group, Outcome, Queue};
use crate::memory::recent::Recent;
use crate::memory::telling::tell_all;
use crate::memory::written::Written;
use crate::record::{Draft, Record, Revision, Timestamp};
use crate::scope::{Match, ScopeMatch};
use crate::search_index::{View, Vocabulary};
use crate::store::{Batch, Embedding, Selection, Store, Version, lock, moved, try_lock};

/// A transaction takes no more writes after this time, so that other processes get their turn.
const TRANSACTION_TIME: Duration = Duration::from_millis(50);

/// What the vectors of a write are of, since the store may have moved before it is committed.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub embedding: Arc<Embedding>,
    /// Whether the handle named its embedder, and so wants no other.
    pub is_named: bool,
}

impl Basis {
    /// Gives the embedder of the store as it is now, if a write of this basis may go there.
    fn embedder_now<'a>(&self, now: &'a Embedding) -> Result<&'a Embedder> {
        let is_bound = self.is_named || self.embedding.embedder.is_own();
        if *now == *self.embedding || !is_bound {
            Ok(&now.embedder)
        } else {
            Err(moved())
        }
    }

    /// Gives the vector for the store as it is now: the one that was made, or another of the same text.
    fn vector(&self, made: Vec<i8>, now: &Embedding, record: &Record) -> Result<Vec<i8>> {
        let embedder = self.embedder_now(now)?;
        if *now == *self.embedding {
            return Ok(made);
        }
        embedder.vector(None, &record.text())
    }
}

/// A write that has been checked and embedded.
#[derive(Debug)]
pub(super) enum Write {
    Add(Draft, Vec<i8>, Basis),
    AddMany(Vec<(Draft, Vec<i8>)>, Basis),
    Update {
        id: String,
        scope: ScopeMatch,
        revision: Revision,
        /// That of the caller's embedder, if it was given.
        vector: Option<Vec<i8>>,
        basis: Basis,
    },
    Delete {
        id: String,
        scope: ScopeMatch,
    },
    Clear(Selection),
    Purge {
        id: String,
        scope: ScopeMatch,
    },
    PurgeAll(Selection),
    Compact {
        until: Option<i64>,
    },
    Import(Box<Part>),
}

impl Write {
    /// Whether it says no before it has written anything, if it does.
    fn is_whole(&self) -> bool {
        matches!(
            self,
            Write::Add(..) | Write::Update { .. } | Write::Delete { .. }
        )
    }

    /// Whether its bytes must be gone from the file before it is answered.
    fn erases(&self) -> bool {
        matches!(
            self,
            Write::Purge { .. } | Write::PurgeAll(_) | Write::Compact { .. }
        )
    }
}

/// The one engine of a file in this process.
pub(super) struct Engine {
    /// Left alone by a forked child: its connections and locks are the parent's.
    store: ManuallyDrop<Store>,
    process: u32,
    ids: Mutex<IdSource>,
    pub(super) indexes: Mutex<Indexes>,
    /// Of all indexes. Who holds it waits for no other lock.
    pub(super) vocabulary: Mutex<Vocabulary>,
    /// Whose indexes are being loaded; the lock of `indexes` is not held for that.
    pub(super) loads: Loads,
    /// What the store's vectors were of when it was last looked at.
    embedding: Mutex<Arc<Embedding>>,
    recent: Recent,
    queue: Queue<(Write, Timestamp), Written>,
}

impl Engine {
    pub fn new(store: Store, cache_bytes: u64) -> Result<Self> {
        let embedding = Arc::new(store.read(|snapshot| snapshot.embedding())?);
        let indexes = Indexes::new(Arc::clone(&embedding), cache_bytes);
        Ok(Engine {
            store: ManuallyDrop::new(store),
            process: std::process::id(),
            ids: Mutex::default(),
            indexes: Mutex::new(indexes),
            vocabulary: Mutex::default(),
            loads: Loads::default(),
            embedding: Mutex::new(embedding),
            recent: Recent::new(cache_bytes),
            queue: Queue::default(),
        })
    }

    /// What the store's vectors were of when it was last looked at.
    pub fn embedding(&self) -> Arc<Embedding> {
        Arc::clone(
            &self
                .embedding
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// What the store's vectors are of now.
    pub fn refresh_embedding(&self) -> Result<Arc<Embedding>> {
        let found = self.store.embedding()?;
        Ok(self.note_embedding(&found))
    }

    /// Keeps what a transaction has found.
    pub fn note_embedding(&self, found: &Arc<Embedding>) -> Arc<Embedding> {
        let mut known = self
            .embedding
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if **known != **found {
            *known = Arc::clone(found);
        }
        Arc::clone(&known)
    }

    /// Whether this process opened it, and did not inherit it through a fork.
    pub fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether each loaded index equals one that is made anew.
    pub fn stale_indexes(&self, now: Timestamp) -> Result<bool> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        self.store
            .read(|snapshot| indexes.find_stale(snapshot, now, &self.vocabulary))
    }

    /// All indexes, with that of a user, which is loaded if it is missing, or lacks the words that are wanted: meanwhile others are not held up.
    fn loaded(
        &self,
        user: &Match,
        wants_words: bool,
        now: Timestamp,
    ) -> Result<MutexGuard<'_, Indexes>> {
        loop {
            let indexes = lock(&self.indexes);
            if indexes.has(user, wants_words) {
                return Ok(indexes);
            }
            drop(indexes);
            let Some(turn) = self.loads.begin(user) else {
                continue;
            };
            let version = self.store.version()?;
            let made = self
                .store
                .read(|snapshot| Made::new(snapshot, user, wants_words, now, &self.vocabulary))?;
            let mut indexes = lock(&self.indexes);
            indexes.take(user, made, version);
            indexes.evict(user, &self.vocabulary);
            drop(turn);
            return Ok(indexes);
        }
    }

    /// The index of a user, or of the whole store for `Match::Any`, as of now; `terms` looks words up in it, which it need not have unless they
    /// are wanted.
    pub fn view<T>(
        &self,
        user: &Match,
        wants_words: bool,
        now: Timestamp,
        terms: impl FnOnce(&Vocabulary, &View, &Embedder) -> T,
    ) -> Result<(View, Arc<Embedding>, T)> {
        let mut indexes = self.loaded(user, wants_words, now)?;
        let version = self.store.version()?;
        if !indexes.has(user, wants_words) || !indexes.are_of(version) {
            let read = self.store.read(|snapshot| {
                indexes.bring_up(snapshot, user, wants_words, now, &self.vocabulary)
            });
            indexes.note(read.is_ok().then_some(version));
            read?;
            indexes.evict(user, &self.vocabulary);
        }
        let (view, embedding) = indexes.view(user, now);
        let embedding = self.note_embedding(&embedding);
        let vocabulary = lock(&self.vocabulary);
        let terms = terms(&vocabulary, &view, &embedding.embedder);
        Ok((view, embedding, terms))
    }

    /// The same, or nothing if the index has to be loaded or moved in time, to be brought up by more than a moment takes, or another thread waited
    /// for.
    pub fn try_view<T>(
        &self,
        user: &Match,
        wants_words: bool,
        now: Timestamp,
        terms: impl FnOnce(&Vocabulary, &View, &Embedder) -> T,
    ) -> Result<Option<(View, Arc<Embedding>, T)>> {
        let Some(mut indexes) = try_lock(&self.indexes) else {
            return Ok(None);
        };
        if !indexes.stand_at(user, wants_words, now) {
            return Ok(None);
        }
        let Some(version) = self.store.try_version()? else {
            return Ok(None);
        };
        let Some(mut vocabulary) = try_lock(&self.vocabulary) else {
            return Ok(None);
        };
        if !indexes.are_of(version) && !self.try_bring_up(&mut indexes, &mut vocabulary, version)? {
            return Ok(None);
        }
        let (view, embedding) = indexes.view(user, now);
        let terms = terms(&vocabulary, &view, &embedding.embedder);
        Ok(Some((view, embedding, terms)))
    }

    /// Brings the indexes up by a few changes, if what is to be read of them is in memory; false if it did nothing.
    fn try_bring_up(
        &self,
        indexes: &mut Indexes,
        vocabulary: &mut Vocabulary,
        version: Version,
    ) -> Result<bool> {
        if indexes.are_read() {
            return Ok(false);
        }
        let changes = self
            .store
            .try_read(|snapshot| indexes.few_changes(snapshot))?;
        let Some(changes) = changes.flatten() else {
            return Ok(false);
        };
        let taken = indexes.take_few(changes, vocabulary);
        indexes.note(taken.is_ok().then_some(version));
        taken.map(|()| true)
    }

    /// The record with this id, expired or not.
    pub fn by_id(&self, id: &str) -> Result<Option<Record>> {
        let version = self.store.version()?;
        if let Some(record) = self.recent.get(id, version) {
            return Ok(Some(record));
        }
        let found = self.store.by_id(id)?;
        self.keep(found.as_ref(), version);
        Ok(found)
    }

    /// The same, or nothing if it is not at hand.
    pub fn try_by_id(&self, id: &str) -> Result<Option<Option<Record>>> {
        let Some(version) = self.store.try_version()? else {
            return Ok(None);
        };
        if let Some(record) = self.recent.get(id, version) {
            return Ok(Some(Some(record)));
        }
        let found = self.store.try_by_id(id)?;
        self.keep(found.as_ref().and_then(Option::as_ref), version);
        Ok(found)
    }

    fn keep(&self, found: Option<&Record>, version: Version) {
        if let Some(record) = found {
            self.recent.keep(record, version);
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.is_ours() {
            #[allow(
                unsafe_code,
                reason = "ManuallyDrop is the way to leave a value alone in one case; dropped here once, and never used after"
            )]
            // SAFETY: `store` is not used after this, since `self` is being dropped, and it is dropped nowhere else.
            unsafe {
                ManuallyDrop::drop(&mut self.store);
            }
        }
    }
}

impl Commit for Engine {
    type Write = (Write, Timestamp);
    type Answer = Written;

    fn queue(&self) -> &Queue<Self::Write, Written> {
        &self.queue
    }

    fn commit(&self, group: Group<Self::Write, Written>) {
        let mut waiting = group.into_iter();
        while waiting.len() > 0 {
            self.commit_some(&mut waiting);
        }
    }
}

impl Engine {
    /// Commits the first of those that wait: as many as fit in the time that one transaction may take.
    fn commit_some(
        &self,
        waiting: &mut std::vec::IntoIter<((Write, Timestamp), Outcome<Written>)>,
    ) {
        let alone = waiting.len() == 1;
        let mut taken: Vec<(Outcome<Written>, Result<Written>)> = Vec::new();
        let mut erasing: Vec<(Outcome<Written>, Result<Written>)> = Vec::new();
        let committed = self.store.write(|batch| {
            let begun = Instant::now();
            let embedding = self.note_embedding(batch.embedding());
            for ((write, now), outcome) in waiting.by_ref() {
                let told = if write.erases() {
                    &mut erasing
                } else {
                    &mut taken
                };
                // One that is alone needs no savepoint: it is undone with the transaction.
                let part = if alone {
                    self.run(batch, write, now, &embedding).map(Ok)
                } else if write.is_whole() {
                    batch.whole(|batch| self.run(batch, write, now, &embedding))
                } else {
                    batch.part(|batch| self.run(batch, write, now, &embedding))
                };
                match part {
                    Ok(part) => told.push((outcome, part)),
                    Err(error) => {
                        told.push((outcome, Err(same(&error))));
                        return Err(error);
                    }
                }
                if begun.elapsed() > TRANSACTION_TIME {
                    break;
                }
            }
            Ok(())
        });
        let Err(error) = committed else {
            tell_all(taken);
            return self.erase_for(erasing);
        };
        taken.extend(erasing);
        if taken.is_empty() {
            // The transaction could not begin, and would not for the others.
            tell_all(waiting.map(|(_, outcome)| (outcome, Err(same(&error)))));
        }
        // A write that had failed by itself keeps its own error.
        let failed =
            |(outcome, result): (_, Result<_>)| (outcome, result.and_then(|_| Err(same(&error))));
        tell_all(taken.into_iter().map(failed));
    }

    /// Erases what the transaction deleted, and tells those who wait for it.
    fn erase_for(&self, erasing: Vec<(Outcome<Written>, Result<Written>)>) {
        if erasing.is_empty() || !self.store.pending_erasure() {
            self.store.retry_erasure();
            return tell_all(erasing);
        }
        let erased = self.store.erase();
        let told = |(outcome, result): (_, Result<_>)| match &erased {
            Ok(()) => (outcome, result),
            Err(error) => (outcome, result.and_then(|_| Err(same(error)))),
        };
        tell_all(erasing.into_iter().map(told));
    }

    fn run(
        &self,
        batch: &mut Batch<'_>,
        write: Write,
        now: Timestamp,
        embedding: &Embedding,
    ) -> Result<Written> {
        match write {
            Write::Add(draft, vector, basis) => {
                let vector = basis.vector(vector, embedding, &draft.record)?;
                self.add(batch, draft, vector, now)
                    .map(|record| Written::Record(Box::new(record)))
            }
            Write::AddMany(items, basis) => {
                basis.embedder_now(embedding)?;
                let add = |(index, (draft, vector)): (usize, (Draft, Vec<i8>))| {
                    let added = basis
                        .vector(vector, embedding, &draft.record)
                        .and_then(|vector| self.add(batch, draft, vector, now));
                    added.map_err(|error| {
                        if error.field().is_some() {
                            error.within(&format!("items[{index}]"))
                        } else {
                            error
                        }
                    })
                };
                items
                    .into_iter()
                    .enumerate()
                    .map(add)
                    .collect::<Result<_>>()
                    .map(Written::Records)
            }
            Write::Update {
                id,
                scope,
                revision,
                vector,
                basis,
            } => {
                let embedder = basis.embedder_now(embedding)?;
                if vector.is_some() && *embedding != *basis.embedding {
                    return Err(moved());
                }
                let embed = |record: &Record| match vector {
                    Some(vector) => Ok(Some(vector)),
                    None if revision.content.is_none() => Ok(None),
                    None => embedder.vector(None, &record.text()).map(Some),
                };
                let updated = batch.update(&id, &scope, &revision, now, embed);
                updated.map(|record| Written::Record(Box::new(record)))
            }
            Write::Delete { id, scope } => batch.delete(&id, &scope, now).map(Written::Deleted),
            Write::Clear(selection) => batch.clear(&selection, now).map(Written::Cleared),
            Write::Purge { id, scope } => batch.purge(&id, &scope, now).map(Written::Deleted),
            Write::PurgeAll(selection) => {
                batch.purge_selected(&selection, now).map(Written::Cleared)
            }
            Write::Compact { until } => batch.compact(until, now).map(Written::Cleared),
            Write::Import(part) => part.write(batch, now, embedding),
        }
    }

    fn add(
        &self,
        batch: &mut Batch<'_>,
        mut draft: Draft,
        vector: Vec<i8>,
        now: Timestamp,
    ) -> Result<Record> {
        if draft.record.id.is_empty() {
            draft.record.id = self
                .ids
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next(now);
        }
        batch.add(draft, vector, now)
    }
}

pub(super) fn damaged_vector() -> Error {
    Error::new(Code::Corrupt, "has a vector that is not its embedder's").at("path")
}

/// The error of a transaction, told to each of those whose writes it undid.
fn same(error: &Error) -> Error {
    let copy = Error::new(error.code(), error.message());
    match error.field() {
        Some(field) => copy.at(field),
        None => copy,
    }
}

/// The error of a handle that can no longer be used.
pub(super) fn closed() -> Error {
    Error::new(Code::Closed, "the memory is closed")
}
