//! What goes back over the wire: records, hits and errors as JSON text (spec 2.1).

use std::fmt;
use std::io::Write;

use agentmem_core::{Code, Error, Event, Hit, HitExplanation, Imported, Problem, Record, Stats};

/// What most records take as text, in bytes; more is found as it is needed.
const RECORD_BYTES: usize = 512;

/// What went wrong, as a binding tells it; spec chapter 9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// One of the stable codes, such as `INVALID_ARGUMENT`.
    pub code: &'static str,
    /// The wire name or path of the argument at fault.
    pub field: Option<String>,
    /// For people; without content, metadata values, queries or ids.
    pub message: String,
}

impl WireError {
    /// Writes `{"code": …, "field": …, "message": …}`.
    pub fn to_json(&self) -> String {
        serde_json::json!({ "code": self.code, "field": self.field, "message": self.message })
            .to_string()
    }

    /// The error of a call that panicked.
    pub(crate) fn fault() -> Self {
        Error::new(Code::Io, "the call was abandoned by a fault of the library").into()
    }
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        let message = match (error.field(), error.code()) {
            // Those two speak of a record, the others of the argument at fault.
            (Some(field), code) if !matches!(code, Code::NotFound | Code::Conflict) => {
                format!("{field} {}", error.message())
            }
            _ => error.message().to_owned(),
        };
        WireError {
            code: error.code().as_str(),
            field: error.field().map(str::to_owned),
            message,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for WireError {}

/// Writes what became of the lines of an import (spec 13.5).
pub(crate) fn imported(imported: &Imported) -> serde_json::Value {
    serde_json::json!({
        "imported": imported.imported,
        "skipped": imported.skipped,
        "replaced": imported.replaced,
    })
}

pub(crate) fn record(record: &Record) -> String {
    finish(1, |out| write_record(record, out))
}

pub(crate) fn records(records: &[Record]) -> String {
    finish(records.len(), |out| write_list(records, out, write_record))
}

/// Writes rows as those of records, with the score, and the turns around it `[before, after]` and the explanation, or null.
pub(crate) fn hits(hits: &[Hit]) -> String {
    finish(hits.len(), |out| {
        write_list(hits, out, |hit, out| {
            write_fields(&hit.record, out)?;
            out.push(b',');
            serde_json::to_writer(&mut *out, &hit.score)?;
            match &hit.context {
                Some(context) => {
                    out.extend_from_slice(b",[");
                    write_list(&context.before, out, write_record)?;
                    out.push(b',');
                    write_list(&context.after, out, write_record)?;
                    out.push(b']');
                }
                None => out.extend_from_slice(b",null"),
            }
            out.push(b',');
            match &hit.explain {
                Some(explanation) => write_explanation(explanation, out)?,
                None => out.extend_from_slice(b"null"),
            }
            out.push(b']');
            Ok(())
        })
    })
}

/// Writes the numbers of a ranking (spec 8.13).
fn write_explanation(it: &HitExplanation, out: &mut Vec<u8>) -> std::io::Result<()> {
    out.extend_from_slice(b"{\"terms\":");
    write_list(&it.terms, out, |term, out| {
        out.extend_from_slice(b"{\"term\":");
        serde_json::to_writer(&mut *out, &term.term)?;
        write!(out, ",\"own\":{},\"around\":", term.own)?;
        serde_json::to_writer(&mut *out, &term.around)?;
        out.extend_from_slice(b",\"weight\":");
        serde_json::to_writer(&mut *out, &term.weight)?;
        out.push(b'}');
        Ok(())
    })?;
    let numbers = [
        ("bm25", Some(it.bm25)),
        ("cosine", Some(it.cosine)),
        ("near", Some(it.near)),
        ("coverage", it.coverage),
        ("speaker", Some(it.speaker)),
        ("question", Some(it.question)),
        ("feedback", Some(it.feedback)),
        ("value", Some(it.value)),
        ("likelihood", it.likelihood),
        ("relevance", it.relevance),
        ("recency", it.recency),
        ("importance", it.importance),
    ];
    for (key, number) in numbers {
        write!(out, ",\"{key}\":")?;
        serde_json::to_writer(&mut *out, &number)?;
    }
    out.push(b'}');
    Ok(())
}

/// Writes `[{"seq": …, "at": …, "event": …, "id": …, "record": …}]` (spec 11.1).
pub(crate) fn events(events: &[Event]) -> String {
    finish(events.len(), |out| {
        write_list(events, out, |event, out| {
            let (seq, at, kind) = (event.seq, event.at, event.kind.as_str());
            write!(
                out,
                "{{\"seq\":{seq},\"at\":\"{at}\",\"event\":\"{kind}\",\"id\":"
            )?;
            serde_json::to_writer(&mut *out, &event.id)?;
            out.extend_from_slice(b",\"record\":");
            match &event.record {
                Some(record) => write_record(record, out)?,
                None => out.extend_from_slice(b"null"),
            }
            out.push(b'}');
            Ok(())
        })
    })
}

pub(crate) fn stats(stats: &Stats) -> String {
    serde_json::json!({
        "records": stats.records,
        "expired": stats.expired,
        "past": stats.past,
        "events": stats.events,
        "bytes": stats.bytes,
        "pendingPurge": stats.pending_purge,
        "embedder": stats.embedder.id(),
        "dimensions": stats.embedder.dimensions(),
    })
    .to_string()
}

/// Writes `{"ok": …, "problems": [{"kind": …, "seq": …}]}` (spec 11.6).
pub(crate) fn verification(problems: &[Problem]) -> String {
    let told = problems
        .iter()
        .map(|problem| serde_json::json!({ "kind": problem.kind, "seq": problem.seq }));
    serde_json::json!({ "ok": problems.is_empty(), "problems": told.collect::<Vec<_>>() })
        .to_string()
}

/// Runs a writer of so many records over a buffer in memory, which cannot fail.
fn finish(records: usize, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::with_capacity(RECORD_BYTES * records);
    write(&mut out).expect("memory takes all that is written to it");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn write_list<T>(
    items: &[T],
    out: &mut Vec<u8>,
    write: impl Fn(&T, &mut Vec<u8>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Writes a row: the fields of a record in the order of spec 2.1, without their names, which would be half of the text.
fn write_record(record: &Record, out: &mut Vec<u8>) -> std::io::Result<()> {
    write_fields(record, out)?;
    out.push(b']');
    Ok(())
}

/// Writes a row but for the bracket that ends it.
fn write_fields(record: &Record, out: &mut Vec<u8>) -> std::io::Result<()> {
    let texts = [
        Some(&record.id),
        Some(&record.content),
        record.scope.user_id.as_ref(),
        record.scope.agent_id.as_ref(),
        record.scope.run_id.as_ref(),
        record.role.as_ref(),
        record.name.as_ref(),
    ];
    out.push(b'[');
    for text in texts {
        match text {
            Some(text) => write_text(text, out)?,
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
    out.extend_from_slice(record.metadata.as_json().as_bytes());
    // Written by serde_json too, in the shortest form that reads back as the same double.
    out.push(b',');
    serde_json::to_writer(&mut *out, &record.importance)?;
    for time in [
        Some(record.created_at),
        Some(record.updated_at),
        record.expires_at,
    ] {
        out.push(b',');
        match time {
            Some(time) => {
                out.push(b'"');
                out.extend_from_slice(&time.to_ascii());
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b',');
    Ok(serde_json::to_writer(out, &record.version)?)
}

/// Writes a text. Most have nothing to escape, which is seen for many bytes at once.
fn write_text(text: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if text
        .bytes()
        .fold(false, |found, byte| found | is_escaped(byte))
    {
        return Ok(serde_json::to_writer(out, text)?);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}
