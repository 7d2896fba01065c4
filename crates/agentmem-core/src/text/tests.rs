use serde_json::from_value;

use super::*;
use crate::vectors::vectors;

#[test]
fn terms_agree_with_the_vectors() {
    for vector in vectors("terms.json") {
        let expected: Vec<String> = from_value(vector["output"].clone()).unwrap();
        assert_eq!(
            terms(vector["input"].as_str().unwrap()),
            expected,
            "{vector}"
        );
    }
}

#[test]
fn stems_agree_with_the_vectors() {
    for vector in vectors("stems.json") {
        assert_eq!(
            stem(vector["input"].as_str().unwrap()),
            vector["output"].as_str().unwrap()
        );
    }
}

#[test]
fn the_date_of_a_moment_is_that_of_utc() {
    let date = |milliseconds| date_terms(milliseconds).join(" ");
    assert_eq!(date(1_683_554_160_000), "8 may 2023");
    assert_eq!(date(0), "1 januari 1970");
    assert_eq!(date(86_399_999), "1 januari 1970");
    assert_eq!(date(951_782_400_000), "29 februari 2000");
    assert_eq!(date(4_107_542_400_000), "1 march 2100");
    assert_eq!(date(253_402_300_799_999), "31 decemb 9999");
}

#[test]
fn a_text_is_blank_by_white_space_alone() {
    assert!(is_blank(""));
    assert!(is_blank(
        " \t\u{b}\u{85}\u{a0}\u{1680}\u{2028}\u{202f}\u{3000}"
    ));
    for visible in ["a", "\u{200b}", "\u{feff}", "\u{180e}", "\u{1c}", "\0"] {
        assert!(!is_blank(visible), "{visible:?}");
    }
}

#[test]
fn lower_case_is_full_and_of_the_pinned_version() {
    assert_eq!(to_lower("ΟΔΟΣ ΣΑΣ Σ"), "οδος σας σ");
    assert_eq!(to_lower("ΟΔΟΣ\u{301}' ΟΔΟΣ'Α"), "οδος\u{301}' οδοσ'α");
    assert_eq!(to_lower("İẞǄǅ𐐀Ⅷ"), "i\u{307}ßǆǆ𐐨ⅷ");
    assert_eq!(
        remove_unassigned("a\u{378}b\u{2ebf0}\u{a7cb}\u{ffff}\u{e000}"),
        "ab\u{e000}"
    );
}
