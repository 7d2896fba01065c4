//! A record's metadata: kept as the text that is stored and sent, and read when somebody asks for a member.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use super::{MAX_METADATA_BYTES, json};
use crate::error::{Error, Result};
use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object: what a caller knows of a memory beside its text.
pub type Metadata = Map<String, Value>;

/// The metadata of a record; what can be done with [`Metadata`] can be done with it, but not change it.
///
/// ```
/// use agentmem_core::{Metadata, Record, RecordMetadata};
///
/// let metadata: Metadata = serde_json::from_str(r#"{"topic": "food", "n": 1.0}"#).expect("an object");
/// let metadata = RecordMetadata::from(metadata);
/// assert_eq!(metadata["topic"], "food");
/// assert_eq!(metadata.as_json(), r#"{"n":1,"topic":"food"}"#);
/// ```
#[derive(Clone, Default)]
pub struct RecordMetadata {
    /// In the canonical form; nothing for an empty object.
    json: Box<str>,
    members: OnceLock<Metadata>,
}

impl RecordMetadata {
    /// The text in the canonical form (RFC 8785).
    pub fn as_json(&self) -> &str {
        if self.json.is_empty() {
            "{}"
        } else {
            &self.json
        }
    }

    /// Whether it has no members; it need not be read for that.
    pub fn is_empty(&self) -> bool {
        self.json.is_empty() || &*self.json == "{}"
    }

    /// Checks what a caller gives.
    pub(crate) fn check(given: Metadata) -> Result<Self> {
        if given.is_empty() {
            return Ok(RecordMetadata::default());
        }
        let given = Value::Object(given);
        json::check(&given, "metadata")?;
        let canonical = json::canonical(&given);
        if canonical.len() > MAX_METADATA_BYTES {
            return Err(Error::invalid(
                "metadata",
                format!(
                    "has {} bytes as canonical JSON: 64 KiB ({MAX_METADATA_BYTES}) is the most",
                    canonical.len()
                ),
            ));
        }
        Ok(RecordMetadata::checked(&canonical))
    }

    /// Takes a text that was checked before; an empty one is an empty object.
    pub(crate) fn checked(json: &str) -> Self {
        RecordMetadata {
            json: json.into(),
            members: OnceLock::new(),
        }
    }

    /// Takes a text as it is stored; nothing if that is no object.
    pub(crate) fn read(json: &str) -> Option<Self> {
        is_object(json).then(|| RecordMetadata::checked(json))
    }
}

impl Deref for RecordMetadata {
    type Target = Metadata;

    fn deref(&self) -> &Metadata {
        self.members
            .get_or_init(|| parse_metadata(self.as_json()).expect("the text was checked before"))
    }
}

impl From<Metadata> for RecordMetadata {
    fn from(members: Metadata) -> Self {
        RecordMetadata::checked(&json::canonical_object(&members))
    }
}

impl PartialEq for RecordMetadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json() || **self == **other
    }
}

impl fmt::Debug for RecordMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Whether [`parse_metadata`] reads a text. Nothing is made of it: of most records that are read nobody asks for a member.
fn is_object(json: &str) -> bool {
    let start = json.trim_start_matches([' ', '\t', '\n', '\r']);
    start.starts_with('{') && serde_json::from_str::<Readable>(json).is_ok()
}

/// A JSON value that can be read.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Self, D::Error> {
        json.deserialize_any(Readable)
    }
}

/// What it takes is what a [`Value`] takes.
impl<'de> Visitor<'de> for Readable {
    type Value = Readable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Readable, A::Error> {
        while items.next_element::<Readable>()?.is_some() {}
        Ok(Readable)
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut members: A,
    ) -> std::result::Result<Readable, A::Error> {
        while members.next_entry::<Readable, Readable>()?.is_some() {}
        Ok(Readable)
    }
}

/// Reads metadata as it is stored.
pub(crate) fn parse_metadata(json: &str) -> Option<Metadata> {
    serde_json::from_str(json).ok()
}
