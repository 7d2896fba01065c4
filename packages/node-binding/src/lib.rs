//! The glue between Node and AgentMem: text in, text out. What users see is in `ts/`.

mod deliveries;

use std::sync::{Arc, OnceLock};

use agentmem_binding::{
    Asking, Exporting, Handle, Importing, Moving, Outcome, Submitted, WireError,
};
use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

use deliveries::{Deliveries, NativeDeliveries};

/// The longest string that V8 can make, in UTF-16 code units: 2^29 - 24.
const MAX_STRING: usize = (1 << 29) - 24;

/// A memory, or a view of one.
///
/// An error that is thrown has `{"code", "field", "message"}` as its message. The outcome of a call is delivered under the number that
/// the caller gives it, once: `{"ok": …}` or `{"error": {"code", "field", "message"}}`.
#[napi]
pub struct NativeMemory {
    handle: Handle,
    deliveries: Arc<Deliveries>,
}

#[napi]
impl NativeMemory {
    /// Checks its arguments, and touches no file.
    #[napi(constructor)]
    pub fn new(
        deliveries: &NativeDeliveries,
        path: Option<String>,
        options: String,
    ) -> Result<Self> {
        Ok(NativeMemory {
            handle: Handle::new(path.as_deref(), &options).map_err(thrown)?,
            deliveries: deliveries.shared(),
        })
    }

    /// Opens the file, if it is not open yet.
    #[napi]
    pub fn open(&self, call: u32) {
        self.handle.submit_open(self.deliveries.done(call));
    }

    /// Does an operation; `now` is what the caller's clock gave, if it has one, `cancellation` what may cancel the call.
    #[napi]
    pub fn call(
        &self,
        call: u32,
        operation: String,
        args: String,
        vectors: Option<&[f32]>,
        now: Option<f64>,
        cancellation: Option<&NativeCancellation>,
    ) {
        let (vectors, now) = (floats(vectors), now.map(|now| now as i64));
        let done = self.deliveries.done(call);
        let submitted = self.handle.submit(&operation, args, vectors, now, done);
        keep(cancellation, submitted);
    }

    /// Searches at once if that waits for nothing and takes a moment; null says that it is to be called. The answer comes without
    /// an object around it, an error as in the outcome of a call.
    #[napi]
    pub fn try_search(
        &self,
        query: String,
        options: String,
        embedding: Option<&[f32]>,
        now: Option<f64>,
    ) -> Option<String> {
        let (embedding, now) = (floats(embedding), now.map(|now| now as i64));
        let answered = self.handle.try_search(&query, &options, embedding, now);
        answered.map(at_once)
    }

    /// Gets a record at once, as `trySearch` does.
    #[napi]
    pub fn try_get(&self, id: String, now: Option<f64>) -> Option<String> {
        let answered = self.handle.try_get(&id, now.map(|now| now as i64));
        answered.map(at_once)
    }

    /// Begins an operation that may need the caller's embedder.
    #[napi]
    pub fn ask(
        &self,
        operation: String,
        args: String,
        vectors: Option<&[f32]>,
        now: Option<f64>,
    ) -> Result<NativeAsking> {
        let now = now.map(|now| now as i64);
        let asking = self.handle.ask(&operation, args, floats(vectors), now);
        Ok(NativeAsking {
            asking: asking.map_err(thrown)?,
            deliveries: Arc::clone(&self.deliveries),
        })
    }

    /// Begins to move the store to another embedder.
    #[napi]
    pub fn reembed(&self, embedder: String) -> Result<NativeMoving> {
        Ok(NativeMoving {
            moving: self.handle.reembed(&embedder).map_err(thrown)?,
            deliveries: Arc::clone(&self.deliveries),
        })
    }

    /// Begins an export to a file.
    #[napi]
    pub fn export_to(&self, args: String) -> Result<NativeExporting> {
        Ok(NativeExporting {
            exporting: self.handle.export_to(&args).map_err(thrown)?,
            deliveries: Arc::clone(&self.deliveries),
        })
    }

    /// Begins an import from a file; `embeds` tells whether vectors can be given for texts.
    #[napi]
    pub fn import_from(
        &self,
        args: String,
        embeds: bool,
        now: Option<f64>,
    ) -> Result<NativeImporting> {
        let now = now.map(|now| now as i64);
        let importing = self.handle.import_from(&args, embeds, now);
        Ok(NativeImporting {
            importing: importing.map_err(thrown)?,
            deliveries: Arc::clone(&self.deliveries),
        })
    }

