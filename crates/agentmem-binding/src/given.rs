//! What a call is given: JSON text, as it comes over the wire, or the same read already.

use std::borrow::Cow;

use agentmem_core::{Error, Result};
use serde_json::{Map, Value};

/// The arguments of a call. Python's binding makes the members of its objects, which takes less than writing and reading their text.
#[derive(Clone, Debug)]
pub enum Given<'a> {
    /// A JSON object as text.
    Text(Cow<'a, str>),
    /// The members of that object.
    Members(Map<String, Value>),
}

impl Given<'_> {
    pub(crate) fn members(self) -> Result<Map<String, Value>> {
        match self {
            Given::Members(members) => Ok(members),
            Given::Text(json) => serde_json::from_str(&json)
                .map_err(|_| Error::invalid("options", "are no JSON object")),
        }
    }

    /// Tells whether it takes at most so many bytes, by its texts alone where it was read already.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        match self {
            Given::Text(json) => json.len() <= bytes,
            Given::Members(members) => left(members.iter(), bytes).is_some(),
        }
    }
}

/// What is left of so many bytes behind some members.
fn left<'a>(
    mut members: impl Iterator<Item = (&'a String, &'a Value)>,
    bytes: usize,
) -> Option<usize> {
    members.try_fold(bytes, |bytes, (key, value)| {
        left_behind(value, bytes.checked_sub(key.len())?)
    })
}

fn left_behind(value: &Value, bytes: usize) -> Option<usize> {
    match value {
        Value::String(text) => bytes.checked_sub(text.len()),
        Value::Array(items) => items
            .iter()
            .try_fold(bytes, |bytes, item| left_behind(item, bytes)),
        Value::Object(members) => left(members.iter(), bytes),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(bytes),
    }?
    .checked_sub(1)
}

impl<'a> From<&'a str> for Given<'a> {
    fn from(json: &'a str) -> Self {
        Given::Text(Cow::Borrowed(json))
    }
}

impl From<String> for Given<'_> {
    fn from(json: String) -> Self {
        Given::Text(Cow::Owned(json))
    }
}

impl From<Map<String, Value>> for Given<'_> {
    fn from(members: Map<String, Value>) -> Self {
        Given::Members(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Given<'static> {
        match value {
            Value::Object(members) => members.into(),
            _ => unreachable!("the tests give objects"),
        }
    }

    #[test]
    fn members_are_the_same_as_text_and_as_they_were_read() {
        let value = json!({ "id": "it", "options": { "asOf": null } });
        let text = Given::from(value.to_string()).members().unwrap();
        assert_eq!(text, read(value).members().unwrap());
        for bad in ["", "[]", "{"] {
            let error = Given::from(bad).members().unwrap_err();
            assert_eq!(error.field(), Some("options"));
        }
    }

    #[test]
    fn what_is_long_in_any_part_does_not_fit() {
        let long = "x".repeat(90);
        for value in [
            json!({ "query": long }),
            json!({ &long: 1 }),
            json!({ "options": { "filter": { "$or": [{ "a": long }] } } }),
            json!({ "options": vec![0; 90] }),
        ] {
            let given = read(value.clone());
            assert!(given.fits(200), "{value}");
            assert!(!given.fits(80), "{value}");
        }
        assert!(Given::from("{}").fits(2));
        assert!(!Given::from("{ }").fits(2));
    }
}
