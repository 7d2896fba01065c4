//! The token table: a vector for each token, and its length, which is the token's weight.

/// Names the table for good: a store remembers which one its vectors are of. A table that differs has a greater version behind the `v`.
pub const TABLE_ID: &str = "agentmem-static-128-v2";

/// The number of components of a row, and of an embedding made from rows.
pub const DIMENSIONS: usize = 128;

/// The number of rows: one for each token of the vocabulary.
pub const TOKENS: usize = BYTES.len() / DIMENSIONS;

const BYTES: &[u8] = include_bytes!("../../data/table_128.i8");

/// Gives the row of a token.
pub fn token_row(id: u32) -> &'static [i8; DIMENSIONS] {
    let row: &[u8; DIMENSIONS] = &BYTES.as_chunks().0[id as usize];
    #[allow(
        unsafe_code,
        reason = "there is no safe way to look at bytes as signed ones without copying them"
    )]
    // SAFETY: u8 and i8 have the same size and alignment, and any bits are both.
    unsafe {
        &*std::ptr::from_ref(row).cast()
    }
}

/// Whether a token has a meaning: a row that is not zero.
pub fn has_meaning(id: u32) -> bool {
    token_row(id).iter().any(|&component| component != 0)
}

/// Gives the length of a token's row: the square root of its exact square sum, 0 for a token without meaning.
pub fn row_norm(id: u32) -> f64 {
    let row = token_row(id);
    f64::from(super::dot(row, row)).sqrt()
}
