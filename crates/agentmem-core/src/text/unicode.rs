//! Characters of Unicode 15.0: their classes, lower case and normalisation.
//!
//! The standard library's own classes and case mappings are not asked: they are of whatever Unicode version it was
//! built with. The normalisation crate is, since normalisation is stable for characters assigned in 15.0 (Unicode
//! Character Encoding Stability Policies); [`remove_unassigned`] comes first.

use std::borrow::Cow;

use super::unicode_tables as tables;

/// Tells General_Category Cn.
pub fn is_unassigned(character: char) -> bool {
    contains(tables::UNASSIGNED, character)
}

/// Tells General_Category M.
pub fn is_mark(character: char) -> bool {
    contains(tables::MARK, character)
}

/// Tells General_Category Mn.
pub fn is_nonspacing_mark(character: char) -> bool {
    contains(tables::NONSPACING_MARK, character)
}

/// Tells General_Category C for an assigned character: Cc, Cf, Co.
pub fn is_control(character: char) -> bool {
    contains(tables::CONTROL, character)
}

/// Tells General_Category Zs.
pub fn is_space_separator(character: char) -> bool {
    contains(tables::SPACE_SEPARATOR, character)
}

/// Tells White_Space.
pub fn is_white_space(character: char) -> bool {
    contains(tables::WHITE_SPACE, character)
}

/// Tells General_Category P.
pub fn is_punctuation(character: char) -> bool {
    contains(tables::PUNCTUATION, character)
}

/// Tells what words beyond Latin are made of: General_Category L from U+0370 on, and vowel signs.
pub fn is_of_word(character: char) -> bool {
    contains(tables::WORD, character)
}

/// Tells letters and marks of Thai, Lao, Khmer, Myanmar and the Tai alphabets, written without spaces.
pub fn is_unspaced_alphabet(character: char) -> bool {
    contains(tables::UNSPACED_ALPHABET, character)
}

/// Gives the ASCII digit of a decimal digit of any other script.
pub fn ascii_digit(character: char) -> Option<char> {
    let first = first_of_range(tables::DIGIT, character)?;
    char::from_digit((u32::from(character) - first) % 10, 10)
}

fn is_cased(character: char) -> bool {
    contains(tables::CASED, character)
}

fn is_case_ignorable(character: char) -> bool {
    contains(tables::CASE_IGNORABLE, character)
}

fn contains(ranges: &[(u32, u32)], character: char) -> bool {
    first_of_range(ranges, character).is_some()
}

/// Finds the range that covers a character: its first code point.
fn first_of_range(ranges: &[(u32, u32)], character: char) -> Option<u32> {
    let point = u32::from(character);
    let at = ranges.partition_point(|&(_, last)| last < point);
    let &(first, _) = ranges.get(at)?;
    (first <= point).then_some(first)
}

/// Tells whether a text is nothing but White_Space; so is the empty text.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_white_space)
}

/// Removes the characters that Unicode 15.0 leaves unassigned, noncharacters among them.
pub fn remove_unassigned(text: &str) -> Cow<'_, str> {
    let stays = |character: char| character.is_ascii() || !is_unassigned(character);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&character| stays(character)).collect())
}

/// Gives the full lower case of a text, final sigma included, by no locale.
///
/// Source: the Unicode Standard 15.0, section 3.13, R2, and Final_Sigma of table 3-17; a character that is both
/// Case_Ignorable and Cased is passed over in looking for the neighbour of a sigma, as all implementations do.
pub fn to_lower(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        match character {
            '\0'..='\u{7f}' => lower.push(character.to_ascii_lowercase()),
            '\u{130}' => lower.push_str("i\u{307}"),
            'Σ' if is_final_sigma(text, at) => lower.push('ς'),
            _ => lower.push(lower_of(character)),
        }
    }
    lower
}

fn lower_of(character: char) -> char {
    let point = u32::from(character);
    let at = tables::LOWER_CASE.partition_point(|&(_, last, _, _)| last < point);
    match tables::LOWER_CASE.get(at) {
        Some(&(first, _, step, delta)) if first <= point && (point - first) % step == 0 => point
            .checked_add_signed(delta)
            .and_then(char::from_u32)
            .expect("the generated table maps characters to characters"),
        _ => character,
    }
}

/// Tells whether the sigma at `at` ends a word: a cased letter before it, none behind it.
///
/// Walks over Case_Ignorable characters only, and a sigma is none: all walks together pass each character twice at
/// most.
fn is_final_sigma(text: &str, at: usize) -> bool {
    let behind = at + 'Σ'.len_utf8();
    meets_cased(text[..at].chars().rev()) && !meets_cased(text[behind..].chars())
}

/// Tells whether the first character that is not Case_Ignorable is Cased.
fn meets_cased(mut characters: impl Iterator<Item = char>) -> bool {
    characters
        .find(|&character| !is_case_ignorable(character))
        .is_some_and(is_cased)
}
