//! Cosines of a query's vector with the vectors of a view (spec 8.7, 8.9).
//!
//! What counts is told by doubles, in the stated order. Since they take roots and quotients, most records are told apart by floats of 32 bits
//! first, of which processors take many at once: what is less than the least that still counts by more than floats are wrong is not looked at
//! further, and so the best are what they are without.

use std::ops::{Add, Mul};

use super::best::Best;
use super::selected::{Bits, Selected, slots};
use crate::embed;
use crate::search_index::{CHUNK_SLOTS, Chunk, REACH, View};

/// More than floats are wrong by, as a share of the right value.
///
/// Each conversion, root, quotient and sum is wrong by 2^-24 of its value at most, nothing negative is summed up, and less than 16 of them follow
/// each other: below 10^-6.
const WRONG: f64 = 1e-5;

/// Records that are looked at together, to see that none of them counts.
const BLOCK: usize = 32;

/// Of so few records all cosines are computed once: most of them would be asked for, and some as often as a turn has neighbours.
const FEW: usize = 4 * CHUNK_SLOTS;

/// Computes dot products of a query with the vectors of chunks.
struct Products {
    query: Vec<i16>,
    wanted: Vec<usize>,
}

impl Products {
    fn new(query: &[i8]) -> Self {
        Products {
            query: embed::widened(query),
            wanted: Vec::new(),
        }
    }

    /// Sets the products by slot: of all, or at least of the slots that are wanted, which are given then if the others were left alone.
    ///
    /// One behind the other is about twice as quick, so single ones are read only if they are few.
    fn read(
        &mut self,
        chunk: &Chunk,
        wanted: Option<&Bits>,
        products: &mut [i32],
    ) -> Option<&[usize]> {
        if let Some(wanted) = wanted {
            self.wanted.clear();
            self.wanted.extend(slots(wanted));
            if 2 * self.wanted.len() < chunk.slots() {
                embed::dots_at(chunk.vectors(), &self.query, &self.wanted, products);
                return Some(&self.wanted);
            }
        }
        embed::dots(chunk.vectors(), &self.query, products);
        None
    }
}

/// Offers all records with a cosine above 0 that may be among the best by it.
pub(super) fn offer_nearest(best: &mut Best<'_, '_>, selected: &Selected<'_>, query: &[i8]) {
    let square_norm = embed::square_norm(query);
    let (mut reader, mut space) = (Products::new(query), [0; CHUNK_SLOTS]);
    for (number, chunk) in selected.view.chunks().iter().enumerate() {
        let products = &mut space[..chunk.slots()];
        let norms = chunk.square_norms();
        let offer = |best: &mut Best<'_, '_>, slot: usize, product: i32| {
            let cosine = embed::cosine(product, square_norm, i64::from(norms[slot]));
            if cosine > 0.0 {
                best.offer(number * CHUNK_SLOTS + slot, cosine);
            }
        };
        if let Some(wanted) = reader.read(chunk, selected.slots(number), products) {
            for &slot in wanted {
                offer(best, slot, products[slot]);
            }
            continue;
        }
        let blocks = products.chunks(BLOCK).zip(norms.chunks(BLOCK));
        for (block, (products, norms)) in blocks.enumerate() {
            if reach(products, norms, best.least(), square_norm) {
                for (slot, &product) in products.iter().enumerate() {
                    offer(best, block * BLOCK + slot, product);
                }
            }
        }
    }
}

/// Whether some cosine above 0 may be at least `least`, told without roots and quotients.
fn reach(products: &[i32], square_norms: &[u32], least: f64, query_square_norm: i64) -> bool {
    let least = (least * least * query_square_norm as f64 * (1.0 - WRONG)) as f32;
    let pairs = products.iter().zip(square_norms);
    pairs.fold(false, |any, (&product, &norm)| {
        let (product, norm) = (product as f32, norm.cast_signed() as f32);
        any | ((product > 0.0) & (product * product >= least * norm))
    })
}

/// The cosines of the records that a search may find, and of the turns around them.
pub(super) struct Cosines<'a> {
    view: &'a View,
    square_norm: i64,
    /// Dot products by place; 0 or more, whatever they are, where none was wanted.
    products: Vec<i32>,
    /// The cosines by place, if they are few.
    few: Vec<f64>,
    /// C of spec 8.9 by place, if they are few.
    near: Vec<f64>,
}

impl<'a> Cosines<'a> {
    pub fn new(selected: &Selected<'a>, query: &[i8]) -> Self {
        let view = selected.view;
        let wanted = selected.with_neighbours();
        let mut reader = Products::new(query);
        let mut products = vec![0; view.places()];
        let chunks = view.chunks().iter().zip(products.chunks_mut(CHUNK_SLOTS));
        for (number, (chunk, products)) in chunks.enumerate() {
            reader.read(chunk, wanted.as_ref().map(|bits| &bits[number]), products);
        }
        let mut cosines = Cosines {
            view,
            square_norm: embed::square_norm(query),
            products,
            few: Vec::new(),
            near: Vec::new(),
        };
        if view.places() <= FEW {
            cosines.few = cosines.all();
            cosines.near = all_near(view, &cosines.few);
        }
        cosines
    }

