//! How a memory is opened, by what it makes its vectors, and what a view of it is limited to.

use std::time::Duration;

use agentmem_core::{
    Durability, Embedder, Error, History, MAX_DIMENSIONS, Options, Result, ScopeMatch,
};
use serde_json::Value;

use crate::fields::{Fields, MAX_INTEGER};

const SCOPE: [&str; 3] = ["userId", "agentId", "runId"];

/// How many calls may be under way at once, if nobody says otherwise.
const MAX_QUEUED: usize = 10_000;

/// Reads the options that a memory is opened with, and `maxQueued` (spec 3.3); the bindings read the clock themselves.
pub(crate) fn options(json: &str) -> Result<(Options, usize)> {
    let members: Value = serde_json::from_str(json).unwrap_or(Value::Bool(false));
    let mut fields = Fields::options(
        Some(members),
        &[
            "create",
            "readOnly",
            "durability",
            "busyTimeout",
            "cacheBytes",
            "maxQueued",
            "history",
            "embedder",
        ],
    )?;
    let defaults = Options::default();
    let durabilities = [("full", Durability::Full), ("normal", Durability::Normal)];
    let max_queued = fields
        .count("maxQueued", 1, MAX_INTEGER)?
        .unwrap_or(MAX_QUEUED);
    let options = Options {
        create: fields.boolean("create")?.unwrap_or(defaults.create),
        read_only: fields.boolean("readOnly")?.unwrap_or(defaults.read_only),
        durability: fields
            .choice("durability", &durabilities)?
            .unwrap_or(defaults.durability),
        busy_timeout: fields
            .integer("busyTimeout", 0, 2_147_483_647)?
            .map_or(defaults.busy_timeout, Duration::from_millis),
        cache_bytes: fields
            .integer("cacheBytes", 0, MAX_INTEGER)?
            .unwrap_or(defaults.cache_bytes),
        history: fields
            .take("history")
            .map_or(Ok(defaults.history), history)?,
        embedder: fields.given("embedder").map(embedder).transpose()?,
        clock: defaults.clock,
    };
    Ok((options, max_queued))
}

/// Reads what makes the vectors: `"builtin"`, null or `{"id": …, "dimensions": …}` (spec 12.1).
pub(crate) fn embedder(value: Value) -> Result<Embedder> {
    match value {
        Value::Null => Ok(Embedder::Nothing),
        Value::String(name) if name == "builtin" => Ok(Embedder::BuiltIn),
        Value::Object(_) => {
            let mut members = Fields::read(value, "embedder", "embedder.", &["id", "dimensions"])?;
            let lacks = |key: &str| Error::invalid(format!("embedder.{key}"), "is missing");
            let id = members.text("id")?.ok_or_else(|| lacks("id"))?;
            let dimensions = members.count("dimensions", 1, MAX_DIMENSIONS as u64)?;
            let own = Embedder::Own {
                id,
                dimensions: dimensions.ok_or_else(|| lacks("dimensions"))?,
            };
            own.check().map(|()| own)
        }
        _ => Err(Error::invalid(
            "embedder",
            "is not one of \"builtin\", null and {id, dimensions, embed?}",
        )),
    }
}

/// Reads which superseded states `compact` leaves: `"keep"`, `"none"` or `{"days": n}`.
fn history(value: Value) -> Result<History> {
    match value {
        Value::String(name) if name == "keep" => Ok(History::Keep),
        Value::String(name) if name == "none" => Ok(History::Nothing),
        Value::Object(_) => {
            let mut members = Fields::read(value, "history", "history.", &["days"])?;
            members.needed_number("days").map(History::Days)
        }
        _ => Err(Error::invalid(
            "history",
            "is not one of \"keep\", \"none\" and {\"days\": a number}",
        )),
    }
}

/// Reads the scope of a view.
pub(crate) fn view(json: &str) -> Result<ScopeMatch> {
    let members: Value = serde_json::from_str(json).unwrap_or(Value::Bool(false));
    Fields::options(Some(members), &SCOPE)?.scope()
}
