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
