//! Calls that are answered where they are made, since a hand-over between threads would cost more (`docs/decisions/0013-inline-answers.md`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use agentmem_core::{Error, Memory, Result};

use crate::handle::{Handle, Underway};
use crate::outcome::Outcome;
use crate::request::{self, Arguments, Call, Operation};
use crate::wire::WireError;

/// Longer arguments take more than a moment to read, in bytes of JSON.
const MOST_ARGUMENTS: usize = 4096;

impl Handle {
    /// Does an operation in this thread if it waits for nothing and takes a moment; if not, nothing has been done, and it is to be submitted.
    pub fn try_call(
        &self,
        operation: &str,
        arguments: &str,
        vectors: Vec<f32>,
        now: Option<i64>,
    ) -> Option<std::result::Result<Outcome, WireError>> {
        let operation = Operation::named(operation).ok()?;
        if !operation.may_take_a_moment() || arguments.len() > MOST_ARGUMENTS {
            return None;
        }
        let answer = || {
            let _call = Underway::begin(&self.shared)?;
            let Some(memory) = self.shared.open_memory() else {
                return Ok(None);
            };
            let memory = self.limit(&memory, now.map(request::read_now).transpose()?)?;
            try_read(
                &memory,
                Arguments::parse(arguments, vectors)?.read(operation)?,
            )
        };
        match catch_unwind(AssertUnwindSafe(answer)) {
            Ok(answer) => answer.map_err(Error::into).transpose(),
            Err(_) => Some(Err(WireError::fault())),
        }
    }
}

/// Answers what may take a moment, if it does.
fn try_read(memory: &Memory, call: Call) -> Result<Option<Outcome>> {
    Ok(match call {
        Call::Search(query, options) => memory.try_search(&query, &options)?.map(Outcome::Hits),
        Call::Get(id, None) => memory.try_get(&id)?.map(Outcome::from),
        _ => None,
    })
}
