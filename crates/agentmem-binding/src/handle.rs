//! A memory as a binding holds it: opened when it is first needed, called from anywhere without blocking, closed when its calls are done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};

use agentmem_core::{
    Code, Error, Match, Memory, Options, Queued, Request, Result, ScopeMatch, Timestamp,
};

use crate::added::Speakers;
use crate::given::Given;
use crate::opening;
use crate::outcome::Outcome;
use crate::pool;
use crate::request::{self, Arguments, Call, Operation, Write};
use crate::submitted::{Answer, Done, Submitted, Ticket};
use crate::wire::WireError;

/// A memory, or a view of one; clones are the same.
///
/// Calls that are submitted take their place in the order of writes at once, and run on the pool's threads. Dropping the last handle
/// closes the file, once the calls under way are done.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    /// What a view is limited to.
    view: Option<ScopeMatch>,
}

/// What a memory shares with its views.
pub(crate) struct Shared {
    path: Option<PathBuf>,
    options: Options,
    max_queued: usize,
    /// The process that opened it, 0 before: after a fork the child's copy is of no use.
    process: AtomicU32,
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// No further call begins.
    is_closed: bool,
    /// Calls under way, and what works on for them.
    calls: usize,
    /// Calls whose outcome somebody waits for.
    waiting: usize,
    closers: Vec<Done>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Unopened,
    /// On its way, with the calls that wait for it, in order.
    Opening(Vec<Waiting>),
    Open(Memory),
}

