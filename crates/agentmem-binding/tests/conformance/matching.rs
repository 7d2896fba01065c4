//! Compares answers with what cases expect. A malformed case panics: that is its fault, not the core's.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// What earlier steps saved, by name.
pub type Saved = HashMap<String, Value>;

/// The first place where an answer is not what was expected.
#[derive(Debug)]
pub struct Mismatch {
    pub path: String,
    pub expected: Value,
    pub actual: Value,
}

impl Mismatch {
    pub fn new(path: &str, expected: Value, actual: &Value) -> Self {
        Self {
            path: path.to_owned(),
            expected,
            actual: actual.clone(),
        }
    }
}

pub type Verdict = Result<(), Mismatch>;

/// Objects as a subset, arrays exactly and in order, operators by their one `$` key, all else by value.
pub fn matches(expected: &Value, actual: &Value, saved: &Saved, path: &str) -> Verdict {
    if let Some((operator, operand)) = operator(expected) {
        return apply(operator, operand, actual, saved, path);
    }
    match expected {
        Value::Array(wanted) => match_array(wanted, expected, actual, saved, path),
        Value::Object(wanted) => match_object(wanted, expected, actual, saved, path),
        _ => holds(equal(expected, actual), path, expected, actual),
    }
}

/// Deep equality of JSON values, numbers as doubles.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(i, j)| equal(i, j))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(key, i)| y.get(key).is_some_and(|j| equal(i, j)))
        }
        _ => a == b,
    }
}

/// The value at a reference such as `ada.id` or `hits.0.score`.
pub fn dereference<'a>(reference: &Value, saved: &'a Saved) -> &'a Value {
    let reference = reference.as_str().expect("$ref takes a text");
    let mut segments = reference.split('.');
    let name = segments.next().unwrap_or_default();
    let start = saved
        .get(name)
        .unwrap_or_else(|| panic!("$ref: nothing was saved as {name}"));
    segments.fold(start, |value, segment| {
        let inner = match value {
            Value::Array(elements) => segment.parse().ok().and_then(|i: usize| elements.get(i)),
            other => other.get(segment),
        };
        inner.unwrap_or_else(|| panic!("$ref: {reference} leads nowhere"))
    })
}

fn holds(it: bool, path: &str, expected: &Value, actual: &Value) -> Verdict {
    if it {
        Ok(())
    } else {
        Err(Mismatch::new(path, expected.clone(), actual))
    }
}

fn operator(expected: &Value) -> Option<(&str, &Value)> {
    let object = expected.as_object()?;
    let (name, operand) = object.iter().find(|(key, _)| key.starts_with('$'))?;
    assert!(object.len() == 1, "an operator stands alone: {expected}");
    Some((name, operand))
}

fn match_array(
    wanted: &[Value],
    expected: &Value,
    actual: &Value,
    saved: &Saved,
    path: &str,
) -> Verdict {
    let Value::Array(found) = actual else {
        return holds(false, path, expected, actual);
    };
    for (i, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        matches(wanted, found, saved, &format!("{path}[{i}]"))?;
    }
    let (wanted, found) = (json!(wanted.len()), json!(found.len()));
    holds(wanted == found, &format!("{path}.length"), &wanted, &found)
}

fn match_object(
    wanted: &Map<String, Value>,
    expected: &Value,
    actual: &Value,
    saved: &Saved,
    path: &str,
) -> Verdict {
    let Value::Object(found) = actual else {
        return holds(false, path, expected, actual);
    };
    for (key, wanted) in wanted {
        let inner = format!("{path}.{key}");
        let absent = matches!(operator(wanted), Some(("$absent", _)));
        match found.get(key) {
            Some(value) if absent => return holds(false, &inner, wanted, value),
            Some(value) => matches(wanted, value, saved, &inner)?,
            None if absent => {}
            None => return holds(false, &inner, wanted, &json!({ "$absent": true })),
        }
    }
    Ok(())
}

