//! The glue between Python and AgentMem: what calls are given goes in as JSON, and records come out as Python's objects. What users call is in
//! `python/`.

mod answer;
mod json;
mod records;
mod values;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use agentmem_binding::{
    Asking, Done, Exporting, Handle, Importing, Moving, Outcome, Submitted, WireError,
    after_telling,
};
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
    fn new(py: Python<'_>, path: Option<&str>, options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let handle = Handle::new(path, &json::write(options)?);
        Ok(NativeMemory {
            handle: handle.map_err(|error| raised(py, error))?,
        })
    }

    /// Opens the file, if it is not open yet, and returns at once; `deliver` hears of it with the waiter.
    fn submit_open(&self, py: Python<'_>, waiter: Py<PyAny>) {
        py.detach(|| self.handle.submit_open(told(waiter)));
    }

    /// Begins an operation and returns at once; `now` is what the caller's clock gave, if it has one.
    ///
    /// `vectors` are the bytes of floats of 32 bits. The interpreter is kept meanwhile: nothing is waited for but locks that others hold for
    /// a moment, none of whom wants the interpreter then. Left to the pool's threads at each of many calls, it went to and fro, for
    /// a quarter of what an add takes (decision 0014).
    #[pyo3(signature = (operation, args, vectors, now, waiter))]
    fn submit(
        &self,
        operation: &str,
        args: &Bound<'_, PyAny>,
        vectors: &[u8],
        now: Option<i64>,
        waiter: Py<PyAny>,
    ) -> PyResult<NativeCall> {
        let (args, vectors, done) = (json::write(args)?, floats(vectors), told(waiter));
        Ok(NativeCall {
            call: self.handle.submit(operation, args, vectors, now, done),
        })
    }

    /// Does an operation in this thread if it waits for nothing and takes a moment; `NotImplemented` says that it is to be submitted.
    #[pyo3(signature = (operation, args, vectors, now))]
    fn try_call(
        &self,
        py: Python<'_>,
        operation: &str,
        args: &Bound<'_, PyAny>,
        vectors: &[u8],
        now: Option<i64>,
    ) -> PyResult<Py<PyAny>> {
        let (args, vectors) = (json::write(args)?, floats(vectors));
        match py.detach(|| self.handle.try_call(operation, &args, vectors, now)) {
            Some(outcome) => made(py, outcome),
            None => Ok(py.NotImplemented()),
        }
    }

    /// Begins an operation that may need the caller's embedder.
    fn ask(
        &self,
        py: Python<'_>,
        operation: &str,
        args: &Bound<'_, PyAny>,
        vectors: &[u8],
        now: i64,
    ) -> PyResult<NativeAsking> {
        let (args, vectors) = (json::write(args)?, floats(vectors));
        let asking = py.detach(|| self.handle.ask(operation, args, vectors, Some(now)));
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
    fn submit_close(&self, py: Python<'_>, waiter: Py<PyAny>) {
        py.detach(|| self.handle.submit_close(told(waiter)));
    }

    /// Opens the file, if it is not open yet, and waits.
    fn open(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, |done| self.handle.submit_open(done)).map(drop)
    }

    /// Does an operation, in this thread; in `args` stands `now`, if the caller has a clock.
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        args: &Bound<'_, PyAny>,
        vectors: &[u8],
    ) -> PyResult<Py<PyAny>> {
        let (args, vectors) = (json::write(args)?, floats(vectors));
        let outcome = py.detach(|| self.handle.call(operation, &args, vectors));
        made(py, outcome)
    }

    /// Does an operation that may take long, and can be interrupted: then it goes on by itself.
    #[pyo3(signature = (operation, args, vectors, now))]
    fn call_long(
        &self,
        py: Python<'_>,
        operation: &str,
        args: &Bound<'_, PyAny>,
        vectors: &[u8],
        now: Option<i64>,
    ) -> PyResult<Py<PyAny>> {
        let (args, vectors) = (json::write(args)?, floats(vectors));
        wait(py, |done| {
            drop(self.handle.submit(operation, args, vectors, now, done))
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
    fn submit_texts(&self, py: Python<'_>, waiter: Py<PyAny>) {
        py.detach(|| self.asking.submit_texts(told(waiter)));
    }

    /// Takes their vectors, does the call, and returns at once.
    fn submit(&self, py: Python<'_>, vectors: &[u8], waiter: Py<PyAny>) -> NativeCall {
        let vectors = floats(vectors);
        NativeCall {
            call: py.detach(|| self.asking.submit(vectors, told(waiter))),
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
    fn submit_step(&self, py: Python<'_>, vectors: &[u8], waiter: Py<PyAny>) {
        let vectors = floats(vectors);
        py.detach(|| self.moving.submit_step(vectors, told(waiter)));
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
    fn submit_step(&self, py: Python<'_>, waiter: Py<PyAny>) {
        py.detach(|| self.exporting.submit_step(told(waiter)));
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
    fn submit_step(&self, py: Python<'_>, vectors: &[u8], waiter: Py<PyAny>) {
        let vectors = floats(vectors);
        py.detach(|| self.importing.submit_step(vectors, told(waiter)));
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

/// Outcomes on their way to Python, so that those that end together are told together.
///
/// It belongs to one process, as the threads that fill it do.
struct Outbox {
    process: u32,
    state: Mutex<Deliveries>,
    delivered: Condvar,
    /// That of a child which was forked after this one was made.
    next: OnceLock<Box<Outbox>>,
}

#[derive(Default)]
struct Deliveries {
    waiting: Vec<Told>,
    /// Threads that are in the interpreter, or on their way into it.
    under_way: usize,
    /// The interpreter is about to end: who enters it from now on would be torn out of its frames.
    is_over: bool,
}

type Told = (Py<PyAny>, Result<Outcome, WireError>);

static OUTBOX: OnceLock<Outbox> = OnceLock::new();

impl Outbox {
    fn of_this_process() -> &'static Outbox {
        let process = std::process::id();
        let new = || Outbox {
            process,
            state: Mutex::default(),
            delivered: Condvar::new(),
            next: OnceLock::new(),
        };
        let mut outbox = OUTBOX.get_or_init(new);
        while outbox.process != process {
            outbox = outbox.next.get_or_init(|| Box::new(new()));
        }
        outbox
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an outcome; who finds the box empty waits for the interpreter and empties it for all, once a group of writes has been told.
    fn post(&'static self, outcome: Told) {
        let mut state = self.lock();
        if state.is_over {
            return;
        }
        state.waiting.push(outcome);
        if state.waiting.len() > 1 {
            return;
        }
        state.under_way += 1;
        drop(state);
        after_telling(|| {
            // An interpreter that is gone hears nothing.
            Python::try_attach(|py| {
                self.deliver(py)
                    .unwrap_or_else(|error| error.write_unraisable(py, None))
            });
            self.lock().under_way -= 1;
            self.delivered.notify_all();
        });
    }

    /// Delivers nothing more, and waits for what is under way.
    fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        while state.under_way > 0 {
            state = self
                .delivered
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let outcomes = std::mem::take(&mut self.lock().waiting);
        let told = outcomes
            .into_iter()
            .map(|(waiter, outcome)| match made(py, outcome) {
                Ok(answer) => (waiter, answer, None),
                Err(error) => (waiter, py.None(), Some(error)),
            });
        let told: Vec<_> = told.collect();
        py.import("agentmem_native._outcomes")?
            .call_method1("deliver", (told,))
            .map(drop)
    }
}

/// Tells an outcome to who waits for it in Python, from whichever thread it comes on.
fn told(waiter: Py<PyAny>) -> Done {
    Box::new(move |outcome| {
        // Who gave a call up does not wait for it.
        if !matches!(&outcome, Err(error) if error.code == "CANCELLED") {
            Outbox::of_this_process().post((waiter, outcome));
        }
    })
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

/// Ends deliveries to Python; called when the interpreter is about to end, which no thread of ours may enter after that.
#[pyfunction]
fn end_deliveries(py: Python<'_>) {
    py.detach(|| Outbox::of_this_process().end());
}

/// What `agentmem_native` is made of.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{
        NativeAsking, NativeCall, NativeExporting, NativeImporting, NativeMemory, NativeMoving,
        end_deliveries,
    };
    #[pymodule_export]
    use crate::json::chosen;
    #[pymodule_export]
    use crate::records::{Hit, Record};
    #[pymodule_export]
    use crate::values::{
        Event, HitContext, HitExplanation, HitTerm, Imported, Problem, Stats, Value, Verification,
    };
}
