//! Records that are added, as they come over the wire: a text or a message with options, alone or many with defaults (spec 6.2, 6.6).

use agentmem_core::{Error, Expiry, Metadata, NewRecord, Result};
use serde_json::{Map, Value};

use crate::fields::{Fields, Floats};

/// What an item of `addMany` may have; those behind the content are the options of `add`, those behind the id too the defaults.
const ITEM: &[&str] = &[
    "content",
    "embedding",
    "id",
    "userId",
    "agentId",
    "runId",
    "role",
    "name",
    "metadata",
    "importance",
    "createdAt",
    "expiresAt",
    "ttl",
    "dedupe",
];
pub(crate) const ADD: &[&str] = ITEM.split_at(1).1;
const DEFAULTS: &[&str] = ITEM.split_at(3).1;
/// For each record that is added, what came in a message.
pub(crate) type Speakers = Vec<Speaker>;

/// What a message said beside its content, and so where its faults are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Speaker {
    pub role: bool,
    pub name: bool,
}

/// What `addMany` is given for all items.
#[derive(Default)]
pub(crate) struct Defaults {
    members: Map<String, Value>,
    /// The same, read.
    pub record: Option<NewRecord>,
    /// What its metadata adds at least to an item that has none of its own.
    pub least_bytes: usize,
}

impl Defaults {
    pub fn read(value: Value) -> Result<Self> {
        let fields = Fields::read(value.clone(), "defaults", "defaults.", DEFAULTS)?;
        let record = new_options(fields, &mut Floats::default())?;
        let Value::Object(members) = value else {
            unreachable!("it was read as an object")
        };
        // At most half of it is an artefact of how numbers are written here: 1.0 for 1.
        let least_bytes = record
            .metadata
            .as_ref()
            .map_or(0, |metadata| json_bytes(metadata) / 2);
        Ok(Defaults {
            members,
            record: Some(record),
            least_bytes,
        })
    }

    pub fn fill(
        &self,
        item: Value,
        index: usize,
        floats: &mut Floats,
    ) -> Result<(NewRecord, Speaker)> {
        let (field, path) = (format!("items[{index}]"), format!("items[{index}]."));
        let Value::Object(mut members) = item else {
            return Err(Error::invalid(field, "is not an object"));
        };
        let own: Vec<&String> = self
            .members
            .keys()
            .filter(|key| !says(&members, key))
            .collect();
        for key in own {
            members.insert(key.clone(), self.members[key].clone());
        }
        let content = members.remove("content");
        new_record(
            content,
            Fields::read(Value::Object(members), &field, &path, ITEM)?,
            floats,
        )
    }
}

/// Tells whether an item says anything of a field; `expiresAt` and `ttl` count as one, and a message for role and name.
fn says(item: &Map<String, Value>, key: &str) -> bool {
    let in_message = || {
        item.get("content")
            .and_then(Value::as_object)
            .is_some_and(|message| message.contains_key(key))
    };
    match key {
        "expiresAt" | "ttl" => item.contains_key("expiresAt") || item.contains_key("ttl"),
        "role" | "name" => item.contains_key(key) || in_message(),
        _ => item.contains_key(key),
    }
}

fn json_bytes(metadata: &Metadata) -> usize {
    serde_json::to_string(metadata).map_or(0, |json| json.len())
}

/// Reads what is added: a text or a message, and its options.
pub(crate) fn new_record(
    content: Option<Value>,
    fields: Fields,
    floats: &mut Floats,
) -> Result<(NewRecord, Speaker)> {
    let field = fields.field("content");
    let mut record = NewRecord::default();
    let mut speaker = Speaker::default();
    let (mut role, mut name) = (None, None);
    match content {
        Some(Value::String(text)) => record.content = text,
        Some(message @ Value::Object(_)) => {
            let mut message = Fields::read(
                message,
                &field,
                &format!("{field}."),
                &["role", "content", "name"],
            )?;
            let lacks = |key: &str| {
                Error::invalid(
                    format!("{field}.{key}"),
                    "is missing: a message has a role and content",
                )
            };
            role = Some(message.text("role")?.ok_or_else(|| lacks("role"))?);
            record.content = message.text("content")?.ok_or_else(|| lacks("content"))?;
            name = message.text("name")?;
            speaker = Speaker {
                role: true,
                name: name.is_some(),
            };
        }
        _ => {
            return Err(Error::invalid(
                field,
                "is neither text nor a message {role, content, name?}",
            ));
        }
    }
    let (role_field, name_field) = (fields.field("role"), fields.field("name"));
    let options = new_options(fields, floats)?;
    let role = one_of(role, options.role, role_field)?;
    let name = one_of(name, options.name, name_field)?;
    Ok((
        NewRecord {
            content: record.content,
            role,
            name,
            ..options
        },
        speaker,
    ))
}

/// The value that a message or an option gives; both may, if they agree.
fn one_of(said: Option<String>, option: Option<String>, field: String) -> Result<Option<String>> {
    match (said, option) {
        (Some(said), Some(option)) if said != option => {
            Err(Error::invalid(field, "differs from that of the message"))
        }
        (said, option) => Ok(said.or(option)),
    }
}

/// Reads the options of `add`.
fn new_options(mut fields: Fields, floats: &mut Floats) -> Result<NewRecord> {
    Ok(NewRecord {
        content: String::new(),
        user_id: fields.text("userId")?,
        agent_id: fields.text("agentId")?,
        run_id: fields.text("runId")?,
        role: fields.text("role")?,
        name: fields.text("name")?,
        metadata: fields.metadata("metadata")?,
        importance: fields.number("importance")?,
        id: fields.text("id")?,
        created_at: fields.time("createdAt")?,
        expiry: expiry(&mut fields)?.unwrap_or_default(),
        embedding: fields.vector("embedding", floats)?,
        dedupe: fields.boolean("dedupe")?.unwrap_or(false),
    })
}

/// Reads when a record ends; nothing if neither a time nor a ttl is given.
pub(crate) fn expiry(fields: &mut Fields) -> Result<Option<Expiry>> {
    let (time, ttl) = (fields.time("expiresAt")?, fields.number("ttl")?);
    match (time, ttl) {
        (Some(_), Some(_)) => Err(Error::invalid(
            fields.field("ttl"),
            "cannot be given together with expiresAt",
        )),
        (Some(time), None) => Ok(Some(Expiry::At(time))),
        (None, Some(seconds)) => Ok(Some(Expiry::Ttl(seconds))),
        (None, None) => Ok(None),
    }
}
