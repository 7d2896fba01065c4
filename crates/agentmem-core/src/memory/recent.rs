//! Records that were read by their ids since the store last changed: to read them again takes neither a transaction nor SQLite.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::record::Record;
use crate::store::{Version, try_lock};

/// About how much memory they may take together, if the option `cacheBytes` allows as much.
const MOST_BYTES: u64 = 4 << 20;
/// A larger record is not kept: copying it is no moment's work.
const LARGE: usize = 16 << 10;

/// The records, all at least as new as the version of the store that is noted with them.
///
/// A version that is still the store's therefore proves every one of them. Once it is not, they go: to read one anew takes some five
/// microseconds, and to find out which of them the log has touched would take longer.
#[derive(Debug)]
pub(super) struct Recent {
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    version: Option<Version>,
    /// By their ids.
    records: HashMap<String, Record>,
    bytes: usize,
}

impl Recent {
    pub fn new(cache_bytes: u64) -> Self {
        Recent {
            most_bytes: usize::try_from(cache_bytes.min(MOST_BYTES)).unwrap_or(0),
            kept: Mutex::default(),
        }
    }

    /// Gives a record that is kept, and proved by the version that the store has now; nothing while another thread looks here.
    pub fn get(&self, id: &str, version: Version) -> Option<Record> {
        let kept = try_lock(&self.kept)?;
        let is_proved = kept.version == Some(version);
        kept.records.get(id).filter(|_| is_proved).cloned()
    }

    /// Keeps a record that was read after `version` had been asked for.
    pub fn keep(&self, record: &Record, version: Version) {
        let bytes = bytes_of(record);
        if bytes > LARGE.min(self.most_bytes) {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.version != Some(version) || kept.bytes + bytes > self.most_bytes {
            kept.records.clear();
            kept.bytes = 0;
            kept.version = Some(version);
        }
        if kept
            .records
            .insert(record.id.clone(), record.clone())
            .is_none()
        {
            kept.bytes += bytes;
        }
    }
}

/// About how much memory a record takes: its texts, and what else it has, the id twice. Its metadata are a text until somebody asks for a member.
fn bytes_of(record: &Record) -> usize {
    768 + record.content.len() + record.metadata.as_json().len()
}
