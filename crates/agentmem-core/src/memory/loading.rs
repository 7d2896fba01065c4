//! Loading an index: rows are read and taken in by one thread, in their order, and analysed by the others from some size on.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, Scope, scope};

use crate::embed::Embedder;
use crate::error::Result;
use crate::memory::cores;
use crate::memory::engine::damaged_vector;
use crate::record::Timestamp;
use crate::scope::Match;
use crate::search_index::{Analysed, Document, Index, Vocabulary};
use crate::store::{Embedding, Snapshot, Stored, lock};

/// Who asks for no more records does not pay for threads, which take as long to start as some ten records to analyse.
const FIRST_PIECE: usize = 512;
/// So many a thread takes at a time, once there are threads: some two kilobytes each while they are on their way.
const PIECE: usize = 128;
/// So many pieces wait for each thread, so that none has to wait for the one that reads. Behind them reading waits: memory does not grow with the store.
const AHEAD: usize = 2;

/// An index that was made without holding up who uses others.
pub(super) struct Made {
    pub index: Index,
    pub has_words: bool,
    /// Of the last event that it knows of.
    pub seq: i64,
    pub embedding: Embedding,
}

impl Made {
    pub fn new(
        snapshot: &Snapshot<'_>,
        user: &Match,
        wants_words: bool,
        now: Timestamp,
        vocabulary: &Mutex<Vocabulary>,
    ) -> Result<Self> {
        let (seq, embedding) = (snapshot.last_seq()?, snapshot.embedding()?);
        let reading = Reading::new(&embedding.embedder, wants_words);
        let index = load(snapshot, user, now, reading, vocabulary)?;
        Ok(Made {
            index,
            has_words: reading.has_words,
            seq,
            embedding,
        })
    }
}

/// How records become what an index takes.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub embedder: &'a Embedder,
    /// Whether their texts are analysed: most of the work, and for nothing where vectors of the caller's own are all that anybody asks for.
    pub has_words: bool,
}

impl<'a> Reading<'a> {
    /// The built-in embedder compares words by all means.
    pub fn new(embedder: &'a Embedder, wants_words: bool) -> Self {
        Reading {
            embedder,
            has_words: wants_words || !embedder.is_own(),
        }
    }

    pub fn analyse(self, stored: Stored) -> Analysed {
        match self.has_words {
            true => Analysed::new(stored, self.embedder),
            false => Analysed::without_words(stored),
        }
    }
}

/// Makes the index of a user anew.
pub(super) fn load(
    snapshot: &Snapshot<'_>,
    user: &Match,
    now: Timestamp,
    reading: Reading<'_>,
    vocabulary: &Mutex<Vocabulary>,
) -> Result<Index> {
    let mut index = load_from(now, reading, vocabulary, |each| {
        snapshot.partition(user, each)
    })?;
    index.settle();
    Ok(index)
}

/// Makes an index of what `rows` gives in its order.
pub(super) fn load_from(
    now: Timestamp,
    reading: Reading<'_>,
    vocabulary: &Mutex<Vocabulary>,
    rows: impl FnOnce(&mut dyn FnMut(Stored) -> Result<()>) -> Result<()>,
) -> Result<Index> {
    let mut index = Index::new(now);
    let mut insert = |analysed: Vec<Analysed>| {
        let mut vocabulary = lock(vocabulary);
        let documents = analysed
            .into_iter()
            .map(|it| Document::new(it, &mut vocabulary));
        let documents: Vec<Document> = documents.collect();
        drop(vocabulary);
        documents.iter().for_each(|document| index.insert(document));
    };
    scope(|threads| {
        let mut pieces: Option<Pieces> = None;
        let mut piece = Vec::new();
        rows(&mut |stored| {
            if stored.vector.len() != reading.embedder.dimensions() {
                return Err(damaged_vector());
            }
            let size = if pieces.is_none() { FIRST_PIECE } else { PIECE };
            if piece.len() == size {
                let full = std::mem::take(&mut piece);
                if reading.has_words {
                    let pieces = pieces.get_or_insert_with(|| Pieces::start(threads, reading));
                    pieces.give(full, reading, &mut insert);
                } else {
                    insert(analyse(full, reading));
                }
            }
            piece.push(stored);
            Ok(())
        })?;
        if let Some(pieces) = pieces {
            pieces.finish(&mut insert);
        }
        insert(analyse(piece, reading));
        Ok(())
    })?;
    Ok(index)
}

