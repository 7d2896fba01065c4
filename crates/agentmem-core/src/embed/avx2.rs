//! Dot products with the instructions of AVX2, which most processors of today's x86 have.

#![allow(
    unsafe_code,
    reason = "vector instructions read through pointers; each comes from a slice that is as long as what is read"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_loadu_si128, _mm_prefetch, _mm_storeu_si128,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256,
    _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_setzero_si256,
};

use super::dot::wide_dot;

/// Vectors that are compared at a time: what is read of the query serves all of them.
const ROWS: usize = 4;
/// Components that one instruction takes.
const LANES: usize = 16;
/// How far ahead memory is asked for, in bytes: the processor by itself asks for too little, and not beyond a page.
const AHEAD: usize = 4096;

/// Sets `products` as [`super::dots`] says; `query` is not empty.
///
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn dots(vectors: &[i8], query: &[i16], products: &mut [i32]) {
    let dimensions = query.len();
    let (whole, rest) = products.as_chunks_mut::<ROWS>();
    let (vectors, last) = vectors.split_at(whole.len() * ROWS * dimensions);
    for (rows, products) in vectors.chunks_exact(ROWS * dimensions).zip(whole) {
        four(rows, query, products);
    }
    for (vector, product) in last.chunks_exact(dimensions).zip(rest) {
        *product = wide_dot(vector, query);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn four(rows: &[i8], query: &[i16], products: &mut [i32; ROWS]) {
    let dimensions = query.len();
    let (query, tail) = query.as_chunks::<LANES>();
    let ahead = rows.as_ptr().wrapping_add(AHEAD);
    let mut parts = rows.chunks_exact(dimensions).map(|row| row.as_chunks().0);
    let [a, b, c, d] = std::array::from_fn(|_| parts.next().expect("there are four rows"));
    let mut sums = [_mm256_setzero_si256(); ROWS];
    for (at, ((((query, a), b), c), d)) in query.iter().zip(a).zip(b).zip(c).zip(d).enumerate() {
        // A hint, which reads nothing: an address that is not ours is as good as none.
        _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(at * ROWS * LANES));
        // SAFETY: sixteen components of two bytes.
        let query = unsafe { _mm256_loadu_si256(query.as_ptr().cast::<__m256i>()) };
        for (sum, components) in sums.iter_mut().zip([a, b, c, d]) {
            let components: &[i8; LANES] = components;
            // SAFETY: sixteen components of one byte.
            let components = unsafe { _mm_loadu_si128(components.as_ptr().cast::<__m128i>()) };
            let products = _mm256_madd_epi16(_mm256_cvtepi8_epi16(components), query);
            *sum = _mm256_add_epi32(*sum, products);
        }
    }
    let [a, b, c, d] = sums;
    let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let halves = (
        _mm256_castsi256_si128(pairs),
        _mm256_extracti128_si256::<1>(pairs),
    );
    let total = _mm_add_epi32(halves.0, halves.1);
    // SAFETY: four products of four bytes.
    unsafe { _mm_storeu_si128(products.as_mut_ptr().cast::<__m128i>(), total) };
    if !tail.is_empty() {
        for (row, product) in rows.chunks_exact(dimensions).zip(products) {
            *product += wide_dot(&row[dimensions - tail.len()..], tail);
        }
    }
}
