//! The built-in embedder, a vector for a text from a table of tokens by integers alone; and which other there may be.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod coverage;
mod dot;
mod embedder;
mod table;
mod wordpiece;

#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use dot::{dot, dots, dots_at, square_norm, widened};
#[cfg(test)]
use embedder::quantise_floats;
pub use embedder::{Embedder, MAX_DIMENSIONS};
use table::has_meaning;
pub use table::{DIMENSIONS, TABLE_ID, TOKENS, row_norm, token_row};
pub use wordpiece::{is_known_word, token_ids};

/// How many distinct tokens of a text the second stage compares.
const COMPARED_TOKENS: usize = 64;

/// Embeds a text: all zero if no word of it is known.
pub fn embed(text: &str) -> Vec<i8> {
    embed_tokens(&token_ids(text))
}

/// Embeds a text given as its token ids, repeats counted.
pub fn embed_tokens(ids: &[u32]) -> Vec<i8> {
    /// As many rows can be summed up in 16 bits, which is twice as quick as in 32: 2^15 / 127.
    const SUMMED_AT_ONCE: usize = 256;
    // Whole numbers below 2^44 in the text of any size that fits in memory, which doubles hold exactly.
    let mut sums = [0.0; DIMENSIONS];
    for ids in ids.chunks(SUMMED_AT_ONCE) {
        let mut partial = [0_i16; DIMENSIONS];
        for &id in ids {
            for (sum, &component) in partial.iter_mut().zip(token_row(id)) {
                *sum += i16::from(component);
            }
        }
        for (sum, partial) in sums.iter_mut().zip(partial) {
            *sum += f64::from(partial);
        }
    }
    quantise(&sums)
}

/// Scales sums to int8 so that the greatest magnitude becomes 127; halves are rounded away from zero.
///
/// Takes whole numbers of magnitudes below 2^44.
pub fn quantise(sums: &[f64]) -> Vec<i8> {
    let greatest = sums.iter().fold(0.0, |most: f64, sum| most.max(sum.abs()));
    scaled(sums.iter().copied(), greatest)
}

/// Scales components by the greatest of their magnitudes: sign(a) floor((254 |a| + XX
///
/// Without a call of `floor`, which keeps a loop from being one over several components at once: what is not negative is rounded down by
/// a conversion to an integer.
#[inline(always)]
fn scaled(components: impl Iterator<Item = f64>, greatest: f64) -> Vec<i8> {
    // All are zero if the greatest is.
    let divisor = if greatest > 0.0 { 2.0 * greatest } else { 1.0 };
    let scaled = |component: f64| {
        let magnitude = (254.0 * component.abs() + greatest) / divisor;
        magnitude.copysign(component) as i32 as i8
    };
    components.map(scaled).collect()
}

/// Gives the cosine from a dot product and two square norms; 0 where one of them is zero.
///
/// The product of the norms is rounded to a double once, the same whether from integers or from doubles.
pub fn cosine(product: i32, query_square: i64, document_square: i64) -> f64 {
    if query_square == 0 || document_square == 0 {
        return 0.0;
    }
    // Square norms are below 2^31, so doubles hold them exactly.
    f64::from(product) / (query_square as f64 * document_square as f64).sqrt()
}

/// Gives the first 64 distinct token ids with a row that is not zero, in order of appearance.
pub fn distinct_tokens(ids: &[u32]) -> Vec<u16> {
    let mut distinct = Vec::with_capacity(COMPARED_TOKENS.min(ids.len()));
    for &id in ids {
        let short = u16::try_from(id).expect("the vocabulary has 30,522 tokens");
        if has_meaning(id) && !distinct.contains(&short) {
            distinct.push(short);
            if distinct.len() == COMPARED_TOKENS {
                break;
            }
        }
    }
    distinct
}
