// Random values: texts of all scripts, JSON, filters, times.
import fc from "fast-check";

/** Where characters come from that text analysis treats in a way of their own. */
const RANGES = [
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0x09, 0x0d],
  [0x80, 0x24f],
  [0x300, 0x36f],
  [0x370, 0x3ff],
  [0x400, 0x52f],
  [0x590, 0x6ff],
  [0x900, 0xdff],
  [0xe00, 0x109f],
  [0x1100, 0x11ff],
  [0x1780, 0x1aff],
  [0x1e00, 0x1fff],
  [0x2000, 0x206f],
  [0x2100, 0x2bff],
  [0x3000, 0x30ff],
  [0x4e00, 0x9fff],
  [0xa9e0, 0xabff],
  [0xac00, 0xd7ff],
  [0xf900, 0xffff],
  [0x10000, 0x1ffff],
  [0x20000, 0x3ffff],
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

const character = fc
  .constantFrom(...RANGES)
  .chain(([first, last]) => fc.integer({ min: first, max: last }))
  .map((codePoint) => String.fromCodePoint(codePoint));

const WORDS = [
  "tea",
  "Running",
  "naïve",
  "Łódź",
  "straße",
  "Ærø",
  "þorn",
  "Đà",
  "œuvre",
  "ısı",
  "٣",
  "don't",
  "ΟΔΟΣ",
  "İstanbul",
  "ﬁne",
  "京都",
  "ไทย",
  "हिन्दी",
  "العربية",
  "한국",
];

/** Characters of one kind or of many, and words between them. */
export const text = fc
  .array(
    fc.oneof(character, fc.constantFrom(...WORDS), fc.constantFrom(" ", " ", "'", ".", "\u200d")),
    {
      maxLength: 24,
    },
  )
  .map((parts) => parts.join(""));

const KEYS = ["a", "b", "a.b", "a.0", "0", "", "__proto__", "a..b", "ä"];
const OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains"];

const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.1, 1e-7, 1e21, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)),
  fc.integer({ min: -9, max: 9 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const scalar = fc.oneof(
  fc.constantFrom(null, true, false, "", "a", "ab", "\uffff", "\u{10000}"),
  number,
  text,
);

/** Objects by their entries: `__proto__` is a key like another. */
const objectOf = (key, value, maxLength = 3) =>
  fc.array(fc.tuple(key, value), { maxLength }).map((entries) => Object.fromEntries(entries));

export const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalar, weight: 3 },
    { arbitrary: fc.array(tie("json"), { maxLength: 3 }), weight: 1 },
    { arbitrary: objectOf(fc.constantFrom(...KEYS, "$eq", "$x"), tie("json")), weight: 1 },
  ),
}));

export const metadata = objectOf(fc.constantFrom(...KEYS), json, 4);

/** Mostly filters: now and then something else stands in the place of an operand. */
export const { filter } = fc.letrec((tie) => ({
  tests: fc.oneof(
    { maxDepth: 2 },
    objectOf(fc.constantFrom(...OPERATORS), json, 2),
    fc.record({ $exists: fc.boolean() }),
    fc.record(
      { $in: fc.array(json, { maxLength: 3 }), $nin: fc.array(json, { maxLength: 2 }) },
      { requiredKeys: [] },
    ),
    fc.record({ $not: tie("tests") }),
  ),
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    objectOf(fc.constantFrom(...KEYS), fc.oneof(json, tie("tests"))),
    fc.record(
      {
        $and: fc.array(tie("filter"), { maxLength: 3 }),
        $or: fc.array(tie("filter"), { maxLength: 3 }),
        $not: tie("filter"),
        a: tie("tests"),
      },
      { requiredKeys: [] },
    ),
    json,
  ),
}));

/** Vectors of three components: any that a float can be, and some that it cannot. */
export const vector = fc.array(
  fc.oneof(
    fc.constantFrom(0, -0, 1, -1, 0.5, 1e-45, 1e-46, 3.4e38, 3.5e38, 2 ** -126),
    fc.integer({ min: -300, max: 300 }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
  ),
  { minLength: 3, maxLength: 3 },
);

const digits = (length) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: length, maxLength: length });
const near = (length, ...likely) =>
  fc.oneof({ arbitrary: fc.constantFrom(...likely), weight: 4 }, digits(length));

/** Texts like times: mostly right ones, with a part that is not, or another character. */
export const time = fc
  .tuple(
    near(4, "1970", "1969", "2024", "2023", "1900", "2000", "9999"),
    near(2, "01", "02", "12", "13", "00"),
    near(2, "01", "28", "29", "30", "31", "32", "00"),
    fc.constantFrom("T", "T", "T", "t", " ", ""),
    near(2, "00", "12", "23", "24"),
    near(2, "00", "59", "60"),
    near(2, "00", "59", "60", "61"),
    fc.oneof(fc.constantFrom("", ".", ".1", ".999", ".9999999999", ",5"), digits(3)),
    fc.constantFrom(
      "Z",
      "Z",
      "z",
      "",
      "+00:00",
      "-00:00",
      "+23:59",
      "-24:00",
      "+14:30",
      "+0100",
      " Z",
      "Z ",
      "+1:00",
    ),
  )
  .map(
    ([year, month, day, t, hour, minute, second, fraction, offset]) =>
      `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${offset}`,
  )
  .chain((right) =>
    fc.oneof(
      { arbitrary: fc.constant(right), weight: 6 },
      fc
        .tuple(fc.nat(right.length), character)
        .map(([at, other]) => right.slice(0, at) + other + right.slice(at + 1)),
      fc.nat(right.length).map((at) => right.slice(0, at)),
    ),
  );

const NUMBERS = [
  "a",
  "an",
  "one",
  "Three",
  "seven",
  "eight",
  "couple of",
  "1",
  "30",
  "999",
  "07",
  "few",
];
const NAMED = [
  "Tuesday",
  "SUNDAY",
  "may",
  "December",
  "week",
  "weekend",
  "month",
  "year",
  "night",
  "days",
];
const phrase = fc.oneof(
  fc.constantFrom(
    "today",
    "tonight",
    "yesterday",
    "day before yesterday",
    "this evening",
    "of",
    "tea",
  ),
  fc.tuple(fc.constantFrom("last", "Last", "this", "past"), fc.constantFrom(...NAMED)),
  fc.tuple(
    fc.constantFrom(...NUMBERS),
    fc.constantFrom("day", "days", "week", "weeks", "months", "years"),
    fc.constant("ago"),
  ),
  fc.tuple(fc.constantFrom("last", "past"), fc.constantFrom(...NUMBERS), fc.constant("days")),
);

/** Phrases that tell a time from now, and what is like them. */
export const timesFromNow = fc
  .array(
    fc.tuple(phrase, fc.constantFrom(" ", " ", " ", "  ", ", ", "-", "é", " of ", "\n", "’s ")),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) => all.flatMap(([words, behind]) => [[words].flat().join(" "), behind]).join(""));
