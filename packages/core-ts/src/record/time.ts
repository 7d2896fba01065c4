import { invalid } from "../error.js";

/** A time as callers give it: RFC 3339 text with `T`, seconds and an offset, or a valid `Date`. */
export type TimeInput = string | Date;

/** The greatest time: 9999-12-31T23:59:59.999Z, in milliseconds since 1970. */
export const MAX_TIME = 253_402_300_799_999;

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/**
 * Reads a time as whole milliseconds since 1970 (spec 1.9); what is finer is cut.
 *
 * @throws {@link AgentMemError} `INVALID_ARGUMENT` with the given field.
 */
export function parseTime(value: unknown, field: string): number {
  const time = typeof value === "string" ? fromText(value) : fromDate(value);
  if (time === undefined) {
    throw invalid(
      field,
      "must be a time: RFC 3339 text with seconds and an offset, such as 2026-11-22T19:20:30Z, or a valid Date",
    );
  }
  if (!isTime(time)) throw invalid(field, "must lie in the years 1970 to 9999, in UTC");
  return time;
}

/** Tells whether a number of milliseconds since 1970 is a time that AgentMem knows. */
export function isTime(milliseconds: number): boolean {
  return milliseconds >= 0 && milliseconds <= MAX_TIME;
}

/** Writes a time as it is given back: `2026-11-22T19:20:30.123Z`. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Tells whether a value is a `Date`: by its tag, not by its class, since one of another realm is a Date too. */
export function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]";
}

function fromDate(value: unknown): number | undefined {
  if (!isDate(value)) return undefined;
  const time = Number(Date.prototype.getTime.call(value));
  return Number.isNaN(time) ? undefined : time;
}

function fromText(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const part = (group: number) => Number(match[group] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  const [offsetHour, offsetMinute] = [part(9), part(10)];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(month, year)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  if (offsetHour > 23 || offsetMinute > 59) return undefined;

  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  if (year < 1969) return Number.NEGATIVE_INFINITY;
  const milliseconds = Number((match[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const local = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
  const offset = (offsetHour * 60 + offsetMinute) * 60_000;
  return match[8] === "-" ? local + offset : local - offset;
}

function daysOf(month: number, year: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
