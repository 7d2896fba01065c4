//! Reads that are answered without waiting, for who must not be held up: no disk, no lock that another thread holds, a moment's work.

use crate::embed::Embedder;
use crate::error::Result;
use crate::memory::embedding::{needs_words, terms_of};
use crate::memory::{Hit, Memory, Search, check_query, hits};
use crate::rank::{self, Found, Mode};
use crate::record::Record;
use crate::scope::check_id;
use crate::search_index::{View, Vocabulary};
use crate::store::Selection;

/// What an answer may take by its estimate, in nanoseconds; what takes longer may as well go to another thread.
const MOST_TIME: usize = 200_000;
/// A longer query takes longer to analyse than the estimate knows.
const MOST_QUERY: usize = 512;
/// How much of the index an answer may copy, in bytes.
const MOST_BYTES: usize = 64 << 10;

impl Memory {
    /// Answers a search as [`Memory::search`] does, or gives nothing if that may take a while.
    ///
    /// There is an answer only if the index is loaded and as new as the store, or behind it by a few small changes that can be read without waiting
    /// for the disk; if no other thread holds what is needed, no word of the query is misspelt, and the work is estimated to take less than 200
    /// microseconds. What it does not answer is to be asked of [`Memory::search`], which also loads the index for the next time.
    ///
    /// ```
    /// use agentmem_core::{Memory, Search};
    ///
    /// let memory = Memory::new()?;
    /// memory.add("Ada likes green tea")?;
    /// assert!(memory.try_search("tea", &Search::default())?.is_none());
    /// let hits = memory.search("tea", Search::default())?;
    /// assert_eq!(memory.try_search("tea", &Search::default())?, Some(hits));
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn try_search(&self, query: &str, options: &Search) -> Result<Option<Vec<Hit>>> {
        let (engine, now) = (self.engine()?, self.now()?);
        check_query(query)?;
        options.check()?;
        let selection = options.select.clone().check(&self.scope)?;
        if query.len() > MOST_QUERY || options.explain || options.as_of.is_some() {
            return Ok(None);
        }
        let terms = |vocabulary: &Vocabulary, view: &View, embedder: &Embedder| {
            let has_words = needs_words(options.mode, embedder);
            let is_misspelt = has_words && vocabulary.is_misspelt(query, view);
            (!is_misspelt).then(|| terms_of(query, options.mode, vocabulary, view, now))
        };
        let wants_words = options.wants_words();
        let seen = engine.try_view(&selection.scope.user_id, wants_words, now, terms)?;
        let Some((view, embedding, Some(terms))) = seen else {
            return Ok(None);
        };
        if estimate(&view, &selection, options, embedding.embedder.dimensions()) > MOST_TIME {
            return Ok(None);
        }
        let query = self.analyse([query; 2], terms, &embedding, options, now)?;
        let found = rank::search(&view, &selection, &query);
        let is_small = bytes(&view, &found, options.context) <= MOST_BYTES;
        Ok(is_small.then(|| hits(&view, found, options.context)))
    }

    /// Gives the record with this id as [`Memory::get`] does, or nothing if it is not at hand; that there is none is an answer too.
    ///
    /// It is at hand if it was read since the store last changed. On Linux it is, too, if the system has in memory what has to be read of the
    /// file, once this process has read anything of the store, and added a record or asked for one. What this does not answer is to be asked of [`Memory::get`].
    ///
    /// ```
    /// use agentmem_core::Memory;
    ///
    /// let memory = Memory::new()?;
    /// let record = memory.add("Ada likes green tea")?;
    /// assert_eq!(memory.try_get(&record.id)?, Some(Some(record)));
    /// assert_eq!(memory.try_get("nobody's")?, Some(None));
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn try_get(&self, id: &str) -> Result<Option<Option<Record>>> {
        let (engine, now) = (self.engine()?, self.now()?);
        check_id(id, "id")?;
        let found = engine
            .try_by_id(id)?
            .filter(|found| found.as_ref().is_none_or(is_small));
        let selects = |record: &Record| record.is_live(now) && self.scope.selects(&record.scope);
        Ok(found.map(|found| found.filter(selects)))
    }
}

/// Estimates how long a search takes, in nanoseconds: on purpose some times what `benchmarks/speed` prints, as on a slow or busy machine.
fn estimate(view: &View, selection: &Selection, options: &Search, dimensions: usize) -> usize {
    let vectors = dimensions / 8 + 20;
    let (once, each) = match options.mode {
        Mode::Lexical => (10_000, 60),
        Mode::Semantic => (10_000, vectors),
        Mode::Hybrid => (40_000, 200 + vectors),
    };
    let filter = selection.filter.as_ref();
    let unknown = filter.map_or(0, |filter| view.unknown(filter));
    let hits = options.limit.min(view.live());
    once + view.places() * each + unknown * 1_000 + hits * (1 + 2 * options.context) * 1_000
}

/// Whether a record is no more than an answer may copy; metadata have no more than that.
fn is_small(record: &Record) -> bool {
    record.content.len() <= MOST_BYTES
}

/// How much of the index an answer copies.
fn bytes(view: &View, found: &[Found<'_>], context: usize) -> usize {
    let of = |found: &Found<'_>| {
        let around = view.around(found.place, context).into_iter().flatten();
        found.entry.bytes() + around.map(|entry| entry.bytes()).sum::<usize>()
    };
    found.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock_is_not_waited_for() {
        let memory = Memory::new().unwrap();
        let id = memory.add("Ada likes green tea").unwrap().id;
        let options = Search::default();
        let try_both = || {
            (
                memory.try_search("tea", &options).unwrap(),
                memory.try_get(&id).unwrap(),
            )
        };
        let record = Some(memory.get(&id).unwrap());
        assert_eq!(try_both(), (None, record.clone()));
        let hits = memory.search("tea", options.clone()).unwrap();
        assert_eq!(try_both(), (Some(hits.clone()), record.clone()));

        let engine = memory.engine().unwrap();
        let held = engine.indexes.lock().unwrap();
        assert_eq!(try_both(), (None, record.clone()));
        drop(held);
        // A store in memory has one connection: who writes holds it.
        engine
            .store()
            .read(|_| {
                assert_eq!(try_both(), (None, None));
                Ok(())
            })
            .unwrap();
        assert_eq!(try_both(), (Some(hits), record));
    }
}
