//! Text analysis: from a text to the terms that a lexical search compares.

mod ascii_words;
mod date;
mod fnv;
mod language;
mod language_tables;
mod light_stemmer;
mod relative_time;
mod spelling;
mod stemmer;
mod stems;
mod unicode;
mod unicode_tables;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

pub use date::civil_date;
pub use relative_time::write_dates;
pub use spelling::{is_misspelt, mend};
pub use stemmer::stem;
pub use unicode::{
    is_blank, is_control, is_nonspacing_mark, is_punctuation, is_space_separator, is_white_space,
    remove_unassigned, to_lower,
};

use date::{MONTHS, MS_PER_DAY};
use language::{Language, Signs, Weights, is_stop_word, weights};
use light_stemmer::stem_by_script;
use unicode::{ascii_digit, is_mark, is_of_word, is_unspaced_alphabet};

/// Gives the terms of a text, repeats included.
///
/// Each run of a script that is written without spaces gives its characters and pairs; behind those of all runs come
/// the words of the rest. Those of a-z0-9 are without stop words, and stemmed as English; at the end stand those that
/// the stemmer of another language gives, if the text is told to be in one. Linear in the length of the text.
pub fn terms(text: &str) -> Vec<String> {
    let Reading {
        mut terms,
        folded,
        language,
    } = read(text);
    if let Some(language) = language {
        append_stems(&mut terms, language, &folded);
    }
    terms
}

/// What a text is made of: its terms, as if it were in English, its folded rest without the unspaced runs, and the
/// language that it is told to be in.
struct Reading {
    terms: Vec<String>,
    folded: String,
    language: Option<Language>,
}

/// Gives the language that a text in Latin letters is told to be in, if it is another one than English.
pub fn language_of(text: &str) -> Option<Language> {
    read(text).language
}

fn read(text: &str) -> Reading {
    let mut terms = Vec::new();
    let mut signs = Signs::default();
    let folded = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        cut_out_unspaced_terms(&mut terms, &mut signs, text)
    };
    for_each_word(&folded, |word| {
        if !word.is_ascii() {
            terms.push(stem_by_script(word).into_owned());
            return;
        }
        let weights = weights(word);
        weights
            .into_iter()
            .for_each(|weights| signs.add_word(weights));
        if !weights.is_some_and(Weights::is_stop_word) {
            terms.push(stems::stem_of(word));
        }
    });
    Reading {
        terms,
        folded,
        language: signs.language(),
    }
}

/// How many letters a word has that is stemmed as one of another language than English: fewer are what is left of `l'`.
const SHORTEST_STEMMED: usize = 3;

/// Appends the terms that the words of a folded text have in another language, once each, if it has them not yet.
fn append_stems(found: &mut Vec<String>, language: Language, folded: &str) {
    let mut stems = Vec::new();
    let parted = match language {
        Language::French => Cow::Owned(folded.replace('\'', " ")), // the elided article is a word of its own
        _ => Cow::Borrowed(folded),
    };
    for_each_word(&parted, |word| {
        if word.is_ascii() && word.len() >= SHORTEST_STEMMED && weights(word).is_none() {
            stems.push(language.term(word));
        }
    });
    let mut known: HashSet<&str> = found.iter().map(String::as_str).collect();
    let new = stems.iter().filter(|stem| known.insert(stem));
    let new: Vec<String> = new.cloned().collect();
    found.extend(new);
}

/// Gives the terms of the date of a moment, as in "8 May, 2023": in UTC, in English, without the time of day.
///
/// `created_ms` counts milliseconds since 1970, before 1 January 10000.
pub fn date_terms(created_ms: i64) -> Vec<String> {
    let (year, month, day) = civil_date(created_ms.div_euclid(MS_PER_DAY));
    terms(&format!("{day} {}, {year}", MONTHS[month]))
}

/// A script that writes no spaces between words.
#[derive(Clone, Copy, PartialEq)]
enum Unspaced {
    /// Chinese, Japanese, Korean: a character is often a word.
    Characters,
    /// Thai, Lao, Khmer, Myanmar: a letter says little.
    Alphabet,
}

