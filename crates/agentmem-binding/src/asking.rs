//! Calls that ask the caller's embedder: texts go out, and vectors come in (spec 12.4, 12.7).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentmem_core::{
    Code, Embedder, Error, Memory, Reembedding, Request, Result, Search, Timestamp,
};
use serde_json::json;

use crate::added::Speakers;
use crate::given::Given;
use crate::handle::{Handle, Underway, hand_in, run_read};
use crate::opening;
use crate::outcome::Outcome;
use crate::pool;
use crate::request::{self, Arguments, Call, Operation, Write};
use crate::submitted::{Answer, Done, Submitted, Ticket};

/// A call that asks the caller's embedder before it is done; clones are the same.
///
/// It is under way until [`Asking::submit`] has answered or [`Asking::end`] gives it up: close waits for it.
#[derive(Clone)]
pub struct Asking {
    handle: Handle,
    operation: Operation,
    now: Option<Timestamp>,
    state: Arc<Mutex<State>>,
}

struct State {
    underway: Option<Underway>,
    stage: Stage,
}

enum Stage {
    /// Arguments, and the vectors that were given.
    Unread(Given<'static>, Vec<f32>),
    Search(Memory, String, Box<Search>, usize),
    Write(Memory, Request, Speakers, usize),
    Over,
}

impl Handle {
    /// Begins an operation that may need the caller's embedder: `add`, `addMany`, `search` or `update`.
    pub fn ask(
        &self,
        operation: &str,
        arguments: impl Into<Given<'static>>,
        vectors: Vec<f32>,
        now: Option<i64>,
    ) -> std::result::Result<Asking, crate::WireError> {
        let operation = Operation::named(operation)?;
        let now = now.map(request::read_now).transpose()?;
        let state = State {
            underway: Some(Underway::begin(&self.shared)?),
            stage: Stage::Unread(arguments.into(), vectors),
        };
        Ok(Asking {
            handle: self.clone(),
            operation,
            now,
            state: Arc::new(Mutex::new(state)),
        })
    }
}

impl Asking {
    /// Checks the call and gives the texts that need a vector, an array of text, and returns at once.
    pub fn submit_texts(&self, done: Done) {
        let Some(underway) = self.lock().underway.clone() else {
            return done(Err(over().into()));
        };
        let (asking, answer) = (self.clone(), Answer::new(done, underway));
        pool::spawn(move || {
            let texts = asking
                .handle
                .shared
                .memory()
                .and_then(|memory| Ok(asking.texts(&memory)?));
            answer.give(texts.map(|texts| Outcome::Step(json!(texts).to_string())));
        });
    }

    /// Takes the vectors of the texts, one behind the other, and does the call; it has its place among the writes from now on.
    pub fn submit(&self, vectors: Vec<f32>, done: Done) -> Submitted {
        let (stage, underway) = {
            let mut state = self.lock();
            (
                std::mem::replace(&mut state.stage, Stage::Over),
                state.underway.take(),
            )
        };
        let Some(underway) = underway else {
            done(Err(over().into()));
            return Submitted::default();
        };
        let still = underway.clone();
        let answer = Answer::new(done, underway);
        match stage {
            Stage::Search(memory, query, mut options, count) => {
                let ticket = Arc::new(Ticket::new(vectors, answer));
                let submitted = Submitted::new(&ticket);
                pool::spawn(move || {
                    if let Some((vectors, answer)) = ticket.take_up(None) {
                        let found = split(&memory, vectors, count).and_then(|vectors| {
                            options.embedding =
                                vectors.into_iter().next().or(options.embedding.take());
                            run_read(&memory, Call::Search(query, *options))
                        });
                        answer.give(found.map_err(Error::into));
                    }
                    drop(still);
                });
                submitted
            }
            Stage::Write(memory, mut request, speakers, count) => {
                let begun = split(&memory, vectors, count).and_then(|vectors| {
                    request.give_vectors(vectors);
                    memory.queue()
                });
                let ticket = Arc::new(Ticket::new((request, speakers), answer));
                let submitted = Submitted::new(&ticket);
                match begun {
                    Ok(place) => pool::spawn(move || {
                        match ticket.take_up(Some(&place)) {
                            Some(((request, speakers), answer)) => {
                                hand_in(place, request, speakers, answer, ticket);
                            }
                            None => drop(place), // It was given up.
                        }
                        drop(still);
                    }),
                    Err(error) => ticket.fail(error.into()),
                }
                submitted
            }
            Stage::Unread(..) | Stage::Over => {
                answer.give(Err(over().into()));
                Submitted::default()
            }
        }
    }

