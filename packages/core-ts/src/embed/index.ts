// The built-in embedder: a vector for a text from a table of tokens, by integers alone.

import { DIMENSIONS, rowNorm, tokenTable } from "./table.js";
import { tokenIds } from "./wordpiece.js";

export { DIMENSIONS, rowNorm, tokenRow } from "./table.js";
export { isKnownWord, tokenIds } from "./wordpiece.js";

/** How many distinct tokens of a text the second stage compares. */
const COMPARED_TOKENS = 64;

/** Embeds a text: 128 components of int8, all zero if no word of it is known. */
export function embed(text: string): Int8Array {
  return embedTokens(tokenIds(text));
}

/** Embeds a text given as its token ids, repeats counted. */
export function embedTokens(ids: readonly number[]): Int8Array {
  const { components } = tokenTable();
  // Doubles hold integers up to 2^53 exactly: 7e13 tokens of 127 at most would be needed to leave that.
  const sums = new Float64Array(DIMENSIONS);
  for (const id of ids) {
    const row = id * DIMENSIONS;
    for (let k = 0; k < DIMENSIONS; k++) sums[k] = (sums[k] ?? 0) + (components[row + k] ?? 0);
  }
  return quantise(sums);
}

/**
 * Scales integer sums to int8 so that the greatest magnitude becomes 127; halves are rounded away from zero.
 *
 * Magnitudes are below 2^44, as the sums of any text that fits in memory are. Then all is as exact as in 64-bit
 * integers: numerator and denominator are integers below 2^53, and a quotient below 128 that is not an integer is
 * apart from the next one by 1 / (2 greatest) > 2^-46 at least, more than the rounding of the division, so that the
 * floor is right.
 */
export function quantise(sums: ArrayLike<number>): Int8Array {
  let greatest = 0;
  for (let k = 0; k < sums.length; k++) greatest = Math.max(greatest, Math.abs(sums[k] ?? 0));
  const quantised = new Int8Array(sums.length);
  if (greatest === 0) return quantised;
  for (let k = 0; k < sums.length; k++) {
    const sum = sums[k] ?? 0;
    const magnitude = Math.floor((254 * Math.abs(sum) + greatest) / (2 * greatest));
    quantised[k] = sum < 0 ? -magnitude : magnitude;
  }
  return quantised;
}

/** Gives the dot product of two vectors of equal length: an exact integer. */
export function dot(a: Int8Array, b: Int8Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] ?? 0) * (b[k] ?? 0);
  return sum;
}

/** Gives the sum of the squares of a vector: an exact integer. */
export function squareNorm(vector: Int8Array): number {
  return dot(vector, vector);
}

/**
 * Gives the cosine from a dot product and two square norms; 0 where one of them is zero.
 *
 * The product of the norms is rounded to a double once, the same whether from integers or from doubles.
 */
export function cosine(product: number, querySquare: number, documentSquare: number): number {
  if (querySquare === 0 || documentSquare === 0) return 0;
  return product / Math.sqrt(querySquare * documentSquare);
}

/** Gives what the second stage compares of a text: its `distinctTokensOf`. */
export function distinctTokens(text: string): number[] {
  return distinctTokensOf(tokenIds(text));
}

/** Gives the first 64 distinct token ids with a row that is not zero, in order of appearance. */
export function distinctTokensOf(ids: readonly number[]): number[] {
  const distinct = new Set<number>();
  for (const id of ids) {
    if (rowNorm(id) > 0) distinct.add(id);
    if (distinct.size === COMPARED_TOKENS) break;
  }
  return [...distinct];
}

/**
 * Tells how well a document's tokens cover a query's, 0 to 1: for each query token the best match among the document's.
 *
 * Both are what `distinctTokensOf` gives. 0 where one is empty. Sums run in the order of the query's tokens, so that
 * the result is the same to the last bit everywhere. Source: late interaction, O. Khattab and M. Zaharia, "ColBERT"
 * (2020).
 */
export function maxSim(queryIds: readonly number[], documentIds: readonly number[]): number {
  if (queryIds.length === 0 || documentIds.length === 0) return 0;
  const { components, norms } = tokenTable();
  let covered = 0;
  let weight = 0;
  for (const queryId of queryIds) {
    let best = 0;
    for (const documentId of documentIds) {
      const similarity = rowDot(components, queryId, documentId) / (norms[documentId] ?? 0);
      if (similarity > best) best = similarity;
    }
    covered += best;
    weight += norms[queryId] ?? 0;
  }
  return covered / weight;
}

function rowDot(components: Int8Array, a: number, b: number): number {
  const rowA = a * DIMENSIONS;
  const rowB = b * DIMENSIONS;
  let sum = 0;
  for (let k = 0; k < DIMENSIONS; k++)
    sum += (components[rowA + k] ?? 0) * (components[rowB + k] ?? 0);
  return sum;
}
