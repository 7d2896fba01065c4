//! The sums by which a page that has changed on the disk is told (docs/spec/file-format.md), in the layout of SQLite's own checksum VFS:
//! <https://www.sqlite.org/cksumvfs.html>.

use crate::store::schema::{self, APPLICATION_ID, FORMAT};

/// The size of a page of a store, in bytes.
pub(super) const PAGE: usize = 4096;
/// The bytes at the end of a page that are left to its sum.
pub(super) const RESERVED: usize = 8;
/// The header of a database, at the start of its first page.
pub(super) const HEADER: usize = 100;
/// The smallest sector of a disk, which can be lost by itself.
const SECTOR: usize = 512;

/// A page as it is read and written.
pub(super) type Page = [u8; PAGE];

/// Two words that depend on all that was added, and on its order; SQLite sums its logs so too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub words: (u32, u32),
}

impl Sum {
    /// Adds bytes, a multiple of 8, as words that `word` reads.
    #[inline]
    pub fn add(&mut self, bytes: &[u8], word: impl Fn([u8; 4]) -> u32) {
        let (mut first, mut second) = self.words;
        for pair in bytes.as_chunks::<8>().0 {
            let [a, b, c, d, e, f, g, h] = *pair;
            first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
        }
        self.words = (first, second);
    }
}

/// How many words of a page its sum is of.
const SUMMED: usize = (PAGE - RESERVED) / 4;

/// What each word of a page counts in the second word of its sum, and one place on in the first.
///
/// Every word of a sum is the sum of the two before it and of a word of the page: so each of those counts by a number of Fibonacci's, the
/// greater the further it is from the end.
const WEIGHTS: [u32; SUMMED + 1] = {
    let mut weights = [0_u32; SUMMED + 1];
    weights[SUMMED - 1] = 1;
    let mut at = SUMMED - 1;
    while at > 0 {
        at -= 1;
        weights[at] = weights[at + 1].wrapping_add(weights[at + 2]);
    }
    weights
};

/// The sum of a page as it stands at its end.
fn sum_of(page: &Page) -> [u8; RESERVED] {
    let (first, second) = words_of(page);
    (u64::from(first) | (u64::from(second) << 32)).to_le_bytes()
}

/// What [`Sum::add`] makes of a page. There each word waits for the one before it, which takes four times as long.
#[cfg(target_arch = "x86_64")]
fn words_of(page: &Page) -> (u32, u32) {
    /// The processor must have AVX2.
    #[target_feature(enable = "avx2")]
    fn weighed_by_many(page: &Page) -> (u32, u32) {
        weighed(page)
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        #[allow(
            unsafe_code,
            reason = "the processor has the instructions, as was just asked"
        )]
        // SAFETY: AVX2 was detected.
        return unsafe { weighed_by_many(page) };
    }
    // Without it there is no product of many words at once.
    let mut sum = Sum::default();
    sum.add(&page[..PAGE - RESERVED], u32::from_le_bytes);
    sum.words
}

/// What [`Sum::add`] makes of a page. There each word waits for the one before it.
#[cfg(not(target_arch = "x86_64"))]
fn words_of(page: &Page) -> (u32, u32) {
    weighed(page)
}

/// Sums up all words of a page by their weights, in any order.
#[inline(always)]
fn weighed(page: &Page) -> (u32, u32) {
    let words = page.as_chunks::<4>().0;
    let pairs = WEIGHTS[1..].iter().zip(&WEIGHTS).zip(words);
    pairs.fold(
        (0, 0),
        |(first, second): (u32, u32), ((of_first, of_second), word)| {
            let word = u32::from_le_bytes(*word);
            (
                first.wrapping_add(word.wrapping_mul(*of_first)),
                second.wrapping_add(word.wrapping_mul(*of_second)),
            )
        },
    )
}

/// Writes the sum of a page to its end.
pub(super) fn seal(page: &mut Page) {
    let sum = sum_of(page);
    page[PAGE - RESERVED..].copy_from_slice(&sum);
}

