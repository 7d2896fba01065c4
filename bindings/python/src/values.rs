//! What calls give back, in Python: classes whose objects are printed, compared, copied and matched by their fields.
//!
//! They are what frozen dataclasses are, made here because those take longer to define, at each import, than a search takes, and longer to
//! fill than the search that found them. `_native.pyi` describes the same classes to type checkers.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

/// What the classes of values have in common. The fields of one are named by `__match_args__`, in the order of its constructor.
#[pyclass(frozen, subclass, module = "agentmem_native._native")]
pub struct Value;

#[pymethods]
impl Value {
    #[classattr]
    fn __dataclass_fields__() -> Fields {
        Fields
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut told = Vec::new();
        for (name, value) in named(slf)? {
            told.push(format!("{name}={}", value.repr()?));
        }
        Ok(format!(
            "{}({})",
            slf.get_type().qualname()?,
            told.join(", ")
        ))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if !slf.get_type().is(other.get_type()) {
            return Ok(py.NotImplemented());
        }
        let is_equal = fields(slf)?.eq(fields(other.cast()?)?)?;
        Ok(is_equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
        fields(slf)?.hash()
    }

    /// How `copy` and `pickle` make it anew.
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((slf.get_type(), fields(slf)?))
    }

    /// Gives a copy with other values for some fields, as `copy.replace` does.
    #[pyo3(signature = (**changes))]
    fn __replace__<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = PyDict::new(slf.py());
        for (name, value) in named(slf)? {
            given.set_item(name, value)?;
        }
        if let Some(changes) = changes {
            given.update(changes.as_mapping())?;
        }
        slf.get_type().call((), Some(&given))
    }
}

/// The names and values of the fields.
fn named<'py>(
    value: &Bound<'py, Value>,
) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>> {
    let names = value
        .get_type()
        .getattr(intern!(value.py(), "__match_args__"))?
        .cast_into::<PyTuple>()?;
    names
        .iter()
        .map(|name| {
            let name = name.cast_into()?;
            let of = value.getattr(&name)?;
            Ok((name, of))
        })
        .collect()
}

fn fields<'py>(value: &Bound<'py, Value>) -> PyResult<Bound<'py, PyTuple>> {
    let fields: Vec<_> = named(value)?.into_iter().map(|(_, value)| value).collect();
    PyTuple::new(value.py(), fields)
}

/// The fields for the module `dataclasses`, which is imported when somebody asks for them.
#[pyclass(frozen, module = "agentmem_native._native")]
struct Fields;

#[pymethods]
impl Fields {
    fn __get__<'py>(
        &self,
        py: Python<'py>,
        _value: &Bound<'py, PyAny>,
        class: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        py.import("agentmem_native._fields")?
            .call_method1("fields_of", (class,))
    }
}

/// Makes classes whose fields are Python's objects.
macro_rules! classes {
    ($($(#[doc = $about:literal])* $class:ident { $($(#[doc = $what:literal])* $field:ident,)* })*) => {$(
        $(#[doc = $about])*
        #[pyclass(frozen, subclass, get_all, extends = Value, module = "agentmem_native")]
        pub struct $class {
            $($(#[doc = $what])* pub $field: Py<PyAny>,)*
        }

        #[pymethods]
        impl $class {
            #[allow(clippy::too_many_arguments)] // a constructor takes all fields, as in Python
            #[new]
            fn new($($field: Py<PyAny>),*) -> PyClassInitializer<Self> {
                PyClassInitializer::from($class { $($field),* })
            }

            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
                PyTuple::new(py, [$(stringify!($field)),*])
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                $(visit.call(&self.$field)?;)*
                Ok(())
            }
        }

        impl From<$class> for PyClassInitializer<$class> {
            fn from(value: $class) -> Self {
                PyClassInitializer::from(Value).add_subclass(value)
            }
        }
    )*};
}

classes! {
    /// The turns around a hit, oldest first; none around what is no turn (spec 8.12).
    HitContext {
        /// Those before it, a list of `Record`.
        before,
        /// Those after it, a list of `Record`.
        after,
    }

    /// What a word of the query says for a hit (spec 8.13).
    HitTerm {
        /// The word as it is searched: in lower case, without its ending.
        term,
        /// How often it is among the record's own words.
        own,
        /// What the turns around it add, each place away half as much.
        around,
        /// What it adds to `bm25`.
        weight,
    }

    /// Why a search found a record: the numbers that its ranking used (spec 8.13).
    HitExplanation {
        /// The words of the query that it or a turn near it has; none in `semantic`.
        terms,
        /// How well its words answer: the sum of the weights of `terms`.
        bm25,
        /// How near its own meaning is to the query's, from 0 to 1.
        cosine,
        /// The same with the turns around it.
        near,
        /// How much of the query's meaning its words cover; None where the second stage did not look.
        coverage,
        /// What it gained because the query names who speaks.
        speaker,
        /// What it lost because it asks something itself.
        question,
        /// What it gained because it is like the best.
        feedback,
        /// What all that comes to. Hits are ordered by it, unless recency or importance count.
        value,
        /// How likely it is that an answer is there at all; None but in `hybrid`.
        likelihood,
        /// The score without recency and importance; None where neither was asked for.
        relevance,
        /// From 1, for what is new, down to 0; None where it was not asked for.
        recency,
        /// The record's importance; None where it was not asked for.
        importance,
    }

    /// One write in the life of a record (spec 11.1).
    Event {
        /// Its place in the log of the store.
        seq,
        /// When it was written; never before the event before it.
        at,
        /// `ADD`, `UPDATE`, `DELETE` or `PURGE`.
        event,
        /// The record's id.
        id,
        /// The full state that it left; None after a deletion, or if it has been erased since.
        record,
    }

    /// What a store holds (spec 11.5).
    Stats {
        /// Live records.
        records,
        /// Records that have expired and have not been erased.
        expired,
        /// States that were superseded or deleted, and are kept.
        past,
        /// Events in the log.
        events,
        /// The size of the file and of those beside it; 0 in memory.
        bytes,
        /// Whether something that was purged may still be in the file.
        pending_purge,
        /// The id of the embedder: `builtin` for the built-in table, None for none.
        embedder,
        /// How many components its vectors have; 0 for none.
        dimensions,
    }

    /// Something that `verify` found to be wrong.
    Problem {
        /// `file`, `row`, `vector`, `event`, `past` or `index`.
        kind,
        /// The event, or the record by the event that added it.
        seq,
    }

    /// Whether rows, vectors, text index and log agree (spec 11.6).
    Verification {
        /// Whether they do.
        ok,
        /// What is wrong, a list of `Problem`.
        problems,
    }

    /// What an import came to, in records, or in events of an export with history (spec 13.5).
    Imported {
        /// Those that were written.
        imported,
        /// Those that were there already, or were left.
        skipped,
        /// Records that took the place of others.
        replaced,
    }
}
