import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { Memory } from "../src/index.js";
import {
  canonical,
  checkJson,
  compareText,
  equalJson,
  type JsonValue,
  METADATA_LIMITS,
  utf8Length,
} from "../src/record/json.js";
import { formatTime, MAX_TIME, parseTime } from "../src/record/time.js";

function check(value: unknown): JsonValue {
  return checkJson(value, "metadata", METADATA_LIMITS);
}

function invalidAt(field: string): object {
  return expect.objectContaining({ code: "INVALID_ARGUMENT", field });
}

/** An array in which each level holds the one below twice. */
function doubling(levels: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < levels; i++) value = [value, value];
  return value;
}

describe("JSON", () => {
  test("what is not JSON is refused at its path", () => {
    class Point {
      x = 1;
    }
    const values = [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      1n,
      Symbol("s"),
      () => 1,
      new Date(),
      new Map(),
      new Set(),
      new Point(),
      new Uint8Array(1),
      new String("boxed"),
      Object.create({ inherited: 1 }),
      "\ud800",
      "\0",
      { "\udfff": 1 },
      { [Symbol("key")]: 1 },
    ];
    for (const value of values) {
      expect(() => check({ a: [0, { b: value }] })).toThrow(invalidAt("metadata.a[1].b"));
    }
  });

  test("the hole of a sparse array is refused", () => {
    const holed = [1];
    holed[2] = 3;
    expect(() => check({ a: holed })).toThrow(invalidAt("metadata.a[1]"));
  });

  test("toJSON is not called", () => {
    expect(() => check({ toJSON: () => 1 })).toThrow(invalidAt("metadata.toJSON"));
  });

  test("plain objects of another realm, and those without a prototype, are JSON", () => {
    expect(check(runInNewContext("({ a: [1, {}] })"))).toEqual({ a: [1, {}] });
    expect(check(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 });
  });

  test("a cycle is too deep", () => {
    const object: Record<string, unknown> = {};
    object.self = { object };
    const array: unknown[] = [];
    array.push(array);
    expect(() => check(object)).toThrow(invalidAt("metadata"));
    expect(() => check({ array })).toThrow(invalidAt("metadata"));
  });

  test("shared parts count wherever they stand, and end quickly", () => {
    expect(() => check(doubling(32))).toThrow(invalidAt("metadata"));
    expect(() => check(doubling(200))).toThrow(invalidAt("metadata"));
    const shared = { a: 1 };
    expect(check({ one: shared, two: shared })).toEqual({ one: { a: 1 }, two: { a: 1 } });
  });

  test("a shared part is too deep where it stands too deep", () => {
    const shared = [[[]]];
    let deep: unknown = [shared];
    for (let i = 0; i < 27; i++) deep = [deep];
    expect(() => check([shared, deep])).not.toThrow();
    expect(() => check([shared, [deep]])).toThrow(invalidAt("metadata"));
  });

  test("a filter of shared arrays ends quickly", async () => {
    const memory = new Memory();
    await memory.add("tea", { metadata: { a: [[]] } });
    await expect(memory.count({ filter: { a: doubling(31) as JsonValue } })).rejects.toEqual(
      invalidAt("filter"),
    );
    const filters = { $and: [] as JsonValue[] };
    for (let i = 0; i < 10; i++) filters.$and = [{ ...filters }, { ...filters }];
    await expect(memory.count({ filter: filters })).rejects.toEqual(invalidAt("filter"));
  });

  test("the sizes at the limits are allowed, and one more is not", () => {
    const nested = (depth: number): JsonValue => (depth === 1 ? {} : { a: nested(depth - 1) });
    expect(() => check(nested(32))).not.toThrow();
    expect(() => check(nested(33))).toThrow(invalidAt("metadata"));
    // {"a":"…"} is 8 bytes around the text; each ä has 2.
    expect(() => check({ a: "ä".repeat(32_764) })).not.toThrow();
    expect(() => check({ a: `${"ä".repeat(32_764)}a` })).toThrow(invalidAt("metadata"));
    expect(() => check({ a: '"'.repeat(32_765) })).toThrow(invalidAt("metadata"));
  });

  test("__proto__ and constructor are keys like others", async () => {
    const metadata = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
    const memory = new Memory();
    const { id } = await memory.add("tea", { metadata });
    const record = await memory.get(id);
    expect(JSON.stringify(record?.metadata)).toBe('{"__proto__":{"a":1},"constructor":2}');
    expect(await memory.count({ filter: JSON.parse('{"__proto__.a": 1}') })).toBe(1);
    expect(await memory.count({ filter: { toString: { $exists: true } } })).toBe(0);
    expect(await memory.count({ filter: { constructor: 2 } })).toBe(1);
  });

  test("the canonical form is that of RFC 8785", () => {
    const value = check({ "\u20ac": null, b: [-0, 1.0, 1e15, 1e-7], a: "\u20ac\n\u001f\\" });
    const expected = '{"a":"\u20ac\\n\\u001f\\\\","b":[0,1,1000000000000000,1e-7],"\u20ac":null}';
    expect(canonical(value)).toBe(expected);
    expect(canonical(1e21)).toBe("1e+21");
  });

  test("keys are sorted by UTF-16 code units, values by code points", () => {
    expect(canonical({ "\uff5e": 1, "\u{1f600}": 2 })).toBe('{"\u{1f600}":2,"\uff5e":1}');
    expect(compareText("\uff5e", "\u{1f600}")).toBeLessThan(0);
    expect(compareText("\u{1f600}", "\u{1f601}")).toBeLessThan(0);
    expect(compareText("a", "ab")).toBeLessThan(0);
    expect(compareText("a", "a")).toBe(0);
  });

  test("equality is deep, and by the members of objects, not their order", () => {
    expect(equalJson({ a: [1, { b: null }], c: 1 }, { c: 1, a: [1, { b: null }] })).toBe(true);
    expect(equalJson({ a: 1 }, { b: 1 })).toBe(false);
    expect(equalJson({}, [])).toBe(false);
    expect(equalJson([1, 2], [2, 1])).toBe(false);
    expect(equalJson(JSON.parse('{"__proto__":1}'), { a: 1 })).toBe(false);
  });

  test("lengths are those of UTF-8", () => {
    for (const text of ["", "a", "ä", "\u20ac", "\u{1f600}", "aä\u20ac\u{1f600}\uffff"]) {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
    }
  });
});

