//! Metadata filters: read once, then asked of each record (spec chapter 5).
//!
//! One evaluator serves every call, so that what is found, listed, counted and cleared is the same.

use std::borrow::Cow;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::record::{Metadata, json};

/// Greatest number of keys and list elements in a filter.
pub const MAX_FILTER_NODES: usize = 1000;

/// Largest filter, in bytes of its RFC 8785 form: 1 MiB.
pub const MAX_FILTER_BYTES: usize = 1 << 20;

/// A metadata filter that has been checked.
///
/// ```
/// use agentmem_core::Filter;
/// use serde_json::json;
///
/// let filter = Filter::parse(&json!({ "topic": "food", "rating": { "$gte": 3 } }))?;
/// assert!(filter.holds(json!({ "topic": "food", "rating": 4 }).as_object().unwrap()));
/// assert_eq!(Filter::parse(&json!({ "n": { "$near": 1 } })).unwrap_err().field(), Some("filter.n.$near"));
/// # Ok::<(), agentmem_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    clauses: Vec<Clause>,
    /// Of its RFC 8785 form; 0 within another filter.
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Clause {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Filter),
    /// Every test holds for the value at the path.
    Path(Vec<String>, Vec<Test>),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equal(Value),
    NotEqual(Value),
    Ordered(Order, Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Contains(Value),
    Exists(bool),
    Not(Vec<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Checks a filter; the field of an error is its path, such as `filter.n.$gte`.
    pub fn parse(filter: &Value) -> Result<Self> {
        let Value::Object(members) = filter else {
            return Err(Error::invalid("filter", "is not a JSON object"));
        };
        json::check(filter, "filter")?;
        let nodes = count_nodes(filter);
        if nodes > MAX_FILTER_NODES {
            return Err(Error::invalid(
                "filter",
                format!("has {nodes} keys and list elements: {MAX_FILTER_NODES} are the most"),
            ));
        }
        let bytes = json::canonical(filter).len();
        if bytes > MAX_FILTER_BYTES {
            return Err(Error::invalid(
                "filter",
                format!("has more than 1 MiB ({MAX_FILTER_BYTES} bytes) as canonical JSON"),
            ));
        }
        let clauses = parse_filter(members, "filter")?.clauses;
        Ok(Filter { clauses, bytes })
    }

    /// How long its RFC 8785 form is.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tells whether metadata passes the filter.
    pub fn holds(&self, metadata: &Metadata) -> bool {
        self.holds_of(&|path| look_up(metadata, path).map(Cow::Borrowed))
    }

    /// The same of metadata as JSON, of which nothing is built but what the filter asks for.
    pub(crate) fn holds_json(&self, metadata: &[u8]) -> bool {
        self.holds_of(&|path| read(metadata, path).map(Cow::Owned))
    }

    /// The same of what is found at paths.
    fn holds_of<'a>(&self, found: &impl Fn(&[String]) -> Option<Cow<'a, Value>>) -> bool {
        self.clauses.iter().all(|clause| clause.holds_of(found))
    }

    /// Gives texts that the RFC 8785 form of all metadata has that passes: most of what does not is told by them, without being read.
    pub(crate) fn needles(&self) -> Vec<String> {
        self.clauses.iter().flat_map(Clause::needles).collect()
    }
}

impl Clause {
    fn holds_of<'a>(&self, found: &impl Fn(&[String]) -> Option<Cow<'a, Value>>) -> bool {
        match self {
            Clause::And(filters) => filters.iter().all(|filter| filter.holds_of(found)),
            Clause::Or(filters) => filters.iter().any(|filter| filter.holds_of(found)),
            Clause::Not(filter) => !filter.holds_of(found),
            Clause::Path(path, tests) => {
                let found = found(path);
                tests.iter().all(|test| test.holds(found.as_deref()))
            }
        }
    }
}

