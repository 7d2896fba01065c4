//! Exports to a file, and imports from one: of the driver's own, whose text goes over the line, or of a path.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use agentmem_binding::{Handle, WireError};
use serde_json::{Map, Value, json};

use crate::Begun;
use crate::embedder::{Embedding, begin, count_bytes, wait};

/// A file of the driver's own, for one call.
struct OwnFile(PathBuf);

impl OwnFile {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("agentmem-export-{}-{number}.jsonl", std::process::id());
        OwnFile(std::env::temp_dir().join(name))
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Parts `with` into the path, or that of a file of the driver's own, and the options.
fn arguments(mut given: Map<String, Value>) -> (String, Option<OwnFile>) {
    let own = (!given.contains_key("path")).then(OwnFile::new);
    let path = match &own {
        Some(own) => json!(own.0),
        None => given.remove("path").unwrap_or_default(),
    };
    (json!({ "path": path, "options": given }).to_string(), own)
}

pub fn begin_export(handle: &Handle, given: Map<String, Value>) -> Result<Begun, WireError> {
    let (arguments, own) = arguments(given);
    let exporting = handle.export_to(&arguments)?;
    Ok(Box::new(move || {
        let answer = loop {
            match wait(begin(|done| exporting.submit_step(done))) {
                Ok(step) if step["exported"].is_null() => {}
                Ok(step) => break Ok(step["exported"].clone()),
                Err(error) => break Err(error),
            }
        };
        exporting.end();
        let count = answer?;
        let Some(own) = own else {
            return Ok(count);
        };
        let text =
            fs::read_to_string(&own.0).expect("an export that is done is there, and is text");
        Ok(json!({ "count": count, "text": text }))
    }))
}

pub fn begin_import(
    handle: &Handle,
    embedding: &Embedding,
    mut given: Map<String, Value>,
    now: Option<i64>,
) -> Result<Begun, WireError> {
    let text = given.remove("text");
    let (arguments, own) = arguments(given);
    if let (Some(own), Some(text)) = (&own, text) {
        let text = text.as_str().unwrap_or_default();
        fs::write(&own.0, text).expect("the folder for temporary files can be written to");
    }
    let dimensions = embedding.dimensions();
    let importing = handle.import_from(&arguments, dimensions.is_some(), now)?;
    Ok(Box::new(move || {
        let mut vectors = Vec::new();
        let answer = loop {
            match wait(begin(|done| importing.submit_step(vectors, done))) {
                Ok(step) if step["imported"].is_null() => {
                    vectors = count_bytes(&step["texts"], dimensions.unwrap_or(1));
                }
                Ok(step) => break Ok(step["imported"].clone()),
                Err(error) => break Err(error),
            }
        };
        importing.end();
        drop(own);
        answer
    }))
}
