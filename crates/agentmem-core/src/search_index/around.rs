//! The turns around others in their conversations (spec 8.3, 8.12).

use super::chunk::NOWHERE;
use super::{CHUNK_SLOTS, Entry, View};

/// How many turns before and after a turn are its neighbours.
pub(crate) const REACH: usize = 3;

const BEFORE: usize = 0;
const AFTER: usize = 1;

/// Gives the length in context of one of a line of turns, in eighths, from the words of each.
pub(super) fn len8(at: usize, turns: usize, words: impl Fn(usize) -> u32) -> u32 {
    let reached = at.saturating_sub(REACH)..turns.min(at + REACH + 1);
    reached
        .map(|other| words(other) << (REACH - at.abs_diff(other)))
        .sum()
}

impl View {
    /// Whether the turns around the one at a place, [`REACH`] on either side, are at the places beside it: told without going from one to the next.
    #[inline]
    pub fn is_in_line(&self, place: usize) -> bool {
        let links = self.chunks[place / CHUNK_SLOTS].all_links();
        let Some(first) = (place % CHUNK_SLOTS).checked_sub(REACH - 1) else {
            return false;
        };
        let beside = links.get(first..first + 2 * REACH - 1);
        let Some([b, a, own, c, d]) = beside.and_then(|it| it.as_array()) else {
            return false;
        };
        let before = |links: &[u32; 2], away| links[BEFORE] as usize + away == place;
        let after = |links: &[u32; 2], away| links[AFTER] as usize == place + away;
        // Without a branch: mostly all of it is so.
        (before(own, 1) & before(a, 2) & before(b, 3)) & (after(own, 1) & after(c, 2) & after(d, 3))
    }

    /// The places of the turns around one with how many places they are away: those before it, the nearest first, then those after it.
    pub fn neighbours(&self, place: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut found = [(place, 0); 2 * REACH];
        let mut count = 0;
        let (number, own) = (place / CHUNK_SLOTS, &self.chunks[place / CHUNK_SLOTS]);
        for (direction, mut next) in own.links(place % CHUNK_SLOTS).into_iter().enumerate() {
            for distance in 1..=REACH {
                if next == NOWHERE {
                    break;
                }
                let place = next as usize;
                found[count] = (place, distance);
                count += 1;
                if distance < REACH {
                    let is_here = place / CHUNK_SLOTS == number;
                    let chunk = if is_here {
                        own
                    } else {
                        &self.chunks[place / CHUNK_SLOTS]
                    };
                    next = chunk.links(place % CHUNK_SLOTS)[direction];
                }
            }
        }
        found.into_iter().take(count)
    }

    /// Gives each conversation of more than one turn, as the places of its turns in order.
    pub fn conversations(&self, mut each: impl FnMut(&[usize])) {
        let mut turns = Vec::new();
        for (number, chunk) in self.chunks.iter().enumerate() {
            for (slot, links) in chunk.all_links().iter().enumerate() {
                if links[BEFORE] == NOWHERE && links[AFTER] != NOWHERE {
                    let first = number * CHUNK_SLOTS + slot;
                    turns.clear();
                    turns.push(first);
                    // Mostly they are in few chunks, each of which is looked up once.
                    let (mut number, mut next) = (number, links[AFTER]);
                    let mut line = chunk.all_links();
                    while next != NOWHERE {
                        let place = next as usize;
                        turns.push(place);
                        if place / CHUNK_SLOTS != number {
                            number = place / CHUNK_SLOTS;
                            line = self.chunks[number].all_links();
                        }
                        next = line[place % CHUNK_SLOTS][AFTER];
                    }
                    each(&turns);
                }
            }
        }
    }

    /// At most `count` turns before the one at a place and as many after it, oldest first; none if it is no turn.
    pub fn around(&self, place: usize, count: usize) -> [Vec<Entry<'_>>; 2] {
        let side = |direction| {
            let places = self.walk(place, direction).take(count);
            places.filter_map(|place| self.live_at(place)).collect()
        };
        let (mut before, after): (Vec<_>, _) = (side(BEFORE), side(AFTER));
        before.reverse();
        [before, after]
    }

    /// Goes from neighbour to neighbour in one direction.
    fn walk(&self, from: usize, direction: usize) -> impl Iterator<Item = usize> {
        let next = move |&place: &usize| {
            let link = self.chunks[place / CHUNK_SLOTS].links(place % CHUNK_SLOTS)[direction];
            (link != NOWHERE).then_some(link as usize)
        };
        std::iter::successors(next(&from), next)
    }

    /// How often a term is among the words of the record at a place, and tf8 of spec 8.3: in eighths, with what its neighbours add.
    pub fn count_at(&self, place: usize, term: u32) -> (u32, u32) {
        let count = |place| self.live_at(place).map_or(0, |it| count(it, term));
        let own = count(place);
        let tf8 = self
            .neighbours(place)
            .fold(own << REACH, |tf8, (neighbour, distance)| {
                tf8 + (count(neighbour) << (REACH - distance))
            });
        (own, tf8)
    }
}

fn count(entry: Entry<'_>, term: u32) -> u32 {
    let mut words = entry.words();
    words
        .find(|&(word, _)| word == term)
        .map_or(0, |(_, count)| count)
}
