//! The best of many records, without looking at more of each than decides.

use std::cmp::Ordering;

use super::selected::Selected;
use crate::search_index::Entry;

/// Collects the selected records of greatest value.
///
/// Most of a large store is below the least that still counts; whether it is selected is not asked then.
pub(super) struct Best<'s, 'a> {
    selected: &'s Selected<'a>,
    count: usize,
    kept: Vec<Valued<'a>>,
    least: f64,
}

#[derive(Clone, Copy)]
struct Valued<'a> {
    value: f64,
    entry: Entry<'a>,
    place: usize,
}

impl<'s, 'a> Best<'s, 'a> {
    pub fn new(selected: &'s Selected<'a>, count: usize) -> Self {
        Best {
            selected,
            count,
            kept: Vec::new(),
            least: 0.0,
        }
    }

    /// A record of less value is not among the best.
    pub fn least(&self) -> f64 {
        self.least
    }

    /// Takes a live record in, if it is selected and may be among the best.
    pub fn offer(&mut self, place: usize, value: f64) {
        if value < self.least || !self.selected.may_pass(place) {
            return;
        }
        let Some(entry) = self.selected.view.live_at(place) else {
            return;
        };
        if !self.selected.selects(place, entry) {
            return;
        }
        self.kept.push(Valued {
            value,
            entry,
            place,
        });
        if self.kept.len() >= self.count + self.count.max(16) {
            self.cut();
            self.least = self.kept.iter().map(|it| it.value).fold(f64::MAX, f64::min);
        }
    }

    /// The best with their places, in no order.
    pub fn into_entries(self) -> impl Iterator<Item = (Entry<'a>, usize)> {
        self.into_values().map(|(entry, place, _)| (entry, place))
    }

    /// The same, with the values that they were offered by.
    pub fn into_values(mut self) -> impl Iterator<Item = (Entry<'a>, usize, f64)> {
        self.cut();
        self.kept
            .into_iter()
            .map(|it| (it.entry, it.place, it.value))
    }

    fn cut(&mut self) {
        if self.kept.len() > self.count {
            self.kept.select_nth_unstable_by(self.count, |a, b| {
                compare((a.value, a.entry), (b.value, b.entry))
            });
            self.kept.truncate(self.count);
        }
    }
}

/// Greater value, newer, smaller id by bytes (spec 8.8).
pub(super) fn compare(a: (f64, Entry<'_>), b: (f64, Entry<'_>)) -> Ordering {
    b.0.total_cmp(&a.0)
        .then_with(|| b.1.created_at().cmp(&a.1.created_at()))
        .then_with(|| a.1.id().cmp(&b.1.id()))
}
