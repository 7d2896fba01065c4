//! Writes as callers ask for them, and how they are checked before they go to the store.

use crate::embed;
use crate::error::{Error, Result};
use crate::memory::engine::Write;
use crate::memory::options::{History, Select};
use crate::memory::{MAX_ITEMS, MAX_ITEMS_BYTES};
use crate::record::{Change, Draft, NewRecord, Timestamp};
use crate::scope::{Scope, ScopeMatch, check_id};

/// A write as a caller asks for it; see [`Memory::write`](crate::Memory::write).
#[derive(Clone, Debug)]
pub enum Request {
    /// [`Memory::add`](crate::Memory::add)
    Add(Box<NewRecord>),
    /// [`Memory::add_many`](crate::Memory::add_many)
    AddMany(Vec<NewRecord>),
    /// [`Memory::update`](crate::Memory::update)
    Update(String, Change),
    /// [`Memory::delete`](crate::Memory::delete)
    Delete(String),
    /// [`Memory::clear`](crate::Memory::clear)
    Clear(Select),
    /// [`Memory::purge`](crate::Memory::purge)
    Purge(String),
    /// [`Memory::purge_all`](crate::Memory::purge_all)
    PurgeAll(Select),
    /// [`Memory::compact`](crate::Memory::compact)
    Compact,
}

impl Request {
    /// Checks the write and embeds what it adds: the costly part, outside every lock. A view limits it to a scope.
    pub(super) fn prepare(
        self,
        view: &ScopeMatch,
        history: History,
        now: Timestamp,
    ) -> Result<Write> {
        Ok(match self {
            Request::Add(record) => {
                let (draft, vector) = prepare_record(*record, view, now)?;
                Write::Add(draft, vector)
            }
            Request::AddMany(items) => Write::AddMany(prepare_records(items, view, now)?),
            Request::Update(id, change) => {
                check_id(&id, "id")?;
                Write::Update {
                    id,
                    scope: view.clone(),
                    revision: change.check(now)?,
                }
            }
            Request::Delete(id) => {
                check_id(&id, "id")?;
                Write::Delete {
                    id,
                    scope: view.clone(),
                }
            }
            Request::Clear(select) => Write::Clear(select.check(view)?),
            Request::Purge(id) => {
                check_id(&id, "id")?;
                Write::Purge {
                    id,
                    scope: view.clone(),
                }
            }
            Request::PurgeAll(select) => Write::PurgeAll(select.check(view)?),
            Request::Compact => Write::Compact {
                until: history.erased_until(now),
            },
        })
    }
}

fn prepare_record(
    record: NewRecord,
    view: &ScopeMatch,
    now: Timestamp,
) -> Result<(Draft, Vec<i8>)> {
    let NewRecord {
        user_id,
        agent_id,
        run_id,
        ..
    } = record;
    // A view's ids count as given, for retries too.
    let Scope {
        user_id,
        agent_id,
        run_id,
    } = view.fix(Scope {
        user_id,
        agent_id,
        run_id,
    })?;
    let draft = NewRecord {
        user_id,
        agent_id,
        run_id,
        ..record
    }
    .check(now)?;
    let vector = embed::embed(&draft.record.text());
    Ok((draft, vector))
}

fn prepare_records(
    items: Vec<NewRecord>,
    view: &ScopeMatch,
    now: Timestamp,
) -> Result<Vec<(Draft, Vec<i8>)>> {
    if items.len() > MAX_ITEMS {
        return Err(Error::invalid(
            "items",
            format!("are {}: {MAX_ITEMS} are the most", items.len()),
        ));
    }
    let mut bytes = 0;
    let prepare = |(index, item): (usize, NewRecord)| {
        let prepared = prepare_record(item, view, now)
            .map_err(|error| error.within(&format!("items[{index}]")))?;
        bytes += prepared.0.record.content.len() + prepared.0.metadata_json.len();
        if bytes > MAX_ITEMS_BYTES {
            return Err(Error::invalid(
                "items",
                format!("have more than 256 MiB ({MAX_ITEMS_BYTES} bytes) of content and metadata"),
            ));
        }
        Ok(prepared)
    };
    items.into_iter().enumerate().map(prepare).collect()
}
