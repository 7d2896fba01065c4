import { distinctTokensOf, embedTokens, squareNorm, tokenIds } from "./embed/index.js";
import { type StoredRecord, textOf } from "./record/index.js";
import type { Row } from "./store.js";
import { dateTerms, terms } from "./text/index.js";

/** How often each term occurs in a text, and how many terms there are in all. */
interface TermCounts {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

/** What is derived from a record alone. */
interface Analysis {
  readonly own: TermCounts;
  /** The date of a turn (spec 8.3). */
  readonly date: TermCounts;
  readonly vector: Int8Array;
  readonly squareNorm: number;
  /** The tokens that the second stage compares (spec 8.9). */
  readonly tokens: readonly number[];
}

/** A record as search sees it: with the terms of its surroundings. */
export class Entry {
  readonly record: StoredRecord;
  readonly analysis: Analysis;
  /** The terms of the turn before it. */
  readonly #previous: TermCounts;

  constructor(record: StoredRecord, previous: StoredRecord | undefined) {
    this.record = record;
    this.analysis = analyse(record);
    this.#previous = previous === undefined ? NO_TERMS : analyse(previous).own;
  }

  /** Gives the weight of a term in half units: `2 own + previous + date` (spec 8.3). */
  tf2(term: string): number {
    const { own, date } = this.analysis;
    return 2 * count(own, term) + count(this.#previous, term) + count(date, term);
  }

  /** The sum of `tf2` over all terms. */
  get len2(): number {
    const { own, date } = this.analysis;
    return 2 * own.total + this.#previous.total + date.total;
  }
}

/**
 * What search asks of the live records of one user, or of the whole store (spec 8.4).
 *
 * It is made anew for each search: only what follows from a record alone is kept.
 */
export class SearchIndex {
  readonly entries: readonly Entry[];
  readonly #places: ReadonlyMap<StoredRecord, Place>;
  /** The sum of `len2` over all entries. */
  readonly total2: number;

  constructor(rows: readonly Row[]) {
    this.#places = placesOf(rows);
    this.entries = rows.map(({ record }) => new Entry(record, this.around(record, 1).before[0]));
    this.total2 = this.entries.reduce((sum, entry) => sum + entry.len2, 0);
  }

  /** Counts the records with `tf2 > 0`. */
  df(term: string): number {
    return this.entries.filter((entry) => entry.tf2(term) > 0).length;
  }

  /** Gives the turns around one in its conversation, oldest first; none around what is no turn (spec 8.12). */
  around(record: StoredRecord, count: number): { before: StoredRecord[]; after: StoredRecord[] } {
    const { turns, at } = this.#places.get(record) ?? { turns: [], at: 0 };
    return {
      before: turns.slice(Math.max(0, at - count), at),
      after: turns.slice(at + 1, at + 1 + count),
    };
  }
}

/** Where a turn stands in its conversation. */
interface Place {
  readonly turns: readonly StoredRecord[];
  readonly at: number;
}

/** Orders the turns of each conversation: those of the same user, agent and run (spec 8.3). */
function placesOf(rows: readonly Row[]): Map<StoredRecord, Place> {
  const conversations = new Map<string, Row[]>();
  for (const row of rows) {
    const { role, userId, agentId, runId } = row.record;
    if (role === null) continue;
    const key = JSON.stringify([userId, agentId, runId]);
    const turns = conversations.get(key);
    if (turns === undefined) conversations.set(key, [row]);
    else turns.push(row);
  }
  const places = new Map<StoredRecord, Place>();
  for (const rows of conversations.values()) {
    rows.sort((a, b) => a.record.createdAt - b.record.createdAt || a.added - b.added);
    const turns = rows.map(({ record }) => record);
    for (const [at, record] of turns.entries()) places.set(record, { turns, at });
  }
  return places;
}

const NO_TERMS: TermCounts = { counts: new Map(), total: 0 };

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
  const ids = tokenIds(text);
  const vector = embedTokens(ids);
  return {
    own: countTerms(terms(text)),
    date: record.role === null ? NO_TERMS : countTerms(dateTerms(record.createdAt)),
    vector,
    squareNorm: squareNorm(vector),
    tokens: distinctTokensOf(ids),
  };
}

/** Tells what is kept of a record, its vector or the rest, that is not what its text gives now; null if nothing (spec 11.6). */
export function staleness(record: StoredRecord): "vector" | "index" | null {
  const known = analyses.get(record);
  if (known === undefined) return null;
  const fresh = analyseAnew(record);
  if (known.vector.some((value, k) => value !== fresh.vector[k])) return "vector";
  return written(known) === written(fresh) ? null : "index";
}

function written({ own, date, squareNorm, tokens }: Analysis): string {
  return JSON.stringify([
    [...own.counts],
    own.total,
    [...date.counts],
    date.total,
    squareNorm,
    tokens,
  ]);
}

function countTerms(list: readonly string[]): TermCounts {
  const counts = new Map<string, number>();
  for (const term of list) counts.set(term, (counts.get(term) ?? 0) + 1);
  return { counts, total: list.length };
}

function count(terms: TermCounts, term: string): number {
  return terms.counts.get(term) ?? 0;
}
