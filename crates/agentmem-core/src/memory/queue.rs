//! The queue of writes: first in, first out, and whoever is there commits what is ready in one transaction.
//!
//! A call takes a [`Place`] when it is made, so that the order of calls is the order of writing; checking and embedding then happen on
//! any thread, outside every lock. A thread whose write is ready leads: it commits the front of the queue as a group, one sync for all,
//! until nothing there is ready. There is no thread of our own that could keep a process alive.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

// Made of loom's in tests/queue, which tries every order in which threads can meet.
#[cfg(loom)]
use loom::sync::{
    Arc, Mutex, MutexGuard,
    mpsc::{Receiver, Sender, channel},
};
#[cfg(not(loom))]
use std::sync::{
    Arc, Mutex, MutexGuard,
    mpsc::{Receiver, SyncSender as Sender, sync_channel},
};

use crate::error::{Code, Error, Result};

/// Most writes in one transaction.
const GROUP: usize = 256;

/// What a waiting thread is told.
enum Signal<A> {
    Done(Result<A>),
    /// The leader leaves: go on in its stead.
    Lead,
}

/// A channel with room for all that one thread is ever told before it looks: to lead, and its outcome. One without bounds would begin with
/// room for thirty.
#[cfg(not(loom))]
fn channel<A>() -> (Sender<Signal<A>>, Receiver<Signal<A>>) {
    sync_channel(2)
}

/// Who hears of the outcome.
enum Listener<A> {
    Thread(Sender<Signal<A>>),
    Callback(Box<dyn FnOnce(Result<A>) + Send>),
}

/// The right to tell the outcome of one write, once.
pub(super) struct Outcome<A>(Option<Listener<A>>);

impl<A> Outcome<A> {
    pub fn tell(mut self, outcome: Result<A>) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: Result<A>) {
        match self.0.take() {
            // A thread that no longer waits does not want to know.
            Some(Listener::Thread(sender)) => drop(sender.send(Signal::Done(outcome))),
            Some(Listener::Callback(callback)) => callback(outcome),
            None => {}
        }
    }
}

impl<A> Drop for Outcome<A> {
    /// Nobody waits forever: a panic on the way here is told as an error.
    fn drop(&mut self) {
        self.send(Err(Error::new(
            Code::Io,
            "the write was abandoned by a fault of the library",
        )));
    }
}

struct Entry<W, A> {
    number: u64,
    /// Missing until it is checked and embedded.
    ready: Option<(W, Outcome<A>)>,
    /// Whether it was withdrawn before it was ready.
    is_withdrawn: bool,
}

struct State<W, A> {
    entries: VecDeque<Entry<W, A>>,
    next_number: u64,
    led: bool,
}

/// Writes `W` that wait to be committed, each answered with an `A`.
pub(super) struct Queue<W, A> {
    state: Mutex<State<W, A>>,
}

impl<W, A> Default for Queue<W, A> {
    fn default() -> Self {
        Queue {
            state: Mutex::new(State {
                entries: VecDeque::new(),
                next_number: 0,
                led: false,
            }),
        }
    }
}

/// Writes and the outcomes to tell.
pub(super) type Group<W, A> = Vec<(W, Outcome<A>)>;

/// What owns a queue and can commit what comes out of it.
pub(super) trait Commit {
    type Write;
    type Answer;

    fn queue(&self) -> &Queue<Self::Write, Self::Answer>;

    /// Writes a group in one transaction and tells each outcome.
    fn commit(&self, group: Group<Self::Write, Self::Answer>);
}

/// A place in the queue that was taken when a call was made. Dropped, it is given up.
pub(super) struct Place<C: Commit> {
    owner: Arc<C>,
    number: u64,
    filled: bool,
}

/// Takes the last place in the queue.
pub(super) fn take_place<C: Commit>(owner: &Arc<C>) -> Place<C> {
    let mut state = owner.queue().lock();
    let number = state.next_number;
    state.next_number += 1;
    state.entries.push_back(Entry {
        number,
        ready: None,
        is_withdrawn: false,
    });
    Place {
        owner: Arc::clone(owner),
        number,
        filled: false,
    }
}

impl<W, A> Queue<W, A> {
    fn lock(&self) -> MutexGuard<'_, State<W, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills a place, or gives it up; true if the caller must lead now.
    fn fill(&self, number: u64, ready: Option<(W, Outcome<A>)>) -> bool {
        let mut state = self.lock();
        let index = state
            .find(number)
            .expect("a place stays in the queue until it is filled or given up");
        let mut withdrawn = None;
        match ready {
            Some(ready) if !state.entries[index].is_withdrawn => {
                state.entries[index].ready = Some(ready);
            }
            ready => {
                drop(state.entries.remove(index));
                withdrawn = ready;
            }
        }
        let must_lead = !state.led && state.front_is_ready();
        state.led |= must_lead;
        drop(state);
        if let Some((_, outcome)) = withdrawn {
            outcome.tell(Err(cancelled()));
        }
        must_lead
    }