fn unspaced_script(character: char) -> Option<Unspaced> {
    match character {
        ..'\u{e00}' => None,
        '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Some(Unspaced::Characters),
        _ => is_unspaced_alphabet(character).then_some(Unspaced::Alphabet),
    }
}

/// Appends the terms of the unspaced runs to `found`, and the letters to `signs`; returns the rest, folded.
fn cut_out_unspaced_terms(found: &mut Vec<String>, signs: &mut Signs, text: &str) -> String {
    let composed: String = unicode::remove_unassigned(text).nfkc().collect();
    let mut spaced = String::with_capacity(composed.len());
    let mut run = String::new();
    let mut script_of_run = None;
    for character in to_lower(&composed).chars() {
        if is_joiner(character) {
            continue;
        }
        let script = unspaced_script(character);
        if script != script_of_run {
            if let Some(ended) = script_of_run {
                append_run(found, &mut run, ended);
                spaced.push(' ');
            }
            script_of_run = script;
        }
        match script {
            Some(_) => run.push(character),
            None => {
                signs.add_letter(character);
                spaced.push(character);
            }
        }
    }
    if let Some(ended) = script_of_run {
        append_run(found, &mut run, ended);
    }
    let decomposed: String = spaced.nfkd().collect();
    folded(&to_lower(&decomposed))
}

/// Tells what joins or stretches letters and says nothing: tatweel, and the zero-width joiner and non-joiner.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{640}' | '\u{200c}' | '\u{200d}')
}

/// Appends the units of a run and its adjacent pairs. The units of an alphabet are letters with their marks, and no
/// terms unless they stand alone.
fn append_run(found: &mut Vec<String>, run: &mut String, script: Unspaced) {
    let is_start = |&(at, character): &(usize, char)| {
        at == 0 || script == Unspaced::Characters || !is_mark(character)
    };
    let starts = run.char_indices().filter(is_start).map(|(at, _)| at);
    let bounds: Vec<usize> = starts.chain([run.len()]).collect();
    let stretch = |ends: &[usize]| run[ends[0]..ends[ends.len() - 1]].to_owned();
    if script == Unspaced::Characters || bounds.len() == 2 {
        found.extend(bounds.windows(2).map(stretch));
    }
    found.extend(bounds.windows(3).map(stretch));
    run.clear();
}

/// Replaces what is no ASCII by what words are made of, by nothing if it is an accent, by a space if it parts words.
fn folded(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0'..='\u{7f}' => kept.push(character),
            // Letters of the Latin script that have no decomposition, and how they are written without them.
            'ß' => kept.push_str("ss"),
            'æ' => kept.push_str("ae"),
            'œ' => kept.push_str("oe"),
            'þ' => kept.push_str("th"),
            'ð' | 'đ' => kept.push('d'),
            'ħ' => kept.push('h'),
            'ı' => kept.push('i'),
            'ł' => kept.push('l'),
            'ø' => kept.push('o'),
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => kept.push('\''),
            _ if is_other_latin(character) || is_of_word(character) => kept.push(character),
            _ if is_mark(character) => {}
            _ => kept.push(ascii_digit(character).unwrap_or(' ')),
        }
    }
    kept
}

/// Tells a letter of Latin or IPA in lower case.
fn is_other_latin(character: char) -> bool {
    matches!(character, '\u{df}'..='\u{2af}') && character != '÷'
}

/// Gives the words of a folded text, once a possessive `'s` and every other apostrophe is deleted.
///
/// Latin letters and digits make words by themselves, all other letters by themselves, as in `25км`.
fn for_each_word(text: &str, mut give: impl FnMut(&str)) {
    let mut word = String::new();
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            give(word);
            word.clear();
        }
    };
    let mut word_is_latin = true;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            'a'..='z' | '0'..='9' | '\u{80}'.. => {
                let latin = character < '\u{2b0}';
                if latin != word_is_latin {
                    end(&mut word);
                    word_is_latin = latin;
                }
                word.push(character);
            }
            '\'' => {
                let behind = rest.as_str().as_bytes();
                let possessive = behind.first() == Some(&b's')
                    && !matches!(behind.get(1), Some(b'a'..=b'z' | b'0'..=b'9'));
                if possessive {
                    rest.next();
                }
            }
            _ => end(&mut word),
        }
    }
    end(&mut word);
}
