//! Writes as callers ask for them, and how they are checked before they go to the store.

use crate::embed::Embedder;
use crate::error::{Error, Result};
use crate::memory::cores::each;
use crate::memory::engine::{Basis, Write};
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
        basis: Basis,
    ) -> Result<Write> {
        let embedder = &basis.embedding.embedder;
        Ok(match self {
            Request::Add(record) => {
                let (draft, given) = check_record(*record, view, now)?;
                let vector = embedder.vector(given.as_deref(), &draft.record.text())?;
                Write::Add(draft, vector, basis)
            }
            Request::AddMany(items) => {
                Write::AddMany(prepare_records(items, view, now, embedder)?, basis)
            }
            Request::Update(id, mut change) => {
                check_id(&id, "id")?;
                let given = change.embedding.take();
                let revision = change.check(now, given.is_some())?;
                let vector = given
                    .map(|given| embedder.vector(Some(&given), ""))
                    .transpose()?;
                Write::Update {
                    id,
                    scope: view.clone(),
                    revision,
                    vector,
                    basis,
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

    /// Whether it brings a vector of the caller's.
    pub(super) fn has_vectors(&self) -> bool {
        match self {
            Request::Add(record) => record.embedding.is_some(),
            Request::AddMany(items) => items.iter().any(|item| item.embedding.is_some()),
            Request::Update(_, change) => change.embedding.is_some(),
            _ => false,
        }
    }

    /// Takes the vectors of the texts that [`Memory::texts_of`](crate::Memory::texts_of) gave, in their order.
    pub fn give_vectors(&mut self, vectors: Vec<Vec<f32>>) {
        let mut vectors = vectors.into_iter();
        let mut give = |place: &mut Option<Vec<f32>>| {
            if place.is_none() {
                *place = vectors.next();
            }
        };
        match self {
            Request::Add(record) => give(&mut record.embedding),
            Request::AddMany(items) => items.iter_mut().for_each(|item| give(&mut item.embedding)),
            Request::Update(_, change) => give(&mut change.embedding),
            _ => {}
        }
    }
}

/// A record to add, and the vector that was given for it.
pub(super) type Checked = (Draft, Option<Vec<f32>>);

pub(super) fn check_record(
    mut record: NewRecord,
    view: &ScopeMatch,
    now: Timestamp,
) -> Result<Checked> {
    // A view's ids count as given, for retries too.
    let scope = view.fix(Scope {
        user_id: record.user_id.take(),
        agent_id: record.agent_id.take(),
        run_id: record.run_id.take(),
    })?;
    let given = record.embedding.take();
    let draft = NewRecord {
        user_id: scope.user_id,
        agent_id: scope.agent_id,
        run_id: scope.run_id,
        ..record
    }
    .check(now)?;
    Ok((draft, given))
}

pub(super) fn check_records(
    items: Vec<NewRecord>,
    view: &ScopeMatch,
    now: Timestamp,
) -> Result<Vec<Checked>> {
    check_count(&items)?;
    let check = |(index, item)| {
        check_record(item, view, now).map_err(|error| error.within(&format!("items[{index}]")))
    };
    within_limit(each(items, check))
}

/// Checks records and makes their vectors, by all cores; what is wrong with a record is told before what is wrong with a vector.
fn prepare_records(
    items: Vec<NewRecord>,
    view: &ScopeMatch,
    now: Timestamp,
    embedder: &Embedder,
) -> Result<Vec<(Draft, Vec<i8>)>> {
    check_count(&items)?;
    let contents: usize = items.iter().map(|item| item.content.len()).sum();
    if contents > MAX_ITEMS_BYTES {
        // No vectors for what is refused.
        check_records(items, view, now)?;
        return Err(too_long());
    }
    let prepare = |(index, item)| {
        let place = |error: Error| error.within(&format!("items[{index}]"));
        let (draft, given) = check_record(item, view, now).map_err(place)?;
        let vector = embedder.vector(given.as_deref(), &draft.record.text());
        Ok((draft, vector.map_err(place)))
    };
    let prepared = within_limit(each(items, prepare))?.into_iter();
    prepared
        .map(|(draft, vector)| Ok((draft, vector?)))
        .collect()
}

fn check_count(items: &[NewRecord]) -> Result<()> {
    if items.len() > MAX_ITEMS {
        return Err(Error::invalid(
            "items",
            format!("are {}: {MAX_ITEMS} are the most", items.len()),
        ));
    }
    Ok(())
}

/// Gives what was checked unless something was found wrong, or all together is more than one call may bring, whichever comes first.
fn within_limit<T>(checked: Vec<Result<(Draft, T)>>) -> Result<Vec<(Draft, T)>> {
    let mut bytes = 0;
    let add_up = |item: Result<(Draft, T)>| {
        let item = item?;
        bytes += item.0.record.content.len() + item.0.record.metadata.as_json().len();
        if bytes > MAX_ITEMS_BYTES {
            return Err(too_long());
        }
        Ok(item)
    };
    checked.into_iter().map(add_up).collect()
}

fn too_long() -> Error {
    Error::invalid(
        "items",
        format!("have more than 256 MiB ({MAX_ITEMS_BYTES} bytes) of content and metadata"),
    )
}
