//! What language a text in Latin letters is in, as its function words and letters tell.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fnv::FnvBuilder;
use super::language_tables::{self as tables, FUNCTION_WORDS, LETTERS};
use super::light_stemmer::light_stem;
use super::stem;

/// A language other than English whose endings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    German,
    Spanish,
    French,
}

impl Language {
    /// Gives the term that a word of a-z0-9 has as one of this language.
    ///
    /// The English stemmer comes last, as with all words of a-z0-9: a base form that stands alone, in a text that is
    /// told by nothing, has the same term.
    pub fn term(self, word: &str) -> String {
        let steps = match self {
            Self::German => tables::GERMAN,
            Self::Spanish => tables::SPANISH,
            Self::French => tables::FRENCH,
        };
        stem(&light_stem(word, steps))
    }
}

const IN_ORDER: [Language; 3] = [Language::German, Language::Spanish, Language::French];
const ENGLISH: usize = 3;
/// What an English stop word weighs: as much as a function word of the others that says nothing else.
const STOP_WORD: u8 = 2;
/// By how much a language must outweigh English.
const MARGIN: u32 = 2;

/// What a word weighs for German, Spanish, French and English.
#[derive(Clone, Copy, Default)]
pub struct Weights([u8; 4]);

impl Weights {
    /// Whether the word is an English stop word.
    pub fn is_stop_word(self) -> bool {
        self.0[ENGLISH] > 0
    }
}

static WEIGHTS: LazyLock<HashMap<&'static str, Weights, FnvBuilder>> = LazyLock::new(|| {
    let foreign = FUNCTION_WORDS.iter();
    let mut weights: HashMap<_, _, _> = foreign
        .map(|&(word, [german, spanish, french])| (word, Weights([german, spanish, french, 0])))
        .collect();
    for word in include_str!("../../data/stopwords.txt").lines() {
        weights.entry(word).or_default().0[ENGLISH] = STOP_WORD;
    }
    weights
});

/// Looks up a word in lower case, before stemming: nothing unless it is a function word of some language.
pub fn weights(word: &str) -> Option<Weights> {
    WEIGHTS.get(word).copied()
}

/// Tells a stop word, which is never a term.
pub fn is_stop_word(word: &str) -> bool {
    weights(word).is_some_and(Weights::is_stop_word)
}

/// What a text shows of its language, added up.
#[derive(Default)]
pub struct Signs {
    words: [u32; 4],
    letters: [u8; 3],
}

impl Signs {
    /// Counts a function word.
    pub fn add_word(&mut self, Weights(weights): Weights) {
        for (sum, weight) in self.words.iter_mut().zip(weights) {
            *sum += u32::from(weight);
        }
    }

    /// Notes a character in lower case: of each language the letter that says most counts, once in a text.
    pub fn add_letter(&mut self, character: char) {
        if !('¡'..='œ').contains(&character) {
            return;
        }
        if let Ok(at) = LETTERS.binary_search_by_key(&character, |&(letter, _)| letter) {
            for (most, weight) in self.letters.iter_mut().zip(LETTERS[at].1) {
                *most = weight.max(*most);
            }
        }
    }

    /// Gives the language that weighs most, if it outweighs English; of equals the first.
    pub fn language(&self) -> Option<Language> {
        let sum = |place: usize| self.words[place] + u32::from(self.letters[place]);
        let mut best = None;
        let mut least = self.words[ENGLISH] + MARGIN;
        for (place, language) in IN_ORDER.into_iter().enumerate() {
            if sum(place) >= least {
                best = Some(language);
                least = sum(place) + 1;
            }
        }
        best
    }
}
