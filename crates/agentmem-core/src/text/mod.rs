//! Text analysis: from a text to the terms that a lexical search compares.

mod stemmer;
mod stop_words;
mod unicode;
mod unicode_tables;

#[cfg(test)]
mod tests;

use unicode_normalization::UnicodeNormalization;

pub use stemmer::stem;
pub use unicode::{
    is_blank, is_control, is_nonspacing_mark, is_punctuation, is_space_separator, is_white_space,
    remove_unassigned, to_lower,
};

use stop_words::is_stop_word;
use unicode::is_mark;

/// Gives the terms of a text, repeats included.
///
/// Each run of Chinese, Japanese or Korean, which write no spaces between words, gives its characters, then its
/// adjacent pairs; behind those of all runs come the words of the rest, without stop words, stemmed. Linear in the
/// length of the text.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.is_ascii() {
        append_words(&mut found, &text.to_ascii_lowercase());
    } else {
        let rest = cut_out_unspaced_terms(&mut found, text);
        append_words(&mut found, &rest);
    }
    found
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Gives the terms of the date of a moment, as in "8 May, 2023": in UTC, in English, without the time of day.
///
/// `created_ms` counts milliseconds since 1970, before 1 January 10000.
pub fn date_terms(created_ms: i64) -> Vec<String> {
    let (year, month, day) = civil_date(created_ms.div_euclid(86_400_000));
    terms(&format!("{day} {}, {year}", MONTHS[month]))
}

/// Gives year, month from 0 and day from 1 of a number of days since 1970 in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day ends them (E. Reingold and N. Dershowitz, "Calendrical
/// Calculations").
pub fn civil_date(days_since_1970: i64) -> (i64, usize, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let days = days_since_1970 + 719_468; // since 1 March 0000
    let era = days.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 2, 0)
    } else {
        (month_from_march - 10, 1)
    };
    let month = usize::try_from(month).expect("a month is 0 to 11");
    (era * 400 + year_of_era + next_year, month, day)
}

fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
    )
}

/// Appends the terms of the unspaced runs to `found`; returns the rest in lower case, what is no a-z0-9 or apostrophe
/// as spaces.
fn cut_out_unspaced_terms(found: &mut Vec<String>, text: &str) -> String {
    let composed: String = unicode::remove_unassigned(text).nfkc().collect();
    let mut spaced = String::with_capacity(composed.len());
    let mut run: Vec<char> = Vec::new();
    for character in to_lower(&composed).chars() {
        if is_unspaced(character) {
            run.push(character);
        } else {
            if !run.is_empty() {
                append_run(found, &mut run);
                spaced.push(' ');
            }
            spaced.push(character);
        }
    }
    append_run(found, &mut run);
    let decomposed: String = spaced.nfkd().collect();
    to_lower(&decomposed)
        .chars()
        .filter(|&character| character.is_ascii() || !is_mark(character))
        .map(|character| match character {
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
            'a'..='z' | '0'..='9' | '\'' => character,
            _ => ' ',
        })
        .collect()
}

fn append_run(found: &mut Vec<String>, run: &mut Vec<char>) {
    found.extend(run.iter().map(|&character| String::from(character)));
    found.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
    run.clear();
}

/// Appends the runs of a-z0-9 of a lower-case text, once a possessive `'s` and every other apostrophe is deleted.
fn append_words(found: &mut Vec<String>, text: &str) {
    let bytes = text.as_bytes();
    let mut word = String::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => word.push(char::from(byte)),
            b'\'' => {
                let possessive = bytes.get(at) == Some(&b's')
                    && !bytes
                        .get(at + 1)
                        .is_some_and(|next| matches!(next, b'a'..=b'z' | b'0'..=b'9'));
                at += usize::from(possessive);
            }
            _ => append_word(found, &mut word),
        }
    }
    append_word(found, &mut word);
}

fn append_word(found: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() && !is_stop_word(word) {
        found.push(stem(word));
    }
    word.clear();
}
