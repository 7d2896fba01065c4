import { cosine, distinctTokens, dot, embed, maxSim, squareNorm } from "./embed/index.js";
import type { StoredRecord } from "./record/index.js";
import { compareText } from "./record/json.js";
import type { Entry, SearchIndex } from "./search-index.js";
import { terms } from "./text/index.js";

/** How a search ranks: by words and vectors together, by words alone, by vectors alone. */
export type SearchMode = "hybrid" | "lexical" | "semantic";

/** A record that was found, and how well it answers. */
export interface Ranked {
  readonly record: StoredRecord;
  /** From 0 to 1. */
  readonly score: number;
}

/** What a search asks for, beside which records. */
export interface Question {
  readonly query: string;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly minScore: number;
  /** What counts beside how well a record answers, and the time of the call (spec 8.11). */
  readonly recency: { readonly weight: number; readonly halfLife: number };
  readonly importanceWeight: number;
  readonly now: number;
}

/** The weight of the vectors in the fusion. */
const VECTOR_WEIGHT = 0.4;
/** How many records by each of the two values become candidates, at least. */
const CANDIDATES = 200;
/** How many candidates the second stage looks at, and what it adds at most. */
const SECOND_STAGE = 40;
const SECOND_STAGE_WEIGHT = 0.5;

/** An entry with the value that it is ordered by. */
interface Valued {
  readonly entry: Entry;
  readonly value: number;
}

/** A candidate of the fusion, with both values in full. */
interface Candidate {
  readonly entry: Entry;
  readonly bm25: number;
  readonly cosine: number;
}

/**
 * Ranks records by a question, best first (spec 8.8 to 8.10).
 *
 * @param index - the records whose statistics count.
 * @param selected - those among them that may be found.
 */
export function rank(index: SearchIndex, selected: readonly Entry[], question: Question): Ranked[] {
  const words = new Bm25(index, question.query);
  const meaning = new Meaning(question.query);
  switch (question.mode) {
    case "lexical":
      return cut(
        best(selected, (entry) => words.of(entry)),
        question,
        (value) => value / words.greatest,
      );
    case "semantic":
      return cut(
        best(selected, (entry) => meaning.of(entry)),
        question,
        (value) => value,
      );
    case "hybrid":
      return hybrid(words, meaning, selected, question);
  }
}

function hybrid(
  words: Bm25,
  meaning: Meaning,
  selected: readonly Entry[],
  question: Question,
): Ranked[] {
  const candidates = findCandidates(words, meaning, selected, Math.max(CANDIDATES, question.limit));
  let [maxBm25, maxCosine] = [0, 0];
  for (const { bm25, cosine } of candidates) {
    maxBm25 = Math.max(maxBm25, bm25);
    maxCosine = Math.max(maxCosine, cosine);
  }
  const fused = candidates.map(({ entry, bm25, cosine }) => {
    const b = maxBm25 > 0 ? bm25 / maxBm25 : 0;
    const s = maxCosine > 0 ? Math.max(0, cosine) / maxCosine : 0;
    return { entry, value: VECTOR_WEIGHT * s + (1 - VECTOR_WEIGHT) * b };
  });
  fused.sort(byValue);

  const queryTokens = distinctTokens(question.query);
  const hasSecondStage = queryTokens.length > 0;
  const final = fused.map(({ entry, value }, place) => {
    if (!hasSecondStage || place >= SECOND_STAGE) return { entry, value };
    return {
      entry,
      value: value + SECOND_STAGE_WEIGHT * maxSim(queryTokens, entry.analysis.tokens),
    };
  });
  final.sort(byValue);

  const share = words.greatest === 0 ? 0 : maxBm25 / words.greatest;
  const answered = Math.sqrt(VECTOR_WEIGHT * maxCosine + (1 - VECTOR_WEIGHT) * share);
  const greatest = hasSecondStage ? 1 + SECOND_STAGE_WEIGHT : 1;
  return cut(final, question, (value) => (value / greatest) * answered);
}

/** Finds the best by words and the best by meaning; each comes with both values. */
function findCandidates(
  words: Bm25,
  meaning: Meaning,
  selected: readonly Entry[],
  count: number,
): Candidate[] {
  const found = new Set<Entry>();
  for (const { entry } of best(selected, (entry) => words.of(entry)).slice(0, count))
    found.add(entry);
  for (const { entry } of best(selected, (entry) => meaning.of(entry)).slice(0, count))
    found.add(entry);
  return [...found].map((entry) => ({ entry, bm25: words.of(entry), cosine: meaning.of(entry) }));
}

/** Gives the entries with a value above 0, the best first. */
function best(entries: readonly Entry[], measure: (entry: Entry) => number): Valued[] {
  const valued = entries.map((entry) => ({ entry, value: measure(entry) }));
  return valued.filter(({ value }) => value > 0).sort(byValue);
}