/// Checks a page that was read; `is_first` if it begins with the header of the database.
///
/// Zeros stand for no sum: another SQLite has moved the page from the log, or copied the file. No damage but the loss of its
/// end makes a page look so.
pub(super) fn is_sound(page: &Page, is_first: bool) -> bool {
    let stored = &page[PAGE - RESERVED..];
    *stored == sum_of(page) || (*stored == [0; RESERVED] && !has_lost_its_end(page, is_first))
}

/// Whether a page of a table or an index, which fills such a page from its end, has none.
fn has_lost_its_end(page: &Page, is_first: bool) -> bool {
    let start = if is_first { HEADER } else { 0 };
    let is_of_tree = matches!(page[start], 2 | 5 | 10 | 13);
    let has_cells = page[start + 3..start + 5] != [0, 0];
    is_of_tree && has_cells && page[PAGE - SECTOR..].iter().all(|byte| *byte == 0)
}

/// What the header of a database says of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They have sums, or zeros: a store of ours, or what will become one.
    Summed,
    /// They have none: a store of an older format, or no store.
    Plain,
    /// It is a store of this format, and says that its pages are not as those of one are.
    Damaged,
}

/// Reads the header of a database, [`HEADER`] bytes or more.
pub(super) fn kind(header: &[u8]) -> Kind {
    let number = |at: usize| {
        let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        i64::from(u32::from_be_bytes(bytes))
    };
    let (format, application) = (number(60), number(68));
    let is_known = match application {
        APPLICATION_ID => schema::knows(format),
        0 => format == 0,
        _ => false,
    };
    if !header.starts_with(b"SQLite format 3\0") || !is_known {
        return Kind::Plain;
    }
    let has_room = usize::from(header[20]) == RESERVED;
    let has_our_pages = has_room && header[16..18] == (PAGE as u16).to_be_bytes();
    if application == APPLICATION_ID && format == FORMAT && !has_our_pages {
        Kind::Damaged
    } else if has_room {
        Kind::Summed
    } else {
        Kind::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_page_counts() {
        let mut page: Page = std::array::from_fn(|at| (at * 7 % 251) as u8);
        seal(&mut page);
        assert!(is_sound(&page, false));
        for bit in 0..PAGE * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_sound(&page, false), "{bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn the_sum_is_that_of_sqlites_own_checksum_vfs() {
        let mut page = [0; PAGE];
        // Word for word: s1 += a + s2, s2 += b + s1.
        page[..16].copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0]);
        let mut words = (0_u32, 0_u32);
        for (a, b) in [(1, 2), (4, 8)].into_iter().chain([(0, 0); 509]) {
            words.0 = words.0.wrapping_add(a).wrapping_add(words.1);
            words.1 = words.1.wrapping_add(b).wrapping_add(words.0);
        }
        seal(&mut page);
        assert_eq!(page[PAGE - 8..PAGE - 4], words.0.to_le_bytes());
        assert_eq!(page[PAGE - 4..], words.1.to_le_bytes());
    }

    #[test]
    fn the_sum_by_weights_is_that_word_for_word() {
        for seed in 1..200_u32 {
            let page: Page = std::array::from_fn(|at| {
                let mixed = (at as u32 + 1).wrapping_mul(seed.wrapping_mul(2_654_435_761));
                (mixed >> (seed % 24)) as u8
            });
            let mut sum = Sum::default();
            sum.add(&page[..PAGE - RESERVED], u32::from_le_bytes);
            assert_eq!(weighed(&page), sum.words);
            assert_eq!(words_of(&page), sum.words);
        }
        assert_eq!(weighed(&[0; PAGE]), (0, 0));
        let mut sum = Sum::default();
        sum.add(&[255; PAGE - RESERVED], u32::from_le_bytes);
        assert_eq!(words_of(&[255; PAGE]), sum.words);
    }

    #[test]
    fn zeros_stand_for_no_sum_unless_the_end_of_a_page_is_lost() {
        let mut page = [7; PAGE];
        page[PAGE - RESERVED..].fill(0);
        assert!(is_sound(&page, false));
        (page[0], page[3], page[4]) = (13, 0, 1);
        assert!(is_sound(&page, false));
        page[PAGE - SECTOR..].fill(0);
        assert!(!is_sound(&page, false));
    }
}
