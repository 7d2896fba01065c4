//! The public interface: a [`Memory`] and its operations. The only place that reads a clock.

mod at_once;
mod cores;
mod embedding;
mod engine;
mod exporting;
mod ids;
mod importing;
mod indexes;
mod lines;
mod loading;
mod options;
mod past;
mod queue;
mod queued;
mod reading;
mod recent;
mod reembed;
mod registry;
mod request;
mod telling;
mod written;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::rank::{self, Found, HitExplanation};
use crate::record::{Change, NewRecord, Record, Timestamp};
use crate::scope::{ScopeMatch, check_characters, check_id};
use crate::search_index::{Entry, View};
use crate::store::{self, Event, Order, PointInTime, Problem, Snapshot, Stats};

use embedding::words_of;
use engine::{Engine, Write, closed};

pub use exporting::{Export, Exporting};
pub use importing::{Import, Imported, Importing};
pub use lines::MAX_LINE_BYTES;
pub use options::{Clock, GetAll, History, Options, Search, Select};
pub use queued::{Queued, Withdrawal};
pub use reembed::Reembedding;
pub use request::Request;
pub use telling::after_telling;
pub use written::Written;

/// Largest number of items in one `add_many`.
pub const MAX_ITEMS: usize = 100_000;
/// Largest content and metadata of one `add_many` together, in bytes: 256 MiB.
pub const MAX_ITEMS_BYTES: usize = 256 << 20;
/// Largest query, in bytes of UTF-8: 1 MiB.
pub const MAX_QUERY_BYTES: usize = 1 << 20;

/// A record that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The record.
    pub record: Record,
    /// How well it fits, 0 to 1 within one answer; spec 8.10.
    pub score: f64,
    /// The turns around it, where the search asked for them.
    pub context: Option<HitContext>,
    /// Why it was found, where the search asked for it.
    pub explain: Option<HitExplanation>,
}

/// The turns around a hit in its conversation, oldest first; none around a record that is no turn. Spec 8.12.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HitContext {
    /// Those that came before it.
    pub before: Vec<Record>,
    /// Those that came after it.
    pub after: Vec<Record>,
}

/// Long-term memory in one file, or in memory.
///
/// Cheap to clone, `Send` and `Sync`: clones are one handle, and any number of threads may use it at once. Any number of processes may
/// have the same file open. Every call blocks until it is done; a write that has returned is on the disk.
///
/// ```
/// use agentmem_core::{Memory, NewRecord, Search, Select, ScopeMatch};
///
/// let memory = Memory::new()?;
/// memory.add(NewRecord { user_id: Some("ada".into()), ..NewRecord::from("Ada likes green tea") })?;
/// memory.add(NewRecord { user_id: Some("bob".into()), ..NewRecord::from("Bob likes green tea") })?;
///
/// let scope = ScopeMatch { user_id: "ada".into(), ..ScopeMatch::default() };
/// let hits = memory.search("what does she drink? tea?", Search { select: Select { scope, ..Select::default() }, ..Search::default() })?;
/// assert_eq!(hits.len(), 1);
/// assert_eq!(hits[0].record.content, "Ada likes green tea");
/// # Ok::<(), agentmem_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    handle: Arc<Handle>,
    /// Where this view is limited to; anywhere for the handle itself.
    scope: ScopeMatch,
    /// A time that stands still, for [`Memory::at`].
    now: Option<Timestamp>,
}

#[derive(Debug)]
struct Handle {
    options: Options,
    /// Empty after `close`.
    engine: Mutex<Option<Arc<Engine>>>,
    /// The one that the handle insists on, if any: from the options, or the last that it moved the store to.
    embedder: Mutex<Option<Embedder>>,
}

impl Memory {
    /// Makes a memory that no file holds; it is gone when the last clone is.
    pub fn new() -> Result<Self> {
        Memory::in_memory(Options::default())
    }

    /// Makes a memory that no file holds, with options.
    pub fn in_memory(options: Options) -> Result<Self> {
        options.check()?;
        if options.read_only {
            return Err(Error::invalid(
                "readOnly",
                "is for files: a memory of its own could never hold anything",
            ));
        }
        let engine = registry::open_in_memory(&options)?;
        Ok(Memory::from_engine(engine, options))
    }

