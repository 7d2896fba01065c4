//! The lines of an export (spec 13.1): written, and read with all checks that the lines before a line do not decide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::record::{
    Record, RecordMetadata, Timestamp, check_content, check_importance, json::write_text,
};
use crate::scope::{Scope, check_id, check_name};
use crate::store::{Arriving, EventKind, Logged, Stored};

/// The version of the form.
const VERSION: u64 = 1;
/// The most bytes that a line has, without its line feed: 8 MiB.
pub const MAX_LINE_BYTES: usize = 8 << 20;
/// The greatest integer that stands for itself: 2^53 - 1.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// What the first line says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub history: bool,
    pub embedder: Embedder,
}

/// A record, or with history an event.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub id: String,
    /// None in an export without history.
    pub event: Option<(EventKind, Timestamp)>,
    pub state: Option<Arriving>,
}

/// What the last line says.
#[derive(Debug)]
pub(super) struct Footer {
    pub lines: u64,
    pub sha256: [u8; 32],
}

/// A line behind the first.
pub(super) enum Body {
    Line(Box<Line>),
    Footer(Footer),
}

impl Header {
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"agentmem\":\"export\",\"embedder\":");
        match &self.embedder {
            Embedder::BuiltIn => out.push_str("\"builtin\""),
            Embedder::Nothing => out.push_str("null"),
            Embedder::Own { id, dimensions } => {
                out.push_str(&format!("{{\"dimensions\":{dimensions},\"id\":"));
                write_text(id, out);
                out.push('}');
            }
        }
        let history = self.history;
        out.push_str(&format!(",\"history\":{history},\"version\":{VERSION}}}\n"));
    }

    /// Whether the vectors of the file are of this embedder.
    pub fn has_vectors_of(&self, embedder: &Embedder) -> bool {
        self.embedder.is_own() && self.embedder == *embedder
    }
}

/// Writes the last line.
pub(super) fn write_footer(lines: usize, digest: Sha256, out: &mut String) {
    out.push_str(&format!(
        "{{\"agentmem\":\"end\",\"lines\":{lines},\"sha256\":\""
    ));
    write_hex(&digest.finalize(), out);
    out.push_str("\"}\n");
}

/// Writes the line of a record.
pub(super) fn write_stored(stored: &Stored, embedder: &Embedder, out: &mut String) {
    out.push_str("{\"record\":");
    write_state(Some(stored), embedder, out);
}

/// Writes the line of an event.
pub(super) fn write_event(event: &Logged, embedder: &Embedder, out: &mut String) {
    let (at, kind) = (event.at, event.kind.as_str());
    out.push_str(&format!("{{\"at\":\"{at}\",\"event\":\"{kind}\",\"id\":"));
    write_text(&event.id, out);
    out.push_str(",\"record\":");
    write_state(event.state.as_ref(), embedder, out);
}

fn write_state(state: Option<&Stored>, embedder: &Embedder, out: &mut String) {
    match state {
        None => out.push_str("null"),
        Some(stored) => {
            write_record(&stored.record, out);
            if let Some(hash) = &stored.request {
                out.push_str(",\"request\":\"");
                write_hex(hash, out);
                out.push('"');
            }
            if embedder.is_own() && !stored.vector.is_empty() {
                let bytes: Vec<u8> = stored.vector.iter().map(|it| it.cast_unsigned()).collect();
                out.push_str(",\"vector\":\"");
                STANDARD.encode_string(bytes, out);
                out.push('"');
            }
        }
    }
    out.push_str("}\n");
}

/// Writes a record in canonical form: the keys in their order.
fn write_record(record: &Record, out: &mut String) {
    let text = |key: &str, value: Option<&String>, out: &mut String| {
        out.push_str(key);
        match value {
            Some(value) => write_text(value, out),
            None => out.push_str("null"),
        }
    };
    let scope = &record.scope;
    text("{\"agentId\":", scope.agent_id.as_ref(), out);
    text(",\"content\":", Some(&record.content), out);
    out.push_str(&format!(
        ",\"createdAt\":\"{}\",\"expiresAt\":",
        record.created_at
    ));
    match record.expires_at {
        Some(time) => out.push_str(&format!("\"{time}\"")),
        None => out.push_str("null"),
    }
    text(",\"id\":", Some(&record.id), out);
    out.push_str(",\"importance\":");
    out.push_str(ryu_js::Buffer::new().format(record.importance));
    out.push_str(",\"metadata\":");
    out.push_str(record.metadata.as_json());
    text(",\"name\":", record.name.as_ref(), out);
    text(",\"role\":", record.role.as_ref(), out);
    text(",\"runId\":", scope.run_id.as_ref(), out);
    out.push_str(&format!(",\"updatedAt\":\"{}\"", record.updated_at));
    text(",\"userId\":", scope.user_id.as_ref(), out);
    out.push_str(&format!(",\"version\":{}}}", record.version));
}