fn analyse(piece: Vec<Stored>, reading: Reading<'_>) -> Vec<Analysed> {
    let piece = piece.into_iter();
    piece.map(|it| reading.analyse(it)).collect()
}

/// Pieces of a partition on their way through the threads that analyse them.
struct Pieces {
    tasks: SyncSender<(usize, Vec<Stored>)>,
    done: Receiver<(usize, Vec<Analysed>)>,
    /// Those that are done before it is their turn.
    early: BTreeMap<usize, Vec<Analysed>>,
    /// How many were given, and how many were taken in.
    given: usize,
    taken: usize,
    most_early: usize,
}

impl Pieces {
    /// Starts the threads; they end when there is nothing more to be done.
    fn start<'scope>(threads: &'scope Scope<'scope, '_>, reading: Reading<'scope>) -> Pieces {
        // One thread reads.
        let others = cores::threads() - 1;
        let (tasks, left) = sync_channel(AHEAD * others);
        let (tell, done) = channel();
        let left = Arc::new(Mutex::new(left));
        for _ in 0..others {
            let (left, tell) = (Arc::clone(&left), tell.clone());
            let work = move || work(&left, &tell, reading);
            // Where no thread can be had, the others do its share.
            drop(Builder::new().spawn_scoped(threads, work));
        }
        Pieces {
            tasks,
            done,
            early: BTreeMap::new(),
            given: 0,
            taken: 0,
            most_early: 2 * AHEAD * others.max(1),
        }
    }

    /// Gives a piece to the threads, or does it here if they have enough, and takes in what is done.
    fn give(
        &mut self,
        piece: Vec<Stored>,
        reading: Reading<'_>,
        insert: &mut impl FnMut(Vec<Analysed>),
    ) {
        let number = self.given;
        self.given += 1;
        match self.tasks.try_send((number, piece)) {
            Ok(()) => {}
            Err(
                TrySendError::Full((number, piece)) | TrySendError::Disconnected((number, piece)),
            ) => {
                self.early.insert(number, analyse(piece, reading));
            }
        }
        while let Ok((number, analysed)) = self.done.try_recv() {
            self.early.insert(number, analysed);
        }
        self.take_in(insert);
        // Somebody is slow with the one whose turn it is.
        while self.early.len() > self.most_early {
            let Ok((number, analysed)) = self.done.recv() else {
                return;
            };
            self.early.insert(number, analysed);
            self.take_in(insert);
        }
    }

    /// Takes in what is left.
    fn finish(mut self, insert: &mut impl FnMut(Vec<Analysed>)) {
        drop(self.tasks);
        // Ends when all threads have ended: also if one has panicked, which the scope makes known.
        for (number, analysed) in self.done {
            self.early.insert(number, analysed);
        }
        for (_, analysed) in self.early {
            insert(analysed);
        }
    }

    fn take_in(&mut self, insert: &mut impl FnMut(Vec<Analysed>)) {
        while let Some(analysed) = self.early.remove(&self.taken) {
            insert(analysed);
            self.taken += 1;
        }
    }
}

/// Analyses pieces until there are no more.
fn work(
    left: &Mutex<Receiver<(usize, Vec<Stored>)>>,
    tell: &Sender<(usize, Vec<Analysed>)>,
    reading: Reading<'_>,
) {
    loop {
        let next = lock(left).recv();
        let Ok((number, piece)) = next else {
            return;
        };
        if tell.send((number, analyse(piece, reading))).is_err() {
            return;
        }
    }
}

