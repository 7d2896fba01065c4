//! Long-term memory for AI agents: one file, opened by many processes at once, with search that understands conversations.
//!
//! This is the engine under the packages for Node and Python. It is synchronous, `Send + Sync`, and knows nothing of either. What it does is
//! specified in `docs/spec`, and the same in every implementation.
//!
//! ```
//! use agentmem_core::{Memory, NewRecord, Search};
//!
//! let memory = Memory::new()?; // or Memory::open("memory.db", Options::default())?
//! memory.add(NewRecord { role: Some("user".into()), name: Some("Ada".into()), ..NewRecord::from("I adopted a dog called Rex") })?;
//! memory.add("The office is closed on Fridays")?;
//!
//! let hits = memory.search("What is the name of Ada's dog?", Search::default())?;
//! assert_eq!(hits[0].record.content, "I adopted a dog called Rex");
//! # Ok::<(), agentmem_core::Error>(())
//! ```
//!
//! A *record* is one memory. A record with a role is a *turn* of a conversation, and is searched together with the turns around it and its
//! date. The *scope* of a record is its user, agent and run.

mod embed;
mod error;
mod filter;
mod memory;
mod rank;
mod record;
mod scope;
mod search_index;
mod store;
mod text;

#[cfg(test)]
#[path = "../tests/support/vectors.rs"]
mod vectors;

pub use embed::{Embedder, MAX_DIMENSIONS};
pub use error::{Code, Error, Result};
pub use filter::{Filter, MAX_FILTER_BYTES, MAX_FILTER_NODES};
pub use memory::{
    Clock, Export, Exporting, GetAll, History, Hit, HitContext, Import, Imported, Importing,
    MAX_ITEMS, MAX_ITEMS_BYTES, MAX_LINE_BYTES, MAX_QUERY_BYTES, Memory, Options, Queued,
    Reembedding, Request, Search, Select, Withdrawal, Written, after_telling,
};
pub use rank::{HitExplanation, HitTerm, Mode, Recency};
pub use record::{
    Change, DEFAULT_IMPORTANCE, Expiry, MAX_CONTENT_BYTES, MAX_METADATA_BYTES, Metadata, NewRecord,
    Record, RecordMetadata, Timestamp,
};
pub use scope::{Match, Scope, ScopeMatch};
pub use store::{AsOf, Durability, Event, EventKind, OnExisting, Order, Problem, Stats};
