use agentmem_core::{Filter, Metadata};
use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

const KEYS: [&str; 8] = ["a", "b", "a.b", "a.0", "", "__proto__", "a..b", "ä"];
const OPERATORS: [&str; 14] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$contains",
    "$exists",
    "$and",
    "$or",
    "$not",
    "$near",
];
const TEXTS: [&str; 6] = ["", "a", "ab", "tea", "\u{ffff}", "\u{10000}"];
const NUMBERS: [f64; 8] = [0.0, -0.0, 1.0, 0.1, -1.5, 1e-7, 9e15, 1e300];

fn value(data: &mut Unstructured, depth: usize) -> Result<Value> {
    let containers = if depth > 0 { 2 } else { 0 };
    Ok(match data.int_in_range(0..=4 + containers)? {
        0 => Value::Null,
        1 => json!(bool::arbitrary(data)?),
        2 => json!(data.choose(&NUMBERS)?),
        3 => json!(i8::arbitrary(data)?),
        4 => json!(data.choose(&TEXTS)?),
        5 => {
            let count = data.int_in_range(0..=3)?;
            (0..count)
                .map(|_| value(data, depth - 1))
                .collect::<Result<_>>()?
        }
        _ => Value::Object(object(data, &KEYS, depth - 1)?),
    })
}

fn object(data: &mut Unstructured, keys: &[&str], depth: usize) -> Result<Map<String, Value>> {
    let count = data.int_in_range(0..=3)?;
    (0..count)
        .map(|_| Ok(((*data.choose(keys)?).to_owned(), value(data, depth)?)))
        .collect()
}

/// What is mostly a filter: paths and operators where they belong, and now and then something else.
fn filter(data: &mut Unstructured, depth: usize) -> Result<Value> {
    let mut members = Map::new();
    for _ in 0..data.int_in_range(0..=3)? {
        match data.int_in_range(0..=7)? {
            0 | 1 if depth > 0 => {
                let count = data.int_in_range(0..=3)?;
                let inner = (0..count)
                    .map(|_| filter(data, depth - 1))
                    .collect::<Result<_>>()?;
                members.insert((*data.choose(&["$and", "$or"])?).to_owned(), inner);
            }
            2 if depth > 0 => drop(members.insert("$not".to_owned(), filter(data, depth - 1)?)),
            3 => drop(members.insert((*data.choose(&KEYS)?).to_owned(), value(data, 2)?)),
            4 => drop(members.insert((*data.choose(&OPERATORS)?).to_owned(), value(data, 2)?)),
            _ => {
                let tests = tests(data, 2)?;
                members.insert((*data.choose(&KEYS)?).to_owned(), tests);
            }
        }
    }
    Ok(Value::Object(members))
}

/// Operators for the value at a path.
fn tests(data: &mut Unstructured, depth: usize) -> Result<Value> {
    let mut tests = Map::new();
    for _ in 0..data.int_in_range(1..=2)? {
        let operator = *data.choose(&OPERATORS)?;
        let operand = match operator {
            "$in" | "$nin" => json!([value(data, 2)?, value(data, 1)?]),
            "$exists" => json!(bool::arbitrary(data)?),
            "$not" if depth > 0 => self::tests(data, depth - 1)?,
            _ => value(data, 2)?,
        };
        tests.insert(operator.to_owned(), operand);
    }
    Ok(Value::Object(tests))
}

/// A filter holds, or not, or is refused with a field of its own; and what it is put into follows the laws of logic.
pub fn filters(data: &[u8]) {
    // What a stranger may send, first of all.
    if let Ok(any) = serde_json::from_slice::<Value>(data) {
        drop(Filter::parse(&any));
    }
    let mut data = Unstructured::new(data);
    let Ok(one) = filter(&mut data, 3) else {
        return;
    };
    let Ok(other) = filter(&mut data, 3) else {
        return;
    };
    let Ok(metadata) = object(&mut data, &KEYS, 3) else {
        return;
    };
    let parsed = match Filter::parse(&one) {
        Ok(parsed) => parsed,
        Err(error) => {
            let field = error.field().expect("a filter that is refused has a field");
            assert!(field.starts_with("filter"), "{one} is refused at {field}");
            return;
        }
    };
    let holds = parsed.holds(&metadata);
    let second = Filter::parse(&other)
        .map(|other| other.holds(&metadata))
        .ok();
    let says = |stated: Value, expected: bool| {
        let read = Filter::parse(&stated).expect("it is made of filters");
        assert_eq!(
            read.holds(&metadata),
            expected,
            "{stated} of {}",
            json!(metadata)
        );
    };
    says(json!({ "$not": one }), !holds);
    says(json!({ "$and": [one] }), holds);
    says(json!({ "$or": [one] }), holds);
    says(json!({ "$and": [one, { "$not": one }] }), false);
    says(json!({ "$or": [one, { "$not": one }] }), true);
    if let Some(second) = second {
        says(json!({ "$and": [one, other] }), holds && second);
        says(json!({ "$or": [one, other] }), holds || second);
        says(
            json!({ "$not": { "$or": [one, other] } }),
            !(holds || second),
        );
    }
    of_operators(&mut data, &metadata);
}

/// `$in` is a list of `$eq`, and each operator is the opposite of its opposite.
fn of_operators(data: &mut Unstructured, metadata: &Metadata) {
    let Ok((key, first, second)) = operands(data) else {
        return;
    };
    // A number beyond 2^53 - 1 is no operand.
    if Filter::parse(&json!({ key: { "$in": [first, second] } })).is_err() {
        return;
    }
    let ask = |tests: Value| {
        let filter = json!({ key: tests });
        Filter::parse(&filter).expect("it is right").holds(metadata)
    };
    let (a, b) = (ask(json!({ "$eq": first })), ask(json!({ "$eq": second })));
    assert_eq!(ask(json!({ "$in": [first, second] })), a || b);
    assert_eq!(ask(json!({ "$nin": [first, second] })), !(a || b));
    assert_eq!(ask(json!({ "$ne": first })), !a);
    assert_eq!(ask(json!({ "$not": { "$eq": first } })), !a);
    if first.is_number() || first.is_string() {
        let (at_least, at_most) = (json!({ "$gte": first }), json!({ "$lte": first }));
        assert_eq!(ask(at_least) && ask(at_most), a);
        assert!(!(ask(json!({ "$gt": first })) && ask(json!({ "$lt": first }))));
    }
}

fn operands(data: &mut Unstructured) -> Result<(&'static str, Value, Value)> {
    Ok((
        data.choose(&["a", "b", "a.b", "a.0"])?,
        value(data, 2)?,
        value(data, 2)?,
    ))
}
