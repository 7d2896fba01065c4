import { distinctTokensOf, squareNorm, tokenIds } from "./embed/index.js";
import type { Vectors } from "./embed/vectors.js";
import { type StoredRecord, textOf } from "./record/index.js";
import type { Row } from "./store.js";
import { dateTerms, terms } from "./text/index.js";

/** How often each term occurs in a text, in order of first appearance, and how many terms there are in all. */
interface TermCounts {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

/** What is derived from a record alone. */
interface Analysis {
  /** The terms of its text and, for a turn, of its date (spec 8.3). */
  readonly words: TermCounts;
  /** The distinct terms of the name of who speaks. */
  readonly speaker: readonly string[];
  /** The tokens that the second stage compares (spec 8.9). */
  readonly tokens: readonly number[];
}

/** How many turns before and after a turn are its neighbours (spec 8.3). */
const REACH = 3;

/** A turn near another in their conversation. */
interface Neighbour {
  readonly entry: Entry;
  /** How many places it is away, 1 to 3. */
  readonly distance: number;
}

/** A record as search sees it: among its neighbours. */
export class Entry {
  readonly record: StoredRecord;
  readonly analysis: Analysis;
  readonly vector: Int8Array;
  readonly squareNorm: number;
  /** The nearest first, and of two the earlier. */
  neighbours: readonly Neighbour[] = [];

  constructor(record: StoredRecord, vectors: Vectors) {
    this.record = record;
    this.analysis = analyse(record);
    this.vector = vectors.of(record);
    this.squareNorm = squareNorm(this.vector);
  }

  /** How often a term is among its own words. */
  count(term: string): number {
    return this.analysis.words.counts.get(term) ?? 0;
  }

  /** Gives the weight of a term in eighths: its own words and those of its neighbours (spec 8.3). */
  tf8(term: string): number {
    return this.#eighths((entry) => entry.count(term));
  }

  /** The sum of `tf8` over all terms. */
  get len8(): number {
    return this.#eighths((entry) => entry.analysis.words.total);
  }

  #eighths(count: (entry: Entry) => number): number {
    let sum = 8 * count(this);
    for (const { entry, distance } of this.neighbours)
      sum += 2 ** (REACH - distance) * count(entry);
    return sum;
  }
}

/**
 * What search asks of the live records of one user, or of the whole store (spec 8.4).
 *
 * It is made anew for each search: only what follows from a record alone is kept.
 */
export class SearchIndex {
  readonly entries: readonly Entry[];
  /** Where each turn stands. */
  readonly #places: ReadonlyMap<StoredRecord, Place>;
  #df1: ReadonlyMap<string, number> | undefined;
  /** The sum of `len8` over all entries. */
  readonly total8: number;
  /** How many words all entries have together. */
  readonly words: number;

  constructor(rows: readonly Row[], vectors: Vectors) {
    this.entries = rows.map(({ record }) => new Entry(record, vectors));
    this.#places = placesOf(rows, this.entries);
    for (const entry of this.entries) entry.neighbours = this.#neighboursOf(entry);
    this.total8 = this.entries.reduce((sum, entry) => sum + entry.len8, 0);
    this.words = this.entries.reduce((sum, { analysis }) => sum + analysis.words.total, 0);
  }

  /** Counts the records that have a term in themselves or in a neighbour: `tf8 > 0`. */
  df(term: string): number {
    return this.entries.filter((entry) => entry.tf8(term) > 0).length;
  }

  /** Counts the records that have a term among their own words. */
  df1(term: string): number {
    this.#df1 ??= countRecords(this.entries);
    return this.#df1.get(term) ?? 0;
  }

  /** Gives the turns around one in its conversation, oldest first; none around what is no turn (spec 8.12). */
  around(record: StoredRecord, count: number): { before: StoredRecord[]; after: StoredRecord[] } {
    const { turns, at } = this.#places.get(record) ?? NOWHERE;
    const recordsOf = (entries: readonly Entry[]) => entries.map(({ record }) => record);
    return {
      before: recordsOf(turns.slice(Math.max(0, at - count), at)),
      after: recordsOf(turns.slice(at + 1, at + 1 + count)),
    };
  }

  #neighboursOf({ record }: Entry): Neighbour[] {
    const { turns, at } = this.#places.get(record) ?? NOWHERE;
    const neighbours: Neighbour[] = [];
    for (let distance = 1; distance <= REACH; distance++) {
      for (const entry of [turns[at - distance], turns[at + distance]])
        if (entry !== undefined) neighbours.push({ entry, distance });
    }
    return neighbours;
  }
}

/** Counts for each term the records that have it among their own words. */
function countRecords(entries: readonly Entry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { analysis } of entries) {
    for (const term of analysis.words.counts.keys()) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  return counts;
}

/** Where a turn stands in its conversation. */
interface Place {
  readonly turns: readonly Entry[];
  readonly at: number;
}

const NOWHERE: Place = { turns: [], at: 0 };

/** Orders the turns of each conversation: those of the same user, agent and run (spec 8.3). */
function placesOf(rows: readonly Row[], entries: readonly Entry[]): Map<StoredRecord, Place> {
  const conversations = new Map<string, { entry: Entry; added: number }[]>();
  for (const [row, entry] of entries.entries()) {
    const { role, userId, agentId, runId } = entry.record;
    if (role === null) continue;
    const key = JSON.stringify([userId, agentId, runId]);
    const turn = { entry, added: rows[row]?.added ?? 0 };
    const turns = conversations.get(key);
    if (turns === undefined) conversations.set(key, [turn]);
    else turns.push(turn);
  }
  const places = new Map<StoredRecord, Place>();
  for (const conversation of conversations.values()) {
    conversation.sort(
      (a, b) => a.entry.record.createdAt - b.entry.record.createdAt || a.added - b.added,
    );
    const turns = conversation.map(({ entry }) => entry);
    for (const [at, { record }] of turns.entries()) places.set(record, { turns, at });
  }
  return places;
}

/** Records are never changed, only replaced, so that what follows from one holds as long as it lives. */
const analyses = new WeakMap<StoredRecord, Analysis>();

function analyse(record: StoredRecord): Analysis {
  const known = analyses.get(record);
  if (known !== undefined) return known;
  const analysis = analyseAnew(record);
  analyses.set(record, analysis);
  return analysis;
}

function analyseAnew(record: StoredRecord): Analysis {
  const text = textOf(record);
  const { role, name, createdAt } = record;
  return {
    words: countTerms(role === null ? terms(text) : [...terms(text), ...dateTerms(createdAt)]),
    speaker: role === null || name === null ? [] : [...new Set(terms(name))],
    tokens: distinctTokensOf(tokenIds(text)),
  };
}

/** Tells whether what is kept of a record is what its text gives now (spec 11.6). */
export function isFresh(record: StoredRecord): boolean {
  const known = analyses.get(record);
  return known === undefined || written(known) === written(analyseAnew(record));
}

function written({ words, speaker, tokens }: Analysis): string {
  return JSON.stringify([[...words.counts], words.total, speaker, tokens]);
}

function countTerms(list: readonly string[]): TermCounts {
  const counts = new Map<string, number>();
  for (const term of list) counts.set(term, (counts.get(term) ?? 0) + 1);
  return { counts, total: list.length };
}
