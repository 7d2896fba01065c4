//! The token table: a vector for each token, and its length, which is the token's weight.

use std::sync::LazyLock;

/// Names the table for good: a store remembers which one its vectors are of. A table that differs has a greater version behind the `v`.
pub const TABLE_ID: &str = "agentmem-static-128-v2";

/// The number of components of a row, and of an embedding made from rows.
pub const DIMENSIONS: usize = 128;

/// The number of rows: one for each token of the vocabulary.
pub const TOKENS: usize = TABLE.len() / DIMENSIONS;

static TABLE: &[u8] = include_bytes!("../../data/table_128.i8");

static NORMS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    rows()
        .iter()
        .map(|row| f64::from(row.iter().map(|&byte| square(byte)).sum::<u32>()).sqrt())
        .collect()
});

fn rows() -> &'static [[u8; DIMENSIONS]] {
    TABLE.as_chunks().0
}

fn square(byte: u8) -> u32 {
    u32::from(byte.cast_signed().unsigned_abs()).pow(2)
}

/// Gives the row of a token.
pub fn token_row(id: u32) -> [i8; DIMENSIONS] {
    rows()[id as usize].map(u8::cast_signed)
}

/// Gives the length of a token's row: the square root of its exact square sum, 0 for a token without meaning.
pub fn row_norm(id: u32) -> f64 {
    NORMS[id as usize]
}
