//! Records and hits in Python: they hold what the core gave, and make each field when it is first read. Most are never read.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{IntoPyObjectExt, PyTraverseError, PyVisit};

use crate::answer::time;
use crate::json;
use crate::values::Value;

/// A field that is made when it is first read.
type Lazy = OnceLock<Py<PyAny>>;

/// What makes a field: of the record, and of what the core gave for it.
type Make = fn(&Record, &agentmem_core::Record, Python<'_>) -> PyResult<Py<PyAny>>;

fn read(
    py: Python<'_>,
    field: &Lazy,
    make: impl FnOnce() -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    if let Some(made) = field.get() {
        return Ok(made.clone_ref(py));
    }
    let made = make()?;
    // Another thread may have been quicker: all shall have the same object.
    Ok(field.get_or_init(|| made).clone_ref(py))
}

/// Defines `Record` by its fields, in the order of spec 2.1, and by what makes each of them.
macro_rules! record {
    ($($(#[doc = $what:literal])* $field:ident: $make:expr,)*) => {
        /// One memory. All fields are always there; times are aware and in UTC (spec 2.1).
        #[pyclass(frozen, subclass, extends = Value, module = "agentmem_native")]
        pub struct Record {
            /// Nothing if Python made the record: then it has all fields.
            of: Option<agentmem_core::Record>,
            $($field: Lazy,)*
        }

        #[pymethods]
        impl Record {
            #[allow(clippy::too_many_arguments)] // a constructor takes all fields, as in Python
            #[new]
            fn new($($field: Py<PyAny>),*) -> PyClassInitializer<Self> {
                Record { of: None, $($field: Lazy::from($field)),* }.into()
            }

            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
                PyTuple::new(py, [$(stringify!($field)),*])
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                $(visit.call(self.$field.get())?;)*
                Ok(())
            }

            $(
                $(#[doc = $what])*
                #[getter]
                fn $field(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                    let make: Make = $make;
                    read(py, &self.$field, || make(self, self.of(), py))
                }
            )*
        }

        impl From<agentmem_core::Record> for Record {
            fn from(of: agentmem_core::Record) -> Self {
                Record { of: Some(of), $($field: Lazy::new()),* }
            }
        }

        #[pymethods]
        impl Hit {
            #[allow(clippy::too_many_arguments)] // a constructor takes all fields, as in Python
            #[new]
            #[pyo3(signature = ($($field,)* score, context = None, explain = None))]
            fn new(
                $($field: Py<PyAny>,)*
                score: Py<PyAny>,
                context: Option<Py<PyAny>>,
                explain: Option<Py<PyAny>>,
            ) -> PyClassInitializer<Self> {
                let record = Record { of: None, $($field: Lazy::from($field)),* };
                PyClassInitializer::from(record).add_subclass(Hit { score, context, explain })
            }

            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
                PyTuple::new(py, [$(stringify!($field),)* "score", "context", "explain"])
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                visit.call(&self.score)?;
                visit.call(&self.context)?;
                visit.call(&self.explain)
            }
        }
    };
}

record! {
    /// 1 to 256 bytes; a UUID of version 7 (RFC 9562) if the caller gave none.
    id: |_, of, py| of.id.as_str().into_py_any(py),
    /// Not blank, at most 1 MiB.
    content: |_, of, py| of.content.as_str().into_py_any(py),
    /// Whose it is; None for nobody's.
    user_id: |_, of, py| of.scope.user_id.as_deref().into_py_any(py),
    /// The agent; None for none.
    agent_id: |_, of, py| of.scope.agent_id.as_deref().into_py_any(py),
    /// The run, such as one conversation; None for none.
    run_id: |_, of, py| of.scope.run_id.as_deref().into_py_any(py),
    /// Who says it in a conversation, such as `user`. A record with a role is a *turn*.
    role: |_, of, py| of.role.as_deref().into_py_any(py),
    /// The speaker's name.
    name: |_, of, py| of.name.as_deref().into_py_any(py),
    /// A dict of JSON, of this object alone: what is changed in it is changed nowhere else.
    metadata: |_, of, py| json::members(py, of.metadata.as_json()).map(Bound::unbind),
    /// From 0 to 1.
    importance: |_, of, py| of.importance.into_py_any(py),
    /// When it happened.
    created_at: |_, of, py| time(py, of.created_at),
    /// When it was last written.
    updated_at: |record, of, py| match of.updated_at == of.created_at {
        true => record.created_at(py), // Most are as they were added.
        false => time(py, of.updated_at),
    },
    /// From then on it counts as absent.
    expires_at: |_, of, py| of.expires_at.map_or_else(|| Ok(py.None()), |at| time(py, at)),
    /// 1 at `add`, one more at each `update`.
    version: |_, of, py| of.version.into_py_any(py),
}

impl Record {
    fn of(&self) -> &agentmem_core::Record {
        self.of
            .as_ref()
            .expect("what Python made has all fields, so none is asked for")
    }
}

impl From<Record> for PyClassInitializer<Record> {
    fn from(record: Record) -> Self {
        PyClassInitializer::from(Value).add_subclass(record)
    }
}

/// A record that was found.
#[pyclass(frozen, subclass, get_all, extends = Record, module = "agentmem_native")]
pub struct Hit {
    /// How well it answers, from 0 to 1; to be compared within one answer.
    score: Py<PyAny>,
    /// The turns around it in its conversation; None if the search did not ask for `context`.
    context: Option<Py<PyAny>>,
    /// Why it was found; None if the search did not ask for `explain`.
    explain: Option<Py<PyAny>>,
}

impl Hit {
    /// Makes what Python gets of a hit of the core.
    pub fn of(
        py: Python<'_>,
        record: agentmem_core::Record,
        score: f64,
        context: Option<Py<PyAny>>,
        explain: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'_, Hit>> {
        let score = score.into_py_any(py)?;
        let record = PyClassInitializer::from(Record::from(record));
        Bound::new(
            py,
            record.add_subclass(Hit {
                score,
                context,
                explain,
            }),
        )
    }
}