    /// Opens a file, making it if it is missing and `create` allows it; `:memory:` is no file.
    ///
    /// Errors: `IO` (field `path`) for a folder, a missing folder, a missing file with `create: false`, more than one hard link;
    /// `UNSUPPORTED_FORMAT` for a file that is not a store or of a newer format, which is left as it is; `CORRUPT`; `BUSY`.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("agentmem-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("memory.db");
    /// use agentmem_core::{Memory, Options};
    ///
    /// let memory = Memory::open(&path, Options::default())?;
    /// let id = memory.add("Ada moved to Berlin")?.id;
    /// memory.close();
    ///
    /// let memory = Memory::open(&path, Options::default())?;
    /// assert_eq!(memory.get(&id)?.map(|record| record.content).as_deref(), Some("Ada moved to Berlin"));
    /// # memory.close();
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        if path == Path::new(":memory:") {
            return Memory::in_memory(options);
        }
        options.check()?;
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(Error::invalid("path", "is empty or contains U+0000"));
        }
        let engine = registry::open(path, &options)?;
        Ok(Memory::from_engine(engine, options))
    }

    fn from_engine(engine: Arc<Engine>, options: Options) -> Self {
        let handle = Handle {
            embedder: Mutex::new(options.embedder.clone()),
            options,
            engine: Mutex::new(Some(engine)),
        };
        Memory {
            handle: Arc::new(handle),
            scope: ScopeMatch::default(),
            now: None,
        }
    }

    /// Closes the handle and all views of it: calls under way finish, later ones are `CLOSED`. Closing again does nothing.
    pub fn close(&self) {
        let engine = self
            .handle
            .engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Outside the lock: the last one out closes the file.
        drop(engine);
    }

    /// Gives a view that cannot leave a scope: it adds there, and finds, changes and deletes nothing elsewhere.
    ///
    /// Errors: `INVALID_ARGUMENT` if no id is fixed (field `options`), or an id differs from that of this view.
    ///
    /// ```
    /// use agentmem_core::{Memory, ScopeMatch, Search};
    ///
    /// let memory = Memory::new()?;
    /// memory.add("Nobody in particular likes tea")?;
    /// let ada = memory.scoped(ScopeMatch { user_id: "ada".into(), ..ScopeMatch::default() })?;
    /// assert_eq!(ada.add("I like tea")?.scope.user_id.as_deref(), Some("ada"));
    /// assert_eq!(ada.search("tea", Search::default())?.len(), 1);
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn scoped(&self, scope: ScopeMatch) -> Result<Memory> {
        if scope.is_any() {
            return Err(Error::invalid(
                "options",
                "name no scope: one of userId, agentId and runId at least is needed",
            ));
        }
        scope.check()?;
        Ok(Memory {
            scope: scope.within(&self.scope)?,
            ..self.clone()
        })
    }

    /// Gives the same memory with a clock that stands still.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Memory {
        Memory {
            now: Some(now),
            ..self.clone()
        }
    }

    /// Adds a record and gives it as it is stored; spec 6.2 to 6.5.
    ///
    /// Errors: `INVALID_ARGUMENT` with the field at fault, `ALREADY_EXISTS`, `READ_ONLY`, `BUSY`, `IO`, `CLOSED`.
    pub fn add(&self, record: impl Into<NewRecord>) -> Result<Record> {
        self.write(Request::Add(Box::new(record.into())))
            .map(Written::into_record)
    }

    /// Adds records in order, all or none; spec 6.6.
    pub fn add_many(&self, items: Vec<NewRecord>) -> Result<Vec<Record>> {
        self.write(Request::AddMany(items))
            .map(Written::into_records)
    }

    /// Changes a record and gives it as it is then; spec 6.7.
    ///
    /// Errors: `NOT_FOUND`, `CONFLICT` for another version than `if_version`, and those of [`Memory::add`].
    pub fn update(&self, id: &str, change: Change) -> Result<Record> {
        self.write(Request::Update(id.to_owned(), change))
            .map(Written::into_record)
    }

    /// Deletes a record; false if there is none with this id.
    pub fn delete(&self, id: &str) -> Result<bool> {
        self.write(Request::Delete(id.to_owned()))
            .map(Written::into_deleted)
    }

    /// Deletes all records that are selected, in one transaction, and counts them.
    pub fn clear(&self, select: Select) -> Result<usize> {
        self.write(Request::Clear(select))
            .map(Written::into_cleared)
    }

    /// Erases a record with all its earlier states, also one deleted or expired before; false if there was nothing. Spec 11.3.
    ///
    /// It rewrites the file, at the cost of copying the store. Errors: `BUSY` with field `purge` if another process keeps old pages in
    /// use for longer than `busy_timeout`: the record is gone from every answer, and its bytes go with the next write or opening that can.
    pub fn purge(&self, id: &str) -> Result<bool> {
        self.write(Request::Purge(id.to_owned()))
            .map(Written::into_deleted)
    }

    /// Erases all records that are selected, deleted and expired ones too, and counts them; see [`Memory::purge`].
    pub fn purge_all(&self, select: Select) -> Result<usize> {
        self.write(Request::PurgeAll(select))
            .map(Written::into_cleared)
    }

    /// Erases expired records, and superseded states beyond the option `history`, and counts them; spec 11.4.
    pub fn compact(&self) -> Result<usize> {
        self.write(Request::Compact).map(Written::into_cleared)
    }

    /// Gives the events of an id, oldest first; none for an unknown one. Spec 11.1.
    ///
    /// ```
    /// use agentmem_core::{Change, Memory};
    ///
    /// let memory = Memory::new()?;
    /// let id = memory.add("Ada lives in Paris")?.id;
    /// memory.update(&id, Change { content: Some("Ada lives in Berlin".into()), ..Change::default() })?;
    /// memory.delete(&id)?;
    /// let kinds: Vec<&str> = memory.history(&id)?.iter().map(|event| event.kind.as_str()).collect();
    /// assert_eq!(kinds, ["ADD", "UPDATE", "DELETE"]);
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn history(&self, id: &str) -> Result<Vec<Event>> {
        let engine = self.engine()?;
        check_id(id, "id")?;
        engine
            .store()
            .read(|snapshot| snapshot.history(id, &self.scope))
    }

    /// Gives the events of the store after one, in order, at most `limit`; spec 11.2. Not for a view.
    pub fn changes(&self, after: i64, limit: Option<usize>) -> Result<Vec<Event>> {
        let engine = self.unscoped_engine()?;
        if after < 0 {
            return Err(Error::invalid("after", "is not an integer of at least 0"));
        }
        if limit == Some(0) {
            return Err(Error::invalid("limit", "is not an integer of at least 1"));
        }
        engine
            .store()
            .read(|snapshot| snapshot.changes(after, limit.unwrap_or(usize::MAX)))
    }

    /// Counts what the store holds; spec 11.5. Not for a view.
    pub fn stats(&self) -> Result<Stats> {
        let (engine, now) = (self.unscoped_engine()?, self.now()?);
        let stats = engine.store().read(|snapshot| snapshot.stats(now))?;
        Ok(Stats {
            bytes: engine.store().bytes(),
            ..stats
        })
    }

    /// Checks that rows, vectors, text index and log agree, and names what does not; spec 11.6. Not for a view.
    pub fn verify(&self) -> Result<Vec<Problem>> {
        let (engine, now) = (self.unscoped_engine()?, self.now()?);
        let mut problems = engine.store().read(|snapshot| snapshot.problems())?;
        // Damaged rows cannot be indexed, and have been named.
        if problems.is_empty() && engine.stale_indexes(now)? {
            problems.push(Problem {
                kind: "index",
                seq: None,
            });
        }
        Ok(problems)
    }

    /// Copies the store to a new file while others go on, and gives the number of records in it; spec 11.7. Not for a view.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<usize> {
        self.unscoped_engine()?.store().backup(path.as_ref())
    }

    fn unscoped_engine(&self) -> Result<Arc<Engine>> {
        if !self.scope.is_any() {
            return Err(Error::new(
                Code::InvalidArgument,
                "the call is not for a view: it speaks of the whole store",
            ));
        }
        self.engine()
    }

    /// Does any of the writes.
    pub fn write(&self, request: Request) -> Result<Written> {
        self.queue()?.write(request)
    }

    /// Gives the record with this id, if there is one.
    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        let (engine, now) = (self.engine()?, self.now()?);
        check_id(id, "id")?;
        let found = engine.by_id(id)?;
        Ok(found.filter(|record| record.is_live(now) && self.scope.selects(&record.scope)))
    }

    /// Gives all records that are selected, in order; spec 7.3.
    ///
    /// Errors: `NOT_FOUND` with field `after` for an id that never was.
    pub fn get_all(&self, options: GetAll) -> Result<Vec<Record>> {
        let (engine, now) = (self.engine()?, self.now()?);
        options.check()?;
        let GetAll {
            select,
            limit,
            offset,
            after,
            order,
            as_of,
        } = options;
        let selection = select.check(&self.scope)?;
        engine.store().read(|snapshot| {
            let point = as_of.map(|as_of| snapshot.point_in_time(as_of));
            let point = point.transpose()?;
            let mut places = match point {
                None => snapshot.select(&selection, now)?,
                Some(point) => snapshot.select_at(&selection, point)?,
            };
            match order {
                Order::Asc => places.sort_unstable(),
                Order::Desc => places.sort_unstable_by(|a, b| b.cmp(a)),
            }
            let begin = match after {
                Some(id) => {
                    let after = self.place_after(snapshot, &id, point)?;
                    match order {
                        Order::Asc => places.partition_point(|place| *place <= after),
                        Order::Desc => places.partition_point(|place| *place >= after),
                    }
                }
                None => offset.unwrap_or(0),
            };
            let wanted = places
                .into_iter()
                .skip(begin)
                .take(limit.unwrap_or(usize::MAX));
            let record = |place: store::Place| {
                let stored = match point {
                    None => snapshot.by_seq(place.seq)?,
                    Some(point) => snapshot.by_seq_at(place.seq, point.seq)?.map(|it| it.0),
                };
                stored.map(|stored| stored.record).ok_or_else(|| {
                    Error::new(Code::Corrupt, "lacks a row that its index has").at("path")
                })
            };
            wanted.map(record).collect()
        })
    }

    fn place_after(
        &self,
        snapshot: &Snapshot<'_>,
        id: &str,
        point: Option<PointInTime>,
    ) -> Result<store::Place> {
        let found = match point {
            None => snapshot.place_of(id)?,
            Some(point) => snapshot.place_at(id, point.seq)?,
        };
        let found = found.filter(|(_, stored)| self.scope.selects(&stored.record.scope));
        found.map(|(place, _)| place).ok_or_else(|| {
            Error::new(Code::NotFound, "there never was a record with this id").at("after")
        })
    }

    /// Counts the records that are selected.
    pub fn count(&self, select: Select) -> Result<usize> {
        let (engine, now) = (self.engine()?, self.now()?);
        let selection = select.check(&self.scope)?;
        engine
            .store()
            .read(|snapshot| snapshot.count(&selection, now))
    }

    /// Finds the records that fit a query, best first; spec chapter 8.
    ///
    /// A blank query finds nothing, and a record that has neither a word nor a meaning in common with the query is never found.
    pub fn search(&self, query: &str, options: Search) -> Result<Vec<Hit>> {
        let (engine, now) = (self.engine()?, self.now()?);
        check_query(query)?;
        options.check()?;
        let selection = options.select.clone().check(&self.scope)?;
        let user = &selection.scope.user_id;
        let wants_words = options.wants_words();
        let (view, query) = match options.as_of {
            Some(as_of) => self.ask_as_of(&engine, query, &options, user, as_of)?,
            None => {
                let (view, embedding, (mended, terms)) =
                    engine.view(user, wants_words, now, |vocabulary, view, embedder| {
                        words_of(query, options.mode, embedder, vocabulary, view, now)
                    })?;
                let query = self.analyse([query, &mended], terms, &embedding, &options, now)?;
                (view, query)
            }
        };
        let found = rank::search(&view, &selection, &query);
        Ok(hits(&view, found, options.context))
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        let engine = self
            .handle
            .engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(closed)?;
        if engine.is_ours() {
            Ok(engine)
        } else {
            Err(closed())
        }
    }

    fn prepare(&self, request: Request, now: Timestamp) -> Result<Write> {
        let basis = self.basis(request.has_vectors())?;
        request.prepare(&self.scope, self.handle.options.history, now, basis)
    }

    fn now(&self) -> Result<Timestamp> {
        self.now.map_or_else(|| self.handle.options.now(), Ok)
    }
}

/// Copies what was found out of the index, with the turns around it.
fn hits(view: &View, found: Vec<Found<'_>>, context: usize) -> Vec<Hit> {
    let hit = |found: Found<'_>| Hit {
        record: found.entry.record(),
        score: found.score,
        context: (context > 0).then(|| {
            let [before, after] = view.around(found.place, context);
            HitContext {
                before: records(&before),
                after: records(&after),
            }
        }),
        explain: found.explanation,
    };
    found.into_iter().map(hit).collect()
}

fn records(entries: &[Entry<'_>]) -> Vec<Record> {
    entries.iter().map(|entry| entry.record()).collect()
}

fn check_query(query: &str) -> Result<()> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(Error::invalid(
            "query",
            format!(
                "has {} bytes of UTF-8: 1 MiB ({MAX_QUERY_BYTES}) is the most",
                query.len()
            ),
        ));
    }
    check_characters(query, "query")
}