/// Arguments as they came, and the vectors that they speak of.
type Unread = (Given<'static>, Vec<f32>);

/// A call that begins when the memory is open.
type Waiting = Box<dyn FnOnce(&Result<Memory, WireError>) + Send>;

impl Handle {
    /// Makes a handle and checks its arguments; no file is touched before the first call (spec 3.1).
    pub fn new(path: Option<&str>, options: &str) -> Result<Self, WireError> {
        let (options, max_queued) = opening::options(options)?;
        if path.is_some_and(|path| path.is_empty() || path.contains('\0')) {
            return Err(Error::invalid("path", "is empty or contains U+0000").into());
        }
        let path = path.filter(|path| *path != ":memory:").map(PathBuf::from);
        if options.read_only && path.is_none() {
            return Err(Error::invalid(
                "readOnly",
                "is for files: a memory of its own could never hold anything",
            )
            .into());
        }
        let shared = Shared {
            path,
            options,
            max_queued,
            process: AtomicU32::new(0),
            state: Mutex::default(),
            opened: Condvar::new(),
        };
        Ok(Handle {
            shared: Arc::new(shared),
            view: None,
        })
    }

    /// Makes a handle and opens it.
    pub fn open(path: Option<&str>, options: &str) -> Result<Self, WireError> {
        let handle = Handle::new(path, options)?;
        handle.shared.memory()?;
        Ok(handle)
    }

    /// Does an operation, in this thread: `handle.call("get", r#"{"id": "it"}"#)`.
    ///
    /// The arguments are an object of `content`, `items`, `query` or `id` and of `options` (`defaults` for `addMany`), by the operation; and
    /// `now`, if the caller has a clock.
    ///
    /// An `embedding` in it is the number of its components, which stand in `vectors`, one vector behind the other.
    pub fn call<'a>(
        &self,
        operation: &str,
        arguments: impl Into<Given<'a>>,
        vectors: Vec<f32>,
    ) -> Result<Outcome, WireError> {
        let operation = Operation::named(operation)?;
        let _call = Underway::begin(&self.shared)?;
        let memory = self.shared.memory()?;
        let mut arguments = Arguments::parse(arguments, vectors)?;
        let memory = self.limit(&memory, arguments.now()?)?;
        match arguments.read(operation)? {
            Call::Write(write) => {
                let (request, speakers) = write.checked(&memory)?;
                let written = memory
                    .write(request)
                    .map_err(|error| Write::locate(&speakers, error))?;
                Ok(written.into())
            }
            read => Ok(run_read(&memory, read)?),
        }
    }

    /// Begins an operation and returns at once; `now` is what the caller's clock gave, if it has one.
    ///
    /// Calls that are submitted one after the other write in that order.
    pub fn submit(
        &self,
        operation: &str,
        arguments: impl Into<Given<'static>>,
        vectors: Vec<f32>,
        now: Option<i64>,
        done: Done,
    ) -> Submitted {
        let Some(answer) = self.begin(done) else {
            return Submitted::default();
        };
        let read = || {
            Ok((
                Operation::named(operation)?,
                now.map(request::read_now).transpose()?,
            ))
        };
        let (operation, now) = match read() {
            Ok(read) => read,
            Err(error) => {
                answer.give(Err(Error::into(error)));
                return Submitted::default();
            }
        };
        let ticket = Arc::new(Ticket::new((arguments.into(), vectors), answer));
        let submitted = Submitted::new(&ticket);
        let handle = self.clone();
        self.shared.when_open(Box::new(move |memory| match memory {
            Ok(memory) => handle.start(memory, operation, now, ticket),
            Err(error) => ticket.fail(error.clone()),
        }));
        submitted
    }

    /// Opens the memory if it is not open yet, and returns at once; the outcome is [`Outcome::Nothing`].
    pub fn submit_open(&self, done: Done) {
        let Some(answer) = self.begin(done) else {
            return;
        };
        self.shared.when_open(Box::new(move |memory| {
            answer.give(
                memory
                    .as_ref()
                    .map(|_| Outcome::Nothing)
                    .map_err(Clone::clone),
            );
        }));
    }

    /// Begins a call, or answers that the memory is closed.
    fn begin(&self, done: Done) -> Option<Answer> {
        match Underway::begin(&self.shared) {
            Ok(underway) => Some(Answer::new(done, underway)),
            Err(error) => {
                done(Err(error.into()));
                None
            }
        }
    }

    /// Gives a view that cannot leave a scope, `{"userId": "ada"}` (spec 4.5).
    pub fn scoped(&self, options: &str) -> Result<Handle, WireError> {
        if self.shared.is_foreign() || self.shared.lock().is_closed {
            return Err(closed().into());
        }
        let scope = opening::view(options)?;
        // The rules are the core's; no store is needed for them.
        let outer = self.view.clone().unwrap_or_default();
        let checked = match &self.view {
            Some(view) => scratch()?.scoped(view.clone())?.scoped(scope.clone()),
            None => scratch()?.scoped(scope.clone()),
        };
        checked?;
        let narrow = |inner: Match, outer: Match| if inner == Match::Any { outer } else { inner };
        let view = ScopeMatch {
            user_id: narrow(scope.user_id, outer.user_id),
            agent_id: narrow(scope.agent_id, outer.agent_id),
            run_id: narrow(scope.run_id, outer.run_id),
        };
        Ok(Handle {
            shared: Arc::clone(&self.shared),
            view: Some(view),
        })
    }

    /// Closes the memory and waits until the calls under way are done; later ones are `CLOSED`. May be repeated.
    pub fn close(&self) {
        let (sender, receiver) = mpsc::channel();
        self.submit_close(Box::new(move |_| sender.send(()).unwrap_or_default()));
        // A sender that was dropped unused has nothing left to wait for either.
        let _ = receiver.recv();
    }

    /// Closes the memory and returns at once; `done` hears when the calls under way are done, with [`Outcome::Nothing`].
    pub fn submit_close(&self, done: Done) {
        if self.shared.is_foreign() {
            return done(Ok(Outcome::Nothing));
        }
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.closers.push(done);
        self.shared.close_if_idle(state);
    }

    /// Limits a memory to the view, at the time of the call.
    pub(crate) fn limit(&self, memory: &Memory, now: Option<Timestamp>) -> Result<Memory> {
        let memory = match &self.view {
            Some(view) => memory.scoped(view.clone())?,
            None => memory.clone(),
        };
        Ok(now.map_or_else(|| memory.clone(), |now| memory.at(now)))
    }

    /// Takes the place of a write now, and leaves the rest to the pool.
    fn start(
        &self,
        memory: &Memory,
        operation: Operation,
        now: Option<Timestamp>,
        ticket: Arc<Ticket<Unread>>,
    ) {
        // Told or not, a job that still commits for others holds the file open.
        let Some(underway) = ticket.underway() else {
            return; // It was given up while the file was being opened.
        };
        let begun = self.limit(memory, now).and_then(|memory| {
            let place = if operation.writes() {
                Some(memory.queue()?)
            } else {
                None
            };
            Ok((memory, place))
        });
        match begun {
            Ok((memory, place)) => pool::spawn(move || {
                match ticket.take_up(place.as_ref()) {
                    Some((unread, answer)) => {
                        run(&memory, place, operation, unread, answer, ticket)
                    }
                    None => drop(place), // It was given up.
                }
                drop(underway);
            }),
            Err(error) => ticket.fail(error.into()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was opened by the process that this one was forked from; its locks may be held by threads that are not here.
    fn is_foreign(&self) -> bool {
        let process = self.process.load(Ordering::Relaxed);
        process != 0 && process != std::process::id()
    }

    /// Calls `then` once the memory is open, or with the reason why it cannot be opened; the next call may try again.
    fn when_open(self: &Arc<Self>, then: Waiting) {
        let mut state = self.lock();
        match &mut state.phase {
            Phase::Open(memory) => {
                let memory = Ok(memory.clone());
                drop(state);
                then(&memory);
            }
            Phase::Opening(waiting) => waiting.push(then),
            Phase::Unopened => {
                self.begin_opening(&mut state, vec![then]);
                // Opening counts as a call: nobody closes what is half open.
                state.calls += 1;
                drop(state);
                let underway = Underway {
                    shared: Arc::clone(self),
                    is_waited_for: false,
                };
                pool::spawn(move || drop(underway.shared.finish_opening()));
            }
        }
    }

    /// Gives the memory if it is open.
    pub(crate) fn open_memory(&self) -> Option<Memory> {
        match &self.lock().phase {
            Phase::Open(memory) => Some(memory.clone()),
            Phase::Unopened | Phase::Opening(_) => None,
        }
    }

    /// Gives the open memory, opening it in this thread if nobody has.
    pub(crate) fn memory(&self) -> Result<Memory, WireError> {
        let mut state = self.lock();
        loop {
            match &state.phase {
                Phase::Open(memory) => return Ok(memory.clone()),
                Phase::Opening(_) => {
                    state = self
                        .opened
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner)
                }
                Phase::Unopened => {
                    self.begin_opening(&mut state, Vec::new());
                    drop(state);
                    return self.finish_opening();
                }
            }
        }
    }

    fn begin_opening(&self, state: &mut State, waiting: Vec<Waiting>) {
        state.phase = Phase::Opening(waiting);
        self.process.store(std::process::id(), Ordering::Relaxed);
    }

    /// Opens, and lets begin what waits for it, in order.
    fn finish_opening(&self) -> Result<Memory, WireError> {
        let open = || match &self.path {
            Some(path) => Memory::open(path, self.options.clone()),
            None => Memory::in_memory(self.options.clone()),
        };
        let opened = catch_unwind(AssertUnwindSafe(open))
            .map_or_else(|_| Err(WireError::fault()), |opened| Ok(opened?));
        loop {
            let mut state = self.lock();
            let Phase::Opening(waiting) = &mut state.phase else {
                unreachable!("one thread opens, and this is it")
            };
            let waiting = std::mem::take(waiting);
            // Who comes while others are let begin still has to wait behind them.
            let is_over = waiting.is_empty() || opened.is_err();
            if is_over {
                if opened.is_err() {
                    self.process.store(0, Ordering::Relaxed);
                }
                state.phase = opened.clone().map_or(Phase::Unopened, Phase::Open);
                self.opened.notify_all();
            }
            drop(state);
            waiting.into_iter().for_each(|then| then(&opened));
            if is_over {
                return opened;
            }
        }
    }

    /// Closes the file if no call is under way and nobody shall begin one.
    fn close_if_idle(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let is_done = state.closers.is_empty() && !matches!(state.phase, Phase::Open(_));
        if !state.is_closed || state.calls > 0 || is_done {
            return;
        }
        // Closing counts as a call, so that who closes again waits for it too.
        state.calls += 1;
        let underway = Underway {
            shared: Arc::clone(self),
            is_waited_for: false,
        };
        let closers = std::mem::take(&mut state.closers);
        let phase = std::mem::take(&mut state.phase);
        drop(state);
        // Not in this thread: closing a file waits for the disk.
        pool::spawn(move || {
            if let Phase::Open(memory) = phase {
                memory.close();
            }
            closers
                .into_iter()
                .for_each(|done| done(Ok(Outcome::Nothing)));
            drop(underway);
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Open(memory) = std::mem::take(&mut state.phase)
            && self.process.load(Ordering::Relaxed) == std::process::id()
        {
            pool::spawn(move || drop(memory));
        }
    }
}

/// A call under way: while there is one, the memory does not close.
pub(crate) struct Underway {
    shared: Arc<Shared>,
    /// Whether somebody waits for its outcome, so that it counts towards `maxQueued`.
    is_waited_for: bool,
}

impl Underway {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Result<Self> {
        if shared.is_foreign() {
            return Err(closed());
        }
        let mut state = shared.lock();
        if state.is_closed {
            return Err(closed());
        }
        if state.waiting >= shared.max_queued {
            return Err(Error::new(
                Code::Limit,
                "as many calls are under way as maxQueued allows: wait for some before the next",
            ));
        }
        state.calls += 1;
        state.waiting += 1;
        Ok(Underway {
            shared: Arc::clone(shared),
            is_waited_for: true,
        })
    }

    /// Counts towards `maxQueued` no more. That comes before its outcome is told, so that who hears that may begin another call.
    pub(crate) fn make_room(&mut self) {
        let mut state = self.shared.lock();
        state.waiting -= usize::from(std::mem::take(&mut self.is_waited_for));
    }
}

impl Clone for Underway {
    fn clone(&self) -> Self {
        self.shared.lock().calls += 1;
        Underway {
            shared: Arc::clone(&self.shared),
            is_waited_for: false,
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.calls -= 1;
        state.waiting -= usize::from(self.is_waited_for);
        self.shared.close_if_idle(state);
    }
}

/// Runs a call that has its place, on a thread of the pool.
fn run(
    memory: &Memory,
    place: Option<Queued>,
    operation: Operation,
    (given, vectors): Unread,
    answer: Answer,
    ticket: Arc<Ticket<Unread>>,
) {
    let call = Arguments::parse(given, vectors).and_then(|arguments| arguments.read(operation));
    match (call, place) {
        (Ok(Call::Write(write)), Some(place)) => match write.checked(memory) {
            Ok((request, speakers)) => hand_in(place, request, speakers, answer, ticket),
            Err(error) => answer.give(Err(error.into())),
        },
        (Ok(call), _) => answer.give(run_read(memory, call).map_err(WireError::from)),
        (Err(error), _) => answer.give(Err(error.into())),
    }
}

/// Hands in a write that was checked, and answers when it is committed; until then its ticket can withdraw it.
pub(crate) fn hand_in<T: Send + 'static>(
    place: Queued,
    request: Request,
    speakers: Speakers,
    answer: Answer,
    ticket: Arc<Ticket<T>>,
) {
    place.submit(request, move |written| {
        drop(ticket);
        let written = written.map_err(|error| Write::locate(&speakers, error));
        answer.give(written.map(Outcome::from).map_err(WireError::from));
    });
}

pub(crate) fn run_read(memory: &Memory, call: Call) -> Result<Outcome> {
    Ok(match call {
        Call::Search(query, options) => Outcome::Hits(memory.search(&query, options)?),
        Call::Get(id, None) => memory.get(&id)?.into(),
        Call::Get(id, Some(as_of)) => memory.get_as_of(&id, as_of)?.into(),
        Call::GetAll(options) => Outcome::Records(memory.get_all(options)?),
        Call::Count(select, None) => Outcome::count(memory.count(select)?),
        Call::Count(select, Some(as_of)) => Outcome::count(memory.count_as_of(select, as_of)?),
        Call::History(id) => Outcome::Events(memory.history(&id)?),
        Call::Changes { after, limit } => Outcome::Events(memory.changes(after, limit)?),
        Call::Stats => Outcome::Stats(Box::new(memory.stats()?)),
        Call::Verify => Outcome::Problems(memory.verify()?),
        Call::Backup(path) => Outcome::count(memory.backup(path)?),
        Call::Write(_) => unreachable!("a write has a place in the queue"),
    })
}

/// A memory that holds nothing, for the rules that the core states only of one.
fn scratch() -> Result<&'static Memory> {
    static SCRATCH: LazyLock<std::result::Result<Memory, String>> =
        LazyLock::new(|| Memory::new().map_err(|error| error.message().to_owned()));
    SCRATCH
        .as_ref()
        .map_err(|message| Error::new(Code::Io, message.as_str()))
}

fn closed() -> Error {
    Error::new(Code::Closed, "the memory is closed")
}
