//! Light stemmers: endings, and in Arabic beginnings, that are cut off by tables.
//!
//! Sources: `tools/languages/README.md`.

use std::borrow::Cow;

use super::language_tables as tables;

/// One step of a stemmer: the first rule that fits is applied, or none.
pub struct Step {
    /// Whether words are cut at their end, or else at their start.
    pub at_end: bool,
    /// How many characters a rule must leave.
    pub least: usize,
    /// What is cut off, the longest first, and what stands there instead.
    pub rules: &'static [(&'static str, &'static str)],
}

/// Applies the steps of a stemmer to a folded word.
pub fn light_stem<'a>(word: &'a str, steps: &[Step]) -> Cow<'a, str> {
    let mut stem = Cow::Borrowed(word);
    for step in steps {
        if let Some(next) = after(&stem, step) {
            stem = Cow::Owned(next);
        }
    }
    stem
}

fn after(word: &str, step: &Step) -> Option<String> {
    step.rules.iter().find_map(|&(affix, instead)| {
        let rest = if step.at_end {
            word.strip_suffix(affix)?
        } else {
            word.strip_prefix(affix)?
        };
        let left = rest.chars().count() + instead.chars().count();
        (left >= step.least).then(|| match step.at_end {
            true => [rest, instead].concat(),
            false => [instead, rest].concat(),
        })
    })
}

/// Gives the stem of a word of other than Latin letters, for which its first one chooses the stemmer; or the word.
pub fn stem_by_script(word: &str) -> Cow<'_, str> {
    match word.chars().next() {
        Some('\u{400}'..='\u{52f}') => light_stem(word, tables::RUSSIAN),
        Some('\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}') => light_stem(word, tables::ARABIC),
        Some('\u{900}'..='\u{97f}') => light_stem(word, tables::HINDI),
        _ => Cow::Borrowed(word),
    }
}