fn write_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
}

/// Makes the error for a file that is wrong in one of its lines, which count from 1 (spec 13.6).
pub(super) fn damaged(line: u64, problem: &str) -> Error {
    Error::new(Code::Corrupt, problem).at(field(line))
}

/// The field of an error in a line.
pub(super) fn field(line: u64) -> String {
    format!("lines[{line}]")
}

/// Reads the first line.
pub(super) fn read_header(bytes: &[u8]) -> Result<Header> {
    let unsupported = |problem: &str| Error::new(Code::UnsupportedFormat, problem).at(field(1));
    let Some(mut members) =
        Members::parse(bytes).filter(|members| members.is("agentmem", "export"))
    else {
        return Err(unsupported("is not that of an export"));
    };
    if members.0.get("version").and_then(Value::as_f64) != Some(VERSION as f64) {
        return Err(unsupported(
            "is that of an export of a version that this release does not know",
        ));
    }
    members.read_header().map_err(|error| located(1, &error))
}

/// Reads a line behind the first.
pub(super) fn read_body(bytes: &[u8], line: u64, header: &Header) -> Result<Body> {
    let Some(mut members) = Members::parse(bytes) else {
        return Err(damaged(line, "is no JSON object"));
    };
    let read = if members.0.contains_key("agentmem") {
        members.read_footer().map(Body::Footer)
    } else if header.history {
        members.read_event(&header.embedder).map(Body::Line)
    } else {
        members.read_record_line(&header.embedder).map(Body::Line)
    };
    read.and_then(|body| members.end().map(|()| body))
        .map_err(|error| located(line, &error))
}

/// Names the line in which something was found to be wrong.
fn located(line: u64, error: &Error) -> Error {
    let problem = match error.field() {
        Some(field) => format!("is wrong: {field} {}", error.message()),
        None => format!("is wrong: {}", error.message()),
    };
    damaged(line, &problem)
}

/// The members of an object, taken out one by one.
struct Members(Map<String, Value>);

