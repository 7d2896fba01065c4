use arbitrary::{Arbitrary, Result, Unstructured};

use crate::text;

/// Where characters come from that text analysis treats in a way of their own.
const RANGES: [(u32, u32); 24] = [
    (0x20, 0x7e),
    (0x27, 0x27),
    (0x61, 0x7a),
    (0x09, 0x0d),
    (0x80, 0x24f),
    (0x300, 0x36f),
    (0x370, 0x3ff),
    (0x400, 0x52f),
    (0x590, 0x6ff),
    (0x900, 0xdff),
    (0xe00, 0x109f),
    (0x1100, 0x11ff),
    (0x1780, 0x1aff),
    (0x1e00, 0x1fff),
    (0x2000, 0x206f),
    (0x2100, 0x2bff),
    (0x3000, 0x30ff),
    (0x4e00, 0x9fff),
    (0xa9e0, 0xabff),
    (0xac00, 0xd7ff),
    (0xf900, 0xffff),
    (0x1_0000, 0x1_ffff),
    (0x2_0000, 0x3_ffff),
    (0, 0x10_ffff),
];

/// The bytes as UTF-8 if they are, else as characters of all kinds.
fn read(data: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(data) {
        return text.to_owned();
    }
    let mut data = Unstructured::new(data);
    let mut read = String::new();
    while let Ok(character) = character(&mut data) {
        read.extend(character);
    }
    read
}

fn character(data: &mut Unstructured) -> Result<Option<char>> {
    if data.is_empty() {
        return Err(arbitrary::Error::NotEnoughData);
    }
    let (first, last) = *data.choose(&RANGES)?;
    let offset = u32::arbitrary(data)? % (last - first + 1);
    Ok(char::from_u32(first + offset))
}

/// Any text has terms, which say the same as those of its parts.
pub fn texts(data: &[u8]) {
    let whole = read(data);
    let terms = text::terms(&whole);
    assert!(terms.iter().all(|term| !term.is_empty()), "{whole:?}");
    assert!(terms.iter().all(|term| !term.contains(' ')), "{whole:?}");
    if text::is_blank(&whole) {
        assert_eq!(terms, Vec::<String>::new(), "{whole:?}");
    }

    let assigned = text::remove_unassigned(&whole);
    assert_eq!(text::remove_unassigned(&assigned), assigned, "{whole:?}");
    assert_eq!(text::terms(&assigned), terms, "{whole:?}");
    // At the first time that there is, too; and nothing is written that no record knows.
    text::write_dates(&whole, 0, |_| true);
    assert_eq!(
        text::write_dates(&whole, 253_402_300_799_999, |_| false),
        whole
    );
    let lower = text::to_lower(&whole);
    assert_eq!(text::to_lower(&lower), lower, "{whole:?}");

    // The same words, whatever stands between them; those of unspaced scripts come first.
    let middle = (0..=whole.len() / 2)
        .rev()
        .find(|at| whole.is_char_boundary(*at))
        .unwrap_or_default();
    let (before, behind) = whole.split_at(middle);
    let mut apart = text::terms(before);
    apart.extend(text::terms(behind));
    let both = format!("{before} {behind}");
    if [before, behind, &both]
        .iter()
        .any(|text| text::language_of(text).is_some())
    {
        return; // what a text is told to be in is told of the whole
    }
    let mut together = text::terms(&both);
    apart.sort();
    together.sort();
    assert_eq!(together, apart, "{before:?} and {behind:?}");
}
