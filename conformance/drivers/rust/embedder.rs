//! What the facades of Node and Python do around a call: vectors beside the JSON, and texts for the caller's own embedder.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use agentmem_binding::{Done, Handle, WireError};
use serde_json::{Map, Value, json};

use crate::{Begun, Outcome};

/// The dimensions of the embedder of the case, if a memory has it: shared with its views, and changed by `reembed`.
#[derive(Clone, Default)]
pub struct Embedding(Arc<Mutex<Option<usize>>>);

impl Embedding {
    /// Replaces `{"$embedder": 4}` by what the wire takes.
    pub fn take(embedder: Option<&mut Value>) -> Self {
        Embedding(Arc::new(Mutex::new(embedder.and_then(take))))
    }

    pub fn dimensions(&self) -> Option<usize> {
        *self.0.lock().expect("no thread panicked")
    }

    /// Begins a call; those that may need vectors ask for their texts first.
    pub fn begin(
        &self,
        handle: &Handle,
        operation: &str,
        mut arguments: Map<String, Value>,
        now: Option<i64>,
    ) -> Result<Begun, WireError> {
        let vectors = take_vectors(&mut arguments);
        let asks = matches!(operation, "add" | "addMany" | "search" | "update");
        let json = Value::Object(arguments).to_string();
        let Some(dimensions) = self.dimensions().filter(|_| asks) else {
            let outcome = begin(|done| drop(handle.submit(operation, json, vectors, now, done)));
            return Ok(Box::new(|| wait(outcome)));
        };
        let asking = handle.ask(operation, json, vectors, now)?;
        Ok(Box::new(move || {
            let texts = wait(begin(|done| asking.submit_texts(done)));
            let answer = texts.and_then(|texts| {
                let vectors = count_bytes(&texts, dimensions);
                wait(begin(|done| drop(asking.submit(vectors, done))))
            });
            asking.end();
            answer
        }))
    }

    pub fn begin_reembed(
        &self,
        handle: &Handle,
        mut options: Map<String, Value>,
    ) -> Result<Begun, WireError> {
        let mut target = options.remove("embedder").unwrap_or_default();
        let dimensions = take(&mut target);
        let moving = handle.reembed(&target.to_string())?;
        let embedding = self.clone();
        Ok(Box::new(move || {
            let mut vectors = Vec::new();
            loop {
                let step = wait(begin(|done| moving.submit_step(vectors, done)))?;
                if let Some(moved) = step.get("moved") {
                    *embedding.0.lock().expect("no thread panicked") = dimensions;
                    return Ok(moved.clone());
                }
                vectors = count_bytes(&step["texts"], dimensions.unwrap_or(1));
            }
        }))
    }
}

pub fn begin(submit: impl FnOnce(Done)) -> Receiver<Result<String, WireError>> {
    let (sender, receiver) = channel();
    submit(Box::new(move |outcome| {
        let answer = outcome.map(|outcome| outcome.into_json());
        sender.send(answer).expect("the driver waits")
    }));
    receiver
}

pub fn wait(outcome: Receiver<Result<String, WireError>>) -> Outcome {
    let answer = outcome.recv().expect("an outcome is told")?;
    Ok(serde_json::from_str(&answer).expect("an answer is JSON"))
}

fn take(embedder: &mut Value) -> Option<usize> {
    let members = embedder.as_object_mut()?;
    let Some(dimensions) = members.remove("$embedder") else {
        // Without a function, vectors come as `embedding`.
        if members.get("embed").is_some_and(Value::is_null) {
            members.remove("embed");
        }
        return None;
    };
    *embedder = json!({ "id": format!("bytes-{dimensions}"), "dimensions": dimensions });
    dimensions.as_u64()?.try_into().ok()
}

/// Component k counts the bytes of a text that leave k when divided by the dimensions.
pub fn count_bytes(texts: &Value, dimensions: usize) -> Vec<f32> {
    let texts = texts.as_array().map_or(&[][..], Vec::as_slice);
    let counted = texts.iter().filter_map(Value::as_str).map(|text| {
        let mut counts = vec![0.0; dimensions];
        text.bytes()
            .for_each(|byte| counts[usize::from(byte) % dimensions] += 1.0);
        counts
    });
    counted.flatten().collect()
}

/// Turns each `embedding` into the number of its components; gives these, as they stand beside the JSON.
fn take_vectors(arguments: &mut Map<String, Value>) -> Vec<f32> {
    let mut vectors = Vec::new();
    let mut take = |members: &mut Value| {
        if let Some(Value::Array(components)) = members.get("embedding") {
            let count = components.len();
            let floats = components.iter().filter_map(Value::as_f64);
            vectors.extend(floats.map(|component| component as f32));
            members["embedding"] = json!(count);
        }
    };
    arguments.get_mut("options").map(&mut take);
    if let Some(Value::Array(items)) = arguments.get_mut("items") {
        items.iter_mut().for_each(&mut take);
    }
    arguments.get_mut("defaults").map(&mut take);
    vectors
}