/// Whose indexes are being loaded, each by one thread.
#[derive(Debug, Default)]
pub(super) struct Loads {
    users: Mutex<HashSet<Match>>,
    ended: Condvar,
}

impl Loads {
    /// Lets the caller load the index of a user; if somebody does already, waits for the end of that and gives nothing.
    pub fn begin(&self, user: &Match) -> Option<Load<'_>> {
        let mut users = lock(&self.users);
        if users.insert(user.clone()) {
            return Some(Load {
                loads: self,
                user: user.clone(),
            });
        }
        while users.contains(user) {
            users = self
                .ended
                .wait(users)
                .unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

/// A load under way; it ends with this value, whatever came of it.
#[derive(Debug)]
pub(super) struct Load<'a> {
    loads: &'a Loads,
    user: Match,
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        lock(&self.loads.users).remove(&self.user);
        self.loads.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Memory, NewRecord, Options, Search, Select};
    use crate::rank::Mode;

    fn turn(number: usize) -> NewRecord {
        NewRecord {
            id: Some(number.to_string()),
            user_id: Some(["ada", "bob"][number % 2].to_owned()),
            role: Some("user".to_owned()),
            ..NewRecord::from(format!("tea number {number} of {}", number % 77))
        }
    }

    fn filled(count: usize) -> Memory {
        let memory = Memory::new().unwrap();
        memory.add_many((0..count).map(turn).collect()).unwrap();
        memory
    }

    fn of(user: &str) -> Search {
        let mut select = Select::default();
        select.scope.user_id = user.into();
        Search {
            select,
            ..Search::default()
        }
    }

    #[test]
    fn an_index_is_the_same_whoever_analysed_its_records() {
        let now = Timestamp::from_millis(0).unwrap();
        for count in [
            0,
            1,
            FIRST_PIECE,
            FIRST_PIECE + 1,
            FIRST_PIECE + 20 * PIECE + 3,
        ] {
            let memory = filled(count);
            let engine = memory.engine().unwrap();
            let (store, embedding) = (engine.store(), engine.embedding());
            let embedder = &embedding.embedder;
            let vocabulary = Mutex::default();
            let reading = Reading::new(embedder, true);
            store
                .read(|snapshot| {
                    let loaded = load(snapshot, &Match::Any, now, reading, &vocabulary)?;
                    let mut alone = Index::new(now);
                    snapshot.partition(&Match::Any, |stored| {
                        let analysed = Analysed::new(stored, embedder);
                        alone.insert(&Document::new(analysed, &mut lock(&vocabulary)));
                        Ok(())
                    })?;
                    assert!(loaded.equals(&alone), "{count}");
                    assert_eq!(loaded.view().live(), count);
                    Ok(())
                })
                .unwrap();
        }
    }

