//! The Snowball English stemmer, known as Porter2, in its release 3.
//!
//! Source: M. F. Porter, "The English (Porter2) stemming algorithm", Snowball project. `conformance/vectors/stems.json`
//! decides what is right.

/// Words that the rules would spoil, and what they become.
static EXCEPTIONS: [(&str, &str); 15] = [
    ("skis", "ski"),
    ("skies", "sky"),
    ("idly", "idl"),
    ("gently", "gentl"),
    ("ugly", "ugli"),
    ("early", "earli"),
    ("only", "onli"),
    ("singly", "singl"),
    ("sky", "sky"),
    ("news", "news"),
    ("howe", "howe"),
    ("atlas", "atlas"),
    ("cosmos", "cosmos"),
    ("bias", "bias"),
    ("andes", "andes"),
];

const LONGEST_EXCEPTION: usize = 6;

/// Beginnings after which R1 starts at once, so that `general` and `generate` keep different stems.
static REGION_PREFIXES: [&str; 9] = [
    "arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers",
];

/// Words that keep their `ing`, without it.
static KEEPS_ING: [&str; 6] = ["even", "cann", "inn", "earr", "herr", "out"];

/// Words that keep their `eed`, without it.
static KEEPS_EED: [&str; 3] = ["succ", "proc", "exc"];

// In the three tables that follow a suffix stands before those that it ends with: the first match is the longest.
static STEP_2: [(&str, &str); 25] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("biliti", "ble"),
    ("lessli", "less"),
    ("entli", "ent"),
    ("ousli", "ous"),
    ("fulli", "ful"),
    ("abli", "able"),
    ("alli", "al"),
    ("bli", "ble"),
    ("li", ""),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("alism", "al"),
    ("ogist", "og"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("ator", "ate"),
    ("ogi", "og"),
];

static STEP_3: [(&str, &str); 9] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("alize", "al"),
    ("icate", "ic"),
    ("iciti", "ic"),
    ("ative", ""),
    ("ical", "ic"),
    ("ness", ""),
    ("ful", ""),
];

static STEP_4: [&str; 18] = [
    "ement", "ment", "ent", "ance", "ence", "able", "ible", "ant", "ate", "ive", "ize", "iti",
    "ism", "ion", "ous", "al", "er", "ic",
];

/// Stems one lower-case English word.
///
/// Letters are a-z, digits count as consonants, an apostrophe is part of the word. A word with any other character is
/// returned as it is: the algorithm says nothing about it.
pub fn stem(word: &str) -> String {
    if word.len() <= LONGEST_EXCEPTION
        && let Some((_, stem)) = EXCEPTIONS.iter().find(|(exception, _)| *exception == word)
    {
        return (*stem).to_owned();
    }
    let stemmable = word
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'\'');
    if word.len() < 3 || !stemmable {
        return word.to_owned();
    }
    let mut word = Word::new(word);
    word.drop_possessive();
    word.drop_plural();
    word.drop_past_and_participle();
    word.replace_final_y();
    word.shorten_double_suffix();
    word.shorten_suffix();
    word.drop_suffix();
    word.drop_final_e_or_l();
    word.into_stem()
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Finds the region behind the first consonant that follows a vowel, at or after `from`.
fn region_after(letters: &[u8], from: usize) -> usize {
    let rest = &letters[from..];
    match rest
        .windows(2)
        .position(|pair| is_vowel(pair[0]) && !is_vowel(pair[1]))
    {
        Some(at) => from + at + 2,
        None => letters.len(),
    }
}

/// A word on its way to its stem; a `y` that acts as a consonant is written `Y`.
struct Word {
    letters: Vec<u8>,
    /// Where the region R1 begins: fixed at the start, it may come to lie behind the end.
    r1: usize,
    /// Where the region R2 begins, likewise.
    r2: usize,
}

impl Word {
    fn new(word: &str) -> Self {
        let mut letters = word.strip_prefix('\'').unwrap_or(word).as_bytes().to_vec();
        for at in 0..letters.len() {
            if letters[at] == b'y' && (at == 0 || is_vowel(letters[at - 1])) {
                letters[at] = b'Y';
            }
        }
        let r1 = match REGION_PREFIXES.iter().find(|prefix| {
            letters.first() == prefix.as_bytes().first() && letters.starts_with(prefix.as_bytes())
        }) {
            Some(prefix) => prefix.len(),
            None => region_after(&letters, 0),
        };
        let r2 = region_after(&letters, r1);
        Self { letters, r1, r2 }
    }

    fn into_stem(mut self) -> String {
        self.letters.make_ascii_lowercase();
        String::from_utf8(self.letters).expect("a word of a-z, 0-9 and apostrophes is ASCII")
    }

    fn ends_with(&self, suffix: &str) -> bool {
        // Most suffixes are told by their last letter, without a call.
        self.letters.last() == suffix.as_bytes().last() && self.letters.ends_with(suffix.as_bytes())
    }

    /// Gives the length of what stands before `suffix`.
    fn before(&self, suffix: &str) -> usize {
        self.letters.len() - suffix.len()
    }

    /// Tells whether the first `length` letters contain a vowel.
    fn has_vowel(&self, length: usize) -> bool {
        self.letters[..length]
            .iter()
            .any(|&letter| is_vowel(letter))
    }

