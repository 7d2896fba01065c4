//! The vectors of the conformance suite: inputs of pure functions with what they give.

use serde_json::Value;

/// Reads a file of `conformance/vectors`; an empty one is a mistake.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/");
    let text = std::fs::read_to_string(format!("{folder}{file}")).expect("the file is there");
    let parsed: Value = serde_json::from_str(&text).expect("it is JSON");
    let vectors = parsed["vectors"].as_array().cloned().unwrap_or_default();
    assert!(!vectors.is_empty());
    vectors
}
