//! Numbers for terms, so that an index holds each term's text once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::embed;
use crate::record::Timestamp;
use crate::search_index::View;
use crate::text;

/// A term of a query.
#[derive(Debug)]
pub(crate) struct QueryTerm {
    pub text: String,
    /// None if no record has ever had it.
    pub number: Option<u32>,
}

/// So many terms follow each other in a block, whose texts together are shorter than 4 GiB: each is part of a text of 1 MiB in its compatible form.
const BLOCK: usize = 128;

/// Numbers the terms of all indexes of an engine; it only grows.
///
/// Large stores have as many terms that occur once as records, so each costs little more than its text.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// By the hash of the term's text.
    numbers: HashTable<u32>,
    hasher: RandomState,
    texts: Texts,
}

/// The texts of terms by number.
#[derive(Debug, Default)]
struct Texts {
    /// One behind the other.
    all: String,
    /// Where blocks begin.
    blocks: Vec<usize>,
    /// Where terms end, from the beginning of their block.
    ends: Vec<u32>,
}

impl Texts {
    fn of(&self, number: u32) -> &str {
        let number = number as usize;
        let block = self.blocks[number / BLOCK];
        let begin = match number % BLOCK {
            0 => 0,
            _ => self.ends[number - 1] as usize,
        };
        &self.all[block + begin..block + self.ends[number] as usize]
    }

    fn push(&mut self, text: &str) {
        if self.ends.len().is_multiple_of(BLOCK) {
            self.blocks.push(self.all.len());
        }
        self.all.push_str(text);
        let block = self.blocks.last().expect("the first term begins a block");
        let end = u32::try_from(self.all.len() - block).expect("a block is shorter than 4 GiB");
        self.ends.push(end);
    }

    fn bytes(&self) -> usize {
        self.all.capacity() + size_of_val(&*self.blocks) + 4 * self.ends.capacity()
    }
}

impl Vocabulary {
    /// The number of a term, new if it has none.
    fn number(&mut self, term: &str) -> u32 {
        let Vocabulary {
            numbers,
            hasher,
            texts,
        } = self;
        let hash = hasher.hash_one(term);
        if let Some(&number) = numbers.find(hash, |&number| texts.of(number) == term) {
            return number;
        }
        let number = u32::try_from(texts.ends.len()).expect("memory ends before 2^32 terms");
        texts.push(term);
        numbers.insert_unique(hash, number, |&number| hasher.hash_one(texts.of(number)));
        number
    }

    /// The number of a term, if any record has ever had it.
    fn find(&self, term: &str) -> Option<u32> {
        let is_it = |&number: &u32| self.texts.of(number) == term;
        let found = self.numbers.find(self.hasher.hash_one(term), is_it);
        found.copied()
    }

    /// Terms by number, each once with its count, in order of first appearance.
    pub fn count_terms(&mut self, terms: &[String]) -> Vec<(u32, u32)> {
        let numbers = terms.iter().map(|term| self.number(term));
        let mut placed: Vec<(u32, usize)> = numbers.zip(0..).collect();
        placed.sort_unstable();
        let runs = placed.chunk_by(|a, b| a.0 == b.0);
        let mut counted: Vec<(usize, u32, u32)> = runs
            .map(|run| {
                (
                    run[0].1,
                    run[0].0,
                    u32::try_from(run.len()).unwrap_or(u32::MAX),
                )
            })
            .collect();
        counted.sort_unstable();
        counted
            .into_iter()
            .map(|(_, term, count)| (term, count))
            .collect()
    }

    /// The distinct terms of a query in order of first appearance, with dates of a view for times from now (spec 8.16).
    pub fn query_terms(&self, query: &str, view: &View, now: Timestamp) -> Vec<QueryTerm> {
        let is_dated = |word: &str| {
            let mut terms = text::terms(word).into_iter();
            terms.any(|term| self.having(&term, view) > 0)
        };
        let dated = text::write_dates(query, now.as_millis(), is_dated);
        let mut seen = HashSet::new();
        let terms = text::terms(&dated).into_iter();
        terms
            .filter(|text| seen.insert(text.clone()))
            .map(|text| QueryTerm {
                number: self.find(&text),
                text,
            })
            .collect()
    }

    /// A query with its misspelt words replaced by words of a view (spec 8.15).
    pub fn mend<'q>(&self, query: &'q str, view: &View) -> Cow<'q, str> {
        text::mend(query, embed::is_known_word, |term| self.having(term, view))
    }

    /// Whether a query has a misspelt word, which takes some time to mend.
    pub fn is_misspelt(&self, query: &str, view: &View) -> bool {
        text::is_misspelt(query, embed::is_known_word, |term| self.having(term, view))
    }

    fn having(&self, term: &str, view: &View) -> usize {
        let number = self.find(term);
        number.map_or(0, |number| view.having(number))
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.numbers.allocation_size() + self.texts.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_has_one_number_and_is_found_by_it() {
        let mut vocabulary = Vocabulary::default();
        let terms: Vec<String> = (0..3 * BLOCK + 1).map(|it| "ä".repeat(it)).collect();
        for _ in 0..2 {
            for (number, term) in terms.iter().enumerate() {
                assert_eq!(vocabulary.number(term) as usize, number);
                assert_eq!(vocabulary.find(term), Some(vocabulary.number(term)));
                assert_eq!(vocabulary.texts.of(number as u32), term);
            }
        }
        assert_eq!(vocabulary.find("ä tea"), None);
        assert!(vocabulary.bytes() > terms.iter().map(String::len).sum());
    }
}