fn apply(name: &str, operand: &Value, actual: &Value, saved: &Saved, path: &str) -> Verdict {
    let stated = json!({ name: operand });
    match name {
        "$exact" | "$literal" => match_exactly(operand, actual, path),
        "$ref" => match_exactly(dereference(operand, saved), actual, path),
        "$type" => holds(has_type(operand, actual), path, &stated, actual),
        "$approx" => {
            let wanted = operand.as_f64().expect("$approx takes a number");
            let near = actual
                .as_f64()
                .is_some_and(|found| (found - wanted).abs() <= 1e-9);
            holds(near, path, &stated, actual)
        }
        "$between" => {
            let bound = |i: usize| operand[i].as_f64().expect("$between takes [low, high]");
            let (low, high) = (bound(0), bound(1));
            assert!(low <= high, "$between takes [low, high]");
            let inside = actual
                .as_f64()
                .is_some_and(|found| low <= found && found <= high);
            holds(inside, path, &stated, actual)
        }
        "$unordered" => {
            let wanted = operand.as_array().expect("$unordered takes an array");
            let fits = actual.as_array().is_some_and(|found| {
                let left: Vec<&Value> = found.iter().collect();
                wanted.len() == left.len() && assign(wanted, &left, saved, path)
            });
            holds(fits, path, &stated, actual)
        }
        "$absent" => panic!("$absent stands for a member of an object, not at {path}"),
        _ => panic!("unknown operator {name} at {path}"),
    }
}

/// Finds a different element for each of the expected ones, by trying.
fn assign(wanted: &[Value], left: &[&Value], saved: &Saved, path: &str) -> bool {
    let Some((first, rest)) = wanted.split_first() else {
        return true;
    };
    (0..left.len()).any(|i| {
        let mut others = left.to_vec();
        let found = others.remove(i);
        matches(first, found, saved, path).is_ok() && assign(rest, &others, saved, path)
    })
}

/// Fails with the innermost difference: a long answer need not be read whole.
fn match_exactly(expected: &Value, actual: &Value, path: &str) -> Verdict {
    if equal(expected, actual) {
        return Ok(());
    }
    let absent = json!({ "$absent": true });
    match (expected, actual) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys()) {
                let inner = format!("{path}.{key}");
                match (x.get(key), y.get(key)) {
                    (Some(i), Some(j)) => match_exactly(i, j, &inner)?,
                    (i, j) => {
                        return holds(false, &inner, i.unwrap_or(&absent), j.unwrap_or(&absent));
                    }
                }
            }
        }
        (Value::Array(x), Value::Array(y)) => {
            for (i, (wanted, found)) in x.iter().zip(y).enumerate() {
                match_exactly(wanted, found, &format!("{path}[{i}]"))?;
            }
            let (wanted, found) = (json!(x.len()), json!(y.len()));
            return holds(false, &format!("{path}.length"), &wanted, &found);
        }
        _ => {}
    }
    holds(false, path, expected, actual)
}

fn has_type(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "id" => value
            .as_str()
            .is_some_and(|text| fits(text, "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx")),
        "time" => is_time(value),
        "integer" => is_integer(value),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "record" => is_record(value, &[]),
        "hit" => is_record(value, &["score"]) && value["score"].is_number(),
        _ => panic!("unknown type {kind}"),
    }
}

fn is_integer(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| fits(text, "dddd-dd-ddTdd:dd:dd.dddZ"))
}

/// A character a pattern's character: `x` a hexadecimal digit, `v` a UUID's variant, `d` a digit, others themselves.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(found, wanted)| match wanted {
                b'x' => matches!(found, b'0'..=b'9' | b'a'..=b'f'),
                b'v' => matches!(found, b'8' | b'9' | b'a' | b'b'),
                b'd' => found.is_ascii_digit(),
                other => found == other,
            })
}

const TEXTS: &[&str] = &["id", "content"];
const TEXTS_OR_NULL: &[&str] = &["userId", "agentId", "runId", "role", "name"];
const TIMES: &[&str] = &["createdAt", "updatedAt"];

fn is_record(value: &Value, more: &[&str]) -> bool {
    let Some(record) = value.as_object() else {
        return false;
    };
    let all = |names: &[&str], fits: &dyn Fn(&Value) -> bool| {
        names.iter().all(|name| record.get(*name).is_some_and(fits))
    };
    record.len() == 13 + more.len()
        && all(TEXTS, &Value::is_string)
        && all(TEXTS_OR_NULL, &|value| value.is_string() || value.is_null())
        && all(TIMES, &is_time)
        && all(&["expiresAt"], &|value| value.is_null() || is_time(value))
        && all(&["metadata"], &Value::is_object)
        && all(&["importance"], &Value::is_number)
        && all(&["version"], &is_integer)
        && all(more, &|_| true)
}
