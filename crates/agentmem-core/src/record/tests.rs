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
        let found = match &time {
            Ok(time) => (Some(time.as_millis()), None),
            Err(error) => (None, Some(error.code().as_str())),
        };
        assert_eq!(
            found,
            (vector["output"].as_i64(), vector["error"]["code"].as_str()),
            "{vector}"
        );
    }
}
