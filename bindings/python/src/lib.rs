//! The glue between Python and AgentMem: what calls are given goes in, and records come out as Python's objects. What users call is in
//! `python/`.

mod answer;
mod arguments;
mod json;
mod mailbox;
mod records;
mod values;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use agentmem_binding::{
    Asking, Done, Exporting, Handle, Importing, Moving, Outcome, Submitted, WireError,
};
use pyo3::prelude::*;

use crate::arguments::NativeArguments;
use crate::mailbox::{Waiter, told};

/// How often a call that may take long looks whether it was interrupted.
const SIGNALS: Duration = Duration::from_millis(50);

/// A memory, or a view of one.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeMemory {
    handle: Handle,
}

#[pymethods]
impl NativeMemory {
    /// Checks its arguments, and touches no file.
    #[new]
    fn new(py: Python<'_>, path: Option<&str>, options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let handle = Handle::new(path, &json::write(options)?);
        Ok(NativeMemory {
            handle: handle.map_err(|error| raised(py, error))?,
        })
    }

    /// Opens the file, if it is not open yet, and returns at once; `deliver` hears of it with the waiter.
    fn submit_open(&self, py: Python<'_>, waiter: Waiter<'_>) {
        let done = told(waiter);
        py.detach(|| self.handle.submit_open(done));
    }

    /// Begins an operation and returns at once; `now` is what the caller's clock gave, if it has one.
    ///
    /// The interpreter is kept meanwhile: nothing is waited for but locks that others hold for a moment, none of whom wants the interpreter
    /// then. Left to the pool's threads at each of many calls, it went to and fro, for a quarter of what an add takes (decision 0014).
    #[pyo3(signature = (operation, arguments, now, waiter))]
    fn submit(
        &self,
        operation: &str,
        arguments: &NativeArguments,
        now: Option<i64>,
        waiter: Waiter<'_>,
    ) -> PyResult<NativeCall> {
        let (members, vectors) = arguments.take()?;
        let call = self
            .handle
            .submit(operation, members, vectors, now, told(waiter));
        Ok(NativeCall { call })
    }

