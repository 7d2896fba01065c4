//! The glue between Node and AgentMem: text in, promises of text out. What users see is in `ts/`.

use agentmem_binding::{Handle, WireError};
use napi::bindgen_prelude::{Env, Error, Object, Result};
use napi_derive::napi;

/// The longest string that V8 can make, in UTF-16 code units: 2^29 - 24.
const MAX_STRING: usize = (1 << 29) - 24;

/// A memory, or a view of one.
///
/// An error that is thrown has `{"code", "field", "message"}` as its message. A promise is never rejected: it resolves to `{"ok": …}` or to
/// `{"error": {"code", "field", "message"}}`.
#[napi]
pub struct NativeMemory {
    handle: Handle,
}

#[napi]
impl NativeMemory {
    /// Checks its arguments, and touches no file.
    #[napi(constructor)]
    pub fn new(path: Option<String>, options: String) -> Result<Self> {
        Ok(NativeMemory {
            handle: Handle::new(path.as_deref(), &options).map_err(thrown)?,
        })
    }

    /// Opens the file, if it is not open yet.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn open<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        promise(env, |done| self.handle.submit_open(done))
    }

    /// Does an operation; `now` is what the caller's clock gave, if it has one.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        operation: String,
        args: String,
        now: Option<f64>,
    ) -> Result<Object<'env>> {
        promise(env, |done| {
            self.handle
                .submit(&operation, args, now.map(|now| now as i64), done)
        })
    }

    /// Gives a view that cannot leave a scope.
    #[napi]
    pub fn scoped(&self, scope: String) -> Result<NativeMemory> {
        Ok(NativeMemory {
            handle: self.handle.scoped(&scope).map_err(thrown)?,
        })
    }

    /// Closes the memory once the calls under way are done.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        promise(env, |done| self.handle.submit_close(done))
    }
}

/// Makes a promise, and begins what will resolve it from whichever thread it ends on.
fn promise<'env>(
    env: &'env Env,
    begin: impl FnOnce(agentmem_binding::Done),
) -> Result<Object<'env>> {
    let (deferred, promise) = env.create_deferred()?;
    begin(Box::new(move |outcome| {
        deferred.resolve(move |_| Ok(answer(outcome)))
    }));
    Ok(promise)
}

fn answer(outcome: std::result::Result<String, WireError>) -> String {
    match outcome {
        Ok(ok) if ok.len() < MAX_STRING - 16 => format!("{{\"ok\":{ok}}}"),
        Ok(_) => {
            let message = "the answer is longer than a string of JavaScript can be: ask for it in parts, with limit and after";
            let error = WireError {
                code: "LIMIT",
                field: None,
                message: message.to_owned(),
            };
            format!("{{\"error\":{}}}", error.to_json())
        }
        Err(error) => format!("{{\"error\":{}}}", error.to_json()),
    }
}

fn thrown(error: WireError) -> Error {
    Error::from_reason(error.to_json())
}
