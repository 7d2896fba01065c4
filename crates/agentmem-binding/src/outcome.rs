//! What a call gave, as the core has it, for a binding to make its own objects of; or as JSON text.

use agentmem_core::{Event, Hit, Problem, Record, Stats, Written};

use crate::wire;

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing, as opening and closing do, and `get` of what is not there.
    Nothing,
    /// Whether there was such a record.
    Flag(bool),
    /// How many records.
    Count(u64),
    /// One record.
    Record(Box<Record>),
    /// Records in order.
    Records(Vec<Record>),
    /// What a search found, best first.
    Hits(Vec<Hit>),
    /// A part of the log.
    Events(Vec<Event>),
    /// What a store holds.
    Stats(Box<Stats>),
    /// What is wrong with a store; nothing if all is well.
    Problems(Vec<Problem>),
    /// How far something long is, or texts that need vectors: JSON that the call describes.
    Step(String),
}

impl Outcome {
    /// Writes it as JSON: records and hits as rows (decision 0004), nothing as `null`.
    ///
    /// ```
    /// use agentmem_binding::Handle;
    ///
    /// let memory = Handle::open(None, "{}")?;
    /// assert_eq!(memory.call("get", r#"{"id": "absent"}"#, vec![])?.into_json(), "null");
    /// # Ok::<(), agentmem_binding::WireError>(())
    /// ```
    pub fn into_json(self) -> String {
        match self {
            Outcome::Nothing => "null".to_owned(),
            Outcome::Flag(flag) => flag.to_string(),
            Outcome::Count(count) => count.to_string(),
            Outcome::Record(record) => wire::record(&record),
            Outcome::Records(records) => wire::records(&records),
            Outcome::Hits(hits) => wire::hits(&hits),
            Outcome::Events(events) => wire::events(&events),
            Outcome::Stats(stats) => wire::stats(&stats),
            Outcome::Problems(problems) => wire::verification(&problems),
            Outcome::Step(json) => json,
        }
    }

    /// Counts records.
    pub(crate) fn count(count: usize) -> Self {
        Outcome::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<Written> for Outcome {
    fn from(written: Written) -> Self {
        match written {
            Written::Record(record) => Outcome::Record(record),
            Written::Records(records) => Outcome::Records(records),
            Written::Deleted(deleted) => Outcome::Flag(deleted),
            Written::Cleared(count) => Outcome::count(count),
            Written::Imported(what, _) => Outcome::Step(wire::imported(&what).to_string()),
        }
    }
}

impl From<Option<Record>> for Outcome {
    fn from(found: Option<Record>) -> Self {
        found.map_or(Outcome::Nothing, |record| Outcome::Record(Box::new(record)))
    }
}
