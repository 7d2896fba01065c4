//! Arguments of calls, written as JSON text, and metadata, made of what the core has. What Python's values may be has been checked by then
//! (`_wire.py`).

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Value};

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

/// Makes a dict of a JSON object.
pub fn members(py: Python<'_>, members: &Map<String, Value>) -> PyResult<Py<PyAny>> {
    let dict = PyDict::new(py);
    for (key, value) in members {
        dict.set_item(key, read(py, value)?)?;
    }
    Ok(dict.into_any().unbind())
}

fn read(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    match value {
        Value::Null => Ok(py.None()),
        Value::Bool(flag) => flag.into_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.into_py_any(py),
            (None, float) => float.into_py_any(py),
        },
        Value::String(text) => text.into_py_any(py),
        Value::Array(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| read(py, item)).collect();
            items?.into_py_any(py)
        }
        Value::Object(object) => members(py, object),
    }
}
