//! Numbers for terms, so that an index holds each term's text once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

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

/// Numbers the terms of all indexes of an engine; it only grows.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    numbers: HashMap<Box<str>, u32>,
    bytes: usize,
}

impl Vocabulary {
    /// The number of a term, new if it has none.
    fn number(&mut self, term: &str) -> u32 {
        if let Some(&number) = self.numbers.get(term) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).expect("memory ends before 2^32 terms");
        self.bytes += term.len() + 40;
        self.numbers.insert(term.into(), number);
        number
    }

    /// The number of a term, if any record has ever had it.
    fn find(&self, term: &str) -> Option<u32> {
        self.numbers.get(term).copied()
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
        self.bytes
    }
}