    /// Does an operation in this thread if it waits for nothing and takes a moment; `NotImplemented` says that it is to be submitted.
    #[pyo3(signature = (operation, arguments, now))]
    fn try_call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &NativeArguments,
        now: Option<i64>,
    ) -> PyResult<Py<PyAny>> {
        let (members, vectors) = arguments.copied()?;
        match py.detach(|| self.handle.try_call(operation, members, vectors, now)) {
            Some(outcome) => made(py, outcome),
            None => Ok(py.NotImplemented()),
        }
    }

    /// Begins an operation that may need the caller's embedder.
    fn ask(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &NativeArguments,
        now: i64,
    ) -> PyResult<NativeAsking> {
        let (members, vectors) = arguments.take()?;
        let asking = py.detach(|| self.handle.ask(operation, members, vectors, Some(now)));
        Ok(NativeAsking {
            asking: asking.map_err(|error| raised(py, error))?,
        })
    }

    /// Begins to move the store to another embedder.
    fn reembed(&self, py: Python<'_>, embedder: &Bound<'_, PyAny>) -> PyResult<NativeMoving> {
        let moving = self.handle.reembed(&json::write(embedder)?);
        Ok(NativeMoving {
            moving: moving.map_err(|error| raised(py, error))?,
        })
    }

    /// Begins an export to a file.
    fn export_to(&self, py: Python<'_>, args: &Bound<'_, PyAny>) -> PyResult<NativeExporting> {
        let exporting = self.handle.export_to(&json::write(args)?);
        Ok(NativeExporting {
            exporting: exporting.map_err(|error| raised(py, error))?,
        })
    }

    /// Begins an import from a file; `embeds` tells whether vectors can be given for texts.
    fn import_from(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyAny>,
        embeds: bool,
        now: Option<i64>,
    ) -> PyResult<NativeImporting> {
        let importing = self.handle.import_from(&json::write(args)?, embeds, now);
        Ok(NativeImporting {
            importing: importing.map_err(|error| raised(py, error))?,
        })
    }

    /// Closes the memory once the calls under way are done, and returns at once.
    fn submit_close(&self, py: Python<'_>, waiter: Waiter<'_>) {
        let done = told(waiter);
        py.detach(|| self.handle.submit_close(done));
    }

    /// Opens the file, if it is not open yet, and waits.
    fn open(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, |done| self.handle.submit_open(done)).map(drop)
    }

    /// Does an operation, in this thread.
    #[pyo3(signature = (operation, arguments, now))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &NativeArguments,
        now: Option<i64>,
    ) -> PyResult<Py<PyAny>> {
        let (mut members, vectors) = arguments.take()?;
        if let Some(now) = now {
            members.insert("now".to_owned(), now.into());
        }
        let outcome = py.detach(|| self.handle.call(operation, members, vectors));
        made(py, outcome)
    }

    /// Does an operation that may take long, and can be interrupted: then it goes on by itself.
    #[pyo3(signature = (operation, arguments, now))]
    fn call_long(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &NativeArguments,
        now: Option<i64>,
    ) -> PyResult<Py<PyAny>> {
        let (members, vectors) = arguments.take()?;
        wait(py, |done| {
            drop(self.handle.submit(operation, members, vectors, now, done))
        })
    }

    /// Closes the memory and waits until the calls under way are done.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, |done| self.handle.submit_close(done)).map(drop)
    }

    /// Gives a view that cannot leave a scope.
    fn scoped(&self, py: Python<'_>, scope: &Bound<'_, PyAny>) -> PyResult<Self> {
        let scope = json::write(scope)?;
        let handle = py.detach(|| self.handle.scoped(&scope));
        Ok(NativeMemory {
            handle: handle.map_err(|error| raised(py, error))?,
        })
    }
}

/// A call that asks the caller's embedder before it is done.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeAsking {
    asking: Asking,
}

#[pymethods]
impl NativeAsking {
    /// Asks for the texts that need a vector, and returns at once.
    fn submit_texts(&self, py: Python<'_>, waiter: Waiter<'_>) {
        let done = told(waiter);
        py.detach(|| self.asking.submit_texts(done));
    }

    /// Takes their vectors, does the call, and returns at once.
    fn submit(&self, py: Python<'_>, vectors: &[u8], waiter: Waiter<'_>) -> NativeCall {
        let (vectors, done) = (floats(vectors), told(waiter));
        NativeCall {
            call: py.detach(|| self.asking.submit(vectors, done)),
        }
    }

    /// Gives the texts that need a vector.
    fn texts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        wait(py, |done| self.asking.submit_texts(done))
    }

    /// Takes their vectors, and does the call.
    fn finish(&self, py: Python<'_>, vectors: &[u8]) -> PyResult<Py<PyAny>> {
        let vectors = floats(vectors);
        wait(py, |done| drop(self.asking.submit(vectors, done)))
    }

    /// Gives the call up, if it is not done.
    fn end(&self, py: Python<'_>) {
        py.detach(|| self.asking.end());
    }
}

/// A call under way.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeCall {
    call: Submitted,
}

#[pymethods]
impl NativeCall {
    /// Gives it up, and does not block: if it waits it is not done, if it runs it goes on. Nobody is told.
    fn cancel(&self, py: Python<'_>) {
        py.detach(|| self.call.cancel());
    }
}

/// A store on its way to another embedder.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeMoving {
    moving: Moving,
}

#[pymethods]
impl NativeMoving {
    /// Takes the vectors of the last texts and asks for the next, and returns at once.
    fn submit_step(&self, py: Python<'_>, vectors: &[u8], waiter: Waiter<'_>) {
        let (vectors, done) = (floats(vectors), told(waiter));
        py.detach(|| self.moving.submit_step(vectors, done));
    }

