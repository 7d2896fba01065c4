//! Cosines of a query's vector with all vectors of a view (spec 8.7, 8.9).

use super::best::Best;
use crate::embed;
use crate::search_index::{CHUNK_SLOTS, Chunk, View};

/// The dot products of a query with the vectors of a chunk, by slot; anything where no record is live.
fn products<'a>(chunk: &Chunk, query: &[i16], products: &'a mut [i32; CHUNK_SLOTS]) -> &'a [i32] {
    let products = &mut products[..chunk.slots()];
    embed::dots(chunk.vectors(), query, products);
    products
}

/// The cosines of all records above 0, by place; 0 for the others.
pub(super) fn cosines(view: &View, query: &[i8]) -> Vec<f64> {
    let mut cosines = Vec::with_capacity(view.places());
    let square_norm = embed::square_norm(query);
    let (query, mut space) = (embed::widened(query), [0; CHUNK_SLOTS]);
    for chunk in view.chunks() {
        let products = products(chunk, &query, &mut space).iter();
        cosines.extend(products.zip(chunk.square_norms()).map(|(&product, &norm)| {
            embed::cosine(product, square_norm, i64::from(norm)).max(0.0)
        }));
    }
    cosines
}

/// Offers all records with a cosine above 0 that may be among the best by it.
pub(super) fn offer_nearest(best: &mut Best<'_>, view: &View, query: &[i8]) {
    let square_norm = embed::square_norm(query);
    let (query, mut space) = (embed::widened(query), [0; CHUNK_SLOTS]);
    for (number, chunk) in view.chunks().iter().enumerate() {
        let products = products(chunk, &query, &mut space).chunks(BLOCK);
        let blocks = products.zip(chunk.square_norms().chunks(BLOCK));
        for (block, (products, norms)) in blocks.enumerate() {
            if !reach(products, norms, best.least(), square_norm) {
                continue;
            }
            for (slot, (&product, &norm)) in products.iter().zip(norms).enumerate() {
                let cosine = embed::cosine(product, square_norm, i64::from(norm));
                if cosine > 0.0 {
                    best.offer(number * CHUNK_SLOTS + block * BLOCK + slot, cosine);
                }
            }
        }
    }
}

/// Records that are looked at together, to see that none of them counts.
const BLOCK: usize = 32;

/// Whether some cosine above 0 may be at least `least`, told without roots and quotients.
///
/// In floats of 32 bits, of which processors compare many at once; what they round off is far below one part in 10^5.
fn reach(products: &[i32], square_norms: &[u32], least: f64, query_square_norm: i64) -> bool {
    let least = (least * least * query_square_norm as f64 * (1.0 - 1e-5)) as f32;
    let pairs = products.iter().zip(square_norms);
    pairs.fold(false, |any, (&product, &norm)| {
        let (product, norm) = (product as f32, norm.cast_signed() as f32);
        any | ((product > 0.0) & (product * product >= least * norm))
    })
}

/// C of spec 8.9 by place: what the neighbours of a turn mean counts too, the less the further away.
pub(super) fn near(view: &View, cosines: &[f64]) -> Vec<f64> {
    let near = |(place, &cosine): (usize, &f64)| {
        let mut pairs = [0.0; 3];
        for (place, distance) in view.neighbours(place) {
            pairs[distance - 1] += cosines[place];
        }
        ((cosine + 0.5 * pairs[0]) + 0.25 * pairs[1]) + 0.125 * pairs[2]
    };
    cosines.iter().enumerate().map(near).collect()
}
