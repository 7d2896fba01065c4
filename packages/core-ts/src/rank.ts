import { cosine, distinctTokens, dot, maxSim, squareNorm } from "./embed/index.js";
import { isOwn, type Named } from "./embed/vectors.js";
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
  /** Why it was found, where that was asked for. */
  readonly explain?: HitExplanation;
}

/** Why a search found a record: the numbers that its ranking used (spec 8.13). */
export interface HitExplanation {
  /** The words of the query that it or a turn near it has; none in `semantic`. */
  terms: HitTerm[];
  /** How well its words answer: the sum of the weights of `terms`. */
  bm25: number;
  /** How near its own meaning is to the query's, from 0 to 1. */
  cosine: number;
  /** The same with the turns around it. */
  near: number;
  /** How much of the query's meaning its words cover; null where the second stage did not look at it. */
  coverage: number | null;
  /** What it gained because the query names who speaks. */
  speaker: number;
  /** What it lost because it asks something itself. */
  question: number;
  /** What it gained because it is like the best. */
  feedback: number;
  /** What all that comes to. Hits are ordered by it, unless recency or importance count. */
  value: number;
  /** How likely it is that an answer is there at all; null but in `hybrid`. */
  likelihood: number | null;
  /** The score without recency and importance; null where neither was asked for. */
  relevance: number | null;
  /** From 1, for what is new, down to 0; null where it was not asked for. */
  recency: number | null;
  /** The record's importance; null where it was not asked for. */
  importance: number | null;
}

/** What a word of the query says for a hit (spec 8.13). */
export interface HitTerm {
  /** The word as it is searched: in lower case, without its ending. */
  term: string;
  /** How often it is among the record's own words. */
  own: number;
  /** What the turns around it add, each place away half as much. */
  around: number;
  /** What it adds to `bm25`. */
  weight: number;
}

/** What a search asks for, beside which records. */
export interface Question {
  readonly query: string;
  /** The query with dates for times from now, whose terms are looked for (spec 8.16). */
  readonly dated: string;
  /** Of the store's embedder, which says how much vectors weigh; without components if none is needed, or there is none. */
  readonly vector: Int8Array;
  readonly embedder: Named;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly minScore: number;
  /** What counts beside how well a record answers, and the time of the call (spec 8.11). */
  readonly recency: { readonly weight: number; readonly halfLife: number };
  readonly importanceWeight: number;
  readonly now: number;
  /** Whether each hit tells why it was found (spec 8.13). */
  readonly explain: boolean;
}

/** How many records by each of the two values become candidates, at least. */
const CANDIDATES = 200;
/** What a turn gains whose speaker the query names, and what one loses that asks something itself. */
const SPEAKER_WEIGHT = 0.15;
const QUESTION_WEIGHT = 0.1;
/** How many candidates the second stage looks at, and what it adds at most. */
const SECOND_STAGE = 40;
const SECOND_STAGE_WEIGHT = 0.5;
/** How many of the best give feedback, and what it adds at most. */
const FEEDBACK = 3;
const FEEDBACK_WEIGHT = 0.6;

/** How evidence becomes a likelihood (spec 8.10). */
const EVIDENCE_SLOPE = 8;
const EVIDENCE_NEEDED = 7.5;

/** Gives the weight of the vectors in the fusion. */
function vectorWeight(embedder: Named): number {
  if (embedder === null) return 0;
  return isOwn(embedder) ? 0.5 : 0.4;
}

/** An entry with the value that it is ordered by. */
interface Valued {
  readonly entry: Entry;
  readonly value: number;
}

/** A record that may be found, with all that is known of it. */
interface Candidate extends Valued {
  readonly bm25: number;
  /** Of its own vector, 0 or more. */
  readonly cosine: number;
  /** C of spec 8.9: of its own vector and its neighbours'. */
  readonly near: number;
  /** L of spec 8.9, null for those that the second stage did not reach. */
  readonly covered: number | null;
  readonly speaker: number;
  readonly question: number;
  readonly feedback: number;
}

/** What is known of a candidate before anything has looked at it. */
const UNKNOWN = {
  ...{ bm25: 0, cosine: 0, near: 0, covered: null },
  ...{ speaker: 0, question: 0, feedback: 0 },
};

