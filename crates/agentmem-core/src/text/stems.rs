//! Stems of words that this thread has met before: in texts few words are most of all, and to stem one takes some hundred steps.

use std::cell::RefCell;

use super::stemmer::stem;

/// Longer words are rare.
const LONGEST: usize = 15;
/// How many words are kept, each in the one place that it can have.
const PLACES: usize = 1024;

/// A word, or a stem, behind it zeros and its length.
type Short = [u8; LONGEST + 1];

thread_local! {
    /// Words with their stems; made by the first word of a thread, 32 KiB.
    static MET: RefCell<Vec<(Short, Short)>> = const { RefCell::new(Vec::new()) };
}

/// Gives what [`stem`] gives.
pub(super) fn stem_of(word: &str) -> String {
    let Some(key) = short(word) else {
        return stem(word);
    };
    MET.with_borrow_mut(|met| {
        if met.is_empty() {
            met.resize(PLACES, Default::default());
        }
        let (known, found) = &mut met[place(key)];
        if *known != key {
            let stem = stem(word);
            let Some(short) = short(&stem) else {
                return stem;
            };
            (*known, *found) = (key, short);
        }
        let bytes = &found[..usize::from(found[LONGEST])];
        std::str::from_utf8(bytes)
            .expect("it was a text")
            .to_owned()
    })
}

/// Nothing for a word that is too long, or empty: such as no place has.
fn short(word: &str) -> Option<Short> {
    let mut short = Short::default();
    short[LONGEST] = word.len() as u8;
    match word.len() {
        1..=LONGEST => short[..word.len()].copy_from_slice(word.as_bytes()),
        _ => return None,
    }
    Some(short)
}

/// Multiplies as FxHash does: the upper bits depend on all that was taken in.
fn place(word: Short) -> usize {
    let word = u128::from_le_bytes(word);
    let (low, high) = (word as u64, (word >> 64) as u64);
    let mixed = (low.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ high)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_the_same_whether_its_word_was_met_or_not() {
        let ends = ["", "s", "ed", "ing", "ization", "'s", "ly", "ational", "y"];
        let words: Vec<String> = (0..2_000)
            .flat_map(|number: u32| ends.map(|end| format!("w{}{end}", number * 7919 % 10_007)))
            .chain(["", "a", "skies", "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa"].map(str::to_owned))
            .collect();
        for word in words.iter().chain(&words) {
            assert_eq!(stem_of(word), stem(word), "{word}");
            assert_eq!(stem_of(word), stem(word), "{word}");
        }
    }
}