describe("times", () => {
  test("RFC 3339 is read to the millisecond", () => {
    for (const [text, time] of [
      ["1970-01-01T00:00:00Z", 0],
      ["2026-11-22t19:20:30.1239z", Date.UTC(2026, 10, 22, 19, 20, 30, 123)],
      ["2026-11-22T19:20:30.1+02:30", Date.UTC(2026, 10, 22, 16, 50, 30, 100)],
      ["1969-12-31T23:30:00-01:00", 1_800_000],
      ["2024-02-29T00:00:00-00:00", Date.UTC(2024, 1, 29)],
      ["9999-12-31T23:59:59.99999Z", MAX_TIME],
    ] as const) {
      expect(parseTime(text, "since")).toBe(time);
    }
  });

  test("a Date is a time, also one of another realm", () => {
    expect(parseTime(new Date(5), "since")).toBe(5);
    expect(parseTime(runInNewContext("new Date(5)"), "since")).toBe(5);
  });

  test("everything else is refused", () => {
    for (const value of [
      "2026-11-22",
      "2026-11-22T19:20:30",
      "2026-11-22T19:20Z",
      "2026-11-22 19:20:30Z",
      "2026-11-22T19:20:30.Z",
      "2026-11-22T19:20:60Z",
      "2026-11-22T24:00:00Z",
      "2026-11-22T19:20:30+24:00",
      "2026-11-22T19:20:30+0100",
      "2023-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-04-31T00:00:00Z",
      "1969-12-31T23:59:59.999Z",
      "0070-01-01T00:00:00Z",
      "9999-12-31T23:59:59-00:01",
      " 2026-11-22T19:20:30Z",
      "2026-11-22T19:20:30Z\n",
      "+12026-11-22T19:20:30Z",
      "",
      0,
      Number.NaN,
      new Date(Number.NaN),
      new Date(-1),
      {},
      null,
      undefined,
    ]) {
      expect(() => parseTime(value, "since")).toThrow(invalidAt("since"));
    }
  });

  test("a time is given back with milliseconds and Z", () => {
    expect(formatTime(0)).toBe("1970-01-01T00:00:00.000Z");
    expect(formatTime(MAX_TIME)).toBe("9999-12-31T23:59:59.999Z");
  });
});

test("a vector whose memory was transferred away is refused as one without components", async () => {
  await using memory = new Memory(null, { embedder: { id: "given", dimensions: 2 } });
  for (const embedding of [Float32Array.of(1, 0), Float64Array.of(1, 0)]) {
    structuredClone(embedding, { transfer: [embedding.buffer] });
    const refused = invalidAt("embedding");
    await expect(memory.add("gone", { embedding })).rejects.toEqual(refused);
    await expect(memory.search("gone", { embedding })).rejects.toEqual(refused);
  }
});