/** Candidates in order, and how the value of one becomes a score (spec 8.10). */
interface Ranking {
  readonly ordered: readonly Candidate[];
  readonly scoreOf: (value: number) => number;
  /** P of spec 8.10; null but in `hybrid`. */
  readonly likelihood: number | null;
}

/**
 * Ranks records by a question, best first (spec 8.8 to 8.13).
 *
 * @param index - the records whose statistics count.
 * @param selected - those among them that may be found.
 */
export function rank(index: SearchIndex, selected: readonly Entry[], question: Question): Ranked[] {
  const words = new Bm25(index, question.mode === "semantic" ? "" : question.dated);
  const ranking = ranked(words, selected, question);
  return cut(ranking, question).map(({ candidate, score }) => {
    const found = { record: candidate.entry.record, score };
    return question.explain
      ? { ...found, explain: explanation(words, ranking, candidate, question) }
      : found;
  });
}

function ranked(words: Bm25, selected: readonly Entry[], question: Question): Ranking {
  const meaning = new Meaning(question.vector);
  switch (question.mode) {
    case "lexical": {
      const ordered = best(selected, (entry) => words.of(entry));
      return {
        ordered: ordered.map((valued) => ({ ...UNKNOWN, ...valued, bm25: valued.value })),
        scoreOf: (value) => value / words.greatest,
        likelihood: null,
      };
    }
    case "semantic": {
      const ordered = best(selected, (entry) => meaning.of(entry));
      return {
        ordered: ordered.map((valued) => {
          const { value } = valued;
          return { ...UNKNOWN, ...valued, cosine: value, near: value };
        }),
        scoreOf: (value) => value,
        likelihood: null,
      };
    }
    case "hybrid":
      return hybrid(words, meaning, selected, question);
  }
}

function hybrid(
  words: Bm25,
  meaning: Meaning,
  selected: readonly Entry[],
  question: Question,
): Ranking {
  const fused = fuse(words, meaning, selected, question);
  // With the built-in table alone there is a second stage.
  const tokens = question.embedder === "builtin" ? distinctTokens(question.query) : [];
  const weight = vectorWeight(question.embedder);
  const covered = fused.map((candidate, place) => {
    if (place >= SECOND_STAGE || tokens.length === 0) return candidate;
    const covered = maxSim(tokens, candidate.entry.analysis.tokens);
    return { ...candidate, covered, value: candidate.value + SECOND_STAGE_WEIGHT * covered };
  });
  const final = feedback(words, covered.sort(byValue)).sort(byValue);
  const greatest = final[0]?.value ?? 0;
  const share = words.greatest === 0 ? 0 : greatestOf(final, ({ bm25 }) => bm25) / words.greatest;
  const answered =
    tokens.length > 0
      ? likelihood(share + greatestOf(final, ({ covered }) => covered ?? 0))
      : Math.sqrt(weight * greatestOf(final, ({ cosine }) => cosine) + (1 - weight) * share);
  return {
    ordered: final,
    scoreOf: (value) => answered * (Math.max(0, value) / greatest),
    likelihood: answered,
  };
}

/** Finds the candidates, the best by words and the best by meaning, and puts both together: F of spec 8.9. */
function fuse(
  words: Bm25,
  meaning: Meaning,
  selected: readonly Entry[],
  { dated, limit, embedder }: Question,
): Candidate[] {
  const weight = vectorWeight(embedder);
  const count = Math.max(CANDIDATES, limit);
  const found = new Set<Entry>();
  for (const { entry } of best(selected, (entry) => words.of(entry)).slice(0, count))
    found.add(entry);
  for (const { entry } of best(selected, (entry) => meaning.near(entry)).slice(0, count))
    found.add(entry);
  const candidates = [...found].map((entry) => ({
    ...UNKNOWN,
    entry,
    bm25: words.of(entry),
    cosine: Math.max(0, meaning.of(entry)),
    near: meaning.near(entry),
  }));
  const maxBm25 = greatestOf(candidates, ({ bm25 }) => bm25);
  const maxNear = greatestOf(candidates, ({ near }) => near);
  const queryTerms = new Set(terms(dated));
  const fused = candidates.map((candidate) => {
    const { analysis, record } = candidate.entry;
    const b = maxBm25 > 0 ? candidate.bm25 / maxBm25 : 0;
    const s = maxNear > 0 ? candidate.near / maxNear : 0;
    const named = analysis.speaker.some((term) => queryTerms.has(term));
    const asks = record.role !== null && /[?\u061f\uff1f]/.test(record.content);
    const speaker = named ? SPEAKER_WEIGHT : 0;
    const question = asks ? QUESTION_WEIGHT : 0;
    const value = weight * s + (1 - weight) * b + speaker - question;
    return { ...candidate, speaker, question, value };
  });
  return fused.sort(byValue);
}

