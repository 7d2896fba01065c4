//! Arguments of calls, written as JSON text, and metadata, read from it. What Python's values may be has been checked by then
//! (`_wire.py`).

use std::fmt;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Writes a value that is made of dicts, lists, tuples, texts, numbers, booleans and None.
pub fn write(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut out = String::with_capacity(256);
    write_value(value, &mut out)?;
    Ok(out)
}

fn write_value(value: &Bound<'_, PyAny>, out: &mut String) -> PyResult<()> {
    if let Ok(text) = value.cast::<PyString>() {
        write_text(text, out)
    } else if let Ok(members) = value.cast::<PyDict>() {
        write_members(members, out)
    } else if let Ok(items) = value.cast::<PyList>() {
        write_items(items.iter(), out)
    } else if let Ok(items) = value.cast::<PyTuple>() {
        write_items(items.iter(), out)
    } else if value.is_none() {
        out.push_str("null");
        Ok(())
    } else if let Ok(flag) = value.cast::<PyBool>() {
        out.push_str(if flag.is_true() { "true" } else { "false" });
        Ok(())
    } else if value.is_instance_of::<PyInt>() {
        out.push_str(&value.extract::<i64>()?.to_string());
        Ok(())
    } else if value.is_instance_of::<PyFloat>() {
        let json = serde_json::to_string(&value.extract::<f64>()?);
        out.push_str(&json.expect("a number can be written"));
        Ok(())
    } else {
        let problem = format!("{} is no JSON", value.get_type().name()?);
        Err(PyTypeError::new_err(problem))
    }
}

fn write_text(text: &Bound<'_, PyString>, out: &mut String) -> PyResult<()> {
    let json = serde_json::to_string(text.to_str()?).expect("a text can be written");
    out.push_str(&json);
    Ok(())
}

fn write_members(members: &Bound<'_, PyDict>, out: &mut String) -> PyResult<()> {
    let mut before = '{';
    for (key, value) in members {
        out.push(before);
        before = ',';
        write_text(key.cast::<PyString>()?, out)?;
        out.push(':');
        write_value(&value, out)?;
    }
    out.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn write_items<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut String,
) -> PyResult<()> {
    let mut before = '[';
    for item in items {
        out.push(before);
        before = ',';
        write_value(&item, out)?;
    }
    out.push_str(if before == '[' { "[]" } else { "]" });
    Ok(())
}

/// The integers that stand for themselves end here: 2^53 - 1.
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Of options, by their wire names, those that are neither `unset` nor at their default: in a dict what is plain JSON, and in a list what
/// remains to be read by `readers` or to be refused.
#[pyfunction]
pub fn chosen<'py>(
    given: &Bound<'py, PyDict>,
    defaults: &Bound<'py, PyDict>,
    unset: &Bound<'py, PyAny>,
    readers: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyDict>, Option<Bound<'py, PyList>>)> {
    let plain = PyDict::new(given.py());
    let mut rest = None;
    for (name, value) in given {
        if value.is(unset) || is_default(defaults.get_item(&name)?, &value)? {
            continue;
        }
        if value.is_none() || (!readers.contains(&name)? && is_plain(&value)) {
            plain.set_item(name, value)?;
        } else {
            rest.get_or_insert_with(|| PyList::empty(given.py()))
                .append((name, value))?;
        }
    }
    Ok((plain, rest))
}

fn is_default(default: Option<Bound<'_, PyAny>>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(default) = default else {
        return Ok(false);
    };
    // Each place where a number is written makes an object of its own.
    let is_number = |it: &Bound<'_, PyAny>| it.is_exact_instance_of::<PyFloat>();
    Ok(value.is(&default) || (is_number(value) && is_number(&default) && value.eq(default)?))
}

/// Whether a text, a boolean or a number is JSON as it is; subclasses may be something else.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = value.cast_exact::<PyString>() {
        return text.to_str().is_ok();
    }
    if value.is_exact_instance_of::<PyInt>() {
        let integer = value.extract::<i64>();
        return integer.is_ok_and(|integer| (-MAX_INTEGER..=MAX_INTEGER).contains(&integer));
    }
    if value.is_exact_instance_of::<PyFloat>() {
        let float = value.extract::<f64>();
        return float.is_ok_and(|float| float.abs() <= MAX_INTEGER as f64);
    }
    value.is_exact_instance_of::<PyBool>()
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
        while let Some((key, value)) = members.next_entry_seed(self, self)? {
            dict.set_item(key, value).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}