    /// Gives a view that cannot leave a scope.
    #[napi]
    pub fn scoped(&self, scope: String) -> Result<NativeMemory> {
        Ok(NativeMemory {
            handle: self.handle.scoped(&scope).map_err(thrown)?,
            deliveries: Arc::clone(&self.deliveries),
        })
    }

    /// Closes the memory once the calls under way are done.
    #[napi]
    pub fn close(&self, call: u32) {
        self.handle.submit_close(self.deliveries.done(call));
    }
}

/// A call that asks the caller's embedder before it is done.
#[napi]
pub struct NativeAsking {
    asking: Asking,
    deliveries: Arc<Deliveries>,
}

#[napi]
impl NativeAsking {
    /// Gives the texts that need a vector.
    #[napi]
    pub fn texts(&self, call: u32) {
        self.asking.submit_texts(self.deliveries.done(call));
    }

    /// Takes their vectors, one behind the other, and does the call, which `cancellation` may cancel.
    #[napi]
    pub fn finish(
        &self,
        call: u32,
        vectors: Option<&[f32]>,
        cancellation: Option<&NativeCancellation>,
    ) {
        let done = self.deliveries.done(call);
        keep(cancellation, self.asking.submit(floats(vectors), done));
    }

    /// Gives the call up, if it is not done.
    #[napi]
    pub fn end(&self) {
        self.asking.end();
    }
}

/// A store on its way to another embedder.
#[napi]
pub struct NativeMoving {
    moving: Moving,
    deliveries: Arc<Deliveries>,
}

#[napi]
impl NativeMoving {
    /// Takes the vectors of the last texts, one behind the other, and gives the next texts.
    #[napi]
    pub fn step(&self, call: u32, vectors: Option<&[f32]>) {
        let done = self.deliveries.done(call);
        self.moving.submit_step(floats(vectors), done);
    }
}

/// An export under way.
#[napi]
pub struct NativeExporting {
    exporting: Exporting,
    deliveries: Arc<Deliveries>,
}

#[napi]
impl NativeExporting {
    /// Writes the next part.
    #[napi]
    pub fn step(&self, call: u32) {
        self.exporting.submit_step(self.deliveries.done(call));
    }

    /// Gives the export up, if it is not done.
    #[napi]
    pub fn end(&self) {
        self.exporting.end();
    }
}

/// An import under way.
#[napi]
pub struct NativeImporting {
    importing: Importing,
    deliveries: Arc<Deliveries>,
}

#[napi]
impl NativeImporting {
    /// Takes the vectors of the last texts, one behind the other, and does the next part.
    #[napi]
    pub fn step(&self, call: u32, vectors: Option<&[f32]>) {
        let done = self.deliveries.done(call);
        self.importing.submit_step(floats(vectors), done);
    }

    /// Gives the import up, if it is not done.
    #[napi]
    pub fn end(&self) {
        self.importing.end();
    }
}

/// Cancels the call that it was passed to.
#[napi]
#[derive(Default)]
pub struct NativeCancellation {
    call: OnceLock<Submitted>,
}

#[napi]
impl NativeCancellation {
    /// Makes one for the next call.
    #[napi(constructor)]
    pub fn new() -> Self {
        NativeCancellation::default()
    }

    /// Does not block. A call that waits is not done, and its outcome is an error; one that runs goes on.
    #[napi]
    pub fn cancel(&self) {
        if let Some(call) = self.call.get() {
            call.cancel();
        }
    }
}

/// Lets a cancellation cancel the call that was submitted with it.
fn keep(cancellation: Option<&NativeCancellation>, submitted: Submitted) {
    if let Some(cancellation) = cancellation {
        cancellation.call.get_or_init(|| submitted);
    }
}

/// Copies vectors out of JavaScript's memory.
fn floats(vectors: Option<&[f32]>) -> Vec<f32> {
    vectors.unwrap_or_default().to_vec()
}

/// Writes what was answered at once.
fn at_once(answered: std::result::Result<Outcome, WireError>) -> String {
    match answered {
        Ok(outcome) => outcome.into_json(), // No more than 64 KiB (decision 0013).
        Err(error) => answer(Err(error)),
    }
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
