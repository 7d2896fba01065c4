//! Phrases of a query that tell a time from now, such as "last Tuesday", and the dates that they stand for (spec 8.16).

use std::borrow::Cow;

use super::ascii_words::{is_ascii_at, is_ascii_before, next_word};
use super::date::{MONTHS, MS_PER_DAY, civil_date};

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const NUMBERS: [&str; 12] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];
/// The most days before today that "the last n days" may be: a longer time is no matter of days.
const MOST_DAYS: i64 = 7;
/// The most words of a phrase: "couple of days ago".
const MOST_WORDS: usize = 4;

/// Writes dates in place of the phrases of a query that tell a time from now, as those of turns are written; all else
/// stays.
///
/// `now_ms` counts milliseconds since 1970. `is_dated` tells a number or a month that the records have. A phrase of which
/// they have no day, no month or no year stays.
pub fn write_dates(query: &str, now_ms: i64, is_dated: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let today = now_ms.div_euclid(MS_PER_DAY);
    let lower = query.to_ascii_lowercase();
    let mut dated = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(first) = next_word(&lower, at) {
        at = first.end;
        let Some((end, dates)) = phrase_at(&lower, first.start, today) else {
            continue;
        };
        at = end;
        if let Some(text) = write(dates, &is_dated) {
            dated.push_str(&query[done..first.start]);
            dated.push_str(&text);
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(query);
    }
    dated.push_str(&query[done..]);
    Cow::Owned(dated)
}

fn is_spaces(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ')
}

/// The phrase that begins with the word at a place, if one does: its end, and its dates.
fn phrase_at(lower: &str, start: usize, today: i64) -> Option<(usize, Dates)> {
    if !is_ascii_before(lower, start) {
        return None;
    }
    let mut words = [""; MOST_WORDS];
    let mut ends = [start; MOST_WORDS];
    let mut from = start;
    for (word, end) in words.iter_mut().zip(&mut ends) {
        let Some(range) = next_word(lower, from) else {
            break;
        };
        if !is_spaces(&lower[from..range.start]) {
            break;
        }
        *word = &lower[range.clone()];
        *end = range.end;
        from = range.end;
    }
    let (count, dates) = read(&words, today)?;
    let end = ends[count - 1];
    // "The last week of May" is no week from now.
    let is_of = next_word(lower, end)
        .is_some_and(|next| &lower[next.clone()] == "of" && is_spaces(&lower[end..next.start]));
    (is_ascii_at(lower, end) && !is_of).then_some((end, dates))
}

/// The dates of the phrase that words in lower case begin with, and of how many words it is. `today` counts days since
/// 1970.
fn read(words: &[&str; MOST_WORDS], today: i64) -> Option<(usize, Dates)> {
    let found = match *words {
        ["today" | "tonight", ..] => (1, days(today, 1)),
        ["yesterday", ..] => (1, days(today - 1, 1)),
        ["day", "before", "yesterday", _] => (3, days(today - 2, 1)),
        ["this", what, ..] => (2, of_this(what, today)?),
        ["past", "week", ..] => (2, days(today - MOST_DAYS, MOST_DAYS + 1)),
        ["last" | "past", ref rest @ ..] => match number(rest) {
            Some((count, used)) if rest.get(used) == Some(&"days") && count <= MOST_DAYS => {
                (used + 2, days(today - count, count + 1))
            }
            _ if words[0] == "last" => (2, of_last(words[1], today)?),
            _ => return None,
        },
        ref words => {
            let (count, used) = number(words)?;
            if words.get(used + 1) != Some(&"ago") {
                return None;
            }
            (used + 2, ago(count, words[used], today)?)
        }
    };
    Some(found)
}

/// A number of 1 to 999 in front of other words, and of how many words it is.
fn number(words: &[&str]) -> Option<(i64, usize)> {
    match *words {
        ["couple", "of", ..] => Some((2, 2)),
        ["a" | "an", ..] => Some((1, 1)),
        [word, ..] if matches!(word.as_bytes(), [b'1'..=b'9', ..]) && word.len() <= 3 => {
            Some((word.parse().ok()?, 1))
        }
        [word, ..] => (1..)
            .zip(NUMBERS)
            .find(|it| it.1 == word)
            .map(|it| (it.0, 1)),
        [] => None,
    }
}

fn ago(count: i64, units: &str, today: i64) -> Option<Dates> {
    Some(match units.strip_suffix('s').unwrap_or(units) {
        "day" => days(today - count, 1),
        // Who says so counts no days: three before and three after that day are meant as well.
        "week" => days(today - 7 * count - 3, 7),
        "month" => month(today, count),
        _ => return None,
    })
}

fn of_this(what: &str, today: i64) -> Option<Dates> {
    Some(match what {
        "morning" | "afternoon" | "evening" => days(today, 1),
        "week" => days(monday(today), today - monday(today) + 1),
        "month" => month(today, 0),
        _ => return None,
    })
}

fn of_last(what: &str, today: i64) -> Option<Dates> {
    let place = |names: &[&str]| {
        let found = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(what));
        found.and_then(|place| i64::try_from(place).ok())
    };
    Some(match what {
        "night" => days(today - 1, 1),
        "week" => days(monday(today) - 7, 7),
        "weekend" => days(monday(today) - 2, 2),
        "month" => month(today, 1),
        _ => match place(&WEEKDAYS) {
            Some(weekday) => days(today - steps_back(today - monday(today), weekday, 7), 1),
            None => {
                let here = month_of(today).1;
                month(today, steps_back(here, place(&MONTHS)?, 12))
            }
        },
    })
}

/// How many steps lead back, in a ring of `size`, to what came last before here: 1 to `size`.
fn steps_back(here: i64, wanted: i64, size: i64) -> i64 {
    (here - wanted - 1).rem_euclid(size) + 1
}

/// The Monday of the week of a day: 1 January 1970 was a Thursday.
fn monday(day: i64) -> i64 {
    day - (day + 3).rem_euclid(7)
}

/// Days, months and years, as they are written, in order and with repeats; without days where a phrase tells a month.
type Dates = Vec<Vec<String>>;

/// What the records have of it, each once; none if that is no day, no month or no year.
fn write(dates: Dates, is_dated: impl Fn(&str) -> bool) -> Option<String> {
    let mut written: Vec<String> = Vec::new();
    for part in dates {
        let start = written.len();
        for word in part {
            if !written[start..].contains(&word) && is_dated(&word) {
                written.push(word);
            }
        }
        if written.len() == start {
            return None;
        }
    }
    Some(written.join(" "))
}

fn days(from: i64, count: i64) -> Dates {
    let dates: Vec<_> = (from..from + count).map(civil_date).collect();
    vec![
        dates.iter().map(|(_, _, day)| day.to_string()).collect(),
        dates
            .iter()
            .map(|&(_, month, _)| MONTHS[month].to_owned())
            .collect(),
        dates.iter().map(|(year, _, _)| year.to_string()).collect(),
    ]
}

/// Year and month from 0 of a day.
fn month_of(day: i64) -> (i64, i64) {
    let (year, month, _) = civil_date(day);
    (year, i64::try_from(month).expect("a month is 0 to 11"))
}

fn month(today: i64, back: i64) -> Dates {
    let (year, month) = month_of(today);
    let months = year * 12 + month - back;
    let month = usize::try_from(months.rem_euclid(12)).expect("a month is 0 to 11");
    let year = months.div_euclid(12);
    vec![vec![MONTHS[month].to_owned()], vec![year.to_string()]]
}