/** The order everywhere: greater value, newer `createdAt`, smaller id by bytes (spec 8.8). */
function byValue(a: Valued, b: Valued): number {
  const [left, right] = [a.entry.record, b.entry.record];
  return b.value - a.value || right.createdAt - left.createdAt || compareText(left.id, right.id);
}

/** Cuts an ordered answer to what was asked for; scores come last. */
function cut(
  ordered: readonly Valued[],
  question: Question,
  scoreOf: (value: number) => number,
): Ranked[] {
  const scored = ordered.map(({ entry, value }) => ({
    entry,
    value: Math.min(1, Math.max(0, scoreOf(value))),
  }));
  return blend(scored, question)
    .slice(0, question.limit)
    .map(({ entry, value }) => ({ record: entry.record, score: value }))
    .filter(({ score }) => score >= question.minScore);
}

/** Lets recency and importance count beside the score, where they are asked for (spec 8.11). */
function blend(
  scored: readonly Valued[],
  { recency, importanceWeight, now }: Question,
): readonly Valued[] {
  const { weight, halfLife } = recency;
  // Not even the order may change: equal scores may stand for different values.
  if (weight === 0 && importanceWeight === 0) return scored;
  const blended = scored.map(({ entry, value }) => {
    const { createdAt, importance } = entry.record;
    const age = Math.max(0, now - createdAt) / 1000;
    const sum = value + weight * exp2(-(age / halfLife)) + importanceWeight * importance;
    return { entry, value: sum / (1 + weight + importanceWeight) };
  });
  return blended.sort(byValue);
}

/** BM25 of a query over conversational context (spec 8.4). */
class Bm25 {
  readonly #index: SearchIndex;
  /** Each distinct query term with its idf, in order of first appearance. */
  readonly #terms: readonly (readonly [term: string, idf: number])[];
  /** More than any record can reach: U of spec 8.10. */
  readonly greatest: number;

  constructor(index: SearchIndex, query: string) {
    this.#index = index;
    const n = index.entries.length;
    this.#terms = [...new Set(terms(query))].map((term) => {
      const df = index.df(term);
      return [term, ln(1 + (n - df + 0.5) / (df + 0.5))];
    });
    this.greatest = 1.9 * this.#terms.reduce((sum, [, idf]) => sum + idf, 0);
  }

  of(entry: Entry): number {
    let sum = 0;
    for (const [term, idf] of this.#terms) {
      const tf = entry.tf2(term) / 2;
      if (tf === 0) continue;
      const norm = (entry.len2 * this.#index.entries.length) / this.#index.total2;
      sum += (idf * tf * 1.9) / (tf + 0.9 * (0.6 + 0.4 * norm));
    }
    return sum;
  }
}

/** The cosine of a query's vector with that of a record (spec 8.7). */
class Meaning {
  readonly #vector: Int8Array;
  readonly #square: number;

  constructor(query: string) {
    this.#vector = embed(query);
    this.#square = squareNorm(this.#vector);
  }

  of({ analysis }: Entry): number {
    return cosine(dot(this.#vector, analysis.vector), this.#square, analysis.squareNorm);
  }
}

/**
 * The natural logarithm of a double above 0, by + - * / alone: the same bits in every language (spec 8.5).
 *
 * `Math.log` may differ between engines in the last bit.
 */
export function ln(x: number): number {
  const [m, e] = split(x);
  const z = (m - 1) / (m + 1);
  const w = z * z;
  let p = 1 / 21;
  for (let k = 9; k >= 0; k--) p = p * w + 1 / (2 * k + 1);
  return 2 * z * p + e * LN_2;
}

/**
 * 2 to the power of a double of at most 0, by + - * / alone: the same bits in every language (spec 8.11).
 *
 * What is smaller than 2 to the power of -1000 is 0.
 */
export function exp2(x: number): number {
  if (x < -1000) return 0;
  let i = Math.floor(x + 0.5);
  const t = (x - i) * LN_2;
  let p = 1;
  for (let k = 13; k >= 1; k--) p = 1 + (t * p) / k;
  // Halving is exact: nothing gets near the subnormal numbers.
  for (; i < 0; i++) p /= 2;
  return p;
}

// biome-ignore lint/suspicious/noApproximativeNumericConstant: spec 8.5 states these doubles, an engine's may differ
const [LN_2, SQRT_1_2] = [0.6931471805599453, 0.7071067811865476];

/** Splits `x = m 2^e` exactly, with m from sqrt(1/2) up to and without sqrt(2), by its bits. */
function split(x: number): [m: number, e: number] {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  const e = ((high >>> 20) & 0x7ff) - 1022;
  // With the exponent of 0.5: from 0.5 up to and without 1.
  bits.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  const m = bits.getFloat64(0);
  return m < SQRT_1_2 ? [m * 2, e - 1] : [m, e];
}
