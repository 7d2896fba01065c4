//! Exports and imports, a step at a time, so that a caller hears how far they are and may end them in between (spec chapter 13).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use agentmem_core::{Error, Export, Import, Memory, Result, Timestamp};
use serde_json::json;

use crate::asking::split_by;
use crate::handle::{Handle, Underway};
use crate::outcome::Outcome;
use crate::pool;
use crate::request::{Arguments, read_now};
use crate::submitted::{Answer, Done};
use crate::wire::{self, WireError};

/// An export that is under way; clones are the same. Ended before it is done, it leaves no file.
#[derive(Clone)]
pub struct Exporting {
    handle: Handle,
    path: PathBuf,
    export: Export,
    state: Arc<Mutex<State<agentmem_core::Exporting>>>,
}

/// An import that is under way; clones are the same.
#[derive(Clone)]
pub struct Importing {
    handle: Handle,
    path: PathBuf,
    import: Import,
    now: Option<Timestamp>,
    state: Arc<Mutex<State<agentmem_core::Importing>>>,
}

enum State<T> {
    Unbegun,
    UnderWay(Box<T>),
    Over,
}

impl<T: Send + 'static> State<T> {
    fn new() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(State::Unbegun))
    }

    /// Begins what has not begun, and does a step of it.
    fn step<A>(
        state: &Mutex<Self>,
        begin: impl FnOnce() -> Result<T>,
        step: impl FnOnce(&mut T) -> Result<A>,
    ) -> Result<A> {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Unbegun) {
            *state = State::UnderWay(Box::new(begin()?));
        }
        match &mut *state {
            State::UnderWay(under_way) => step(under_way),
            _ => Err(Error::invalid("operation", "has been done or given up")),
        }
    }

    /// Drops what is under way, on a thread that may wait for the step that it is in.
    fn end(state: &Arc<Mutex<Self>>) {
        let state = Arc::clone(state);
        pool::spawn(move || {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            *state = State::Over;
        });
    }
}

impl Handle {
    /// Begins an export: `{"path": …, "options": {"history": …}}`.
    pub fn export_to(&self, arguments: &str) -> std::result::Result<Exporting, WireError> {
        let (path, export) = Arguments::parse(arguments, Vec::new())?.export()?;
        Ok(Exporting {
            handle: self.clone(),
            path,
            export,
            state: State::new(),
        })
    }

    /// Begins an import: `{"path": …, "options": {"onExisting": …}}`; `embeds` tells whether the caller can give vectors.
    pub fn import_from(
        &self,
        arguments: &str,
        embeds: bool,
        now: Option<i64>,
    ) -> std::result::Result<Importing, WireError> {
        let (path, import) = Arguments::parse(arguments, Vec::new())?.import(embeds)?;
        Ok(Importing {
            handle: self.clone(),
            path,
            import,
            now: now.map(read_now).transpose()?,
            state: State::new(),
        })
    }

    /// Does a step of something long on a thread of the pool.
    fn submit_long(
        &self,
        now: Option<Timestamp>,
        done: Done,
        step: impl FnOnce(&Memory) -> Result<Outcome> + Send + 'static,
    ) {
        let underway = match Underway::begin(&self.shared) {
            Ok(underway) => underway,
            Err(error) => return done(Err(error.into())),
        };
        let (handle, answer) = (self.clone(), Answer::new(done, underway));
        pool::spawn(move || {
            let memory = handle.shared.memory();
            answer.give(memory.and_then(|memory| Ok(step(&handle.limit(&memory, now)?)?)));
        });
    }
}

impl Exporting {
    /// Writes the next part, and returns at once.
    ///
    /// The outcome is `{"done": …, "total": …}`, and once the file is there with `exported`, the number of records or events.
    pub fn submit_step(&self, done: Done) {
        let Exporting {
            path,
            export,
            state,
            ..
        } = self.clone();
        self.handle.submit_long(None, done, move |memory| {
            let begin = || memory.export_to(&path, export);
            State::step(&state, begin, |exporting| {
                let exported = exporting.step()?;
                let (done, total) = exporting.progress();
                let told = json!({ "done": done, "total": total, "exported": exported });
                Ok(Outcome::Step(told.to_string()))
            })
        });
    }

    /// Gives the export up, if it is not done: what is written is removed.
    pub fn end(&self) {
        State::end(&self.state);
    }
}

impl Importing {
    /// Takes the vectors of the last texts, one behind the other, does the next part, and returns at once.
    ///
    /// The outcome is `{"texts": […], "done": …, "total": …}`, and once all is done `imported`, an object, in place of the texts.
    pub fn submit_step(&self, vectors: Vec<f32>, done: Done) {
        let Importing {
            path,
            import,
            state,
            ..
        } = self.clone();
        self.handle.submit_long(self.now, done, move |memory| {
            let begin = || memory.import_from(&path, import);
            State::step(&state, begin, |importing| {
                let vectors = match memory.named_embedder() {
                    Some(embedder) if !vectors.is_empty() => split_by(&embedder, &vectors)?,
                    _ => Vec::new(),
                };
                let texts = importing.step(vectors)?;
                let (done, total) = importing.progress();
                let imported = importing.imported().map(|it| wire::imported(&it));
                let told =
                    json!({ "texts": texts, "done": done, "total": total, "imported": imported });
                Ok(Outcome::Step(told.to_string()))
            })
        });
    }

    /// Gives the import up, if it is not done: what is written stays.
    pub fn end(&self) {
        State::end(&self.state);
    }
}