impl Clause {
    /// What equals a value has it behind its key, unless the last step of the path is the index of an array.
    fn needles(&self) -> Vec<String> {
        match self {
            Clause::And(filters) => filters.iter().flat_map(Filter::needles).collect(),
            Clause::Path(path, tests) => {
                let key = path.last().filter(|key| array_index(key).is_none());
                let needle = |test: &Test| match test {
                    Test::Equal(operand) if !operand.is_null() => key.map(|key| {
                        let key = json::canonical(&Value::String(key.clone()));
                        format!("{key}:{}", json::canonical(operand))
                    }),
                    _ => None,
                };
                tests.iter().filter_map(needle).collect()
            }
            Clause::Or(_) | Clause::Not(_) => Vec::new(),
        }
    }
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            Test::Equal(operand) => matches_value(found, operand),
            Test::NotEqual(operand) => !matches_value(found, operand),
            Test::Ordered(order, operand) => {
                found.is_some_and(|found| is_ordered(*order, found, operand))
            }
            Test::In(operands) => operands.iter().any(|operand| matches_value(found, operand)),
            Test::NotIn(operands) => !operands.iter().any(|operand| matches_value(found, operand)),
            Test::Contains(operand) => match (found, operand) {
                (Some(Value::Array(items)), _) => {
                    items.iter().any(|item| json::equal(item, operand))
                }
                (Some(Value::String(text)), Value::String(part)) => text.contains(part.as_str()),
                _ => false,
            },
            Test::Exists(wanted) => found.is_some() == *wanted,
            Test::Not(tests) => !tests.iter().all(|test| test.holds(found)),
        }
    }
}

/// Equality in which null also matches what is missing.
fn matches_value(found: Option<&Value>, operand: &Value) -> bool {
    found.map_or(operand.is_null(), |found| json::equal(found, operand))
}

fn is_ordered(order: Order, found: &Value, operand: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordering = match (found, operand) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        // The order of UTF-8 bytes is that of code points.
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match order {
        Order::Greater => ordering == Some(Greater),
        Order::GreaterOrEqual => matches!(ordering, Some(Greater | Equal)),
        Order::Less => ordering == Some(Less),
        Order::LessOrEqual => matches!(ordering, Some(Less | Equal)),
    }
}

fn look_up<'a>(metadata: &'a Metadata, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(metadata.get(first)?, |value, segment| match value {
            Value::Object(members) => members.get(segment),
            Value::Array(items) => items.get(array_index(segment)?),
            _ => None,
        })
}

/// Gives what [`look_up`] gives of an object as JSON; nothing of what is no JSON.
fn read(metadata: &[u8], path: &[String]) -> Option<Value> {
    let mut json = serde_json::Deserializer::from_slice(metadata);
    At(path).deserialize(&mut json).ok().flatten()
}

type Read<T, E> = std::result::Result<T, E>;

