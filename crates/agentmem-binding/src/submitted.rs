//! A call between its submission and its outcome: told once, and given up as long as it waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use agentmem_core::{Code, Error, Queued, Result, Withdrawal};

use crate::handle::Underway;
use crate::outcome::Outcome;
use crate::wire::WireError;

/// Hears of the outcome of a call, once, on any thread, perhaps that of the caller. Must neither block nor panic.
pub type Done = Box<dyn FnOnce(Result<Outcome, WireError>) + Send>;

/// A call that was submitted, for who may want to give it up; it keeps nothing alive.
#[derive(Clone, Default)]
pub struct Submitted(Option<Weak<dyn GiveUp>>);

impl Submitted {
    pub(crate) fn new<T: Send + 'static>(ticket: &Arc<Ticket<T>>) -> Self {
        let ticket: Weak<Ticket<T>> = Arc::downgrade(ticket);
        Submitted(Some(ticket))
    }

    /// Gives the call up, and does not block. One that waits, for a thread or in the queue of writes, is not done, and its outcome is
    /// `CANCELLED`; one that runs goes on. May be called at any time, from any thread.
    pub fn cancel(&self) {
        if let Some(ticket) = self.0.as_ref().and_then(Weak::upgrade) {
            ticket.give_up();
        }
    }
}

trait GiveUp: Send + Sync {
    fn give_up(&self);
}

impl<T: Send> GiveUp for Ticket<T> {
    fn give_up(&self) {
        match self.replace(Progress::Running(None)) {
            Progress::Waiting(_, answer) => {
                let error = Error::new(Code::Cancelled, "the call was given up before it began");
                answer.give(Err(error.into()));
            }
            Progress::Running(withdrawal) => {
                withdrawal.map(|write| write.withdraw());
            }
        }
    }
}

/// How far a call that was submitted has come; held by what shall still be done for it.
pub(crate) struct Ticket<T>(Mutex<Progress<T>>);

enum Progress<T> {
    /// What it is to be done with, until a thread takes it up.
    Waiting(T, Answer),
    /// It runs, or was given up. A write can be withdrawn until it is being committed.
    Running(Option<Withdrawal>),
}

impl<T> Ticket<T> {
    pub fn new(arguments: T, answer: Answer) -> Self {
        Ticket(Mutex::new(Progress::Waiting(arguments, answer)))
    }

    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, progress: Progress<T>) -> Progress<T> {
        std::mem::replace(&mut *self.lock(), progress)
    }

    /// Keeps the memory open for a call that waits; nothing if it was given up.
    pub fn underway(&self) -> Option<Underway> {
        match &*self.lock() {
            Progress::Waiting(_, answer) => answer.underway.clone(),
            Progress::Running(_) => None,
        }
    }

    /// Gives what waits, to be run; nothing if it was given up.
    pub fn take_up(&self, place: Option<&Queued>) -> Option<(T, Answer)> {
        match self.replace(Progress::Running(place.map(Queued::withdrawal))) {
            Progress::Waiting(arguments, answer) => Some((arguments, answer)),
            Progress::Running(_) => None,
        }
    }

    pub fn fail(&self, error: WireError) {
        if let Some((_, answer)) = self.take_up(None) {
            answer.give(Err(error));
        }
    }
}

/// The duty to tell the outcome of a call; one that is dropped, by a panic, tells so.
pub(crate) struct Answer {
    done: Option<Done>,
    /// Dropped after `done` was told, so that closing comes last.
    underway: Option<Underway>,
}

impl Answer {
    pub fn new(done: Done, underway: Underway) -> Self {
        Answer {
            done: Some(done),
            underway: Some(underway),
        }
    }

    pub fn give(mut self, outcome: Result<Outcome, WireError>) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Result<Outcome, WireError>) {
        if let Some(done) = self.done.take() {
            if let Some(underway) = &mut self.underway {
                underway.make_room();
            }
            done(outcome);
        }
        self.underway = None;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.tell(Err(WireError::fault()));
    }
}
