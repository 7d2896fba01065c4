//! Writes whose place in the order is taken before they are done, for callers that must not block where they are called.

use std::sync::{Arc, Weak};

use crate::error::{Code, Error, Result};
use crate::memory::engine::Engine;
use crate::memory::queue::{self, Commit, Place};
use crate::memory::{Memory, Request, Written};
use crate::record::Timestamp;

/// The place of a write among the others of its store, taken by [`Memory::queue`] in the order of calls.
///
/// Dropping it gives the place up. While it is neither used nor dropped, the writes behind it wait.
pub struct Queued {
    memory: Memory,
    place: Place<Engine>,
    now: Timestamp,
}

impl std::fmt::Debug for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queued")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Gives up a write that was queued; made by [`Queued::withdrawal`]. It keeps no file open.
pub struct Withdrawal {
    engine: Weak<Engine>,
    number: u64,
}

impl std::fmt::Debug for Withdrawal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Withdrawal").finish_non_exhaustive()
    }
}

impl Memory {
    /// Takes the next place in the order of writes; it is cheap and does not block.
    ///
    /// For callers that must not block where they are called, such as an event loop: [`Queued::submit`] may then run elsewhere.
    pub fn queue(&self) -> Result<Queued> {
        let engine = self.engine()?;
        let now = self.now()?;
        if self.handle.options.read_only {
            return Err(Error::new(
                Code::ReadOnly,
                "the memory was opened with readOnly",
            ));
        }
        Ok(Queued {
            memory: self.clone(),
            place: queue::take_place(&engine),
            now,
        })
    }
}

impl Queued {
    /// Gives what can give the write up while it waits, from any thread, before it is submitted and after.
    pub fn withdrawal(&self) -> Withdrawal {
        Withdrawal {
            engine: Arc::downgrade(self.place.owner()),
            number: self.place.number(),
        }
    }

    /// Does the write, and waits until it is committed or has failed.
    pub(super) fn write(self, request: Request) -> Result<Written> {
        let write = self.memory.prepare(request, self.now)?;
        self.place.write((write, self.now))
    }

    /// Checks, embeds and hands in the write; `done` hears of the outcome once it is committed or has failed.
    ///
    /// This may block: it commits what is ready if nobody else does. `done` runs on whichever thread commits, perhaps this one.
    pub fn submit(self, request: Request, done: impl FnOnce(Result<Written>) + Send + 'static) {
        match self.memory.prepare(request, self.now) {
            Ok(write) => self.place.submit((write, self.now), Box::new(done)),
            Err(error) => done(Err(error)),
        }
    }
}

impl Withdrawal {
    /// Takes the write out of the queue, and does not block; it is then not written, and its outcome is `CANCELLED`.
    ///
    /// False if nothing waits: it was committed, or is just being, or it failed.
    pub fn withdraw(&self) -> bool {
        self.engine
            .upgrade()
            .is_some_and(|engine| engine.queue().withdraw(self.number))
    }
}
