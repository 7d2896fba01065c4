//! Times: whole milliseconds of UTC, read from and written as RFC 3339 (spec 1.9).

use std::fmt;

use crate::error::{Code, Error, Result};
use crate::text;

const MS_PER_DAY: i64 = 86_400_000;
const MAX_MS: i64 = 253_402_300_799_999;

/// A time in whole milliseconds since 1970-01-01T00:00:00Z, in the years 1970 to 9999.
///
/// ```
/// use agentmem_core::Timestamp;
///
/// let time = Timestamp::parse("2023-05-08T15:56:00.1239+02:00")?;
/// assert_eq!(time.to_string(), "2023-05-08T13:56:00.123Z");
/// # Ok::<(), agentmem_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a time from milliseconds since 1970; outside the years 1970 to 9999 it is `INVALID_ARGUMENT`.
    pub fn from_millis(ms: i64) -> Result<Self> {
        if (0..=MAX_MS).contains(&ms) {
            Ok(Timestamp(ms))
        } else {
            Err(Error::new(
                Code::InvalidArgument,
                "is outside the years 1970 to 9999",
            ))
        }
    }

    /// Reads RFC 3339 with an offset: `2023-05-08T13:56:00Z`. A fraction is cut to milliseconds.
    pub fn parse(text: &str) -> Result<Self> {
        parse_rfc3339(text.as_bytes())
            .ok_or_else(|| {
                Error::new(
                    Code::InvalidArgument,
                    "is not a time: write RFC 3339 with an offset, such as 2026-11-22T19:20:30Z",
                )
            })
            .and_then(Timestamp::from_millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Writes it as RFC 3339 in UTC: `2026-11-22T19:20:30.000Z`, in ASCII.
    pub fn to_ascii(self) -> [u8; 24] {
        let (year, month0, day) = text::civil_date(self.0.div_euclid(MS_PER_DAY));
        let ms = self.0.rem_euclid(MS_PER_DAY) as u32; // A day has fewer than 2^32.
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let (year, month, day) = (year as u32, month0 as u32 + 1, day as u32); // 1 to 9999
        // Digit by digit: `write!` takes ten times as long, and ten hits have twenty times.
        let mut written = *b"0000-00-00T00:00:00.000Z";
        let pairs = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, hour),
            (14, minute),
            (17, second),
            (20, ms / 10 % 100),
        ];
        for (place, pair) in pairs {
            written[place] += (pair / 10) as u8;
            written[place + 1] += (pair % 10) as u8;
        }
        written[22] += (ms % 10) as u8;
        written
    }

    /// The latest time that there is, 9999-12-31T23:59:59.999Z.
    pub const MAX: Timestamp = Timestamp(MAX_MS);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_ascii()).expect("digits are ASCII"))
    }
}

/// Reads exactly `count` ASCII digits at `at`.
fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = text.get(at..at + count)?;
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + i64::from(digit - b'0'))
    })
}

/// Milliseconds since 1970, or nothing if the text does not have the form.
fn parse_rfc3339(text: &[u8]) -> Option<i64> {
    let separators = [(4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")];
    if !separators.iter().all(|(at, byte)| {
        text.get(*at)
            .is_some_and(|found| found.eq_ignore_ascii_case(&byte[0]))
    }) {
        return None;
    }
    let (year, month, day) = (
        digits(text, 0, 4)?,
        digits(text, 5, 2)?,
        digits(text, 8, 2)?,
    );
    let (hour, minute, second) = (
        digits(text, 11, 2)?,
        digits(text, 14, 2)?,
        digits(text, 17, 2)?,
    );
    if !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut ms = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return None;
        }
        ms = (0..3).fold(0, |ms, at| {
            ms * 10
                + if at < count {
                    i64::from(fraction[at] - b'0')
                } else {
                    0
                }
        });
        rest = &fraction[count..];
    }
    let local = days_from_civil(year, month, day) * MS_PER_DAY
        + hour * 3_600_000
        + minute * 60_000
        + second * 1000
        + ms;
    Some(local - parse_offset(rest)? * 60_000)
}

/// The minutes of `Z` or `±hh:mm`.
fn parse_offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(text, 1, 2)?, digits(text, 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 60 + minutes;
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
