//! What the index of the log, which all processes share in memory, says of the newest transaction.
//!
//! Its header is another one after every commit, by whomever. SQLite tells by it whether its own cache still holds; to ask SQLite takes a
//! read transaction, with two calls of the system for its lock. <https://www.sqlite.org/walformat.html#the_wal_index_file_format>
#![allow(
    unsafe_code,
    reason = "the memory is shared with other processes, which write to it at any time: it can be read through a pointer alone"
)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::store::checksum::Sum;

/// The words of 64 bits of a header.
const WORDS: usize = 6;
/// The bytes of a header that its sum covers.
const SUMMED: usize = 40;

/// What tells one state of the store from every other: the header, or a number where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version([u64; WORDS]);

impl Version {
    /// A version by a number that counts; it equals none by a header, which begins with the number of its format.
    pub fn counted(number: u64) -> Self {
        Version([0, number, 0, 0, 0, 0])
    }
}

/// The index of a log, as one connection has it.
#[derive(Debug)]
pub(super) struct WalIndex(NonNull<AtomicU64>);

// SAFETY: it is read only, atomically, and by any thread.
unsafe impl Send for WalIndex {}

impl WalIndex {
    /// Takes the first part of an index that is mapped.
    ///
    /// # Safety
    ///
    /// It must be aligned as a page is, and stay mapped for as long as the value is used: until its connection is closed.
    pub unsafe fn new(start: NonNull<AtomicU64>) -> Self {
        WalIndex(start)
    }

    /// Reads the header, as SQLite does: nothing if a commit is writing it at this moment, or was killed while it did.
    pub fn version(&self) -> Option<Version> {
        // A commit writes the second copy first, and the first one last.
        let first = self.copy(0);
        fence(Ordering::SeqCst);
        let second = self.copy(WORDS);
        (first == second && is_sound(&first)).then_some(Version(first))
    }

    fn copy(&self, at: usize) -> [u64; WORDS] {
        // SAFETY: two headers stand at the start of a part, which has 32 KiB.
        std::array::from_fn(|word| unsafe {
            self.0.add(at + word).as_ref().load(Ordering::Relaxed)
        })
    }
}

/// Whether the header has been made, and has the sum that it names.
fn is_sound(header: &[u64; WORDS]) -> bool {
    let mut bytes = [0; 8 * WORDS];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(header) {
        *bytes = word.to_ne_bytes();
    }
    let mut sum = Sum::default();
    sum.add(&bytes[..SUMMED], u32::from_ne_bytes);
    let (first, second) = sum.words;
    let is_made = bytes[12] != 0;
    is_made && bytes[SUMMED..] == *[first.to_ne_bytes(), second.to_ne_bytes()].as_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_only_if_both_copies_are_whole() {
        let mut bytes = [0; 8 * WORDS];
        for (at, byte) in bytes.iter_mut().enumerate().take(SUMMED) {
            *byte = 3 * at as u8 + 1;
        }
        let mut sum = Sum::default();
        sum.add(&bytes[..SUMMED], u32::from_ne_bytes);
        bytes[SUMMED..SUMMED + 4].copy_from_slice(&sum.words.0.to_ne_bytes());
        bytes[SUMMED + 4..].copy_from_slice(&sum.words.1.to_ne_bytes());
        let header: [u64; WORDS] =
            std::array::from_fn(|at| u64::from_ne_bytes(bytes.as_chunks().0[at]));
        let mut shared = [header, header].map(|copy| copy.map(AtomicU64::new));
        let read = |shared: &[[AtomicU64; WORDS]; 2]| {
            // SAFETY: both copies live as long as this.
            unsafe { WalIndex::new(NonNull::from(shared).cast()) }.version()
        };
        assert_eq!(read(&shared), Some(Version(header)));
        assert_ne!(read(&shared), Some(Version::counted(header[1])));
        // One copy is older, as while a commit writes.
        *shared[1][1].get_mut() ^= 1 << 40;
        assert_eq!(read(&shared), None);
        // Both are the same, and neither is whole.
        *shared[0][1].get_mut() ^= 1 << 40;
        assert_eq!(read(&shared), None);
        // Nothing has been made yet: its sum is right.
        let empty = [[0; WORDS]; 2].map(|copy| copy.map(AtomicU64::new));
        assert_eq!(read(&empty), None);
    }
}
