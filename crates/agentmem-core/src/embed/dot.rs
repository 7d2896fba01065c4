//! Dot products of int8 vectors: exact integers, so that every way to compute them gives the same.

use super::DIMENSIONS;

/// Returns what a function of `avx2` gives, where the processor has its instructions; else what stands behind it is done.
macro_rules! by_avx2 {
    ($function:ident($($argument:expr),*)) => {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[allow(
                unsafe_code,
                reason = "the processor has the instructions, as was just asked"
            )]
            // SAFETY: AVX2 was detected.
            return unsafe { crate::embed::avx2::$function($($argument),*) };
        }
    };
}
pub(super) use by_avx2;

/// Gives the dot product of two vectors of equal length: exact up to 131,071 components.
pub fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| i32::from(a) * i32::from(b))
        .sum()
}

/// Gives the sum of the squares of a vector, exact up to 131,071 components.
pub fn square_norm(vector: &[i8]) -> i64 {
    i64::from(dot(vector, vector))
}

/// Widens a vector for [`dots`]: to do it once for many products halves their time.
pub fn widened(vector: &[i8]) -> Vec<i16> {
    vector
        .iter()
        .map(|&component| i16::from(component))
        .collect()
}

/// Sets `products` to the dot products of a widened vector with as many others that lie one behind the other; 0 for vectors of no components.
pub fn dots(vectors: &[i8], query: &[i16], products: &mut [i32]) {
    if query.is_empty() {
        products.fill(0);
        return;
    }
    by_avx2!(dots(vectors, query, products));
    for (vector, product) in vectors.chunks_exact(query.len()).zip(products) {
        *product = wide_dot(vector, query);
    }
}

/// Sets those of `products` to the dot products that have a place among `places`; these are ascending, and the others stay as they are.
pub fn dots_at(vectors: &[i8], query: &[i16], places: &[usize], products: &mut [i32]) {
    if query.is_empty() {
        products.fill(0);
        return;
    }
    by_avx2!(dots_at(vectors, query, places, products));
    for &place in places {
        products[place] = wide_dot(&vectors[place * query.len()..][..query.len()], query);
    }
}

/// Sets `products` to those of a row of the table with as many widened ones, and gives its product with itself.
pub(super) fn row_products(
    row: &[i8; DIMENSIONS],
    others: &[[i16; DIMENSIONS]],
    products: &mut [i32],
) -> i32 {
    by_avx2!(row_products(row, others, products));
    for (other, product) in others.iter().zip(products) {
        *product = wide_dot(row, other);
    }
    dot(row, row)
}

#[inline(always)]
pub(super) fn wide_dot(vector: &[i8], query: &[i16]) -> i32 {
    vector
        .iter()
        .zip(query)
        .map(|(&a, &b)| i32::from(i16::from(a)) * i32::from(b))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::token_row;

    #[test]
    fn many_products_are_what_each_one_is() {
        for (dimensions, count) in [0, 1, 7, 16, 33, 128, 384, 4096]
            .into_iter()
            .zip([5, 4, 11, 3, 9, 8, 6, 5])
        {
            let component = |at: usize| ((at * 7919 + 13) % 255) as u8;
            let vectors: Vec<i8> = (0..count * dimensions)
                .map(|at| component(at).cast_signed().max(-127))
                .collect();
            let query: Vec<i8> = vectors.iter().rev().take(dimensions).copied().collect();
            let mut products = vec![1; count];
            dots(&vectors, &widened(&query), &mut products);
            for (number, &product) in products.iter().enumerate() {
                let vector = &vectors[number * dimensions..][..dimensions];
                assert_eq!(product, dot(vector, &query), "{dimensions}");
            }
            let mut some = vec![1; count];
            let places: Vec<usize> = (0..count).filter(|place| place % 3 != 1).collect();
            dots_at(&vectors, &widened(&query), &places, &mut some);
            for place in 0..count {
                let is_wanted = places.contains(&place) || dimensions == 0;
                let expected = if is_wanted { products[place] } else { 1 };
                assert_eq!(some[place], expected, "{dimensions}");
            }
        }
        let table = 0..23;
        let others: Vec<[i16; DIMENSIONS]> = table
            .map(|id| token_row(1000 + id).map(i16::from))
            .collect();
        for count in 0..others.len() {
            let row = token_row(2000);
            let mut products = vec![1; count];
            assert_eq!(
                row_products(row, &others[..count], &mut products),
                dot(row, row)
            );
            for (id, &product) in (1000..).zip(&products) {
                assert_eq!(product, dot(token_row(id), row));
            }
        }
        let extreme = [-127_i8; 4 * 4096];
        let mut products = [0; 4];
        dots(&extreme, &widened(&extreme[..4096]), &mut products);
        assert_eq!(products, [4096 * 127 * 127; 4]);
    }
}