    /// Takes the vectors of the last texts and gives the next.
    fn step(&self, py: Python<'_>, vectors: &[u8]) -> PyResult<Py<PyAny>> {
        let vectors = floats(vectors);
        wait(py, |done| self.moving.submit_step(vectors, done))
    }
}

/// An export under way.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeExporting {
    exporting: Exporting,
}

#[pymethods]
impl NativeExporting {
    /// Begins to write the next part, and returns at once.
    fn submit_step(&self, py: Python<'_>, waiter: Waiter<'_>) {
        let done = told(waiter);
        py.detach(|| self.exporting.submit_step(done));
    }

    /// Writes the next part.
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        wait(py, |done| self.exporting.submit_step(done))
    }

    /// Gives the export up, if it is not done.
    fn end(&self, py: Python<'_>) {
        py.detach(|| self.exporting.end());
    }
}

/// An import under way.
#[pyclass(frozen, module = "agentmem_native._native")]
struct NativeImporting {
    importing: Importing,
}

#[pymethods]
impl NativeImporting {
    /// Takes the vectors of the last texts, begins the next part, and returns at once.
    fn submit_step(&self, py: Python<'_>, vectors: &[u8], waiter: Waiter<'_>) {
        let (vectors, done) = (floats(vectors), told(waiter));
        py.detach(|| self.importing.submit_step(vectors, done));
    }

    /// Takes the vectors of the last texts, and does the next part.
    fn step(&self, py: Python<'_>, vectors: &[u8]) -> PyResult<Py<PyAny>> {
        let vectors = floats(vectors);
        wait(py, |done| self.importing.submit_step(vectors, done))
    }

    /// Gives the import up, if it is not done.
    fn end(&self, py: Python<'_>) {
        py.detach(|| self.importing.end());
    }
}

/// Reads floats of 32 bits from their bytes.
fn floats(bytes: &[u8]) -> Vec<f32> {
    let (floats, _) = bytes.as_chunks();
    floats
        .iter()
        .map(|&float| f32::from_ne_bytes(float))
        .collect()
}

/// Begins a call and waits for its outcome, or for a signal whose handler raises.
fn wait(py: Python<'_>, begin: impl FnOnce(Done) + Send) -> PyResult<Py<PyAny>> {
    let (sender, mut receiver) = mpsc::channel();
    // Who was interrupted no longer wants to know.
    py.detach(|| {
        begin(Box::new(move |outcome| {
            sender.send(outcome).unwrap_or_default()
        }))
    });
    loop {
        let received;
        // A receiver is for one thread at a time, so it goes along.
        (received, receiver) = py.detach(move || (receiver.recv_timeout(SIGNALS), receiver));
        match received {
            Ok(outcome) => return made(py, outcome),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("a call tells its outcome before it is dropped")
            }
        }
    }
}

/// Makes what Python gets of an outcome.
fn made(py: Python<'_>, outcome: Result<Outcome, WireError>) -> PyResult<Py<PyAny>> {
    match outcome {
        Ok(outcome) => answer::of(py, outcome),
        Err(error) => Err(raised(py, error)),
    }
}

/// Makes the exception for an error; its class is Python's own.
fn raised(py: Python<'_>, error: WireError) -> PyErr {
    let made = py.import("agentmem_native._errors").and_then(|errors| {
        errors.call_method1("error_of", (error.code, error.field, error.message))
    });
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// What `agentmem_native` is made of.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{
        NativeAsking, NativeCall, NativeExporting, NativeImporting, NativeMemory, NativeMoving,
    };
    #[pymodule_export]
    use crate::arguments::NativeArguments;
    #[pymodule_export]
    use crate::mailbox::{Mailbox, end_deliveries};
    #[pymodule_export]
    use crate::records::{Hit, Record};
    #[pymodule_export]
    use crate::values::{
        Event, HitContext, HitExplanation, HitTerm, Imported, Problem, Stats, Value, Verification,
    };
}
