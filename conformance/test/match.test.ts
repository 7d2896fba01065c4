import { describe, expect, it } from "vitest";
import { match, RunnerError } from "../src/index.ts";

const RECORD = {
  id: "1",
  content: "tea",
  userId: null,
  agentId: null,
  runId: null,
  role: "user",
  name: null,
  metadata: {},
  importance: 0.5,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  expiresAt: null,
  version: 1,
};
const UUID = "0195d1a0-1234-7abc-8def-0123456789ab";

describe("what matches", () => {
  const pairs: [string, unknown, unknown][] = [
    ["equal scalars", 1, 1],
    ["-0 and 0", 0, -0],
    ["an object as a subset", { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
    ["an array in order", [1, { a: 1 }], [1, { a: 1, b: 2 }]],
    ["a key that is absent", { a: { $absent: true } }, { b: 1 }],
    ["the same by $exact", { $exact: { a: [1, { b: null }] } }, { a: [1, { b: null }] }],
    ["operators as data by $literal", { $literal: { $ref: "x" } }, { $ref: "x" }],
    ["a $ref", { $ref: "saved.list.0" }, { a: 1 }],
    ["a number within $between, bounds included", { $between: [0, 1] }, 1],
    ["a number near enough", { $approx: 0.1 }, 0.1000000001],
    ["any order", { $unordered: [{ a: 1 }, { a: 2 }] }, [{ a: 2, b: 1 }, { a: 1 }]],
    [
      "any order, where the first fit is not the right one",
      { $unordered: [{}, { a: 1 }] },
      [{ a: 1 }, { b: 1 }],
    ],
    ["an id", { $type: "id" }, UUID],
    ["a time", { $type: "time" }, "2026-01-01T00:00:00.000Z"],
    ["a record", { $type: "record" }, RECORD],
    ["a hit", { $type: "hit" }, { ...RECORD, score: 0.5 }],
    ["an own __proto__", JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}')],
  ];
  const saved = new Map([["saved", { list: [{ a: 1 }] }]]);
  for (const [name, expected, actual] of pairs) {
    it(name, () => expect(match(expected, actual, saved)).toBeNull());
  }
});

describe("what does not match, and where", () => {
  const triples: [string, unknown, unknown, string][] = [
    ["another value", { a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, "$.a[1].b"],
    ["a missing key", { a: 1 }, {}, "$.a"],
    ["a key that is there as undefined", { a: { $absent: true } }, { a: undefined }, "$.a"],
    ["undefined for null", null, undefined, "$"],
    ["text for a number", 1, "1", "$"],
    ["true for 1", 1, true, "$"],
    ["an array for an object", {}, [], "$"],
    ["an object for an array", [], {}, "$"],
    ["an element too many", [1], [1, 2], "$.length"],
    ["an element too few", [1, 2], [1], "$.length"],
    ["another order", [1, 2], [2, 1], "$[0]"],
    ["a key too many under $exact", { $exact: { a: 1 } }, { a: 1, b: 2 }, "$.b"],
    ["the last bit of a number under $exact", { $exact: [0.3] }, [0.1 + 0.2], "$[0]"],
    ["the last bit of a number", { a: 0.3 }, { a: 0.1 + 0.2 }, "$.a"],
    ["a part under $ref", { $ref: "saved" }, { a: 1 }, "$.b"],
    ["a number outside $between", { $between: [0, 1] }, 1.01, "$"],
    ["NaN within $between", { $between: [0, 1] }, Number.NaN, "$"],
    ["a number not near enough", { $approx: 0.1 }, 0.10001, "$"],
    [
      "one element for two under $unordered",
      { $unordered: [{ a: 1 }, { a: 1 }] },
      [{ a: 1 }, { a: 2 }],
      "$",
    ],
    ["an element too many under $unordered", { $unordered: [1] }, [1, 1], "$"],
    ["an id of another version", { $type: "id" }, UUID.replace("7abc", "4abc"), "$"],
    ["an id in upper case", { $type: "id" }, UUID.toUpperCase(), "$"],
    ["a time without milliseconds", { $type: "time" }, "2026-01-01T00:00:00Z", "$"],
    ["a record with a field too many", { $type: "record" }, { ...RECORD, score: 1 }, "$"],
    [
      "a record with a field of another type",
      { $type: "record" },
      { ...RECORD, expiresAt: 5 },
      "$",
    ],
    ["a hit without a score", { $type: "hit" }, RECORD, "$"],
    ["an inherited key", { toString: { $absent: true }, a: 1 }, {}, "$.a"],
  ];
  const saved = new Map([["saved", { a: 1, b: 2 }]]);
  for (const [name, expected, actual, path] of triples) {
    it(name, () => expect(match(expected, actual, saved)?.path).toBe(path));
  }
});

describe("what is no expectation at all", () => {
  const faults: [string, unknown][] = [
    ["an unknown operator", { $near: 1 }],
    ["an unknown operator deep inside", [{ a: { $near: 1 } }]],
    ["two operators", { $type: "id", $exact: 1 }],
    ["an unknown type", { $type: "uuid" }],
    ["$absent for an element", [{ $absent: true }]],
    ["$between without bounds", { $between: 1 }],
    ["$approx of a text", { $approx: "1" }],
    ["$unordered of an object", { $unordered: {} }],
    ["a $ref to what nobody saved", { $ref: "nobody" }],
  ];
  for (const [name, expected] of faults) {
    it(name, () => expect(() => match(expected, [{ a: 1 }])).toThrow(RunnerError));
  }
});
