// Days of the Gregorian calendar, in UTC, and the names of its months in English.

export const DAY_MS = 86_400_000;

export const MONTHS = [
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

/** A date: months count from 0, days from 1. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Gives the date of a number of days since 1970, in the years 100 to 9999. */
export function civilDate(daysSince1970: number): CivilDate {
  const date = new Date(daysSince1970 * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate() };
}
