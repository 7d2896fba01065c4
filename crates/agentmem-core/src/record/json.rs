//! JSON values: what is allowed, the canonical form of RFC 8785, equality by value (spec 1.3 to 1.8).

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};
use crate::scope::check_characters;

/// The integers that a double holds exactly end here: 2^53 - 1.
pub(crate) const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
/// Greatest depth of metadata and filters.
pub(crate) const MAX_DEPTH: usize = 32;

/// Checks that a value is one that can be stored and compared: numbers, characters, and at most 32 levels.
///
/// A value that is too deep is reported at `root`, anything else at its own path.
pub(crate) fn check(value: &Value, root: &str) -> Result<()> {
    walk(value, root, &mut Vec::new())
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Writes the path of a value inside the argument `root`: `metadata.a[3]`.
fn path(root: &str, steps: &[Step<'_>]) -> String {
    let mut path = root.to_owned();
    for step in steps {
        match step {
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn walk<'a>(value: &'a Value, root: &str, steps: &mut Vec<Step<'a>>) -> Result<()> {
    let is_container = matches!(value, Value::Array(_) | Value::Object(_));
    if is_container && steps.len() >= MAX_DEPTH {
        return Err(Error::invalid(
            root,
            format!("is nested deeper than {MAX_DEPTH} levels"),
        ));
    }
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => {
            let number = number
                .as_f64()
                .expect("without arbitrary precision every number is a double");
            if number.abs() > MAX_SAFE_INTEGER {
                return Err(Error::invalid(
                    path(root, steps),
                    "is a number beyond 2^53 - 1, which doubles cannot tell from its neighbours: use a string",
                ));
            }
            Ok(())
        }
        Value::String(text) => {
            check_characters(text, "").map_err(|error| error.at(path(root, steps)))
        }
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            steps.push(Step::Index(index));
            walk(item, root, steps)?;
            steps.pop();
            Ok(())
        }),
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            check_characters(key, "")
                .map_err(|_| Error::invalid(path(root, steps), "has a key with U+0000"))?;
            steps.push(Step::Key(key));
            walk(member, root, steps)?;
            steps.pop();
            Ok(())
        }),
    }
}

/// Writes the canonical form of RFC 8785: keys by UTF-16 code units, numbers as ECMAScript writes them.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// The canonical form of an object.
pub(crate) fn canonical_object(members: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_object(members, &mut out);
    out
}

pub(crate) fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            write_number(number, out);
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => write_object(members, out),
    }
}

pub(crate) fn write_object(members: &Map<String, Value>, out: &mut String) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| by_utf16(a, b));
    out.push('{');
    for (index, (key, member)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_value(member, out);
    }
    out.push('}');
}

/// The order of RFC 8785; of ASCII it is that of the bytes.
fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}

fn write_number(number: &Number, out: &mut String) {
    let whole = number.as_i64();
    if let Some(whole) = whole.filter(|whole| whole.unsigned_abs() as f64 <= MAX_SAFE_INTEGER) {
        write!(out, "{whole}").expect("a string takes everything");
        return;
    }
    let number = number
        .as_f64()
        .expect("without arbitrary precision every number is a double");
    out.push_str(ryu_js::Buffer::new().format(number));
}

/// RFC 8785 escapes as `JSON.stringify` does, which is what serde_json does too.
pub(crate) fn write_text(text: &str, out: &mut String) {
    let escapes = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    // To the end without a branch, so that it is done for many bytes at once.
    if text
        .bytes()
        .fold(false, |found, byte| found | escapes(byte))
    {
        out.push_str(&serde_json::to_string(text).expect("a string has no form that JSON lacks"));
        return;
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Tells whether two values are equal: deeply, numbers as doubles, objects without order (spec 1.5).
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}
