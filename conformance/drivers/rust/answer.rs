//! Records come over the wire as rows, without the names of their fields: what the facades make of them, and this driver too.

use serde_json::{Map, Value, json};

/// The fields of a record in the order of spec 2.1; those of a hit follow.
const FIELDS: [&str; 13] = [
    "id",
    "content",
    "userId",
    "agentId",
    "runId",
    "role",
    "name",
    "metadata",
    "importance",
    "createdAt",
    "updatedAt",
    "expiresAt",
    "version",
];

/// Makes of what came over the wire what the operation gives.
pub fn to_answer(operation: &str, answer: Value) -> Value {
    match operation {
        "add" | "update" | "get" => to_record(answer),
        "addMany" | "getAll" => each(answer, to_record),
        "search" => each(answer, to_hit),
        "history" | "changes" => each(answer, to_event),
        _ => answer,
    }
}

fn each(list: Value, make: impl Fn(Value) -> Value) -> Value {
    match list {
        Value::Array(items) => items.into_iter().map(make).collect(),
        other => other,
    }
}

/// Makes a record of a row; null stays null.
fn to_record(row: Value) -> Value {
    match row {
        Value::Array(values) => Value::Object(named(values)),
        other => other,
    }
}

fn named(values: Vec<Value>) -> Map<String, Value> {
    let names = FIELDS.into_iter().map(str::to_owned);
    names.zip(values).collect()
}

fn to_hit(row: Value) -> Value {
    let Value::Array(mut values) = row else {
        return row;
    };
    let mut rest = values.split_off(FIELDS.len()).into_iter();
    let mut hit = named(values);
    hit.insert("score".to_owned(), rest.next().unwrap_or_default());
    if let Some(Value::Array(sides)) = rest.next() {
        let mut sides = sides.into_iter().map(|side| each(side, to_record));
        let context = json!({ "before": sides.next(), "after": sides.next() });
        hit.insert("context".to_owned(), context);
    }
    if let Some(explanation) = rest.next().filter(|it| !it.is_null()) {
        hit.insert("explain".to_owned(), explanation);
    }
    Value::Object(hit)
}

fn to_event(mut event: Value) -> Value {
    event["record"] = to_record(event["record"].take());
    event
}
