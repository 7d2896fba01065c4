//! BERT's uncased tokeniser: from a text to the ids of its word pieces.
//!
//! Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), its basic tokeniser and
//! WordPiece; `conformance/vectors/embeddings.json` decides what is right.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::text::{self, FnvBuilder};

/// A longer word, in characters, is unknown as a whole.
const LONGEST_WORD: usize = 100;

/// Tokens and their ids.
#[derive(Default)]
struct Tokens {
    ids: HashMap<&'static str, u32, FnvBuilder>,
    /// The length of the longest token, in bytes.
    longest: usize,
}

impl Tokens {
    fn insert(&mut self, letters: &'static str, id: u32) {
        self.ids.insert(letters, id);
        self.longest = self.longest.max(letters.len());
    }
}

#[derive(Default)]
struct Vocabulary {
    /// Tokens that begin a word.
    beginnings: Tokens,
    /// Tokens that go on within a word, without their "##".
    continuations: Tokens,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut vocabulary = Vocabulary::default();
    for (id, token) in (0..).zip(include_str!("../../data/vocab.txt").lines()) {
        match token
            .strip_prefix("##")
            .filter(|letters| !letters.is_empty())
        {
            Some(letters) => vocabulary.continuations.insert(letters, id),
            None => vocabulary.beginnings.insert(token, id),
        }
    }
    vocabulary
});

/// Gives the token ids of a text in order, repeats included.
///
/// Known words only: a word with a piece that the vocabulary lacks gives nothing. Linear in the length of the text.
pub fn token_ids(text: &str) -> Vec<u32> {
    let bare = if text.is_ascii() {
        bare_ascii(text)
    } else {
        bare_text(text)
    };
    // Most words are one token, and have four letters and more with the space behind them.
    let mut ids = Vec::with_capacity(bare.len() / 4 + 8);
    let mut start = 0;
    for (at, character) in bare.char_indices() {
        let (is_punctuation, is_space) = match u8::try_from(character) {
            Ok(byte @ 0..128) => CUTS[usize::from(byte)],
            _ => (
                text::is_punctuation(character),
                text::is_white_space(character),
            ),
        };
        if is_punctuation || is_space {
            append_pieces(&mut ids, &bare[start..at]);
            start = at + character.len_utf8();
            if is_punctuation {
                append_pieces(&mut ids, &bare[at..start]);
            }
        }
    }
    append_pieces(&mut ids, &bare[start..]);
    ids
}

/// Whether a character of ASCII is punctuation, which all is that is no letter, digit, space or control, and whether it is a space.
const CUTS: [(bool, bool); 128] = {
    let mut cuts = [(false, false); 128];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        cuts[byte] = (character.is_ascii_punctuation(), character == b' ');
        byte += 1;
    }
    cuts
};

/// Tells a word in lower case that the vocabulary has as one piece.
pub fn is_known_word(word: &str) -> bool {
    VOCABULARY.beginnings.ids.contains_key(word)
}

/// Does for ASCII what [`bare_text`] does: there is nothing to compose and no ideograph.
fn bare_ascii(text: &str) -> String {
    let is_control = |byte: u8| (byte < b' ') | (byte == 0x7f);
    // To the end without a branch, so that it is done for many bytes at once.
    if !text
        .bytes()
        .fold(false, |found, byte| found | is_control(byte))
    {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .filter_map(|character| match character {
            '\t' | '\n' | '\r' => Some(' '),
            '\0'..='\u{1f}' | '\u{7f}' => None,
            _ => Some(character.to_ascii_lowercase()),
        })
        .collect()
}

/// Removes control characters, sets ideographs apart, drops marks and gives lower case.
fn bare_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text::remove_unassigned(text).chars() {
        match character {
            ' ' | '\t' | '\n' | '\r' => clean.push(' '),
            '!'..='~' => clean.push(character),
            '\u{fffd}' => {}
            _ if text::is_control(character) => {}
            _ if text::is_space_separator(character) => clean.push(' '),
            _ if is_ideograph(character) => clean.extend([' ', character, ' ']),
            _ => clean.push(character),
        }
    }
    let unmarked: String = clean
        .nfd()
        .filter(|&character| character.is_ascii() || !text::is_nonspacing_mark(character))
        .collect();
    text::to_lower(&unmarked)
}

/// Tells the blocks of ideographs that BERT sets apart; later extensions are not among them.
fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2ceaf}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}

/// Appends the pieces of a word, each the longest that the vocabulary has there.
fn append_pieces(ids: &mut Vec<u32>, word: &str) {
    let vocabulary = &*VOCABULARY;
    if let Some(&id) = vocabulary.beginnings.ids.get(word) {
        ids.push(id);
        return;
    }
    // A character is one byte at least: short words need not be counted.
    if word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD {
        return;
    }
    let known = ids.len();
    let mut rest = word;
    let mut tokens = &vocabulary.beginnings;
    while !rest.is_empty() {
        let longest = rest.len().min(tokens.longest);
        let piece = (1..=longest)
            .rev()
            .find_map(|end| Some((end, *tokens.ids.get(rest.get(..end)?)?)));
        let Some((end, id)) = piece else {
            ids.truncate(known);
            return;
        };
        ids.push(id);
        rest = &rest[end..];
        tokens = &vocabulary.continuations;
    }
}
