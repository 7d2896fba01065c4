//! A quick hash for tables that nobody else fills.

use std::hash::{BuildHasherDefault, Hasher};

/// The hash FNV-1a, 64 bits: on short words quicker than the standard one.
///
/// It has no secret: for tables whose keys are the library's own, in which a stranger's text is only looked up.
/// Source: G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
pub struct Fnv(u64);

/// Makes hash tables use [`Fnv`].
pub type FnvBuilder = BuildHasherDefault<Fnv>;

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
