//! Generators: values in `with` that stand for others.

use std::path::Path;

use serde_json::{Value, json};

use crate::case::{list, text};
use crate::matching::{Saved, dereference};

/// What a value in `with` may refer to.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub saved: &'a Saved,
    /// How often the surrounding `repeat`, `parallel` or `$copies` has gone round.
    pub index: usize,
    pub folder: &'a Path,
}

/// Turns a value of `with` into the one to pass: generators are replaced, all else, filters too, is data.
pub fn resolve(value: &Value, context: Context) -> Value {
    match value {
        Value::Array(elements) => elements
            .iter()
            .map(|element| resolve(element, context))
            .collect(),
        Value::Object(members) => {
            if members.len() == 1 {
                let generated = members
                    .iter()
                    .next()
                    .and_then(|(name, operand)| generate(name, operand, context));
                if let Some(generated) = generated {
                    return generated;
                }
            }
            let resolved = members
                .iter()
                .map(|(key, inner)| (key.clone(), resolve(inner, context)));
            Value::Object(resolved.collect())
        }
        scalar => scalar.clone(),
    }
}

/// None if the name is none of a generator's.
fn generate(name: &str, operand: &Value, context: Context) -> Option<Value> {
    Some(match name {
        "$literal" => operand.clone(),
        "$ref" => dereference(operand, context.saved).clone(),
        "$index" => indexed(operand, context.index),
        "$repeat" => json!(text(&operand[0]).repeat(count(&operand[1]))),
        "$copies" => (0..count(&operand[1]))
            .map(|index| resolve(&operand[0], Context { index, ..context }))
            .collect(),
        "$nested" => nested(operand),
        "$path" => json!(context.folder.join(text(operand))),
        "$embedder" => {
            json!({ "id": format!("bytes-{operand}"), "dimensions": operand, "embed": "bytes" })
        }
        "$input" => panic!("{operand} cannot be written in the wire form"),
        _ => return None,
    })
}

fn count(value: &Value) -> usize {
    let count = value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number of times"));
    usize::try_from(count).expect("a number of times is small")
}

fn indexed(operand: &Value, index: usize) -> Value {
    match operand.as_u64() {
        Some(offset) => json!(offset + index as u64),
        None => json!(text(operand).replace('#', &index.to_string())),
    }
}

/// An object (or array) of the stated depth by clause 1.7: the innermost is empty.
fn nested(operand: &Value) -> Value {
    let array = list(operand).get(1).is_some_and(|kind| kind == "array");
    let depth = count(list(operand).first().unwrap_or(operand));
    let innermost = if array { json!([]) } else { json!({}) };
    (1..depth).fold(innermost, |value, _| {
        if array {
            json!([value])
        } else {
            json!({ "a": value })
        }
    })
}
