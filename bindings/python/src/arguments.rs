//! What a call is given, made of Python's values in one crossing. What is plain is read here; all else by the readers of `_wire.py`, which
//! know what else a value may be, and tell errors with their paths.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use serde_json::{Map, Value};

use crate::json;

type Members = Map<String, Value>;

/// The arguments of one call.
#[pyclass(frozen, module = "agentmem_native._native")]
pub struct NativeArguments {
    given: Mutex<Option<(Members, Vec<f32>)>>,
    /// Whether there is a vector among them.
    #[pyo3(get)]
    has_vectors: bool,
}

/// The vectors of a call, one behind the other: in its members stands how many components each has.
#[derive(Default)]
struct Vectors {
    floats: Vec<f32>,
    are_there: bool,
}

#[pymethods]
impl NativeArguments {
    /// Reads options by their wire names, without those that are `UNSET` or at their default, and one argument beside them.
    #[new]
    #[pyo3(signature = (options = None, defaults = None, name = None, value = None))]
    fn new(
        py: Python<'_>,
        options: Option<&Bound<'_, PyDict>>,
        defaults: Option<&Bound<'_, PyDict>>,
        name: Option<&str>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let wire = Wire::of(py)?;
        let (mut members, mut vectors) = (Members::new(), Vectors::default());
        if let Some(options) = options {
            let chosen = wire.options(options, defaults, &mut vectors)?;
            if !chosen.is_empty() {
                members.insert("options".to_owned(), chosen.into());
            }
        }
        if let (Some(name), Some(value)) = (name, value) {
            let key = PyString::new(py, name);
            members.insert(name.to_owned(), wire.value(&key, name, value)?);
        }
        Ok(NativeArguments::made(members, vectors))
    }

    /// Reads what `add_many` is given: a list or a tuple, and a dict or None.
    #[staticmethod]
    fn of_items(items: &Bound<'_, PyAny>, defaults: &Bound<'_, PyAny>) -> PyResult<Self> {
        let wire = Wire::of(items.py())?;
        let (mut members, mut vectors) = (Members::new(), Vectors::default());
        // Collected first: a reader is Python, which could change the list.
        let items: Vec<_> = items.try_iter()?.collect::<PyResult<_>>()?;
        let read = |(index, item): (usize, &Bound<'_, PyAny>)| {
            wire.item(item, index, &mut vectors).map(Value::Object)
        };
        let read: PyResult<Vec<_>> = items.iter().enumerate().map(read).collect();
        members.insert("items".to_owned(), read?.into());
        if !defaults.is_none() {
            let read = wire.defaults.bind(defaults.py()).call1((defaults,))?;
            members.insert("defaults".to_owned(), json::value(&read)?);
        }
        Ok(NativeArguments::made(members, vectors))
    }
}

impl NativeArguments {
    fn made(members: Members, vectors: Vectors) -> Self {
        NativeArguments {
            has_vectors: vectors.are_there,
            given: Mutex::new(Some((members, vectors.floats))),
        }
    }

    /// Gives them away, to the call that they are for.
    pub fn take(&self) -> PyResult<(Members, Vec<f32>)> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.take().ok_or_else(given_away)
    }

    /// Gives a copy, to a call that may not be done.
    pub fn copied(&self) -> PyResult<(Members, Vec<f32>)> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.clone().ok_or_else(given_away)
    }
}

fn given_away() -> PyErr {
    PyRuntimeError::new_err("arguments are for one call")
}

/// What is read in Python, by `_wire.py`.
struct Wire {
    unset: Py<PyAny>,
    /// By wire names, what reads more than a scalar.
    readers: Py<PyDict>,
    scalar: Py<PyAny>,
    vector: Py<PyAny>,
    /// The wire names of what an item may have.
    item_names: Py<PyDict>,
    item: Py<PyAny>,
    defaults: Py<PyAny>,
}

impl Wire {
    fn of(py: Python<'_>) -> PyResult<&Self> {
        static WIRE: PyOnceLock<Wire> = PyOnceLock::new();
        WIRE.get_or_try_init(py, || {
            let module = py.import("agentmem_native._wire")?;
            let named = |name| module.getattr(name).map(Bound::unbind);
            let dict = |name| Ok::<_, PyErr>(module.getattr(name)?.cast_into::<PyDict>()?.unbind());
            Ok(Wire {
                unset: named("UNSET")?,
                readers: dict("READERS")?,
                scalar: named("scalar")?,
                vector: named("vector")?,
                item_names: dict("ITEM_NAMES")?,
                item: named("item")?,
                defaults: named("defaults")?,
            })
        })
    }

    fn options(
        &self,
        given: &Bound<'_, PyDict>,
        defaults: Option<&Bound<'_, PyDict>>,
        vectors: &mut Vectors,
    ) -> PyResult<Members> {
        let mut members = Members::new();
        let mut rest = Vec::new();
        for (key, value) in given {
            if value.is(&self.unset) || is_default(defaults, &key, &value)? {
                continue;
            }
            let key = key.cast_into::<PyString>()?;
            let name = key.to_str()?;
            match self.plain(&key, name, &value)? {
                Some(read) => drop(members.insert(name.to_owned(), read)),
                None => rest.push((key, value)),
            }
        }
        // Readers are Python, which could change the dict.
        for (key, value) in rest {
            let name = key.to_str()?;
            let read = match name {
                "embedding" => self.vector(&value, name, vectors)?,
                _ => self.read(&key, name, &value)?,
            };
            members.insert(name.to_owned(), read);
        }
        Ok(members)
    }

