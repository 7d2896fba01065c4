//! Calls that are answered where they are made, since a hand-over between threads would cost more (`docs/decisions/0013-inline-answers.md`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use agentmem_core::{Error, Memory, Result, Search};

use crate::given::Given;
use crate::handle::{Handle, Underway};
use crate::outcome::Outcome;
use crate::request::{self, Arguments, Call, Operation};
use crate::wire::WireError;

/// Longer arguments take more than a moment to read, in bytes of JSON.
const MOST_ARGUMENTS: usize = 4096;

/// What was answered at once, if it was.
type AtOnce = Option<std::result::Result<Outcome, WireError>>;

impl Handle {
    /// Does an operation in this thread if it waits for nothing and takes a moment; if not, nothing has been done, and it is to be submitted.
    pub fn try_call<'a>(
        &self,
        operation: &str,
        arguments: impl Into<Given<'a>>,
        vectors: Vec<f32>,
        now: Option<i64>,
    ) -> AtOnce {
        let operation = Operation::named(operation).ok()?;
        let arguments = arguments.into();
        if !operation.may_take_a_moment() || !arguments.fits(MOST_ARGUMENTS) {
            return None;
        }
        self.at_once(now, |memory| {
            let call = Arguments::parse(arguments, vectors)?.read(operation)?;
            Ok(match call {
                Call::Search(query, options) => search(memory, &query, &options)?,
                Call::Get(id, None) => get(memory, &id)?,
                _ => None,
            })
        })
    }

    /// Searches as [`Handle::try_call`] does; `options` is a JSON object, and the floats are those of its `embedding`.
    pub fn try_search(
        &self,
        query: &str,
        options: &str,
        embedding: Vec<f32>,
        now: Option<i64>,
    ) -> AtOnce {
        if query.len() + options.len() > MOST_ARGUMENTS {
            return None;
        }
        self.at_once(now, |memory| {
            search(memory, query, &request::read_search(options, embedding)?)
        })
    }

    /// Gets a record as [`Handle::try_call`] does.
    pub fn try_get(&self, id: &str, now: Option<i64>) -> AtOnce {
        self.at_once(now, |memory| get(memory, id))
    }

    fn at_once(
        &self,
        now: Option<i64>,
        answer: impl FnOnce(&Memory) -> Result<Option<Outcome>>,
    ) -> AtOnce {
        let answer = || {
            let _call = Underway::begin(&self.shared)?;
            let Some(memory) = self.shared.open_memory() else {
                return Ok(None);
            };
            answer(&self.limit(&memory, now.map(request::read_now).transpose()?)?)
        };
        match catch_unwind(AssertUnwindSafe(answer)) {
            Ok(answer) => answer.map_err(Error::into).transpose(),
            Err(_) => Some(Err(WireError::fault())),
        }
    }
}

fn search(memory: &Memory, query: &str, options: &Search) -> Result<Option<Outcome>> {
    Ok(memory.try_search(query, options)?.map(Outcome::Hits))
}

fn get(memory: &Memory, id: &str) -> Result<Option<Outcome>> {
    Ok(memory.try_get(id)?.map(Outcome::from))
}