    /// Takes a write out, or sees to it that it will not come in; false if it is there no more, since it was committed, or is just
    /// being, or failed.
    ///
    /// Nobody has to lead because of it: if what was taken out was at the front, somebody leads already.
    pub fn withdraw(&self, number: u64) -> bool {
        let mut state = self.lock();
        let Some(index) = state.find(number) else {
            return false;
        };
        if state.entries[index].ready.is_none() {
            state.entries[index].is_withdrawn = true;
            return true;
        }
        let entry = state.entries.remove(index);
        drop(state);
        if let Some((_, outcome)) = entry.and_then(|entry| entry.ready) {
            outcome.tell(Err(cancelled()));
        }
        true
    }

    /// Takes what is ready at the front; nothing means that the caller no longer leads.
    fn take_group(&self) -> Group<W, A> {
        let mut state = self.lock();
        let mut group = Vec::new();
        while group.len() < GROUP && state.front_is_ready() {
            group.extend(state.entries.pop_front().and_then(|entry| entry.ready));
        }
        state.led = !group.is_empty();
        group
    }

    /// Makes the thread that waits for the front lead; false if none does.
    fn hand_over(&self) -> bool {
        let state = self.lock();
        match state.entries.front().and_then(|entry| entry.ready.as_ref()) {
            Some((_, Outcome(Some(Listener::Thread(sender))))) => sender.send(Signal::Lead).is_ok(),
            _ => false,
        }
    }
}

impl<W, A> State<W, A> {
    fn find(&self, number: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&number, |entry| entry.number)
            .ok()
    }

    fn front_is_ready(&self) -> bool {
        self.entries
            .front()
            .is_some_and(|entry| entry.ready.is_some())
    }
}

/// Commits groups from the front until nothing there is ready, or the caller may leave and a waiting thread takes over.
fn lead<C: Commit>(owner: &C, mut may_leave: impl FnMut() -> bool) {
    let queue = owner.queue();
    loop {
        let group = queue.take_group();
        if group.is_empty() {
            return;
        }
        // What a panic leaves behind the store undoes, and the outcomes tell: those who wait behind still need a leader.
        let _ = catch_unwind(AssertUnwindSafe(|| owner.commit(group)));
        if may_leave() && queue.hand_over() {
            return;
        }
    }
}

fn cancelled() -> Error {
    Error::new(
        Code::Cancelled,
        "the write was withdrawn before it was begun",
    )
}

impl<C: Commit> Place<C> {
    pub fn owner(&self) -> &Arc<C> {
        &self.owner
    }

    /// What names it to [`Queue::withdraw`].
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Hands in the write, waits, and gives its outcome.
    pub fn write(mut self, write: C::Write) -> Result<C::Answer> {
        let (sender, receiver): (_, Receiver<_>) = channel();
        let mut must_lead = self.hand_in(write, Listener::Thread(sender));
        let mut answer = None;
        loop {
            if must_lead {
                lead(&*self.owner, || {
                    if let Ok(Signal::Done(outcome)) = receiver.try_recv() {
                        answer = Some(outcome);
                    }
                    answer.is_some()
                });
            }
            if let Some(outcome) = answer {
                return outcome;
            }
            match receiver
                .recv()
                .expect("an outcome tells before it is dropped")
            {
                Signal::Done(outcome) => return outcome,
                Signal::Lead => must_lead = true,
            }
        }
    }

    /// Hands in the write; `done` hears of its outcome on whichever thread commits it, perhaps this one.
    pub fn submit(mut self, write: C::Write, done: Box<dyn FnOnce(Result<C::Answer>) + Send>) {
        if self.hand_in(write, Listener::Callback(done)) {
            lead(&*self.owner, || false);
        }
    }

    fn hand_in(&mut self, write: C::Write, listener: Listener<C::Answer>) -> bool {
        self.filled = true;
        self.owner
            .queue()
            .fill(self.number, Some((write, Outcome(Some(listener)))))
    }
}

impl<C: Commit> Drop for Place<C> {
    fn drop(&mut self) {
        // Those behind may have waited for this one alone.
        if !self.filled && self.owner.queue().fill(self.number, None) {
            lead(&*self.owner, || false);
        }
    }
}
