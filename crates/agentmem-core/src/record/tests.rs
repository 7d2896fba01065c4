use super::json::canonical;
use super::*;
use crate::vectors::vectors;

#[test]
fn the_canonical_form_agrees_with_the_vectors() {
    for vector in vectors("canonical.json") {
        assert_eq!(
            canonical(&vector["input"]),
            vector["output"].as_str().unwrap(),
            "{vector}"
        );
    }
}

#[test]
fn times_agree_with_the_vectors() {
    for vector in vectors("times.json") {
        let time = Timestamp::parse(vector["input"].as_str().unwrap());
        match vector["output"].as_i64() {
            Some(ms) => assert_eq!(time.expect(&vector.to_string()).as_millis(), ms, "{vector}"),
            None => assert_eq!(
                time.expect_err(&vector.to_string()).code().as_str(),
                vector["error"]["code"],
                "{vector}"
            ),
        }
    }
}
