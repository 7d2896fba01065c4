//! Vectors of many texts, made by other cores while one thread already writes the records before them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Builder;

use crate::embed;
use crate::memory::cores::{FEWEST, threads};

/// Texts are copied, since their records go to the store meanwhile: no more bytes of them than this.
const MOST_BYTES: usize = 16 << 20;

/// The vectors of records that are to be added, by their places.
#[derive(Debug)]
pub(super) enum Vectors {
    Made(Vec<Vec<i8>>),
    Ahead(Arc<Ahead>),
}

impl Vectors {
    /// Gives the vector of a place, once.
    pub fn take(&mut self, place: usize) -> Vec<i8> {
        match self {
            Vectors::Made(made) => std::mem::take(&mut made[place]),
            Vectors::Ahead(ahead) => ahead.vector(place).clone(),
        }
    }
}

/// What the built-in table makes of texts, by whichever thread comes to one first.
#[derive(Debug)]
pub(super) struct Ahead {
    texts: Vec<String>,
    made: Vec<OnceLock<Vec<i8>>>,
    /// The first text that none of the threads has taken that began with this.
    next: AtomicUsize,
}

impl Ahead {
    /// Whether so many texts, of so many bytes together, are worth threads of their own.
    pub fn is_worth_while(texts: usize, bytes: usize) -> bool {
        texts >= FEWEST && bytes <= MOST_BYTES && threads() > 1
    }

    /// Begins on other cores, from the first text on. The threads end by themselves and keep no process alive.
    pub fn begin(texts: Vec<String>) -> Arc<Self> {
        let ahead = Arc::new(Ahead {
            made: texts.iter().map(|_| OnceLock::new()).collect(),
            texts,
            next: AtomicUsize::new(0),
        });
        for _ in 1..threads().min(ahead.texts.len() / (FEWEST / 2)) {
            let shared = Arc::clone(&ahead);
            // Where no thread can be had, whoever writes makes them.
            drop(Builder::new().spawn(move || shared.run()));
        }
        ahead
    }

    fn run(&self) {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.texts.len() {
                return;
            }
            self.vector(place);
        }
    }

    /// Gives the vector of a text: made before, being made by another thread, or made now.
    fn vector(&self, place: usize) -> &Vec<i8> {
        self.made[place].get_or_init(|| embed::embed(&self.texts[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_those_of_their_texts_whoever_makes_them() {
        for count in [1, 64, 1000] {
            let texts: Vec<String> = (0..count).map(|it| format!("tea and {it}")).collect();
            let expected: Vec<_> = texts.iter().map(|it| embed::embed(it)).collect();
            let mut vectors = Vectors::Ahead(Ahead::begin(texts));
            // From the end as well, where the threads have not been yet.
            for place in (0..count).rev().chain(0..count) {
                assert_eq!(vectors.take(place), expected[place]);
            }
        }
    }
}
