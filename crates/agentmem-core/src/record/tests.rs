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

#[test]
fn times_are_written_as_they_are_read() {
    let written = [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_868_799_999, "2000-02-29T23:59:59.999Z"),
        (1_683_554_160_007, "2023-05-08T13:56:00.007Z"),
        (Timestamp::MAX.as_millis(), "9999-12-31T23:59:59.999Z"),
    ];
    for (ms, text) in written {
        assert_eq!(Timestamp::from_millis(ms).unwrap().to_string(), text);
        assert_eq!(Timestamp::parse(text).unwrap().as_millis(), ms);
    }
}

#[test]
fn metadata_is_given_back_as_it_is_read_later() {
    let given = serde_json::json!({
        "whole": [5.0, -3.0, -0.0, 0, 9_007_199_254_740_991.0, -9_007_199_254_740_991_i64],
        "not": [0.1, 1e-7, -2.5, 123_456.789],
        "other": {"\u{fb00}": "a \"b\" \\ \u{7}", "\u{1f600}": null, "b": true, "ä": {"a": 1.0}},
    });
    let given = given.as_object().expect("it is an object").clone();
    let metadata = RecordMetadata::check(given).unwrap();
    let read = RecordMetadata::read(metadata.as_json()).unwrap();
    assert_eq!((&read, read.is_empty()), (&metadata, false));
    assert_eq!(metadata["whole"][0], serde_json::json!(5));
    assert_eq!(
        metadata.as_json(),
        "{\"not\":[0.1,1e-7,-2.5,123456.789],\
         \"other\":{\"b\":true,\"ä\":{\"a\":1},\"\u{1f600}\":null,\"\u{fb00}\":\"a \\\"b\\\" \\\\ \\u0007\"},\
         \"whole\":[5,-3,0,0,9007199254740991,-9007199254740991]}"
    );
}

#[test]
fn an_empty_object_is_empty_however_it_came() {
    let read = RecordMetadata::read("{}").unwrap();
    for empty in [
        RecordMetadata::default(),
        RecordMetadata::from(Metadata::new()),
        read,
    ] {
        assert!(empty.is_empty());
        assert_eq!(
            (&empty, empty.as_json()),
            (&RecordMetadata::default(), "{}")
        );
        assert_eq!(empty.len(), 0);
    }
    assert!(RecordMetadata::read("[]").is_none());
}

#[test]
fn metadata_is_taken_as_stored_only_if_it_can_be_read() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let too_deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let texts = [
        r#"{"a":1,"b":[true,null,"c",-2.5e-7,{"d":-9007199254740991}]}"#,
        r#" {"a" : "\u00e9\n"} "#,
        r#"{"a":1,"a":2}"#,
        &deep,
        &too_deep,
        "",
        "null",
        "1",
        "\"a\"",
        "[]",
        "{",
        "{}}",
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        r#"{"a":1e999}"#,
        r#"{"a":01}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\x"}"#,
        "{\"a\":\"\u{1}\"}",
        "\u{a0}{}",
    ];
    for json in texts {
        let parsed = super::parse_metadata(json).map(RecordMetadata::from);
        assert_eq!(RecordMetadata::read(json), parsed, "{json}");
    }
}