    /// Gives the call up, if it is not done.
    pub fn end(&self) {
        let mut state = self.lock();
        let underway = state.underway.take();
        state.stage = Stage::Over;
        drop(state);
        // Outside the lock: it may have been the last that kept the memory from closing.
        drop(underway);
    }

    fn texts(&self, memory: &Memory) -> Result<Vec<String>> {
        let memory = self.handle.limit(memory, self.now)?;
        let stage = std::mem::replace(&mut self.lock().stage, Stage::Over);
        let Stage::Unread(arguments, vectors) = stage else {
            return Err(over());
        };
        let (stage, texts) = match Arguments::parse(arguments, vectors)?.read(self.operation)? {
            Call::Search(query, options) => {
                let text = memory.text_of_query(&query, &options)?;
                let count = usize::from(text.is_some());
                (
                    Stage::Search(memory, query, Box::new(options), count),
                    Vec::from_iter(text),
                )
            }
            Call::Write(write) => {
                let (request, speakers) = write.checked(&memory)?;
                let texts = memory
                    .texts_of(&request)
                    .map_err(|error| Write::locate(&speakers, error))?;
                (Stage::Write(memory, request, speakers, texts.len()), texts)
            }
            _ => return Err(Error::invalid("operation", "needs no vectors")),
        };
        self.lock().stage = stage;
        Ok(texts)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store on its way to another embedder (spec 12.7); clones are the same. Dropped, it goes no further.
#[derive(Clone)]
pub struct Moving {
    handle: Handle,
    target: Embedder,
    moving: Arc<Mutex<Option<Reembedding>>>,
}

impl Handle {
    /// Begins to move the store to an embedder, as it stands in the options of opening: `"builtin"`, `null` or `{"id": …, "dimensions": …}`.
    pub fn reembed(&self, embedder: &str) -> std::result::Result<Moving, crate::WireError> {
        let value = serde_json::from_str(embedder).unwrap_or(serde_json::Value::Bool(false));
        Ok(Moving {
            handle: self.clone(),
            target: opening::embedder(value)?,
            moving: Arc::default(),
        })
    }
}

impl Moving {
    /// Takes the vectors of the last texts, one behind the other, and returns at once.
    ///
    /// The outcome is `{"texts": […], "done": …, "total": …}`, and once the store has moved `moved`, the number of records, in place of the texts.
    pub fn submit_step(&self, vectors: Vec<f32>, done: Done) {
        let underway = match Underway::begin(&self.handle.shared) {
            Ok(underway) => underway,
            Err(error) => return done(Err(error.into())),
        };
        let (moving, answer) = (self.clone(), Answer::new(done, underway));
        pool::spawn(move || {
            let memory = moving.handle.shared.memory();
            let step = memory.and_then(|memory| Ok(moving.step(&memory, &vectors)?));
            answer.give(step);
        });
    }

    fn step(&self, memory: &Memory, vectors: &[f32]) -> Result<Outcome> {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        if moving.is_none() {
            let memory = self.handle.limit(memory, None)?;
            *moving = Some(memory.reembed(self.target.clone())?);
        }
        let moving = moving.as_mut().expect("it was there or has been made");
        let vectors = split_by(&self.target, vectors)?;
        let texts = moving.step(vectors)?;
        let (done, total) = moving.progress();
        let told = match texts {
            Some(texts) => json!({ "texts": texts, "done": done, "total": total }),
            None => json!({ "moved": moving.moved(), "done": done, "total": total }),
        };
        Ok(Outcome::Step(told.to_string()))
    }
}

/// Cuts what the caller's embedder gave for some texts into vectors, and checks them.
fn split(memory: &Memory, vectors: Vec<f32>, count: usize) -> Result<Vec<Vec<f32>>> {
    let Some(embedder) = memory.named_embedder().filter(|_| count > 0) else {
        return Ok(Vec::new());
    };
    let vectors = split_by(&embedder, &vectors)?;
    if vectors.len() != count {
        return Err(failed(&format!(
            "gave {} vectors for {count} texts",
            vectors.len()
        )));
    }
    Ok(vectors)
}

pub(crate) fn split_by(embedder: &Embedder, vectors: &[f32]) -> Result<Vec<Vec<f32>>> {
    let check = |vector: &[f32]| match embedder.check_vector(vector) {
        Ok(()) => Ok(vector.to_vec()),
        Err(error) => Err(failed(&format!("gave a vector that {}", error.message()))),
    };
    vectors
        .chunks(embedder.dimensions().max(1))
        .map(check)
        .collect()
}

fn failed(problem: &str) -> Error {
    Error::new(Code::EmbedderFailed, problem).at("embedder")
}

fn over() -> Error {
    Error::invalid("operation", "has been done or given up")
}
