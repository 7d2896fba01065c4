//! The words that are never terms.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::fnv::FnvBuilder;

static STOP_WORDS: LazyLock<HashSet<&'static str, FnvBuilder>> =
    LazyLock::new(|| include_str!("../../data/stopwords.txt").lines().collect());

/// Tells a stop word, compared in lower case and before stemming.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word)
}
