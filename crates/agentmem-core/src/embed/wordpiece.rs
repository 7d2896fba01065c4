//! BERT's uncased tokeniser: from a text to the ids of its word pieces.
//!
//! Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), its basic tokeniser and
//! WordPiece; `conformance/vectors/embeddings.json` decides what is right.

use unicode_normalization::UnicodeNormalization;

use crate::text;

/// A longer word, in characters, is unknown as a whole.
const LONGEST_WORD: usize = 100;

/// One token a line, in the order of their ids.
static VOCABULARY: &[u8] = include_bytes!("../../data/vocab.txt");
const TOKENS: usize = 30_522;

/// Where in the vocabulary each token begins, and where a further one would.
// The three tables are made by the compiler: made at the first use, they took more than half of a process's first question.
static STARTS: [u32; TOKENS + 1] = starts();
/// Tokens that begin a word.
static BEGINNINGS: Tokens<65_536> = Tokens::read(false);
/// Tokens that go on within a word, behind their "##".
static CONTINUATIONS: Tokens<16_384> = Tokens::read(true);

/// What marks a token that goes on within a word.
const MARK: &[u8] = b"##";

/// The ids of tokens by their letters: a hash table with linear probing, at most half full.
struct Tokens<const SLOTS: usize> {
    /// An id and one; 0 is empty.
    slots: [u16; SLOTS],
    /// How many bytes stand before the letters of each token.
    mark: usize,
    /// The length of the longest token, in bytes.
    longest: usize,
}

impl<const SLOTS: usize> Tokens<SLOTS> {
    const fn read(continuing: bool) -> Self {
        let mut tokens = Tokens {
            slots: [0; SLOTS],
            mark: if continuing { MARK.len() } else { 0 },
            longest: 0,
        };
        let mut id = 0;
        while id < TOKENS {
            let (start, end) = bounds(id);
            let is_marked =
                end - start > 2 && VOCABULARY[start] == b'#' && VOCABULARY[start + 1] == b'#';
            if is_marked == continuing {
                tokens.insert(start + tokens.mark, end, id);
            }
            id += 1;
        }
        tokens
    }

    const fn insert(&mut self, start: usize, end: usize, id: usize) {
        let mut hash = HASH;
        let mut at = start;
        while at < end {
            hash = hash_on(hash, VOCABULARY[at]);
            at += 1;
        }
        let mut slot = hash as usize % SLOTS;
        while self.slots[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = id as u16 + 1;
        if self.longest < end - start {
            self.longest = end - start;
        }
    }

    /// Gives the id of what has these letters and this hash.
    fn id(&self, letters: &[u8], hash: u32) -> Option<u32> {
        let mut slot = hash as usize % SLOTS;
        while self.slots[slot] != 0 {
            let id = usize::from(self.slots[slot] - 1);
            let (start, end) = bounds(id);
            if &VOCABULARY[start + self.mark..end] == letters {
                return Some(id as u32);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }

    /// Gives the longest token that letters begin with: its length in bytes, and its id.
    fn longest_piece(&self, letters: &[u8]) -> Option<(usize, u32)> {
        let mut hashes = [0; LONGEST_TOKEN];
        let mut hash = HASH;
        for (&letter, kept) in letters.iter().zip(&mut hashes[..self.longest]) {
            hash = hash_on(hash, letter);
            *kept = hash;
        }
        (1..=letters.len().min(self.longest))
            .rev()
            .find_map(|end| Some((end, self.id(&letters[..end], hashes[end - 1])?)))
    }
}

/// No token is longer, in bytes.
const LONGEST_TOKEN: usize = 32;

const fn starts() -> [u32; TOKENS + 1] {
    let mut starts = [0; TOKENS + 1];
    let (mut at, mut id) = (0, 0);
    while at < VOCABULARY.len() {
        if VOCABULARY[at] == b'\n' {
            id += 1;
            starts[id] = at as u32 + 1;
        }
        at += 1;
    }
    assert!(id == TOKENS, "as many lines as tokens");
    starts
}

/// Where a token begins and ends.
const fn bounds(id: usize) -> (usize, usize) {
    (STARTS[id] as usize, STARTS[id + 1] as usize - 1)
}

/// The hash of no letters: FNV-1a, in 32 bits.
const HASH: u32 = 0x811c_9dc5;

const fn hash_on(hash: u32, letter: u8) -> u32 {
    (hash ^ letter as u32).wrapping_mul(0x0100_0193)
}

fn hash(letters: &[u8]) -> u32 {
    letters
        .iter()
        .fold(HASH, |hash, &letter| hash_on(hash, letter))
}

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
    BEGINNINGS
        .id(word.as_bytes(), hash(word.as_bytes()))
        .is_some()
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
    let mut rest = word.as_bytes();
    if let Some(id) = BEGINNINGS.id(rest, hash(rest)) {
        ids.push(id);
        return;
    }
    // A character is one byte at least: short words need not be counted.
    if word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD {
        return;
    }
    let known = ids.len();
    while !rest.is_empty() {
        let piece = match ids.len() == known {
            true => BEGINNINGS.longest_piece(rest),
            false => CONTINUATIONS.longest_piece(rest),
        };
        let Some((end, id)) = piece else {
            ids.truncate(known);
            return;
        };
        ids.push(id);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_of_the_vocabulary_is_found_and_nothing_else() {
        let lines = include_str!("../../data/vocab.txt").lines();
        for (id, token) in (0..).zip(lines) {
            let (tokens, letters) = match token.strip_prefix("##") {
                Some(letters) if !letters.is_empty() => (&CONTINUATIONS as &dyn Table, letters),
                _ => (&BEGINNINGS as &dyn Table, token),
            };
            assert_eq!(tokens.get(letters), Some(id), "{token}");
            assert_eq!(tokens.get(&format!("{letters}\u{301}")), None, "{token}");
        }
    }

    trait Table {
        fn get(&self, letters: &str) -> Option<u32>;
    }

    impl<const SLOTS: usize> Table for Tokens<SLOTS> {
        fn get(&self, letters: &str) -> Option<u32> {
            self.id(letters.as_bytes(), hash(letters.as_bytes()))
        }
    }
}
