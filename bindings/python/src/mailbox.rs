//! Outcomes on their way to an event loop of Python. Threads of the pool leave them in the loop's mailbox and ring; the loop fetches them.
//!
//! Where the system lets a loop watch a pipe, no thread of the pool enters the interpreter: entering takes longer than many a call, and whoever
//! leads the queue of writes would wait for it between two groups.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use agentmem_binding::{Done, Outcome, WireError, after_telling};
use pyo3::prelude::*;

use crate::made;

/// Where the outcomes of calls arrive that one event loop waits for.
#[pyclass(frozen, module = "agentmem_native._native")]
pub struct Mailbox {
    shared: Arc<Shared>,
}

/// The mailbox of a loop, and the future that waits in it.
pub type Waiter<'py> = (PyRef<'py, Mailbox>, Py<PyAny>);

/// A future, with what it is to be told.
type Left = (Py<PyAny>, Result<Outcome, WireError>);

/// A future, with its result and its exception, of which one is None.
type Fetched = (Py<PyAny>, Py<PyAny>, Option<PyErr>);

struct Shared {
    waiting: Mutex<Vec<Left>>,
    bell: Bell,
}

/// What makes the loop look into its mailbox.
enum Bell {
    /// A byte to read: no more than one or two lie in it at a time.
    Pipe(PipeReader, PipeWriter),
    /// A call in the interpreter.
    Call(Py<PyAny>),
}

#[pymethods]
impl Mailbox {
    /// Makes one that rings by a pipe, or by calling `ring`, from any thread.
    #[new]
    #[pyo3(signature = (ring = None))]
    fn new(ring: Option<Py<PyAny>>) -> PyResult<Self> {
        let bell = match ring {
            Some(ring) => Bell::Call(ring),
            None => {
                let (reader, writer) = std::io::pipe()?;
                Bell::Pipe(reader, writer)
            }
        };
        let waiting = Mutex::default();
        Ok(Mailbox {
            shared: Arc::new(Shared { waiting, bell }),
        })
    }

    /// The descriptor that can be read when something is there; None without one.
    fn fileno(&self) -> Option<i32> {
        #[cfg(unix)]
        if let Bell::Pipe(reader, _) = &self.shared.bell {
            return Some(std::os::fd::AsRawFd::as_raw_fd(reader));
        }
        None
    }

    /// Fetches what is there, once the descriptor can be read.
    fn fetch(&self, py: Python<'_>) -> Vec<Fetched> {
        if let Bell::Pipe(reader, _) = &self.shared.bell {
            // Before anything is taken out, so that what comes meanwhile rings again. There may be nothing to read: then nothing rang.
            drop((&*reader).read(&mut [0; 64]));
        }
        let waiting = std::mem::take(&mut *self.shared.lock());
        waiting
            .into_iter()
            .map(|(future, outcome)| match made(py, outcome) {
                Ok(answer) => (future, answer, None),
                Err(error) => (future, py.None(), Some(error)),
            })
            .collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Left>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an outcome; who finds the box empty rings for all, once a group of writes has been told.
    fn post(self: Arc<Self>, future: Py<PyAny>, outcome: Result<Outcome, WireError>) {
        let mut waiting = self.lock();
        waiting.push((future, outcome));
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            after_telling(move || self.ring());
        }
    }

    fn ring(&self) {
        match &self.bell {
            // Both ends are here, so neither is closed; and two bytes do not fill it.
            Bell::Pipe(_, writer) => drop((&*writer).write(&[1])),
            Bell::Call(ring) => Entrance::of_this_process().enter(|py| ring.call0(py).map(drop)),
        }
    }
}

/// Tells an outcome to who waits for it in Python, from whichever thread it comes on.
pub fn told((mailbox, future): Waiter<'_>) -> Done {
    let shared = Arc::clone(&mailbox.shared);
    Box::new(move |outcome| {
        // Who gave a call up does not wait for it.
        if !matches!(&outcome, Err(error) if error.code == "CANCELLED") {
            shared.post(future, outcome);
        }
    })
}

/// The way of the pool's threads into the interpreter, until it ends. It belongs to one process, as those threads do.
struct Entrance {
    process: u32,
    state: Mutex<Entered>,
    left: Condvar,
    /// That of a child which was forked after this one was made.
    next: OnceLock<Box<Entrance>>,
}

#[derive(Default)]
struct Entered {
    /// Threads that are in the interpreter, or on their way into it.
    threads: usize,
    /// The interpreter is about to end: who enters it from now on would be torn out of its frames.
    is_over: bool,
}

static ENTRANCE: OnceLock<Entrance> = OnceLock::new();

impl Entrance {
    fn of_this_process() -> &'static Entrance {
        let process = std::process::id();
        let new = || Entrance {
            process,
            state: Mutex::default(),
            left: Condvar::new(),
            next: OnceLock::new(),
        };
        let mut entrance = ENTRANCE.get_or_init(new);
        while entrance.process != process {
            entrance = entrance.next.get_or_init(|| Box::new(new()));
        }
        entrance
    }

    fn lock(&self) -> MutexGuard<'_, Entered> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, work: impl FnOnce(Python<'_>) -> PyResult<()>) {
        {
            let mut entered = self.lock();
            if entered.is_over {
                return;
            }
            entered.threads += 1;
        }
        // An interpreter that is gone hears nothing.
        Python::try_attach(|py| {
            work(py).unwrap_or_else(|error| error.write_unraisable(py, None));
        });
        self.lock().threads -= 1;
        self.left.notify_all();
    }

    /// Lets nobody in any more, and waits for those who are.
    fn close(&self) {
        let mut entered = self.lock();
        entered.is_over = true;
        while entered.threads > 0 {
            entered = self
                .left
                .wait(entered)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends deliveries to Python; called when the interpreter is about to end, which no thread of ours may enter after that.
#[pyfunction]
pub fn end_deliveries(py: Python<'_>) {
    py.detach(|| Entrance::of_this_process().close());
}