/**
 * Lets candidates rise that are like the best of all, where texts are long enough to tell what they are about (spec 8.9).
 *
 * Source: pseudo-relevance feedback, J. Rocchio, "Relevance feedback in information retrieval" (1971).
 */
function feedback(words: Bm25, ordered: readonly Candidate[]): Candidate[] {
  if (words.long === 0) return [...ordered];
  const ofBest = new Map<string, number>();
  for (const { entry } of ordered.slice(0, FEEDBACK)) {
    for (const term of entry.analysis.words.counts.keys())
      ofBest.set(term, (ofBest.get(term) ?? 0) + words.weight(entry, term));
  }
  const like = ordered.map(({ entry }) => {
    let sum = 0;
    for (const term of entry.analysis.words.counts.keys())
      sum += words.weight(entry, term) * (ofBest.get(term) ?? 0);
    return sum;
  });
  const greatest = Math.max(0, ...like);
  if (greatest === 0) return [...ordered];
  return ordered.map((candidate, place) => {
    const feedback = FEEDBACK_WEIGHT * words.long * ((like[place] ?? 0) / greatest);
    return { ...candidate, feedback, value: candidate.value + feedback };
  });
}

function greatestOf(
  candidates: readonly Omit<Candidate, "value">[],
  measure: (candidate: Omit<Candidate, "value">) => number,
): number {
  return candidates.reduce((greatest, candidate) => Math.max(greatest, measure(candidate)), 0);
}

