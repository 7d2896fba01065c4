import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dateTerms, isBlank, removeUnassigned, stem, terms, toLower } from "../src/text/index.js";

interface Vector {
  input: string;
  output: unknown;
}

function vectors(file: string): Vector[] {
  const url = new URL(`../../../conformance/vectors/${file}`, import.meta.url);
  const parsed = JSON.parse(readFileSync(url, "utf8")) as { vectors: Vector[] };
  expect(parsed.vectors.length).toBeGreaterThan(0);
  return parsed.vectors;
}

describe("text analysis", () => {
  it("gives the terms of the vectors", () => {
    for (const vector of vectors("terms.json")) {
      expect(terms(vector.input), JSON.stringify(vector)).toEqual(vector.output);
    }
  });

  it("gives the stems of the vectors", () => {
    const expected = vectors("stems.json");
    expect(expected.map(({ input }) => stem(input))).toEqual(expected.map(({ output }) => output));
  });

  it("takes the date of a moment in UTC", () => {
    const date = (milliseconds: number): string => dateTerms(milliseconds).join(" ");
    expect(date(1_683_554_160_000)).toBe("8 may 2023");
    expect(date(0)).toBe("1 januari 1970");
    expect(date(86_399_999)).toBe("1 januari 1970");
    expect(date(951_782_400_000)).toBe("29 februari 2000");
    expect(date(4_107_542_400_000)).toBe("1 march 2100");
    expect(date(253_402_300_799_999)).toBe("31 decemb 9999");
  });

  it("calls a text blank by white space alone", () => {
    expect(isBlank("")).toBe(true);
    expect(isBlank(" \t\u000b\u0085\u00a0\u1680\u2028\u202f\u3000")).toBe(true);
    for (const visible of ["a", "\u200b", "\ufeff", "\u180e", "\u001c", "\u0000", "\u{1f600}"]) {
      expect(isBlank(visible), JSON.stringify(visible)).toBe(false);
    }
  });

  it("gives full lower case of the pinned version", () => {
    expect(toLower("ΟΔΟΣ ΣΑΣ Σ")).toBe("οδος σας σ");
    expect(toLower("ΟΔΟΣ\u0301' ΟΔΟΣ'Α")).toBe("οδος\u0301' οδοσ'α");
    expect(toLower("İẞǄǅ𐐀Ⅷ")).toBe("i\u0307ßǆǆ𐐨ⅷ");
    expect(removeUnassigned("a\u0378b\u{2ebf0}\ua7cb\uffff\ue000")).toBe("ab\ue000");
  });

  it("sorts a megabyte of marks in linear time", () => {
    // What the runtime alone takes minutes for; the runner's time limit fails the test then.
    expect(terms(`a${"\u0301".repeat(250_000)}${"\u0316".repeat(250_000)}b`)).toEqual(["ab"]);
  });
});