    /// The cosine of the record at a place, 0 or more; 0 where none is live.
    pub fn cosine(&self, place: usize) -> f64 {
        let few = self.few.get(place).copied();
        few.unwrap_or_else(|| self.computed(place))
    }

    fn computed(&self, place: usize) -> f64 {
        let norm = self.view.chunks()[place / CHUNK_SLOTS].square_norms()[place % CHUNK_SLOTS];
        embed::cosine(self.products[place], self.square_norm, i64::from(norm)).max(0.0)
    }

    /// The cosines by place, several at once: without a branch, and from integers of 32 bits, as which square norms fit.
    fn all(&self) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.products.len());
        let square_norm = self.square_norm as f64;
        let chunks = self.view.chunks().iter();
        for (chunk, products) in chunks.zip(self.products.chunks(CHUNK_SLOTS)) {
            let pairs = products.iter().zip(chunk.square_norms());
            all.extend(pairs.map(|(&product, &norm)| {
                let norm = norm.cast_signed();
                let cosine = f64::from(product) / (square_norm * f64::from(norm)).sqrt();
                let counts = (product > 0) & (norm > 0);
                // Where the query's is 0 all products are.
                if counts { cosine } else { 0.0 }
            }));
        }
        all
    }

    /// C of spec 8.9.
    pub fn near(&self, place: usize) -> f64 {
        if let Some(&near) = self.near.get(place) {
            return near;
        }
        let mut pairs = [0.0; 3];
        for (place, distance) in self.view.neighbours(place) {
            pairs[distance - 1] += self.cosine(place);
        }
        near_of(self.cosine(place), pairs)
    }

    /// Offers all records by C that may be among the best by it.
    pub fn offer_near(&self, best: &mut Best<'_, '_>, selected: &Selected<'_>) {
        if !self.near.is_empty() {
            for (place, &near) in self.near.iter().enumerate().filter(|it| *it.1 > 0.0) {
                best.offer(place, near);
            }
            return;
        }
        let about = self.about();
        let root = (self.square_norm as f64).sqrt() * (1.0 - WRONG);
        let mut consider = |place: usize, about_near: f32| {
            if about_near < (best.least() * root) as f32 {
                return;
            }
            let near = self.near(place);
            if near > 0.0 {
                best.offer(place, near);
            }
        };
        if !selected.is_known() {
            let about_near = all_near(self.view, &about);
            for (place, &about_near) in about_near.iter().enumerate() {
                consider(place, about_near);
            }
            return;
        }
        for number in 0..self.view.chunks().len() {
            for slot in selected.slots(number).into_iter().flat_map(|it| slots(it)) {
                let place = number * CHUNK_SLOTS + slot;
                let neighbours = self.view.neighbours(place);
                let weighed = neighbours.map(|(place, away)| about[place] / (1 << away) as f32);
                consider(place, about[place] + weighed.sum::<f32>());
            }
        }
    }

    /// By place: the cosine times the length of the query's vector, as a float.
    fn about(&self) -> Vec<f32> {
        let mut about = Vec::with_capacity(self.products.len());
        let chunks = self.view.chunks().iter();
        for (chunk, products) in chunks.zip(self.products.chunks(CHUNK_SLOTS)) {
            let pairs = products.iter().zip(chunk.square_norms());
            about.extend(pairs.map(|(&product, &norm)| {
                let (product, norm) = (product.max(0) as f32, norm.cast_signed() as f32);
                // Where no record is live the norm is 0.
                let live = if norm > 0.0 { product } else { 0.0 };
                live / norm.max(1.0).sqrt()
            }));
        }
        about
    }
}

/// C of spec 8.9 of a turn by its own cosine, and by the sums of those one, two and three places before and after it: what they mean counts too,
/// the less the further away.
fn near_of<T>(own: T, pairs: [T; REACH]) -> T
where
    T: Add<Output = T> + Mul<Output = T> + From<f32>,
{
    let [one, two, three] = pairs;
    own + T::from(0.5) * one + T::from(0.25) * two + T::from(0.125) * three
}

/// C by place, of cosines by place; records that are no turns keep theirs. Each conversation is gone through once, which takes a sixth of going
/// from each turn to all of its neighbours.
fn all_near<T>(view: &View, values: &[T]) -> Vec<T>
where
    T: Copy + Default + Add<Output = T> + Mul<Output = T> + From<f32>,
{
    let mut found = values.to_vec();
    let mut line = Vec::new();
    view.conversations(|turns| {
        line.clear();
        line.resize(REACH, T::default());
        line.extend(turns.iter().map(|&place| values[place]));
        line.resize(turns.len() + 2 * REACH, T::default());
        for (&place, window) in turns.iter().zip(line.windows(2 * REACH + 1)) {
            let pair = |away: usize| window[REACH - 1 - away] + window[REACH + 1 + away];
            found[place] = near_of(window[REACH], std::array::from_fn(pair));
        }
    });
    found
}
