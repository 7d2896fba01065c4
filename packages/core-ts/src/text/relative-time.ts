// Phrases of a query that tell a time from now, such as "last Tuesday", and the dates that they stand for (spec 8.16).

import { civilDate, DAY_MS, MONTHS } from "./date.js";

const WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split(" ");
const NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split(" ");
/** The most days before today that "the last n days" may be: a longer time is no matter of days. */
const MOST_DAYS = 7;

/**
 * Writes dates in place of the phrases of a query that tell a time from `now`, as those of turns are written; all else
 * stays.
 *
 * `now` counts milliseconds since 1970. `isDated` tells a number or a month that the records have. A phrase of which
 * they have no day, no month or no year stays.
 */
export function writeDates(query: string, now: number, isDated: (word: string) => boolean): string {
  const today = Math.floor(now / DAY_MS);
  return query.replace(PHRASE, (phrase: string) => {
    const dates = read(phrase.toLowerCase().split(/ +/), today);
    const known = dates.map((part) => [...new Set(part)].filter(isDated));
    return known.some((part) => part.length === 0) ? phrase : known.flat().join(" ");
  });
}

const NUMBER = `[1-9][0-9]{0,2}|an?|couple of|${NUMBERS.join("|")}`;
const SMALL_NUMBER = `[1-${MOST_DAYS}]|an?|couple of|${NUMBERS.slice(0, MOST_DAYS).join("|")}`;
/** What `read` knows, with nothing but ASCII signs beside it: and no "last week of May". */
const PHRASE = new RegExp(
  `(?<![A-Za-z0-9\\u0080-\\uffff])(?:${[
    "today|tonight|yesterday|day before yesterday|last night",
    "this (?:morning|afternoon|evening|week|month)",
    `last (?:week|weekend|month|${[...WEEKDAYS, ...MONTHS].join("|")})`,
    `past week|(?:last|past) (?:${SMALL_NUMBER}) days`,
    `(?:${NUMBER}) (?:day|week|month)s? ago`,
  ]
    .join("|")
    .replaceAll(" ", " +")})(?![A-Za-z0-9\\u0080-\\uffff]| +of(?![A-Za-z0-9]))`,
  "gi",
);

/** Days, months and years, as they are written; without days where a phrase tells a month. */
type Dates = readonly (readonly string[])[];

/** The dates that a phrase in lower case stands for. `today` counts days since 1970. */
function read(words: readonly string[], today: number): Dates {
  const [first = "", second = ""] = words;
  const last = words.at(-1) ?? "";
  if (last === "ago") return ago(number(words), (words.at(-2) ?? "").replace(/s$/, ""), today);
  if (last === "days") {
    const count = number(words.slice(1));
    return days(today - count, count + 1);
  }
  switch (first) {
    case "today":
    case "tonight":
      return days(today, 1);
    case "yesterday":
      return days(today - 1, 1);
    case "day":
      return days(today - 2, 1);
    case "past":
      return days(today - MOST_DAYS, MOST_DAYS + 1);
    case "this":
      return ofThis(second, today);
    default:
      return ofLast(second, today);
  }
}

/** A number of 1 to 999 in front of other words. */
function number(words: readonly string[]): number {
  const [word = ""] = words;
  if (word === "couple") return 2;
  if (word === "a" || word === "an") return 1;
  return NUMBERS.includes(word) ? NUMBERS.indexOf(word) + 1 : Number(word);
}

function ago(count: number, unit: string, today: number): Dates {
  if (unit === "day") return days(today - count, 1);
  // Who says so counts no days: three before and three after that day are meant as well.
  if (unit === "week") return days(today - 7 * count - 3, 7);
  return month(today, count);
}

function ofThis(what: string, today: number): Dates {
  if (what === "week") return days(monday(today), today - monday(today) + 1);
  return what === "month" ? month(today, 0) : days(today, 1);
}

function ofLast(what: string, today: number): Dates {
  if (what === "night") return days(today - 1, 1);
  if (what === "week") return days(monday(today) - 7, 7);
  if (what === "weekend") return days(monday(today) - 2, 2);
  if (what === "month") return month(today, 1);
  const weekday = WEEKDAYS.indexOf(what);
  if (weekday >= 0) return days(today - stepsBack(today - monday(today), weekday, 7), 1);
  const wanted = MONTHS.findIndex((name) => name.toLowerCase() === what);
  return month(today, stepsBack(civilDate(today).month, wanted, 12));
}

/** How many steps lead back, in a ring of `size`, to what came last before here: 1 to `size`. */
function stepsBack(here: number, wanted: number, size: number): number {
  return ((here - wanted - 1 + size) % size) + 1;
}

/** The Monday of the week of a day: 1 January 1970 was a Thursday. */
function monday(day: number): number {
  return day - ((day + 3) % 7);
}

function days(from: number, count: number): Dates {
  const dates = Array.from({ length: count }, (_, i) => civilDate(from + i));
  return [
    dates.map(({ day }) => String(day)),
    dates.map(({ month }) => MONTHS[month] ?? ""),
    dates.map(({ year }) => String(year)),
  ];
}

function month(today: number, back: number): Dates {
  const now = civilDate(today);
  const months = now.year * 12 + now.month - back;
  return [[MONTHS[months % 12] ?? ""], [String(Math.floor(months / 12))]];
}