impl Members {
    fn parse(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Some(Members(members)),
            _ => None,
        }
    }

    fn is(&self, key: &str, text: &str) -> bool {
        self.0.get(key).and_then(Value::as_str) == Some(text)
    }

    /// Takes a member that must be there, be it null.
    fn needed(&mut self, key: &str) -> Result<Value> {
        self.0
            .remove(key)
            .ok_or_else(|| Error::invalid(key, "is missing"))
    }

    /// Refuses what has not been taken.
    fn end(&self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::new(Code::Corrupt, "it has a member that is unknown"))
    }

    fn text(&mut self, key: &str) -> Result<String> {
        match self.needed(key)? {
            Value::String(text) => Ok(text),
            _ => Err(Error::invalid(key, "is not text")),
        }
    }

    fn text_or_null(&mut self, key: &str) -> Result<Option<String>> {
        match self.needed(key)? {
            Value::String(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(Error::invalid(key, "is neither text nor null")),
        }
    }

    fn name(&mut self, key: &str) -> Result<Option<String>> {
        let name = self.text_or_null(key)?;
        name.iter().try_for_each(|name| check_name(name, key))?;
        Ok(name)
    }

    fn time(&mut self, key: &str) -> Result<Timestamp> {
        let text = self.text(key)?;
        Timestamp::parse(&text).map_err(|error| error.at(key))
    }

    /// Takes an integer; `1.0` is one.
    fn integer(&mut self, key: &str, min: f64) -> Result<u64> {
        let number = self.needed(key)?.as_f64();
        number
            .filter(|number| number.fract() == 0.0 && (min..=MAX_INTEGER).contains(number))
            .map(|number| number as u64)
            .ok_or_else(|| Error::invalid(key, "is not an integer in its range"))
    }

    /// Takes a SHA-256, if it is there.
    fn hash(&mut self, key: &str) -> Result<Option<[u8; 32]>> {
        if !self.0.contains_key(key) {
            return Ok(None);
        }
        let text = self.text(key)?;
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        let pairs = text.as_bytes().as_chunks::<2>().0;
        let is_read = text.len() == 64
            && hash.iter_mut().zip(pairs).all(|(byte, [high, low])| {
                digit(*high).zip(digit(*low)).is_some_and(|(high, low)| {
                    *byte = high * 16 + low;
                    true
                })
            });
        if is_read {
            Ok(Some(hash))
        } else {
            Err(Error::invalid(key, "is no SHA-256 in hexadecimal"))
        }
    }

    fn read_header(&mut self) -> Result<Header> {
        self.needed("agentmem")?;
        self.needed("version")?;
        let Value::Bool(history) = self.needed("history")? else {
            return Err(Error::invalid("history", "is neither true nor false"));
        };
        let embedder = match self.needed("embedder")? {
            Value::Null => Embedder::Nothing,
            Value::String(name) if name == "builtin" => Embedder::BuiltIn,
            Value::Object(members) => {
                let mut members = Members(members);
                let id = members.text("id")?;
                let dimensions = members.integer("dimensions", 1.0)?;
                members.end()?;
                let own = Embedder::Own {
                    id,
                    dimensions: usize::try_from(dimensions).unwrap_or(usize::MAX),
                };
                own.check()?;
                own
            }
            _ => return Err(Error::invalid("embedder", "is none")),
        };
        self.end()?;
        Ok(Header { history, embedder })
    }

    fn read_footer(&mut self) -> Result<Footer> {
        if self.text("agentmem")? != "end" {
            return Err(Error::invalid("agentmem", "is not \"end\""));
        }
        let sha256 = self.hash("sha256")?;
        Ok(Footer {
            lines: self.integer("lines", 0.0)?,
            sha256: sha256.ok_or_else(|| Error::invalid("sha256", "is missing"))?,
        })
    }

    fn read_record_line(&mut self, embedder: &Embedder) -> Result<Box<Line>> {
        let state = self
            .read_state(embedder)?
            .ok_or_else(|| Error::invalid("record", "is null"))?;
        if embedder.is_own() && state.vector.is_empty() {
            return Err(Error::invalid("vector", "is missing"));
        }
        Ok(Box::new(Line {
            id: state.record.id.clone(),
            event: None,
            state: Some(state),
        }))
    }

    fn read_event(&mut self, embedder: &Embedder) -> Result<Box<Line>> {
        let kind = EventKind::named(&self.text("event")?)
            .ok_or_else(|| Error::invalid("event", "is no kind of event"))?;
        let at = self.time("at")?;
        let id = self.text("id")?;
        check_id(&id, "id")?;
        let state = self.read_state(embedder)?;
        if let Some(state) = &state {
            if matches!(kind, EventKind::Delete | EventKind::Purge) {
                return Err(Error::invalid("record", "is not null after an end"));
            }
            if state.record.id != id {
                return Err(Error::invalid("id", "is not that of the record"));
            }
        }
        Ok(Box::new(Line {
            id,
            event: Some((kind, at)),
            state,
        }))
    }

    /// Reads `record`, `request` and `vector`.
    fn read_state(&mut self, embedder: &Embedder) -> Result<Option<Arriving>> {
        let record = match self.needed("record")? {
            Value::Null => {
                // What stands beside it is then unknown.
                return Ok(None);
            }
            Value::Object(members) => Members(members).read_record()?,
            _ => return Err(Error::invalid("record", "is no object")),
        };
        Ok(Some(Arriving {
            record,
            request: self.hash("request")?,
            vector: self.vector(embedder)?,
        }))
    }

    /// Reads a vector: its greatest magnitude is 127, as that of every one which was quantised (spec 12.5).
    fn vector(&mut self, embedder: &Embedder) -> Result<Vec<i8>> {
        if !self.0.contains_key("vector") {
            return Ok(Vec::new());
        }
        let text = self.text("vector")?;
        if !embedder.is_own() {
            return Err(Error::invalid(
                "vector",
                "is there, but the embedder makes none",
            ));
        }
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| Error::invalid("vector", "is no base64"))?;
        let vector: Vec<i8> = bytes.into_iter().map(u8::cast_signed).collect();
        let greatest = vector.iter().map(|it| it.unsigned_abs()).max();
        if vector.len() != embedder.dimensions() || greatest != Some(127) {
            return Err(Error::invalid(
                "vector",
                "is not one of the embedder's as they are stored",
            ));
        }
        Ok(vector)
    }

    fn read_record(mut self) -> Result<Record> {
        let id = self.text("id")?;
        check_id(&id, "id")?;
        let content = self.text("content")?;
        check_content(&content)?;
        let Value::Object(metadata) = self.needed("metadata")? else {
            return Err(Error::invalid("metadata", "is no object"));
        };
        let importance = self.needed("importance")?.as_f64();
        let importance =
            importance.ok_or_else(|| Error::invalid("importance", "is not a number"))?;
        check_importance(importance)?;
        let expires_at = match self.text_or_null("expiresAt")? {
            Some(text) => Some(Timestamp::parse(&text).map_err(|error| error.at("expiresAt"))?),
            None => None,
        };
        let record = Record {
            id,
            content,
            scope: Scope {
                user_id: self.name("userId")?,
                agent_id: self.name("agentId")?,
                run_id: self.name("runId")?,
            },
            role: self.name("role")?,
            name: self.name("name")?,
            metadata: RecordMetadata::check(metadata)?,
            // 0 for -0, as it comes back.
            importance: importance + 0.0,
            created_at: self.time("createdAt")?,
            updated_at: self.time("updatedAt")?,
            expires_at,
            version: self.integer("version", 1.0)?,
        };
        self.end()?;
        Ok(record)
    }
}