/// Reads the value at a path, and skips all else.
struct At<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Read<Self::Value, D::Error> {
        if self.0.is_empty() {
            Value::deserialize(json).map(Some)
        } else {
            json.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Read<Self::Value, A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut found = None;
        while let Some(is_first) = members.next_key_seed(Is(first))? {
            if is_first {
                found = members.next_value_seed(At(rest))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Read<Self::Value, A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut found = None;
        let index = array_index(first);
        for at in 0.. {
            if Some(at) == index {
                match items.next_element_seed(At(rest))? {
                    Some(item) => found = item,
                    None => break,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Read<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Read<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Read<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Read<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Read<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Read<Self::Value, E> {
        Ok(None)
    }
}

/// Tells whether a key is the one that is sought, without keeping it.
struct Is<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Read<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Read<bool, E> {
        Ok(key == self.0)
    }
}

/// Reads an index: ASCII digits without a leading zero.
fn array_index(segment: &str) -> Option<usize> {
    let is_index = segment.bytes().all(|byte| byte.is_ascii_digit())
        && (segment == "0" || !segment.starts_with('0'));
    is_index.then(|| segment.parse().ok()).flatten()
}

/// Counts all keys of objects, and all elements of the lists of `$and`, `$or`, `$in` and `$nin`.
fn count_nodes(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count_nodes).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| {
                let elements = match (key.as_str(), member) {
                    ("$and" | "$or" | "$in" | "$nin", Value::Array(items)) => items.len(),
                    _ => 0,
                };
                1 + elements + count_nodes(member)
            })
            .sum(),
        _ => 0,
    }
}

fn parse_filter(members: &Map<String, Value>, at: &str) -> Result<Filter> {
    let clauses = members
        .iter()
        .map(|(key, operand)| parse_clause(key, operand, &format!("{at}.{key}")));
    Ok(Filter {
        clauses: clauses.collect::<Result<_>>()?,
        bytes: 0,
    })
}

fn parse_clause(key: &str, operand: &Value, at: &str) -> Result<Clause> {
    match key {
        "$and" => parse_filters(operand, at).map(Clause::And),
        "$or" => parse_filters(operand, at).map(Clause::Or),
        "$not" => parse_nested(operand, at).map(Clause::Not),
        _ if key.starts_with('$') => Err(Error::invalid(
            at,
            "is not an operator that joins filters: these are $and, $or and $not",
        )),
        _ => Ok(Clause::Path(
            parse_path(key, at)?,
            parse_operand(operand, at)?,
        )),
    }
}

fn parse_filters(operand: &Value, at: &str) -> Result<Vec<Filter>> {
    parse_list(operand, at)?
        .iter()
        .enumerate()
        .map(|(index, filter)| parse_nested(filter, &format!("{at}[{index}]")))
        .collect()
}

fn parse_nested(filter: &Value, at: &str) -> Result<Filter> {
    match filter {
        Value::Object(members) => parse_filter(members, at),
        _ => Err(Error::invalid(
            at,
            "is not a filter, which is a JSON object",
        )),
    }
}

fn parse_list<'a>(operand: &'a Value, at: &str) -> Result<&'a Vec<Value>> {
    operand
        .as_array()
        .ok_or_else(|| Error::invalid(at, "is not an array"))
}

fn parse_path(key: &str, at: &str) -> Result<Vec<String>> {
    let segments: Vec<String> = key.split('.').map(str::to_owned).collect();
    if segments.iter().any(|segment| segment.starts_with('$')) {
        return Err(Error::invalid(
            at,
            "has a segment that begins with $: such keys are stored but cannot be filtered by",
        ));
    }
    Ok(segments)
}

/// Reads what a path is compared with: a set of operators, or a value that it equals.
fn parse_operand(operand: &Value, at: &str) -> Result<Vec<Test>> {
    if let Value::Object(members) = operand {
        let operators = members.keys().filter(|key| key.starts_with('$')).count();
        if operators > 0 && operators < members.len() {
            return Err(Error::invalid(at, "mixes operators with other keys"));
        }
        if operators > 0 {
            return parse_tests(members, at);
        }
    }
    Ok(vec![Test::Equal(operand.clone())])
}

fn parse_tests(members: &Map<String, Value>, at: &str) -> Result<Vec<Test>> {
    members
        .iter()
        .map(|(operator, operand)| parse_test(operator, operand, &format!("{at}.{operator}")))
        .collect()
}