    fn item(
        &self,
        item: &Bound<'_, PyAny>,
        index: usize,
        vectors: &mut Vectors,
    ) -> PyResult<Members> {
        if let Some((mut members, embedding)) = self.plain_item(item)? {
            if let Some(embedding) = embedding {
                let field = format!("items[{index}].embedding");
                let read = self.vector(&embedding, &field, vectors)?;
                members.insert("embedding".to_owned(), read);
            }
            return Ok(members);
        }
        let (read, vector): (Bound<'_, PyAny>, Option<Bound<'_, PyBytes>>) =
            self.item.bind(item.py()).call1((item, index))?.extract()?;
        if let Some(vector) = vector {
            vectors.push(vector.as_bytes());
        }
        match json::value(&read)? {
            Value::Object(members) => Ok(members),
            _ => Err(PyRuntimeError::new_err("an item is read as a dict")),
        }
    }

    /// Reads an item but for its vector, if it is a dict of known members that are plain.
    fn plain_item<'py>(
        &self,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(Members, Option<Bound<'py, PyAny>>)>> {
        let Ok(item) = item.cast_exact::<PyDict>() else {
            return Ok(None);
        };
        let names = self.item_names.bind(item.py());
        let (mut members, mut embedding) = (Members::new(), None);
        for (key, value) in item {
            if !key.is_exact_instance_of::<PyString>() {
                return Ok(None);
            }
            let Some(name) = names.get_item(&key)? else {
                return Ok(None);
            };
            let name = name.cast_into::<PyString>()?;
            match name.to_str()? {
                _ if value.is(&self.unset) => (),
                "embedding" if !value.is_none() => embedding = Some(value),
                text => match self.plain(&name, text, &value)? {
                    Some(read) => drop(members.insert(text.to_owned(), read)),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some((members, embedding)))
    }

    fn value(
        &self,
        key: &Bound<'_, PyString>,
        name: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Value> {
        match self.plain(key, name, value)? {
            Some(read) => Ok(read),
            None => self.read(key, name, value),
        }
    }

    /// Reads what is JSON as it is; no Python runs meanwhile.
    fn plain(
        &self,
        key: &Bound<'_, PyString>,
        name: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Value>> {
        if value.is_none() {
            return Ok(Some(Value::Null));
        }
        Ok(match name {
            "metadata" => json::plain(value, json::MAX_METADATA),
            "filter" => json::plain(value, json::MAX_FILTER),
            "content" | "createdAt" | "expiresAt" | "since" | "until" | "asOf" => {
                json::plain_text(value).map(Value::String)
            }
            _ if self.readers.bind(value.py()).contains(key)? => None,
            _ => json::plain_scalar(value),
        })
    }

    fn read(
        &self,
        key: &Bound<'_, PyString>,
        name: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Value> {
        let py = value.py();
        let read = match self.readers.bind(py).get_item(key)? {
            Some(reader) => reader.call1((value, name))?,
            None => self.scalar.bind(py).call1((value, name))?,
        };
        json::value(&read)
    }

    /// Reads a vector, and gives what stands for it: how many components it has.
    fn vector(
        &self,
        value: &Bound<'_, PyAny>,
        field: &str,
        vectors: &mut Vectors,
    ) -> PyResult<Value> {
        let py = value.py();
        if let Some(bytes) = floats_of(value)? {
            return Ok(vectors.push(bytes.as_bytes()));
        }
        let read = self.vector.bind(py).call1((value, field))?;
        Ok(vectors.push(read.cast::<PyBytes>()?.as_bytes()))
    }
}

impl Vectors {
    /// Takes the bytes of floats of 32 bits.
    fn push(&mut self, bytes: &[u8]) -> Value {
        let (floats, _) = bytes.as_chunks();
        let floats = floats.iter().map(|&float| f32::from_ne_bytes(float));
        self.floats.extend(floats);
        self.are_there = true;
        (bytes.len() / 4).into()
    }
}

/// Gives the bytes of a one-dimensional buffer of floats of 32 bits; nothing of anything else.
fn floats_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let py = value.py();
    if value.is_none() || PyList::is_type_of(value) || PyTuple::is_type_of(value) {
        return Ok(None);
    }
    let Ok(view) = PyMemoryView::from(value) else {
        return Ok(None);
    };
    let is_flat = view.getattr(intern!(py, "ndim"))?.extract::<usize>()? == 1;
    if !is_flat || view.getattr(intern!(py, "format"))?.ne(intern!(py, "f"))? {
        return Ok(None);
    }
    let bytes = view.call_method0(intern!(py, "tobytes"))?;
    Ok(Some(bytes.cast_into()?))
}

fn is_default(
    defaults: Option<&Bound<'_, PyDict>>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let default = defaults
        .map(|defaults| defaults.get_item(key))
        .transpose()?;
    let Some(default) = default.flatten() else {
        return Ok(false);
    };
    // Each place where a number is written makes an object of its own.
    Ok(value.is(&default)
        || (json::is_float(value) && json::is_float(&default) && value.eq(default)?))
}
