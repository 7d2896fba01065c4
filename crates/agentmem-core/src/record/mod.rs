//! A memory and what a caller may say of one: fields, sizes and defaults (spec chapter 2).

pub(crate) mod json;
mod metadata;
mod time;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::scope::{Scope, check_characters, check_id, check_name};
use crate::text;

pub(crate) use metadata::parse_metadata;
pub use metadata::{Metadata, RecordMetadata};
pub use time::Timestamp;

/// Largest content, in bytes of UTF-8: 1 MiB.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;
/// Largest metadata, in bytes of its RFC 8785 form: 64 KiB.
pub const MAX_METADATA_BYTES: usize = 1 << 16;
/// The importance of a record for which none is given.
pub const DEFAULT_IMPORTANCE: f64 = 0.5;

/// One memory as it is stored; spec 2.1.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// 1 to 256 bytes, compared by bytes; a UUIDv7 (RFC 9562) if none was given.
    pub id: String,
    /// What is remembered: 1 byte to 1 MiB, not blank.
    pub content: String,
    /// Whose it is.
    pub scope: Scope,
    /// Who says it in a conversation, such as `user`; a record with a role is a *turn*.
    pub role: Option<String>,
    /// The speaker's name.
    pub name: Option<String>,
    /// At most 64 KiB and 32 levels; numbers that are integers are held as integers.
    pub metadata: RecordMetadata,
    /// From 0 to 1.
    pub importance: f64,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// From then on it counts as absent.
    pub expires_at: Option<Timestamp>,
    /// 1 at `add`, one more at each `update`.
    pub version: u64,
}

impl Record {
    /// Tells whether the record counts as present at `now` (spec 2.4).
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// The text that search analyses: with the speaker's name before it in a turn (spec 8.3).
    pub(crate) fn text(&self) -> Cow<'_, str> {
        turn_text(self.role.as_deref(), self.name.as_deref(), &self.content)
    }
}

/// `name + ": " + content` for a turn with a name, else the content.
pub(crate) fn turn_text<'a>(
    role: Option<&str>,
    name: Option<&str>,
    content: &'a str,
) -> Cow<'a, str> {
    match (role, name) {
        (Some(_), Some(name)) => format!("{name}: {content}").into(),
        _ => content.into(),
    }
}

/// When a record ends, as a caller says it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Expiry {
    /// It does not expire.
    #[default]
    Never,
    /// At this time.
    At(Timestamp),
    /// So many seconds after the call, at least 0; a fraction counts to the millisecond.
    Ttl(f64),
}

impl Expiry {
    /// The time at which a record written at `now` expires.
    fn resolve(self, now: Timestamp) -> Result<Option<Timestamp>> {
        match self {
            Expiry::Never => Ok(None),
            Expiry::At(time) => Ok(Some(time)),
            Expiry::Ttl(seconds) => {
                if !(seconds.is_finite() && seconds >= 0.0) {
                    return Err(Error::invalid(
                        "ttl",
                        "is not a number of seconds of at least 0",
                    ));
                }
                // Far beyond the year 9999 long before a double loses whole milliseconds.
                let ms = (seconds * 1000.0).floor().min(1e15) as i64;
                let time = Timestamp::from_millis(now.as_millis() + ms);
                time.map(Some)
                    .map_err(|_| Error::invalid("ttl", "reaches beyond the year 9999"))
            }
        }
    }
}

/// What [`Memory::add`](crate::Memory::add) is given; spec 6.2.
///
/// ```
/// use agentmem_core::NewRecord;
///
/// let note = NewRecord { user_id: Some("ada".into()), ..NewRecord::from("Ada likes green tea") };
/// assert_eq!(note.content, "Ada likes green tea");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewRecord {
    /// What to remember.
    pub content: String,
    /// Whose it is; `None` is a value of its own: nobody's in particular.
    pub user_id: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// The run.
    pub run_id: Option<String>,
    /// Makes it a turn.
    pub role: Option<String>,
    /// The speaker's name.
    pub name: Option<String>,
    /// Empty if none is given.
    pub metadata: Option<Metadata>,
    /// 0.5 if none is given.
    pub importance: Option<f64>,
    /// A new UUIDv7 if none is given.
    pub id: Option<String>,
    /// The call's `now` if none is given.
    pub created_at: Option<Timestamp>,
    /// Never by default.
    pub expiry: Expiry,
    /// Its vector, where the store's embedder is the caller's own, and only there.
    pub embedding: Option<Vec<f32>>,
    /// Gives back the live record of equal content, role, name, scope and metadata, if there is one.
    pub dedupe: bool,
}