fn parse_test(operator: &str, operand: &Value, at: &str) -> Result<Test> {
    Ok(match operator {
        "$eq" => Test::Equal(operand.clone()),
        "$ne" => Test::NotEqual(operand.clone()),
        "$gt" => Test::Ordered(Order::Greater, operand.clone()),
        "$gte" => Test::Ordered(Order::GreaterOrEqual, operand.clone()),
        "$lt" => Test::Ordered(Order::Less, operand.clone()),
        "$lte" => Test::Ordered(Order::LessOrEqual, operand.clone()),
        "$in" => Test::In(parse_list(operand, at)?.clone()),
        "$nin" => Test::NotIn(parse_list(operand, at)?.clone()),
        "$contains" => Test::Contains(operand.clone()),
        "$exists" => Test::Exists(
            operand
                .as_bool()
                .ok_or_else(|| Error::invalid(at, "is not true or false"))?,
        ),
        "$not" => match operand {
            Value::Object(members)
                if !members.is_empty() && members.keys().all(|key| key.starts_with('$')) =>
            {
                Test::Not(parse_tests(members, at)?)
            }
            _ => {
                return Err(Error::invalid(
                    at,
                    "is not a set of operators, such as {\"$gt\": 3}",
                ));
            }
        },
        _ => {
            return Err(Error::invalid(
                at,
                "is no operator: these are $eq $ne $gt $gte $lt $lte $in $nin $contains $exists $not",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vectors::vectors;

    #[test]
    fn filters_agree_with_the_vectors() {
        for vector in vectors("filters.json") {
            match Filter::parse(&vector["input"]["filter"]) {
                Ok(filter) => {
                    let metadata = vector["input"]["metadata"]
                        .as_object()
                        .unwrap_or_else(|| panic!("{vector}"));
                    let json = vector["input"]["metadata"].to_string();
                    for holds in [
                        filter.holds(metadata),
                        filter.holds_json(json.as_bytes()),
                        filter.holds_json(json::canonical_object(metadata).as_bytes()),
                    ] {
                        assert_eq!(Some(holds), vector["output"].as_bool(), "{vector}");
                    }
                }
                Err(error) => {
                    let expected = (
                        vector["error"]["code"].as_str(),
                        vector["error"]["field"].as_str(),
                    );
                    assert_eq!(
                        (Some(error.code().as_str()), error.field()),
                        expected,
                        "{vector}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_json_has_at_a_path_is_what_is_looked_up() {
        let metadata = json!({
            "a": { "b": [1, { "c\n\"": "x" }, [true, null]], "": { "é": -0.5 } },
            "a.b": 1, "text": "a\\\"}", "list": [[], {}, [[2]]], "null": null, "n": 1e300,
        });
        let metadata = metadata.as_object().expect("is one");
        let segments = [
            "a", "b", "", "c\n\"", "é", "a.b", "text", "list", "null", "n", "0", "1", "2", "01",
        ];
        for json in [
            json::canonical_object(metadata),
            format!("{:#}", json!(metadata)),
        ] {
            let mut found = 0;
            for first in segments {
                for second in segments {
                    for third in segments {
                        let path = [first, second, third].map(str::to_owned);
                        for length in 1..=3 {
                            let looked_up = look_up(metadata, &path[..length]);
                            assert_eq!(read(json.as_bytes(), &path[..length]).as_ref(), looked_up);
                            found += usize::from(looked_up.is_some());
                        }
                    }
                }
            }
            assert!(found > 0);
        }
        for json in ["", "{", "[", "{\"a\":", "{\"a\":1,", "nul"] {
            assert_eq!(read(json.as_bytes(), &["b".to_owned()]), None, "{json}");
        }
    }

    #[test]
    fn all_that_passes_has_the_needles() {
        let needles = |filter: &Value| Filter::parse(filter).expect("is a filter").needles();
        let filter = json!({
            "a": "x\n", "b.c": { "$eq": 1.0, "$ne": 2 }, "d": { "f": [1], "e": -0.0 },
            "$and": [{ "g": true }, { "h": { "$gt": 1 } }],
        });
        let found = needles(&filter);
        assert_eq!(found.len(), 4, "{found:?}");
        let passes =
            json!({ "a": "x\n", "b": { "c": 1 }, "d": { "e": 0, "f": [1] }, "g": true, "h": 2 });
        assert!(
            Filter::parse(&filter)
                .expect("is a filter")
                .holds(passes.as_object().expect("is one"))
        );
        let canonical = json::canonical(&passes);
        assert!(
            found.iter().all(|needle| canonical.contains(needle)),
            "{found:?}"
        );
        // Null is also what is missing; a number may be an index; one of several may hold.
        for none in [
            json!({ "a": null }),
            json!({ "a.0": 1 }),
            json!({ "$or": [{ "a": 1 }] }),
            json!({ "$not": { "a": 1 } }),
            json!({ "a": { "$not": { "$eq": 1 } } }),
        ] {
            assert_eq!(needles(&none), Vec::<String>::new(), "{none}");
        }
    }
}
