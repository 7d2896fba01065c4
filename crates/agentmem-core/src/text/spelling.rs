//! Misspelt words of a query, and what they are taken for (spec 8.15).

use std::borrow::Cow;
use std::cell::LazyCell;
use std::ops::Range;

use super::ascii_words::{is_ascii_at, is_ascii_before, next_word};
use super::{Language, is_stop_word, language_of, stem, weights};

/// How many letters a word has that may be misspelt, and how many one that it may be taken for.
const LENGTHS: Range<usize> = 4..25;
const SHORTEST_CORRECTION: usize = 3;
/// How many distinct misspelt words are looked at: some 50 to 100 microseconds each.
const MOST: usize = 8;

/// Replaces the misspelt words of a query by what they are most likely meant to be, one edit away; all else stays.
///
/// `is_word` tells a word in lower case that is known however rare it is; `records_with` counts the records that have a
/// term.
pub fn mend(
    query: &str,
    is_word: impl Fn(&str) -> bool,
    records_with: impl Fn(&str) -> usize,
) -> Cow<'_, str> {
    // Each distinct misspelt word, and what it is taken for, if anything.
    let mut misspelt: Vec<(String, Option<String>)> = Vec::new();
    let mut mended = String::new();
    let mut done = 0;
    let language = LazyCell::new(|| language_of(query));
    for range in plain_words(query) {
        let word = query[range.clone()].to_ascii_lowercase();
        let known = misspelt.iter().position(|(known, _)| *known == word);
        let place = match known {
            Some(place) => place,
            None if misspelt.len() == MOST
                || is_spelt(&word, || *language, &is_word, &records_with) =>
            {
                continue;
            }
            None => {
                let correction = correction(&word, *language, &is_word, &records_with);
                misspelt.push((word, correction));
                misspelt.len() - 1
            }
        };
        if let Some(correction) = &misspelt[place].1 {
            mended.push_str(&query[done..range.start]);
            mended.push_str(correction);
            done = range.end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(query);
    }
    mended.push_str(&query[done..]);
    Cow::Owned(mended)
}

/// Whether [`mend`] would look for what some word is meant to be.
pub fn is_misspelt(
    query: &str,
    is_word: impl Fn(&str) -> bool,
    records_with: impl Fn(&str) -> usize,
) -> bool {
    let language = LazyCell::new(|| language_of(query));
    let mut words = plain_words(query).map(|range| query[range].to_ascii_lowercase());
    words.any(|word| !is_spelt(&word, || *language, &is_word, &records_with))
}

/// Whether a word is known, or has a record; the language of the query is asked for last.
fn is_spelt(
    word: &str,
    language: impl FnOnce() -> Option<Language>,
    is_word: &impl Fn(&str) -> bool,
    records_with: &impl Fn(&str) -> usize,
) -> bool {
    weights(word).is_some()
        || is_word(word)
        || records_with(&stem(word)) > 0
        || language().is_some_and(|language| records_with(&language.term(word)) > 0)
}

/// The words of ASCII letters alone that may be misspelt, with nothing but ASCII beside them.
fn plain_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let next = |word: &Range<usize>| next_word(text, word.end);
    std::iter::successors(next_word(text, 0), next).filter(|word| {
        LENGTHS.contains(&word.len())
            && text[word.clone()]
                .bytes()
                .all(|it| it.is_ascii_alphabetic())
            && is_ascii_before(text, word.start)
            && is_ascii_at(text, word.end)
    })
}

/// How well a correction is known: the greater, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// The records alone know it: how many have its term.
    ByRecords(usize),
    /// It is a word besides.
    AsWord(usize),
    AsStopWord,
}

/// The best word that is one edit away, if there is any that counts; of equal ones the first by bytes.
fn correction(
    word: &str,
    language: Option<Language>,
    is_word: &impl Fn(&str) -> bool,
    records_with: &impl Fn(&str) -> usize,
) -> Option<String> {
    let known = |edit: &str| {
        if is_stop_word(edit) {
            return language.is_none().then_some(Known::AsStopWord); // no English word is meant in another language
        }
        match records_with(&stem(edit)) {
            0 => None,
            count if is_word(edit) => Some(Known::AsWord(count)),
            count => Some(Known::ByRecords(count)),
        }
    };
    let mut best: Option<(Known, String)> = None;
    for_each_edit(word, |edit| {
        let Some(known) = known(edit) else { return };
        let is_better = |(most, first): &(Known, String)| {
            known > *most || (known == *most && edit < first.as_str())
        };
        if best.as_ref().is_none_or(is_better) {
            best = Some((known, edit.to_owned()));
        }
    });
    best.map(|(_, correction)| correction)
}

/// Gives what one edit makes of a word of ASCII letters; some more than once.
///
/// Source: F. J. Damerau, "A technique for computer detection and correction of spelling errors" (1964).
fn for_each_edit(word: &str, mut give: impl FnMut(&str)) {
    let mut edit = String::with_capacity(word.len() + 1);
    let mut give = |parts: [&str; 3]| {
        edit.clear();
        parts.into_iter().for_each(|part| edit.push_str(part));
        if edit.len() >= SHORTEST_CORRECTION {
            give(&edit);
        }
    };
    let mut letter = [0; 4];
    for at in 0..=word.len() {
        let (before, after) = word.split_at(at);
        for inserted in 'a'..='z' {
            give([before, inserted.encode_utf8(&mut letter), after]);
        }
        let Some(replaced) = after.chars().next() else {
            continue;
        };
        let rest = &after[1..];
        give([before, rest, ""]);
        for replacement in ('a'..='z').filter(|&other| other != replaced) {
            give([before, replacement.encode_utf8(&mut letter), rest]);
        }
        if !rest.is_empty() {
            let swapped = [&rest[..1], &after[..1]].concat();
            give([before, &swapped, &rest[1..]]);
        }
    }
}