impl From<&str> for NewRecord {
    fn from(content: &str) -> Self {
        NewRecord {
            content: content.to_owned(),
            ..NewRecord::default()
        }
    }
}

impl From<String> for NewRecord {
    fn from(content: String) -> Self {
        NewRecord {
            content,
            ..NewRecord::default()
        }
    }
}

/// A checked [`NewRecord`] on its way to the store.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub record: Record,
    /// SHA-256 of the request (spec 6.3); only for an id that the caller gave.
    pub request_hash: Option<[u8; 32]>,
    /// That of its content.
    pub mark: i64,
    pub dedupe: bool,
}

impl NewRecord {
    /// Checks everything and fills in the defaults; a missing id is left empty for the engine.
    pub(crate) fn check(mut self, now: Timestamp) -> Result<Draft> {
        check_content(&self.content)?;
        for (value, field) in [
            (&self.user_id, "userId"),
            (&self.agent_id, "agentId"),
            (&self.run_id, "runId"),
            (&self.role, "role"),
            (&self.name, "name"),
        ] {
            if let Some(value) = value {
                check_name(value, field)?;
            }
        }
        if let Some(id) = &self.id {
            check_id(id, "id")?;
        }
        if let Some(importance) = self.importance {
            check_importance(importance)?;
        }
        let expires_at = self.expiry.resolve(now)?;
        let has_metadata = self.metadata.is_some();
        let metadata = RecordMetadata::check(self.metadata.take().unwrap_or_default())?;
        let request_hash = self.id.is_some().then(|| {
            let given = has_metadata.then_some(metadata.as_json());
            self.request_hash(given)
        });
        Ok(Draft {
            mark: mark(&self.content),
            record: Record {
                id: self.id.unwrap_or_default(),
                content: self.content,
                scope: Scope {
                    user_id: self.user_id,
                    agent_id: self.agent_id,
                    run_id: self.run_id,
                },
                role: self.role,
                name: self.name,
                metadata,
                importance: self.importance.unwrap_or(DEFAULT_IMPORTANCE),
                created_at: self.created_at.unwrap_or(now),
                updated_at: now,
                expires_at,
                version: 1,
            },
            request_hash,
            dedupe: self.dedupe,
        })
    }

    /// SHA-256 of the canonical form of the fields that were given, with the metadata in their own.
    fn request_hash<'a>(&'a self, metadata_json: Option<&'a str>) -> [u8; 32] {
        let (expires_at, ttl) = match self.expiry {
            Expiry::Never => (None, None),
            Expiry::At(time) => (Some(time), None),
            Expiry::Ttl(seconds) => (None, Some(seconds)),
        };
        let time = |time: Option<Timestamp>| time.map(|time| Given::Text(time.to_string().into()));
        let text =
            |value: &'a Option<String>| value.as_deref().map(|text| Given::Text(text.into()));
        // By key, as the canonical form has them.
        let fields = [
            ("agentId", text(&self.agent_id)),
            ("content", Some(Given::Text(self.content.as_str().into()))),
            ("createdAt", time(self.created_at)),
            ("expiresAt", time(expires_at)),
            ("importance", self.importance.map(Given::Number)),
            ("metadata", metadata_json.map(Given::Json)),
            ("name", text(&self.name)),
            ("role", text(&self.role)),
            ("runId", text(&self.run_id)),
            ("ttl", ttl.map(Given::Number)),
            ("userId", text(&self.user_id)),
        ];
        let mut canonical = String::with_capacity(self.content.len() + 256);
        for (key, value) in fields
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
        {
            canonical.push(if canonical.is_empty() { '{' } else { ',' });
            json::write_text(key, &mut canonical);
            canonical.push(':');
            match value {
                Given::Text(text) => json::write_text(&text, &mut canonical),
                Given::Number(number) => json::write_value(&number.into(), &mut canonical),
                Given::Json(json) => canonical.push_str(json),
            }
        }
        canonical.push('}');
        Sha256::digest(canonical).into()
    }
}

