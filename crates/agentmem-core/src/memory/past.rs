//! Calls that ask of the store as it was (spec 7.6 to 7.8, 8.14).

use std::sync::Mutex;

use crate::embed::{self, Embedder};
use crate::error::Result;
use crate::memory::embedding::words_of;
use crate::memory::engine::Engine;
use crate::memory::loading::{self, Reading};
use crate::memory::{Memory, Search, Select};
use crate::rank::Query;
use crate::record::Record;
use crate::scope::{Match, check_id};
use crate::search_index::{View, Vocabulary};
use crate::store::{AsOf, PointInTime, Snapshot, Stored, lock};

impl Memory {
    /// Gives the record that had this id in an earlier state of the store, if there was one; spec 7.6.
    ///
    /// What has been purged since, or erased by `compact`, is gone from the past as well.
    ///
    /// Errors: `INVALID_ARGUMENT` with field `asOf.seq` for a `seq` below 0.
    pub fn get_as_of(&self, id: &str, as_of: AsOf) -> Result<Option<Record>> {
        let engine = self.engine()?;
        check_id(id, "id")?;
        as_of.check()?;
        engine.store().read(|snapshot| {
            let point = snapshot.point_in_time(as_of)?;
            let found = snapshot.by_id_at(id, point.seq)?;
            Ok(found
                .map(|stored| stored.record)
                .filter(|record| record.is_live(point.now) && self.scope.selects(&record.scope)))
        })
    }

    /// Counts the records that were selected in an earlier state of the store; spec 7.6.
    ///
    /// Errors: those of [`Memory::get_as_of`].
    pub fn count_as_of(&self, select: Select, as_of: AsOf) -> Result<usize> {
        let engine = self.engine()?;
        as_of.check()?;
        let selection = select.check(&self.scope)?;
        engine.store().read(|snapshot| {
            let point = snapshot.point_in_time(as_of)?;
            snapshot.select_at(&selection, point).map(|it| it.len())
        })
    }

    /// What a search of an earlier state asks, and an index of that state of one user, or of all, made for it alone.
    ///
    /// No loaded index is touched, and in a file no lock is held: all is read in one transaction.
    pub(super) fn ask_as_of(
        &self,
        engine: &Engine,
        query: &str,
        options: &Search,
        user: &Match,
        as_of: AsOf,
    ) -> Result<(View, Query)> {
        engine.store().read(|snapshot| {
            let embedding = snapshot.embedding()?;
            let point = snapshot.point_in_time(as_of)?;
            // First what may be refused, since the rest takes time.
            self.analyse([query; 2], Vec::new(), &embedding, options, point.now)?;
            let (mode, embedder) = (options.mode, &embedding.embedder);
            let reading = Reading::new(embedder, options.wants_words());
            let vocabulary = Mutex::default();
            let view = view_at(snapshot, user, point, reading, &vocabulary)?;
            let vocabulary = lock(&vocabulary);
            let (mended, terms) = words_of(query, mode, embedder, &vocabulary, &view, point.now);
            let asked = self.analyse([query, &mended], terms, &embedding, options, point.now)?;
            Ok((view, asked))
        })
    }
}

/// Makes an index of the records that were live.
fn view_at(
    snapshot: &Snapshot<'_>,
    user: &Match,
    point: PointInTime,
    reading: Reading<'_>,
    vocabulary: &Mutex<Vocabulary>,
) -> Result<View> {
    let index = loading::load_from(point.now, reading, vocabulary, |each| {
        snapshot.partition_at(user, point.seq, |mut stored, is_past| {
            if !stored.record.is_live(point.now) {
                return Ok(());
            }
            if is_past && stored.vector.is_empty() {
                stored.vector = vector_of_past(&stored, reading.embedder);
            }
            each(stored)
        })
    })?;
    Ok(index.view())
}

/// The vector of a state that lost its own when the store moved to another embedder (spec 12.7): by the table that of its text; else
/// one that is near to nothing.
fn vector_of_past(stored: &Stored, embedder: &Embedder) -> Vec<i8> {
    match embedder {
        Embedder::BuiltIn => embed::embed(&stored.record.text()),
        _ => vec![0; embedder.dimensions()],
    }
}