/** P of spec 8.10: how likely it is that the answer is there, by how much of the question the best records have. */
function likelihood(evidence: number): number {
  const z = EVIDENCE_SLOPE * evidence - EVIDENCE_NEEDED;
  const y = exp2(-Math.abs(z));
  return z >= 0 ? 1 / (1 + y) : y / (1 + y);
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

/** A candidate with its score. */
interface Scored {
  readonly candidate: Candidate;
  readonly score: number;
}

/** The score of a candidate by how well it answers alone (spec 8.10). */
function relevanceOf({ value }: Candidate, { scoreOf }: Ranking): number {
  return Math.min(1, Math.max(0, scoreOf(value)));
}

/** Cuts an ordered answer to what was asked for; scores come last. */
function cut(ranking: Ranking, question: Question): Scored[] {
  const scored = ranking.ordered.map((candidate) => ({
    candidate,
    score: relevanceOf(candidate, ranking),
  }));
  return blend(scored, question)
    .slice(0, question.limit)
    .filter(({ score }) => score >= question.minScore);
}

/** Lets recency and importance count beside the score, where they are asked for (spec 8.11). */
function blend(scored: readonly Scored[], question: Question): readonly Scored[] {
  // Not even the order may change: equal scores may stand for different values.
  if (!isBlended(question)) return scored;
  const { recency, importanceWeight } = question;
  const blended = scored.map(({ candidate, score }) => {
    const { record } = candidate.entry;
    const sum =
      score + recency.weight * recencyOf(record, question) + importanceWeight * record.importance;
    return { candidate, score: sum / (1 + recency.weight + importanceWeight) };
  });
  const valued = ({ candidate, score }: Scored) => ({ entry: candidate.entry, value: score });
  return blended.sort((a, b) => byValue(valued(a), valued(b)));
}

function isBlended({ recency, importanceWeight }: Question): boolean {
  return recency.weight !== 0 || importanceWeight !== 0;
}

/** From 1, for what is new, down to 0 (spec 8.11). */
function recencyOf({ createdAt }: StoredRecord, { recency, now }: Question): number {
  const age = Math.max(0, now - createdAt) / 1000;
  return exp2(-(age / recency.halfLife));
}

/** Tells why a candidate was found (spec 8.13). */
function explanation(
  words: Bm25,
  ranking: Ranking,
  candidate: Candidate,
  question: Question,
): HitExplanation {
  const { entry, bm25, cosine, near, covered, speaker, feedback, value } = candidate;
  const { recency, importanceWeight } = question;
  return {
    terms: words.explain(entry),
    bm25,
    cosine,
    near,
    coverage: covered,
    speaker,
    question: candidate.question,
    feedback,
    value,
    likelihood: ranking.likelihood,
    relevance: isBlended(question) ? relevanceOf(candidate, ranking) : null,
    recency: recency.weight === 0 ? null : recencyOf(entry.record, question),
    importance: importanceWeight === 0 ? null : entry.record.importance,
  };
}

/** BM25 of a query over conversational context (spec 8.4). */
class Bm25 {
  readonly #index: SearchIndex;
  /** Each distinct query term with its idf, in order of first appearance. */
  readonly #terms: readonly (readonly [term: string, idf: number])[];
  /** More than any record can reach: U of spec 8.10. */
  readonly greatest: number;
  /** From 0, where records are as short as chat turns, to 1. */
  readonly long: number;
  readonly #b: number;
  readonly #idf1 = new Map<string, number>();

  constructor(index: SearchIndex, query: string) {
    this.#index = index;
    this.#terms = [...new Set(terms(query))].map((term) => [term, this.#idf(index.df(term))]);
    this.greatest = 1.9 * this.#terms.reduce((sum, [, idf]) => sum + idf, 0);
    this.long = Math.min(1, Math.max(0, index.words / index.entries.length / 32 - 1));
    this.#b = 0.4 + 0.35 * this.long;
  }

  of(entry: Entry): number {
    let sum = 0;
    for (const [term, idf] of this.#terms) {
      const tf = entry.tf8(term) / 8;
      if (tf > 0) sum += this.#part(entry, idf, tf);
    }
    return sum;
  }

  /** The terms that an entry or a neighbour has, and what each says for it (spec 8.13). */
  explain(entry: Entry): HitTerm[] {
    return this.#terms.flatMap(([term, idf]) => {
      const own = entry.count(term);
      const tf = entry.tf8(term) / 8;
      return tf === 0 ? [] : [{ term, own, around: tf - own, weight: this.#part(entry, idf, tf) }];
    });
  }

  #part(entry: Entry, idf: number, tf: number): number {
    const { entries, total8 } = this.#index;
    return this.#saturated(idf, tf, (entry.len8 * entries.length) / total8);
  }

  /** What a word of a record says of it, its neighbours left aside: v of spec 8.9. */
  weight(entry: Entry, term: string): number {
    const { entries, words } = this.#index;
    let idf = this.#idf1.get(term);
    if (idf === undefined) {
      idf = this.#idf(this.#index.df1(term));
      this.#idf1.set(term, idf);
    }
    const norm = (entry.analysis.words.total * entries.length) / words;
    return this.#saturated(idf, entry.count(term), norm);
  }

  #idf(df: number): number {
    return ln(1 + (this.#index.entries.length - df + 0.5) / (df + 0.5));
  }

  #saturated(idf: number, tf: number, norm: number): number {
    return (idf * tf * 1.9) / (tf + 0.9 * (1 - this.#b + this.#b * norm));
  }
}

/** The cosine of a query's vector with that of a record (spec 8.7). */
class Meaning {
  readonly #vector: Int8Array;
  readonly #square: number;

  constructor(vector: Int8Array) {
    this.#vector = vector;
    this.#square = squareNorm(vector);
  }

  of({ vector, squareNorm }: Entry): number {
    return cosine(dot(this.#vector, vector), this.#square, squareNorm);
  }

  /** C of spec 8.9: what its neighbours mean counts too, the less the further away. */
  near(entry: Entry): number {
    const pairs = [0, 0, 0];
    for (const { entry: neighbour, distance } of entry.neighbours)
      pairs[distance - 1] = (pairs[distance - 1] ?? 0) + Math.max(0, this.of(neighbour));
    const [first = 0, second = 0, third = 0] = pairs;
    return Math.max(0, this.of(entry)) + 0.5 * first + 0.25 * second + 0.125 * third;
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