/// A field of a request.
enum Given<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    /// In its canonical form.
    Json(&'a str),
}

/// What [`Memory::update`](crate::Memory::update) changes; what is `None` is left. Spec 6.7.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The new content.
    pub content: Option<String>,
    /// Replaces the whole metadata.
    pub metadata: Option<Metadata>,
    /// The new importance.
    pub importance: Option<f64>,
    /// The new expiry; `Some(Expiry::Never)` takes it away.
    pub expiry: Option<Expiry>,
    /// The new vector, where the store's embedder is the caller's own, which needs one for new content.
    pub embedding: Option<Vec<f32>>,
    /// Fails with `CONFLICT` if the record has another version.
    pub if_version: Option<u64>,
}

/// A checked [`Change`].
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    pub content: Option<String>,
    pub metadata: Option<RecordMetadata>,
    pub importance: Option<f64>,
    pub expires_at: Option<Option<Timestamp>>,
    pub if_version: Option<u64>,
}

impl Change {
    pub(crate) fn check(self, now: Timestamp, has_vector: bool) -> Result<Revision> {
        if let Some(content) = &self.content {
            check_content(content)?;
        }
        if let Some(importance) = self.importance {
            check_importance(importance)?;
        }
        if self.if_version == Some(0) {
            return Err(Error::invalid(
                "ifVersion",
                "is not an integer of at least 1",
            ));
        }
        let nothing_given = self.content.is_none()
            && self.metadata.is_none()
            && self.importance.is_none()
            && self.expiry.is_none()
            && !has_vector;
        if nothing_given {
            return Err(Error::invalid(
                "options",
                "give nothing to update: content, metadata, importance, expiresAt, ttl or embedding is needed",
            ));
        }
        Ok(Revision {
            content: self.content,
            metadata: self.metadata.map(RecordMetadata::check).transpose()?,
            importance: self.importance,
            expires_at: self.expiry.map(|expiry| expiry.resolve(now)).transpose()?,
            if_version: self.if_version,
        })
    }
}

impl Revision {
    /// Applies the change; the version and the time of writing move on.
    pub(crate) fn apply(&self, record: &Record, now: Timestamp) -> Result<Record> {
        if self
            .if_version
            .is_some_and(|version| version != record.version)
        {
            return Err(Error::new(
                Code::Conflict,
                "the record has another version than ifVersion asks for",
            )
            .at("ifVersion"));
        }
        Ok(Record {
            content: self
                .content
                .clone()
                .unwrap_or_else(|| record.content.clone()),
            metadata: self.metadata.as_ref().unwrap_or(&record.metadata).clone(),
            importance: self.importance.unwrap_or(record.importance),
            expires_at: self.expires_at.unwrap_or(record.expires_at),
            updated_at: now,
            version: record.version + 1,
            ..record.clone()
        })
    }
}

/// A byte of a hash of the content (FNV-1a); equal contents have equal marks.
pub(crate) fn mark(content: &str) -> i64 {
    let hash = content.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    i64::from(hash >> 24) - 128
}

pub(crate) fn check_content(content: &str) -> Result<()> {
    if content.len() > MAX_CONTENT_BYTES {
        return Err(Error::invalid(
            "content",
            format!(
                "has {} bytes of UTF-8: 1 MiB ({MAX_CONTENT_BYTES}) is the most",
                content.len()
            ),
        ));
    }
    if text::is_blank(content) {
        return Err(Error::invalid(
            "content",
            "is blank: there is nothing to remember",
        ));
    }
    check_characters(content, "content")
}

pub(crate) fn check_importance(importance: f64) -> Result<()> {
    if (0.0..=1.0).contains(&importance) {
        return Ok(());
    }
    Err(Error::invalid("importance", "is not a number from 0 to 1"))
}
