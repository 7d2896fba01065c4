//! Days of the Gregorian calendar, in UTC, and the names of its months in English.

pub(super) const MS_PER_DAY: i64 = 86_400_000;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Gives year, month from 0 and day from 1 of a number of days since 1970 in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day ends them (E. Reingold and N. Dershowitz, "Calendrical
/// Calculations").
pub fn civil_date(days_since_1970: i64) -> (i64, usize, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let days = days_since_1970 + 719_468; // since 1 March 0000
    let era = days.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 2, 0)
    } else {
        (month_from_march - 10, 1)
    };
    let month = usize::try_from(month).expect("a month is 0 to 11");
    (era * 400 + year_of_era + next_year, month, day)
}
