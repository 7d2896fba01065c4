//! What writes give.

use crate::memory::importing::Imported;
use crate::record::Record;

/// What a write gives.
#[derive(Debug)]
pub enum Written {
    /// By `add` and `update`.
    Record(Box<Record>),
    /// By `add_many`, in order.
    Records(Vec<Record>),
    /// By `delete` and `purge`: whether there was such a record.
    Deleted(bool),
    /// By `clear`, `purge_all` and `compact`: how many there were.
    Cleared(usize),
    /// By a part of an import, which is no [`Request`](crate::Request): what became of its lines, and the last event after it.
    Imported(Imported, i64),
}

/// Each call knows what its own request gives.
impl Written {
    pub(super) fn into_record(self) -> Record {
        match self {
            Written::Record(record) => *record,
            _ => unreachable!("add and update give a record"),
        }
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        match self {
            Written::Records(records) => records,
            _ => unreachable!("add_many gives records"),
        }
    }

    pub(super) fn into_deleted(self) -> bool {
        match self {
            Written::Deleted(deleted) => deleted,
            _ => unreachable!("delete and purge give a boolean"),
        }
    }

    pub(super) fn into_cleared(self) -> usize {
        match self {
            Written::Cleared(count) => count,
            _ => unreachable!("clear, purge_all and compact give a count"),
        }
    }

    pub(super) fn into_imported(self) -> (Imported, i64) {
        match self {
            Written::Imported(imported, last_seq) => (imported, last_seq),
            _ => unreachable!("an import gives what became of its lines"),
        }
    }
}
