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
    kept: Vec<Valued>,
    least: f64,
}

/// A place, and the value that it was offered by.
pub(super) type Valued = (u32, f64);

impl<'s, 'a> Best<'s, 'a> {
    pub fn new(selected: &'s Selected<'a>, count: usize) -> Self {
        Best {
            selected,
            count,
            kept: Vec::with_capacity(room(count).min(selected.view.places())),
            least: 0.0,
        }
    }

    /// A record of less value is not among the best.
    pub fn least(&self) -> f64 {
        self.least
    }

    /// Takes a live record in, if it is selected and may be among the best.
    #[inline]
    pub fn offer(&mut self, place: usize, value: f64) {
        if value >= self.least {
            self.take(place, value);
        }
    }

    fn take(&mut self, place: usize, value: f64) {
        if !self.selected.may_pass(place) {
            return;
        }
        let Some(entry) = self.selected.view.live_at(place) else {
            return;
        };
        if !self.selected.selects(place, entry) {
            return;
        }
        let place = u32::try_from(place).expect("memory ends before 2^32 records");
        self.kept.push((place, value));
        if self.kept.len() >= room(self.count) {
            self.cut();
            self.least = self.kept.iter().map(|it| it.1).fold(f64::MAX, f64::min);
        }
    }

    /// The best with the values that they were offered by, in no order.
    pub fn into_values(mut self) -> Vec<Valued> {
        self.cut();
        self.kept
    }

    fn cut(&mut self) {
        let view = self.selected.view;
        let entry = |place| {
            let entry = view.live_at(place as usize);
            entry.expect("what is kept is live in the view")
        };
        keep_best(&mut self.kept, self.count, entry);
    }
}

/// So many are kept before those are left out that are not among the best.
fn room(count: usize) -> usize {
    count + count.max(16)
}

/// Leaves the best `count` in no order; `entry` gives the record of a number.
pub(super) fn keep_best<'a>(
    valued: &mut Vec<Valued>,
    count: usize,
    entry: impl Fn(u32) -> Entry<'a>,
) {
    if valued.len() > count {
        valued.select_nth_unstable_by(count, |a, b| compare(*a, *b, &entry));
        valued.truncate(count);
    }
}

/// The same in order.
pub(super) fn sort_best<'a>(
    valued: &mut Vec<Valued>,
    count: usize,
    entry: impl Fn(u32) -> Entry<'a>,
) {
    keep_best(valued, count, &entry);
    valued.sort_unstable_by(|a, b| compare(*a, *b, &entry));
}

/// Greater value, newer, smaller id by bytes (spec 8.8).
#[inline]
fn compare<'a>(a: Valued, b: Valued, entry: impl Fn(u32) -> Entry<'a>) -> Ordering {
    b.1.total_cmp(&a.1)
        .then_with(|| compare_entries(entry(a.0), entry(b.0)))
}

fn compare_entries(a: Entry<'_>, b: Entry<'_>) -> Ordering {
    let newer = b.created_at().cmp(&a.created_at());
    newer.then_with(|| a.id().cmp(&b.id()))
}
