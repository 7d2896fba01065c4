//! Records that were read by their ids a moment ago, kept for who must not wait for the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::record::{Record, json};
use crate::store::{Snapshot, Stored, try_lock};

/// About how much memory they may take together, if the option `cacheBytes` allows as much.
const MOST_BYTES: u64 = 4 << 20;
/// A larger record is not kept: copying it is no moment's work.
const LARGE: usize = 16 << 10;
/// After more events than this it costs less to forget all than to find out which records they touched.
const MANY_EVENTS: i64 = 256;

/// The records, all at least as new as the version of the store that is noted with them.
///
/// A version that is still the store's therefore proves every one of them. Once it is not, those that the log has touched since go.
#[derive(Debug)]
pub(super) struct Recent {
    /// Whether anybody ever asked without waiting: else nothing is kept, which saves a blocking reader the asking for a version.
    is_wanted: AtomicBool,
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    version: Option<u64>,
    /// The last event that they take into account.
    applied: i64,
    /// By their ids.
    records: HashMap<String, KeptRecord>,
    bytes: usize,
}

#[derive(Debug)]
struct KeptRecord {
    record: Record,
    /// The event that added it.
    seq: i64,
    bytes: usize,
}

impl Recent {
    pub fn new(cache_bytes: u64) -> Self {
        Recent {
            is_wanted: AtomicBool::new(false),
            most_bytes: usize::try_from(cache_bytes.min(MOST_BYTES)).unwrap_or(0),
            kept: Mutex::default(),
        }
    }

    pub fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// Gives a record that is kept, if the store still has the version that proves it.
    pub fn get(
        &self,
        id: &str,
        version: impl FnOnce() -> Result<Option<u64>>,
    ) -> Result<Option<Record>> {
        self.is_wanted.store(true, Ordering::Relaxed);
        let Some(kept) = try_lock(&self.kept) else {
            return Ok(None);
        };
        let Some(found) = kept.records.get(id) else {
            return Ok(None);
        };
        let version = version()?;
        let is_proved = version.is_some() && kept.version == version;
        Ok(is_proved.then(|| found.record.clone()))
    }

    /// Reads a record, and keeps it; `version` was asked for before the snapshot was taken.
    pub fn read(&self, version: u64, snapshot: &Snapshot<'_>, id: &str) -> Result<Option<Record>> {
        let found = snapshot.by_id(id)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.version != Some(version) {
            // None of them is proved, should the log not be readable to the end.
            kept.version = None;
            kept.bring_up(snapshot)?;
            kept.version = Some(version);
        }
        if let Some(stored) = &found {
            kept.keep(stored, self.most_bytes);
        }
        Ok(found.map(|stored| stored.record))
    }
}

impl Kept {
    /// Forgets what the log has touched since.
    fn bring_up(&mut self, snapshot: &Snapshot<'_>) -> Result<()> {
        let last_seq = snapshot.last_seq()?;
        let events = last_seq - self.applied;
        if !(0..=MANY_EVENTS).contains(&events) {
            self.clear();
        } else if events > 0 && !self.records.is_empty() {
            let touched = snapshot.touched_since(self.applied)?;
            self.records.retain(|_, kept| !touched.contains(&kept.seq));
            self.bytes = self.records.values().map(|kept| kept.bytes).sum();
        }
        self.applied = last_seq;
        Ok(())
    }

    fn keep(&mut self, stored: &Stored, most_bytes: usize) {
        let record = stored.record.clone();
        let bytes = bytes_of(&record);
        if bytes > LARGE.min(most_bytes) {
            return;
        }
        if self.bytes + bytes > most_bytes {
            self.clear();
        }
        let (id, seq) = (record.id.clone(), stored.seq);
        let kept = KeptRecord { record, seq, bytes };
        let replaced = self.records.insert(id, kept);
        self.bytes += bytes;
        self.bytes -= replaced.map_or(0, |replaced| replaced.bytes);
    }

    fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }
}

/// About how much memory a record takes, that of its metadata by their text.
fn bytes_of(record: &Record) -> usize {
    let metadata = if record.metadata.is_empty() {
        0
    } else {
        json::canonical_object(&record.metadata).len()
    };
    // The id, which is the key too, other names, times and the record itself.
    1024 + record.content.len() + 4 * metadata
}
