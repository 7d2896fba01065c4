//! A driver for Rust: drives the core through the wire form that the bindings use.

mod answer;
mod embedder;
mod transport;

use std::collections::HashMap;
use std::io;

use agentmem_binding::{Handle, WireError};
use embedder::Embedding;
use serde_json::{Map, Value, json};

type Outcome = Result<Value, WireError>;
/// Waits for what was begun.
type Begun = Box<dyn FnOnce() -> Outcome>;

#[derive(Default)]
struct Driver {
    handles: HashMap<String, (Handle, Embedding)>,
}

fn main() {
    let mut driver = Driver::default();
    for line in io::stdin().lines() {
        let line = line.expect("standard input is text");
        let request: Value = serde_json::from_str(&line).expect("a request is JSON");
        // The wire has whole milliseconds: cutting a clock's fraction is the facade's part.
        let now = request["now"].as_f64().map(|now| now.floor() as i64);
        let mut answer = written(driver.begin(&request, now).and_then(|wait| wait()));
        answer["id"] = request["id"].clone();
        println!("{answer}");
    }
}

fn written(outcome: Outcome) -> Value {
    match outcome {
        Ok(value) => json!({ "value": value }),
        Err(WireError {
            code,
            field,
            message,
        }) => {
            json!({ "error": { "code": code, "field": field, "message": message } })
        }
    }
}

impl Driver {
    fn begin(&mut self, request: &Value, now: Option<i64>) -> Result<Begun, WireError> {
        let operation = request["do"].as_str().unwrap_or_default();
        if operation == "parallel" {
            let calls = request["calls"].as_array().cloned().unwrap_or_default();
            let begun: Vec<_> = calls.iter().map(|call| self.begin(call, now)).collect();
            let wait = |one: Result<Begun, WireError>| written(one.and_then(|wait| wait()));
            return Ok(Box::new(move || Ok(begun.into_iter().map(wait).collect())));
        }
        let mut given = request["with"].as_object().cloned().unwrap_or_default();
        if let "open" | "new" = operation {
            let path = given.remove("path");
            let path = path.as_ref().and_then(Value::as_str);
            let embedding = Embedding::take(given.get_mut("embedder"));
            let open = if operation == "new" {
                Handle::new
            } else {
                Handle::open
            };
            let handle = open(path, &Value::Object(given).to_string())?;
            return Ok(self.keep(request, handle, embedding));
        }
        let (handle, embedding) = &self.handles[request["on"].as_str().unwrap_or_default()];
        match operation {
            "close" => handle.close(),
            "scoped" => {
                let scope = request
                    .get("args")
                    .map_or(&request["with"], |args| &args[0]);
                let view = handle.scoped(&scope.to_string())?;
                let embedding = embedding.clone();
                return Ok(self.keep(request, view, embedding));
            }
            "reembed" => return embedding.begin_reembed(handle, given),
            "exportTo" => return transport::begin_export(handle, given),
            "importFrom" => return transport::begin_import(handle, embedding, given, now),
            _ => {
                let arguments = match request["args"].as_array() {
                    Some(args) => by_position(operation, args),
                    None => by_name(operation, given),
                };
                let begun = embedding.begin(handle, operation, arguments, now)?;
                let operation = operation.to_owned();
                let answer = move |value| answer::to_answer(&operation, value);
                return Ok(Box::new(move || begun().map(answer)));
            }
        }
        Ok(Box::new(|| Ok(Value::Null)))
    }

    fn keep(&mut self, request: &Value, handle: Handle, embedding: Embedding) -> Begun {
        let name = request["as"].as_str().unwrap_or_default();
        self.handles.insert(name.to_owned(), (handle, embedding));
        Box::new(|| Ok(Value::Null))
    }
}

/// The name of what stands before the options, for the operations that have such.
fn leading(operation: &str) -> Option<&'static str> {
    match operation {
        "add" => Some("content"),
        "addMany" => Some("items"),
        "search" => Some("query"),
        "get" | "update" | "delete" | "history" => Some("id"),
        "backup" => Some("path"),
        _ => None,
    }
}

fn by_position(operation: &str, args: &[Value]) -> Map<String, Value> {
    let names = leading(operation).into_iter().chain(["options"]);
    names.map(str::to_owned).zip(args.iter().cloned()).collect()
}

/// `with` as the wire has it: the leading argument, and the options in an object of their own.
fn by_name(operation: &str, mut given: Map<String, Value>) -> Map<String, Value> {
    if operation == "addMany" {
        return given;
    }
    let first = leading(operation).and_then(|name| Some((name.to_owned(), given.remove(name)?)));
    let mut arguments: Map<String, Value> = first.into_iter().collect();
    if operation == "update" || !given.is_empty() {
        arguments.insert("options".to_owned(), Value::Object(given));
    }
    arguments
}
