//! Options as they come over the wire: one JSON object, of which every member must be known (spec 1.10, 1.11).

use std::fmt;

use agentmem_core::{Error, Filter, Match, Metadata, Result, ScopeMatch, Select, Timestamp};
use serde_json::{Map, Value};

/// The greatest integer that stands for itself: 2^53 - 1.
pub(crate) const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The vectors of a call, which come beside its JSON, one behind the other in the order of the members that they belong to.
#[derive(Default)]
pub(crate) struct Floats(std::vec::IntoIter<f32>);

impl Floats {
    pub fn new(floats: Vec<f32>) -> Self {
        Floats(floats.into_iter())
    }

    fn take(&mut self, count: usize) -> Vec<f32> {
        if count >= self.0.len() {
            // Mostly there is one, which comes back as it went in.
            return std::mem::take(&mut self.0).collect();
        }
        let taken = self.0.as_slice()[..count].to_vec();
        if let Some(last) = count.checked_sub(1) {
            self.0.nth(last);
        }
        taken
    }
}

/// The members of one object, taken out one by one.
pub(crate) struct Fields {
    members: Map<String, Value>,
    /// What stands before a member's name in the field of an error: `items[3].`
    path: String,
}

impl Fields {
    /// Reads an object; `field` names the object itself.
    pub fn read(value: Value, field: &str, path: &str, known: &[&str]) -> Result<Self> {
        let Value::Object(members) = value else {
            return Err(Error::invalid(field, "is not an object"));
        };
        match members.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(Error::invalid(
                format!("{path}{key}"),
                format!("is unknown here: known are {}", known.join(", ")),
            )),
            None => Ok(Fields {
                members,
                path: path.to_owned(),
            }),
        }
    }

    /// Reads the options of a call, which may be absent.
    pub fn options(value: Option<Value>, known: &[&str]) -> Result<Self> {
        Fields::read(
            value.unwrap_or_else(|| Value::Object(Map::new())),
            "options",
            "",
            known,
        )
    }

    /// The name of a member for an error.
    pub fn field(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// Tells whether a member is there, be it null.
    pub fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    /// Takes a member out, be it null.
    pub fn given(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key)
    }

    /// Takes a member out; null is the same as absent.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    fn take_as<T>(
        &mut self,
        key: &str,
        wanted: impl fmt::Display,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| Error::invalid(self.field(key), format!("is not {wanted}")))
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        self.take_as(key, "text", into_text)
    }

    pub fn number(&mut self, key: &str) -> Result<Option<f64>> {
        self.take_as(key, "a number", |value| value.as_f64())
    }

    /// Takes a number that must be there.
    pub fn needed_number(&mut self, key: &str) -> Result<f64> {
        self.number(key)?
            .ok_or_else(|| Error::invalid(self.field(key), "is missing"))
    }

    /// Takes an integer; `1.0` is one.
    pub fn integer(&mut self, key: &str, min: u64, max: u64) -> Result<Option<u64>> {
        self.take_as(
            key,
            format_args!("an integer from {min} to {max}"),
            |value| {
                let number = value.as_f64()?;
                let is_in_range =
                    number.fract() == 0.0 && (min as f64..=max as f64).contains(&number);
                is_in_range.then_some(number as u64)
            },
        )
    }

    /// Takes an integer that counts records.
    pub fn count(&mut self, key: &str, min: u64, max: u64) -> Result<Option<usize>> {
        Ok(self
            .integer(key, min, max)?
            .map(|count| usize::try_from(count).unwrap_or(usize::MAX)))
    }

    /// Takes a vector: its member says how many of the floats that came beside the JSON are its own.
    pub fn vector(&mut self, key: &str, floats: &mut Floats) -> Result<Option<Vec<f32>>> {
        let count = self.count(key, 0, u32::MAX.into())?;
        Ok(count.map(|count| floats.take(count)))
    }

    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        self.take_as(key, "true or false", |value| value.as_bool())
    }

    /// Takes one of a few texts, each of which stands for something.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let names = fmt::from_fn(|f| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            f.write_str(&names.join(", "))
        });
        self.take_as(key, format_args!("one of {names}"), |value| {
            choices
                .iter()
                .find(|(name, _)| value.as_str() == Some(*name))
                .map(|(_, choice)| *choice)
        })
    }

    pub fn time(&mut self, key: &str) -> Result<Option<Timestamp>> {
        let text = self.take_as(
            key,
            "a time: RFC 3339 text with an offset, such as 2026-11-22T19:20:30Z",
            into_text,
        )?;
        text.map(|text| Timestamp::parse(&text).map_err(|error| error.at(self.field(key))))
            .transpose()
    }

    pub fn metadata(&mut self, key: &str) -> Result<Option<Metadata>> {
        self.take_as(key, "a JSON object", |value| match value {
            Value::Object(members) => Some(members),
            _ => None,
        })
    }

    /// Takes the three scope ids; null selects what has none (spec 4.2).
    pub fn scope(&mut self) -> Result<ScopeMatch> {
        Ok(ScopeMatch {
            user_id: self.scope_id("userId")?,
            agent_id: self.scope_id("agentId")?,
            run_id: self.scope_id("runId")?,
        })
    }

    fn scope_id(&mut self, key: &str) -> Result<Match> {
        if !self.has(key) {
            return Ok(Match::Any);
        }
        self.text(key).map(Match::from)
    }

    /// Takes what selects records (spec chapter 5).
    pub fn select(&mut self) -> Result<Select> {
        Ok(Select {
            scope: self.scope()?,
            filter: self
                .take("filter")
                .map(|filter| Filter::parse(&filter))
                .transpose()?,
            since: self.time("since")?,
            until: self.time("until")?,
        })
    }
}

pub(crate) fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