    /// Tells whether the first `length` letters end in a short syllable.
    fn ends_short(&self, length: usize) -> bool {
        match &self.letters[..length] {
            [.., first, vowel, last]
                if !is_vowel(*first)
                    && is_vowel(*vowel)
                    && !is_vowel(*last)
                    && !b"wxY".contains(last) =>
            {
                true
            }
            [vowel, last] => is_vowel(*vowel) && !is_vowel(*last),
            letters => letters.ends_with(b"past"),
        }
    }

    /// Replaces the end from `at` on.
    fn replace_from(&mut self, at: usize, replacement: &str) {
        self.letters.truncate(at);
        self.letters.extend_from_slice(replacement.as_bytes());
    }

    /// Step 0: `'s'`, `'s` and `'`.
    fn drop_possessive(&mut self) {
        if let Some(suffix) = ["'s'", "'s", "'"]
            .into_iter()
            .find(|suffix| self.ends_with(suffix))
        {
            self.replace_from(self.before(suffix), "");
        }
    }

    /// Step 1a.
    fn drop_plural(&mut self) {
        if self.ends_with("sses") {
            self.replace_from(self.before("es"), "");
        } else if self.ends_with("ied") || self.ends_with("ies") {
            let at = self.before("ied");
            self.replace_from(at, if at > 1 { "i" } else { "ie" });
        } else if self.ends_with("s") && !self.ends_with("us") && !self.ends_with("ss") {
            // The vowel right before the `s` does not count: `gas` and `this` stay, `gaps` loses it.
            let at = self.before("s");
            if at > 0 && self.has_vowel(at - 1) {
                self.replace_from(at, "");
            }
        }
    }

    /// Step 1b.
    fn drop_past_and_participle(&mut self) {
        if let Some(suffix) = ["eedly", "eed"]
            .into_iter()
            .find(|suffix| self.ends_with(suffix))
        {
            let at = self.before(suffix);
            if at >= self.r1
                && !KEEPS_EED
                    .iter()
                    .any(|kept| &self.letters[..at] == kept.as_bytes())
            {
                self.replace_from(at, "ee");
            }
            return;
        }
        let Some(suffix) = ["ingly", "edly", "ing", "ed"]
            .into_iter()
            .find(|suffix| self.ends_with(suffix))
        else {
            return;
        };
        let at = self.before(suffix);
        if suffix == "ing" {
            if KEEPS_ING
                .iter()
                .any(|kept| &self.letters[..at] == kept.as_bytes())
            {
                return;
            }
            if at == 2 && !is_vowel(self.letters[0]) && self.letters[1] == b'y' {
                self.replace_from(1, "ie"); // dying, lying, tying
                return;
            }
        }
        if self.has_vowel(at) {
            self.replace_from(at, "");
            self.mend_end();
        }
    }

    /// Gives an end that lost `ed` or `ing` its `e` back, or drops a doubled consonant.
    fn mend_end(&mut self) {
        let length = self.letters.len();
        match self.letters.as_slice() {
            [.., b'a', b't'] | [.., b'b', b'l'] | [.., b'i', b'z'] => self.letters.push(b'e'),
            [.., a, b] if a == b && b"bdfgmnprt".contains(a) => {
                // `add`, `egg` and `off` end in a double consonant of their own.
                let whole = length == 3 && b"aeo".contains(&self.letters[0]);
                if !whole {
                    self.letters.pop();
                }
            }
            _ => {
                if self.r1 == length && self.ends_short(length) {
                    self.letters.push(b'e');
                }
            }
        }
    }

    /// Step 1c.
    fn replace_final_y(&mut self) {
        if let [_, .., before, b'y' | b'Y'] = self.letters.as_slice()
            && !is_vowel(*before)
        {
            self.replace_from(self.before("y"), "i");
        }
    }

    /// Step 2.
    fn shorten_double_suffix(&mut self) {
        let Some(&(suffix, replacement)) = STEP_2.iter().find(|(suffix, _)| self.ends_with(suffix))
        else {
            return;
        };
        let at = self.before(suffix);
        let allowed = match suffix {
            "li" => at > 0 && b"cdeghkmnrt".contains(&self.letters[at - 1]),
            "ogi" => at > 0 && self.letters[at - 1] == b'l',
            _ => true,
        };
        if at >= self.r1 && allowed {
            self.replace_from(at, replacement);
        }
    }

    /// Step 3.
    fn shorten_suffix(&mut self) {
        let Some(&(suffix, replacement)) = STEP_3.iter().find(|(suffix, _)| self.ends_with(suffix))
        else {
            return;
        };
        let at = self.before(suffix);
        if at >= self.r1 && (suffix != "ative" || at >= self.r2) {
            self.replace_from(at, replacement);
        }
    }

    /// Step 4.
    fn drop_suffix(&mut self) {
        let Some(&suffix) = STEP_4.iter().find(|suffix| self.ends_with(suffix)) else {
            return;
        };
        let at = self.before(suffix);
        let allowed = suffix != "ion" || (at > 0 && b"st".contains(&self.letters[at - 1]));
        if at >= self.r2 && allowed {
            self.replace_from(at, "");
        }
    }

    /// Step 5.
    fn drop_final_e_or_l(&mut self) {
        let Some(at) = self.letters.len().checked_sub(1) else {
            return;
        };
        let drop = match self.letters[at] {
            b'e' => at >= self.r2 || (at >= self.r1 && !self.ends_short(at)),
            b'l' => at >= self.r2 && self.letters[..at].ends_with(b"l"),
            _ => false,
        };
        if drop {
            self.letters.pop();
        }
    }
}
