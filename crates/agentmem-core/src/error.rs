//! What can go wrong: one error type with a stable code and the field that was at fault.

use std::fmt;

/// Names the kind of an [`Error`]; stable across releases and languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The type, form, range, size, depth or number of an argument; an unknown option.
    InvalidArgument,
    /// There is no such record.
    NotFound,
    /// The id is in use by a record that was added with other fields.
    AlreadyExists,
    /// The record has another version than the one asked for.
    Conflict,
    /// The handle was closed, or inherited through a fork.
    Closed,
    /// A write through a read-only handle.
    ReadOnly,
    /// Another embedder is named than the store's.
    EmbedderMismatch,
    /// There is no vector where one is needed, or the caller's embedder failed.
    EmbedderFailed,
    /// The file is not a store, or of a newer format.
    UnsupportedFormat,
    /// The file is damaged.
    Corrupt,
    /// Another process held the file for longer than `busy_timeout`.
    Busy,
    /// A stated limit of the store or the process is reached.
    Limit,
    /// The operating system refused.
    Io,
    /// The call was given up while it waited.
    Cancelled,
}

impl Code {
    /// Returns the code as it stands on the wire, such as `INVALID_ARGUMENT`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::Conflict => "CONFLICT",
            Code::Closed => "CLOSED",
            Code::ReadOnly => "READ_ONLY",
            Code::EmbedderMismatch => "EMBEDDER_MISMATCH",
            Code::EmbedderFailed => "EMBEDDER_FAILED",
            Code::UnsupportedFormat => "UNSUPPORTED_FORMAT",
            Code::Corrupt => "CORRUPT",
            Code::Busy => "BUSY",
            Code::Limit => "LIMIT",
            Code::Io => "IO",
            Code::Cancelled => "CANCELLED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what went wrong; spec chapter 9.
///
/// A message never contains content, metadata values, queries or ids, so it may be logged.
#[derive(Debug)]
pub struct Error {
    code: Code,
    field: Option<String>,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error without a field.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            code,
            field: None,
            message: message.into(),
            source: None,
        }
    }

    /// Makes the error for an argument that cannot be used; `field` is its wire name or path.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::new(Code::InvalidArgument, message).at(field)
    }

    /// Returns the same error with its field set.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Returns the same error with `prefix` put before the path in its field: `content` becomes `items[3].content`.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = Some(match self.field {
            Some(field) => format!("{prefix}.{field}"),
            None => prefix.to_owned(),
        });
        self
    }

    /// Returns the same error with its cause kept as `source`.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(cause));
        self
    }

    /// Tells what kind of error it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Names the argument at fault by its wire name or path, if there is one: `metadata.a[3]`.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Says what was wrong and what is allowed, without the code and the field.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{}: {field}: {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