    #[test]
    fn who_asks_for_vectors_alone_has_no_words_loaded_until_somebody_wants_them() {
        let embedder = Embedder::Own {
            id: "given".to_owned(),
            dimensions: 2,
        };
        let options = || Options {
            embedder: Some(embedder.clone()),
            ..Options::default()
        };
        let turn = |number: usize| NewRecord {
            embedding: Some(vec![1.0, number as f32]),
            name: Some("Ada".to_owned()),
            ..turn(number)
        };
        let ask = |user: &str, mode: Mode| Search {
            mode,
            embedding: Some(vec![1.0, 3.0]),
            ..of(user)
        };
        let memory = Memory::open(":memory:", options()).unwrap();
        memory.add_many((0..40).map(turn).collect()).unwrap();
        let has_words = |user: &str| {
            let engine = memory.engine().unwrap();
            let indexes = lock(&engine.indexes);
            [false, true].map(|wants| indexes.has(&user.into(), wants))
        };
        let modes = [Mode::Semantic, Mode::Lexical, Mode::Hybrid];
        memory.search("tea", ask("ada", Mode::Semantic)).unwrap();
        memory.search("tea", ask("bob", Mode::Hybrid)).unwrap();
        assert_eq!(has_words("ada"), [true, false]);
        assert_eq!(has_words("bob"), [true, true]);
        // Both take in what is written, each in its way.
        memory.add_many((40..44).map(turn).collect()).unwrap();
        memory.delete("3").unwrap();
        memory.search("tea", ask("ada", Mode::Semantic)).unwrap();
        assert!(memory.verify().unwrap().is_empty());
        assert_eq!(has_words("ada"), [true, false]);
        let lexical = ask("ada", Mode::Lexical);
        assert_eq!(memory.try_search("tea", &lexical).unwrap(), None);

        let fresh = Memory::open(":memory:", options()).unwrap();
        let records = (0..44).filter(|number| *number != 3).map(turn);
        fresh.add_many(records.collect()).unwrap();
        let found = |memory: &Memory, user: &str, mode: Mode| {
            let hits = memory.search("tea number 8", ask(user, mode)).unwrap();
            let found = hits.into_iter().map(|hit| (hit.record.id, hit.score));
            found.collect::<Vec<_>>()
        };
        for user in ["ada", "bob"] {
            for mode in modes {
                let hits = found(&memory, user, mode);
                assert_eq!((hits.len(), &hits), (10, &found(&fresh, user, mode)));
            }
        }
        assert_eq!(has_words("ada"), [true, true]);
        assert!(memory.verify().unwrap().is_empty());
    }

    #[test]
    fn others_are_answered_while_an_index_is_loaded() {
        let memory = filled(100);
        let ada = memory.search("tea", of("ada")).unwrap();
        let engine = memory.engine().unwrap();
        let under_way = engine.loads.begin(&Match::Any).unwrap();
        assert_eq!(memory.search("tea", of("ada")).unwrap(), ada);
        assert_eq!(memory.try_search("tea", &of("ada")).unwrap(), Some(ada));
        assert!(!memory.search("tea", of("bob")).unwrap().is_empty());
        // Who asks for what is being loaded waits for it.
        let all = std::thread::scope(|scope| {
            let all = scope.spawn(|| memory.search("tea", Search::default()).unwrap());
            drop(under_way);
            all.join().unwrap()
        });
        assert!(!all.is_empty());
    }

    #[test]
    fn what_was_written_while_an_index_was_loaded_is_in_it() {
        let memory = filled(2 * FIRST_PIECE);
        let engine = memory.engine().unwrap();
        let now = memory.now().unwrap();
        let load_all = || {
            let version = engine.store().version().unwrap();
            let made = engine
                .store()
                .read(|snapshot| Made::new(snapshot, &Match::Any, true, now, &engine.vocabulary))
                .unwrap();
            (made, version)
        };
        let write = |number: usize| {
            memory.add(turn(10_000 + number)).unwrap();
            memory.delete(&number.to_string()).unwrap();
        };
        // Other indexes are newer than what was made, then older.
        memory.search("tea", of("ada")).unwrap();
        let (made, version) = load_all();
        write(1);
        memory.search("tea", of("ada")).unwrap();
        lock(&engine.indexes).take(&Match::Any, made, version);
        assert_eq!(
            memory.search("10001", Search::default()).unwrap()[0]
                .record
                .id,
            "10001"
        );
        assert!(memory.verify().unwrap().is_empty());
        lock(&engine.indexes).note(None);
        memory.search("tea", of("bob")).unwrap();
        write(2);
        let (made, version) = load_all();
        lock(&engine.indexes).take(&Match::Any, made, version);
        write(3);
        assert_eq!(
            memory.search("10003", Search::default()).unwrap()[0]
                .record
                .id,
            "10003"
        );
        assert!(memory.verify().unwrap().is_empty());
    }
}
