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
        let parts = |at: usize| &rows[at * dimensions..][..dimensions];
        let ahead = rows.as_ptr().wrapping_add(AHEAD);
        let ahead = std::array::from_fn(|at| ahead.wrapping_add(at * dimensions));
        *products = four(std::array::from_fn(parts), query, ahead);
    }
    for (vector, product) in last.chunks_exact(dimensions).zip(rest) {
        *product = wide_dot(vector, query);
    }
}

/// Sets some of `products` as [`super::dots_at`] says; `query` is not empty.
///
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn dots_at(vectors: &[i8], query: &[i16], places: &[usize], products: &mut [i32]) {
    let dimensions = query.len();
    let row = |place: usize| &vectors[place * dimensions..][..dimensions];
    let (whole, rest) = places.as_chunks::<ROWS>();
    for (at, places) in whole.iter().enumerate() {
        // Whom the processor cannot guess are asked for two steps before they are needed.
        let ahead = whole.get(at + 2).unwrap_or(places);
        let ahead = ahead.map(|place| row(place).as_ptr());
        let found = four(places.map(row), query, ahead);
        for (&place, product) in places.iter().zip(found) {
            products[place] = product;
        }
    }
    for &place in rest {
        products[place] = wide_dot(row(place), query);
    }
}

/// The products of four rows; `ahead` are addresses of rows that will be needed soon.
#[inline]
#[target_feature(enable = "avx2")]
fn four(rows: [&[i8]; ROWS], query: &[i16], ahead: [*const i8; ROWS]) -> [i32; ROWS] {
    let (lanes, tail) = query.as_chunks::<LANES>();
    let [a, b, c, d] = rows.map(|row| row.as_chunks().0);
    let mut sums = [_mm256_setzero_si256(); ROWS];
    for (at, ((((query, a), b), c), d)) in lanes.iter().zip(a).zip(b).zip(c).zip(d).enumerate() {
        // A hint, which reads nothing: an address that is not ours is as good as none. A step for each row in turn, a cache line at a time.
        let line = at / ROWS * (ROWS * LANES);
        _mm_prefetch::<_MM_HINT_T0>(ahead[at % ROWS].wrapping_add(line));
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
    let mut products = [0; ROWS];
    // SAFETY: four products of four bytes.
    unsafe { _mm_storeu_si128(products.as_mut_ptr().cast::<__m128i>(), total) };
    if !tail.is_empty() {
        for (row, product) in rows.iter().zip(&mut products) {
            *product += wide_dot(&row[lanes.len() * LANES..], tail);
        }
    }
    products
}
