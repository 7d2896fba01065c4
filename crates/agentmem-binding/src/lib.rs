//! What the bindings for Node and Python need, and only they: calls as JSON, and a pool of threads to run them on.
//!
//! A binding hands in the name of an operation and its arguments as JSON, text or read already ([`Given`]), and gets an [`Outcome`] or a
//! [`WireError`] back. All that is left to it is the language's own: values to JSON, outcomes to records, errors to exceptions, a
//! promise or a future.
//!
//! ```
//! use agentmem_binding::Handle;
//!
//! let memory = Handle::open(None, "{}")?;
//! memory.call("add", r#"{"content": "Ada likes green tea", "options": {"userId": "ada"}}"#, vec![])?;
//! assert_eq!(memory.call("count", r#"{"options": {"userId": "ada"}}"#, vec![])?.into_json(), "1");
//!
//! let error = memory.call("count", r#"{"options": {"user": "ada"}}"#, vec![]).unwrap_err();
//! assert_eq!((error.code, error.field.as_deref()), ("INVALID_ARGUMENT", Some("user")));
//! # Ok::<(), agentmem_binding::WireError>(())
//! ```

mod added;
mod asking;
mod at_once;
mod fields;
mod given;
mod handle;
mod opening;
mod outcome;
mod pool;
mod request;
mod submitted;
mod transport;
mod wire;

pub use agentmem_core::after_telling;
pub use asking::{Asking, Moving};
pub use given::Given;
pub use handle::Handle;
pub use outcome::Outcome;
pub use submitted::{Done, Submitted};
pub use transport::{Exporting, Importing};
pub use wire::WireError;
