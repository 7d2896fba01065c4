//! Words of A-Z, a-z and 0-9 in a text of any characters, as queries are looked through for what is misspelt and for times.

use std::ops::Range;

/// The next run of ASCII letters and digits at or behind a place.
pub(super) fn next_word(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = from + bytes[from..].iter().position(u8::is_ascii_alphanumeric)?;
    let run = &bytes[start..];
    let end = run.iter().position(|byte| !byte.is_ascii_alphanumeric());
    Some(start..end.map_or(bytes.len(), |end| start + end))
}

/// Whether no character above U+007F stands in front of a place.
pub(super) fn is_ascii_before(text: &str, start: usize) -> bool {
    text.as_bytes()[..start].last().is_none_or(u8::is_ascii)
}

/// Whether no character above U+007F stands at a place.
pub(super) fn is_ascii_at(text: &str, end: usize) -> bool {
    text.as_bytes().get(end).is_none_or(u8::is_ascii)
}
