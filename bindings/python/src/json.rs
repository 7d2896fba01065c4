//! JSON of Python's values, for arguments, and Python's values of JSON, for metadata. What Python's values may be, `_wire.py` says.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The integers that stand for themselves end here: 2^53 - 1.
const MAX_INTEGER: i64 = (1 << 53) - 1;
/// How deep a value may be nested.
const MAX_DEPTH: usize = 32;
/// How many parts and characters metadata may have, each of which takes a byte of JSON at least.
pub const MAX_METADATA: usize = 65_536;
/// The same of a filter.
pub const MAX_FILTER: usize = 1_048_576;

/// Writes a value that is made of dicts, lists, tuples, texts, numbers, booleans and None.
pub fn write(of: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value(of)?.to_string())
}

/// Makes JSON of a value that was read by `_wire.py`.
pub fn value(of: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(text) = of.cast::<PyString>() {
        Ok(Value::String(text.to_str()?.to_owned()))
    } else if let Ok(members) = of.cast::<PyDict>() {
        let member = |(key, value_of): (Bound<'_, PyAny>, _)| {
            let key = key.cast::<PyString>()?.to_str()?.to_owned();
            Ok::<_, PyErr>((key, value(&value_of)?))
        };
        let members: PyResult<Map<_, _>> = members.iter().map(member).collect();
        Ok(Value::Object(members?))
    } else if let Ok(items) = of.cast::<PyList>() {
        items.iter().map(|item| value(&item)).collect()
    } else if let Ok(items) = of.cast::<PyTuple>() {
        items.iter().map(|item| value(&item)).collect()
    } else if of.is_none() {
        Ok(Value::Null)
    } else if let Ok(flag) = of.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if of.is_instance_of::<PyInt>() {
        Ok(of.extract::<i64>()?.into())
    } else if of.is_instance_of::<PyFloat>() {
        Ok(Number::from_f64(of.extract()?).map_or(Value::Null, Value::Number))
    } else {
        let problem = format!("{} is no JSON", of.get_type().name()?);
        Err(PyTypeError::new_err(problem))
    }
}

/// Reads a value that is JSON as it is, with at most so many parts and characters; nothing of any other. No Python runs meanwhile.
pub fn plain(of: &Bound<'_, PyAny>, most: usize) -> Option<Value> {
    plain_part(of, &mut { most }, 0)
}

fn plain_part(of: &Bound<'_, PyAny>, left: &mut usize, depth: usize) -> Option<Value> {
    if let Ok(members) = of.cast_exact::<PyDict>() {
        take(left, members.len(), depth)?;
        let member = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            Some((plain_text(&key)?, plain_part(&value, left, depth + 1)?))
        };
        return members
            .iter()
            .map(member)
            .collect::<Option<_>>()
            .map(Value::Object);
    }
    if let Ok(items) = of.cast_exact::<PyList>() {
        take(left, items.len(), depth)?;
        let items: Option<_> = items
            .iter()
            .map(|item| plain_part(&item, left, depth + 1))
            .collect();
        return items.map(Value::Array);
    }
    let read = if of.is_none() {
        Value::Null
    } else {
        plain_scalar(of)?
    };
    if let Value::String(text) = &read {
        // Bytes are no fewer than characters.
        *left = left.checked_sub(text.len())?;
    }
    Some(read)
}

fn take(left: &mut usize, parts: usize, depth: usize) -> Option<()> {
    *left = left.checked_sub(parts)?;
    (depth < MAX_DEPTH).then_some(())
}

/// Reads a text that is Unicode; a subclass may be something else.
pub fn plain_text(of: &Bound<'_, PyAny>) -> Option<String> {
    let text = of.cast_exact::<PyString>().ok()?;
    text.to_str().ok().map(str::to_owned)
}

/// Reads a text, a boolean or a number that is JSON as it is; subclasses may be something else.
pub fn plain_scalar(of: &Bound<'_, PyAny>) -> Option<Value> {
    if let Some(text) = plain_text(of) {
        return Some(Value::String(text));
    }
    if of.is_exact_instance_of::<PyInt>() {
        let integer = of.extract::<i64>().ok()?;
        return (-MAX_INTEGER..=MAX_INTEGER)
            .contains(&integer)
            .then(|| integer.into());
    }
    if is_float(of) {
        let float = of.extract::<f64>().ok()?;
        let number = Number::from_f64(float)?;
        return (float.abs() <= MAX_INTEGER as f64).then_some(Value::Number(number));
    }
    let flag = of.cast_exact::<PyBool>().ok()?;
    Some(Value::Bool(flag.is_true()))
}

/// Tells whether it is a float, and no subclass.
pub fn is_float(of: &Bound<'_, PyAny>) -> bool {
    of.is_exact_instance_of::<PyFloat>()
}

/// Makes a dict of metadata, straight from its text.
pub fn members<'py>(py: Python<'py>, metadata: &str) -> PyResult<Bound<'py, PyAny>> {
    let mut text = serde_json::Deserializer::from_str(metadata);
    // The core has checked the text; what can fail is to make an object.
    Reader(py)
        .deserialize(&mut text)
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Makes Python's values of JSON.
#[derive(Clone, Copy)]
struct Reader<'py>(Python<'py>);

impl<'py> Reader<'py> {
    fn made<E: Error>(self, value: impl IntoPyObjectExt<'py>) -> Result<Bound<'py, PyAny>, E> {
        value.into_bound_py_any(self.0).map_err(E::custom)
    }
}

impl<'de, 'py> DeserializeSeed<'de> for Reader<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Reader<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        self.made(flag)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Self::Value, E> {
        self.made(integer)
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Self::Value, E> {
        self.made(integer)
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Self::Value, E> {
        self.made(float)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.made(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = items.next_element_seed(self)? {
            list.append(item).map_err(A::Error::custom)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some((key, value)) = members.next_entry_seed(Key(self.0), self)? {
            dict.set_item(key, value).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}

/// Makes the key of a dict.
struct Key<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Key<'py> {
    type Value = Bound<'py, PyString>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_str(self)
    }
}

impl<'de, 'py> Visitor<'de> for Key<'py> {
    type Value = Bound<'py, PyString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(key(self.0, text))
    }
}

/// Longer keys are not kept, in bytes.
const LONGEST_KEPT: usize = 32;
/// How many keys are kept; a power of two.
const KEPT: usize = 64;

/// A text and Python's.
type Kept = Option<(Box<str>, Py<PyString>)>;

/// Keys that were made lately: the records of a store mostly have the same ones, and Python takes less time with a text that it has hashed.
static KEYS: Mutex<[Kept; KEPT]> = Mutex::new([const { None }; KEPT]);

fn key<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    let (Some(first), Some(last)) = (text.as_bytes().first(), text.as_bytes().last()) else {
        return PyString::new(py, text);
    };
    if text.len() > LONGEST_KEPT {
        return PyString::new(py, text);
    }
    let place = (text.len() * 13 + usize::from(*first) * 5 + usize::from(*last)) % KEPT;
    if let Some((known, made)) = &keys()[place]
        && **known == *text
    {
        return made.bind(py).clone();
    }
    let made = PyString::new(py, text);
    let other = keys()[place].replace((text.into(), made.clone().unbind()));
    drop(other); // Not while others are kept from the keys.
    made
}

fn keys() -> MutexGuard<'static, [Kept; KEPT]> {
    KEYS.lock().unwrap_or_else(PoisonError::into_inner)
}
