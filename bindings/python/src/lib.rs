//! The glue between Python and AgentMem: text in, text out. What users see is in `python/`.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use agentmem_binding::{Done, Handle, WireError};
use pyo3::prelude::*;

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
    fn new(py: Python<'_>, path: Option<&str>, options: &str) -> PyResult<Self> {
        Ok(NativeMemory {
            handle: Handle::new(path, options).map_err(|error| raised(py, error))?,
        })
    }

    /// Opens the file, if it is not open yet, in a thread of the pool; `done(answer, error)` is called from there.
    fn submit_open(&self, py: Python<'_>, done: Py<PyAny>) {
        py.detach(|| self.handle.submit_open(told(done)));
    }

    /// Begins an operation and returns at once; `now` is what the caller's clock gave, if it has one.
    #[pyo3(signature = (operation, args, now, done))]
    fn submit(
        &self,
        py: Python<'_>,
        operation: &str,
        args: String,
        now: Option<i64>,
        done: Py<PyAny>,
    ) {
        py.detach(|| self.handle.submit(operation, args, now, told(done)));
    }

    /// Closes the memory once the calls under way are done, and returns at once.
    fn submit_close(&self, py: Python<'_>, done: Py<PyAny>) {
        py.detach(|| self.handle.submit_close(told(done)));
    }

    /// Opens the file, if it is not open yet, and waits.
    fn open(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, |done| self.handle.submit_open(done)).map(drop)
    }

    /// Does an operation, in this thread.
    fn call(&self, py: Python<'_>, operation: &str, args: &str) -> PyResult<String> {
        py.detach(|| self.handle.call(operation, args))
            .map_err(|error| raised(py, error))
    }

    /// Does an operation that may take long, and can be interrupted: then it goes on by itself.
    #[pyo3(signature = (operation, args, now))]
    fn call_long(
        &self,
        py: Python<'_>,
        operation: &str,
        args: String,
        now: Option<i64>,
    ) -> PyResult<String> {
        wait(py, |done| self.handle.submit(operation, args, now, done))
    }

    /// Closes the memory and waits until the calls under way are done.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, |done| self.handle.submit_close(done)).map(drop)
    }

    /// Gives a view that cannot leave a scope.
    fn scoped(&self, py: Python<'_>, scope: &str) -> PyResult<Self> {
        let handle = py.detach(|| self.handle.scoped(scope));
        Ok(NativeMemory {
            handle: handle.map_err(|error| raised(py, error))?,
        })
    }
}

/// Begins a call and waits for its outcome, or for a signal whose handler raises.
fn wait(py: Python<'_>, begin: impl FnOnce(Done) + Send) -> PyResult<String> {
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
            Ok(outcome) => return outcome.map_err(|error| raised(py, error)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("a call tells its outcome before it is dropped")
            }
        }
    }
}

/// Tells an outcome to Python from whichever thread it comes on; an interpreter that is gone hears nothing.
fn told(done: Py<PyAny>) -> Done {
    Box::new(move |outcome| {
        Python::try_attach(|py| {
            let called = match outcome {
                Ok(answer) => done.call1(py, (answer, py.None())),
                Err(error) => done.call1(py, (py.None(), raised(py, error))),
            };
            if let Err(error) = called {
                error.write_unraisable(py, None);
            }
        });
    })
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
    use super::NativeMemory;
}
