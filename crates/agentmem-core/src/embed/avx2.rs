//! Dot products and scaling with the instructions of AVX2, which most processors of today's x86 have.

#![allow(
    unsafe_code,
    reason = "vector instructions read through pointers; each comes from a slice that is as long as what is read"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_loadu_si128, _mm_prefetch, _mm_storeu_si128,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256,
    _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_setzero_si256,
};

use super::DIMENSIONS;
use super::dot::wide_dot;
use super::embedder::scaled_by_any;

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
        let (mut parts, mut ahead) = ([rows; ROWS], [rows.as_ptr(); ROWS]);
        for at in 0..ROWS {
            parts[at] = &rows[at * dimensions..][..dimensions];
            ahead[at] = parts[at].as_ptr().wrapping_add(AHEAD);
        }
        *products = four(parts, query, ahead);
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
    let (whole, rest) = places.as_chunks::<ROWS>();
    for (at, places) in whole.iter().enumerate() {
        // Whom the processor cannot guess are asked for two steps before they are needed.
        let later = whole.get(at + 2).unwrap_or(places);
        let (mut rows, mut ahead) = ([vectors; ROWS], [vectors.as_ptr(); ROWS]);
        for at in 0..ROWS {
            rows[at] = &vectors[places[at] * dimensions..][..dimensions];
            ahead[at] = vectors.as_ptr().wrapping_add(later[at] * dimensions);
        }
        let found = four(rows, query, ahead);
        for (&place, product) in places.iter().zip(found) {
            products[place] = product;
        }
    }
    for &place in rest {
        products[place] = wide_dot(&vectors[place * dimensions..][..dimensions], query);
    }
}

/// The products of four rows; `ahead` are addresses of rows that will be needed soon.
///
/// Without closures, which would be functions that know nothing of AVX2, and be called.
#[inline]
#[target_feature(enable = "avx2")]
fn four(rows: [&[i8]; ROWS], query: &[i16], ahead: [*const i8; ROWS]) -> [i32; ROWS] {
    let (lanes, tail) = query.as_chunks::<LANES>();
    let [a, b, c, d] = [
        rows[0].as_chunks().0,
        rows[1].as_chunks().0,
        rows[2].as_chunks().0,
        rows[3].as_chunks().0,
    ];
    let mut sums = [_mm256_setzero_si256(); ROWS];
    for (at, ((((query, a), b), c), d)) in lanes.iter().zip(a).zip(b).zip(c).zip(d).enumerate() {
        // A hint, which reads nothing: an address that is not ours is as good as none. A step for each row in turn, a cache line at a time.
        let line = at / ROWS * (ROWS * LANES);
        _mm_prefetch::<_MM_HINT_T0>(ahead[at % ROWS].wrapping_add(line));
        let query = load(query);
        for (sum, components) in sums.iter_mut().zip([a, b, c, d]) {
            let products = _mm256_madd_epi16(widen(components), query);
            *sum = _mm256_add_epi32(*sum, products);
        }
    }
    let mut products = totals(sums);
    if !tail.is_empty() {
        for (row, product) in rows.iter().zip(&mut products) {
            *product += wide_dot(&row[lanes.len() * LANES..], tail);
        }
    }
    products
}

/// Sets `products` to those of a row of the table with widened ones, and gives its product with itself.
///
/// The row stays in registers. The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn row_products(
    row: &[i8; DIMENSIONS],
    others: &[[i16; DIMENSIONS]],
    products: &mut [i32],
) -> i32 {
    let mut parts = [_mm256_setzero_si256(); DIMENSIONS / LANES];
    for (part, components) in parts.iter_mut().zip(row.as_chunks().0) {
        *part = widen(components);
    }
    let mut square = _mm256_setzero_si256();
    for part in parts {
        square = _mm256_add_epi32(square, _mm256_madd_epi16(part, part));
    }
    for (others, products) in others.chunks(ROWS).zip(products.chunks_mut(ROWS)) {
        let mut sums = [_mm256_setzero_si256(); ROWS];
        for (sum, other) in sums.iter_mut().zip(others) {
            for (&part, other) in parts.iter().zip(other.as_chunks().0) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(part, load(other)));
            }
        }
        for (product, total) in products.iter_mut().zip(totals(sums)) {
            *product = total;
        }
    }
    let zero = _mm256_setzero_si256();
    totals([square, zero, zero, zero])[0]
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(components: &[i16; LANES]) -> __m256i {
    // SAFETY: sixteen components of two bytes.
    unsafe { _mm256_loadu_si256(components.as_ptr().cast::<__m256i>()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen(components: &[i8; LANES]) -> __m256i {
    // SAFETY: sixteen components of one byte.
    let components = unsafe { _mm_loadu_si128(components.as_ptr().cast::<__m128i>()) };
    _mm256_cvtepi8_epi16(components)
}

/// Sums up the eight parts of each.
#[inline]
#[target_feature(enable = "avx2")]
fn totals([a, b, c, d]: [__m256i; ROWS]) -> [i32; ROWS] {
    let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let halves = (
        _mm256_castsi256_si128(pairs),
        _mm256_extracti128_si256::<1>(pairs),
    );
    let total = _mm_add_epi32(halves.0, halves.1);
    let mut totals = [0; ROWS];
    // SAFETY: four sums of four bytes.
    unsafe { _mm_storeu_si128(totals.as_mut_ptr().cast::<__m128i>(), total) };
    totals
}

/// Scales floats as spec 12.5 says.
///
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn scaled_floats(vector: &[f32], greatest: f32) -> Vec<i8> {
    scaled_by_any(vector, greatest)
}
