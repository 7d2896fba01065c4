import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  cosine,
  distinctTokens,
  dot,
  embed,
  maxSim,
  quantise,
  rowNorm,
  squareNorm,
  tokenIds,
  tokenRow,
} from "../src/embed/index.js";

interface Vector<Input, Output> {
  input: Input;
  output: Output;
  why: string;
}

function vectors<Input, Output>(file: string): Vector<Input, Output>[] {
  const url = new URL(`../../../conformance/vectors/${file}`, import.meta.url);
  const parsed = JSON.parse(readFileSync(url, "utf8")) as { vectors: Vector<Input, Output>[] };
  expect(parsed.vectors.length).toBeGreaterThan(0);
  return parsed.vectors;
}

describe("the built-in embedder", () => {
  it("gives the embeddings of the vectors", () => {
    type Embedding = { tokens: number[]; vector: number[] };
    for (const { input, output, why } of vectors<string, Embedding>("embeddings.json")) {
      expect(tokenIds(input), why).toEqual(output.tokens);
      expect([...embed(input)], why).toEqual(output.vector);
    }
  });

  it("gives the token coverage of the vectors, to the last bit", () => {
    type Texts = { query: string; document: string };
    type Coverage = { query: number[]; document: number[]; maxSim: number };
    for (const { input, output, why } of vectors<Texts, Coverage>("max-sim.json")) {
      expect(distinctTokens(input.query), why).toEqual(output.query);
      expect(distinctTokens(input.document), why).toEqual(output.document);
      expect(maxSim(output.query, output.document), why).toBe(output.maxSim);
    }
  });

  it("quantises like the vectors", () => {
    for (const { input, output, why } of vectors<number[], number[]>("quantise.json")) {
      expect([...quantise(input)], why).toEqual(output);
    }
  });

  it("takes a cosine by one root of an exact product", () => {
    const [a, b] = [Int8Array.of(3, 4, 0), Int8Array.of(4, 3, 0)];
    expect(cosine(dot(a, b), squareNorm(a), squareNorm(b))).toBe(24 / 25);
    expect(cosine(0, 0, 25)).toBe(0);
    expect(squareNorm(new Int8Array(4096).fill(-128))).toBe(67_108_864);
  });

  it("keeps the length that the components of a row give", () => {
    expect(rowNorm(7592)).toBe(Math.sqrt(squareNorm(tokenRow(7592))));
    expect(rowNorm(0)).toBe(0);
  });
});
