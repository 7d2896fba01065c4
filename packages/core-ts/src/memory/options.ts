import { checkEmbedder, type EmbedderOption } from "../embed/embedder.js";
import { invalid } from "../error.js";
import { SELECT_READERS, type SelectOptions } from "../filter.js";
import type { SearchMode } from "../rank.js";
import { checkBoolean, checkChoice, checkInteger, checkRange } from "../record/index.js";
import { nameOf, readOptions } from "../record/json.js";
import { isDate, parseTime, type TimeInput } from "../record/time.js";
import { readVector, type Vector } from "../record/vector.js";
import { checkId } from "../scope.js";
import type { AsOf } from "../store.js";

/** Which superseded states `compact` leaves (spec 11.4); `days` is a number of at least 0. */
export type HistoryOption = "keep" | "none" | { days: number };

/** How a memory is opened (spec 3.3). Null is the same as leaving out. */
export interface MemoryOptions {
  /** Makes the file if it is missing; true by default. */
  create?: boolean | null;
  /** Refuses every write with `READ_ONLY`; false by default, and true only with a file. */
  readOnly?: boolean | null;
  /** What an acknowledged write survives: `full`, the default, a power loss; `normal` a killed process. */
  durability?: "full" | "normal" | null;
  /** Milliseconds that a call waits for another process: an integer from 0 to 2147483647; 5000 by default. */
  busyTimeout?: number | null;
  /** About how many bytes of memory loaded search indexes may take: an integer of at least 0; 256 MiB by default. */
  cacheBytes?: number | null;
  /**
   * How many calls may be under way at once, views included; one more is `LIMIT`. An integer of at least 1; 10,000 by
   * default. The reference, which ends each call before the next begins, has no use for it.
   */
  maxQueued?: number | null;
  /**
   * Which superseded states `compact` leaves: all (`keep`, the default), those that were superseded in the last so many
   * days, or `none`.
   */
  history?: HistoryOption | null;
  /**
   * What makes the vectors: `"builtin"`, an embedder of the caller's own, or null for none. Left out it is what the store
   * says, and in a new one the built-in table (spec 12.1).
   */
  embedder?: EmbedderOption;
  /** Gives the milliseconds since 1970, within the years 1970 to 9999; the system's clock by default. */
  clock?: (() => number) | null;
}

/**
 * Which state of the store is asked of (spec 7.6): the one after all that was written until a time, or after all events
 * with a `seq` of at most this, an integer of at least 0. It is the time of writing, whatever `createdAt` says.
 */
export type AsOfInput = TimeInput | { seq: number };

/** What the calls may be given that can ask of an earlier state of the store. */
export interface AsOfOptions {
  /** Asks of the store as it was; without it as it is now. What was purged is gone from the past as well. */
  asOf?: AsOfInput | null;
}

/** What `count` may be given (spec 7.5). */
export interface CountOptions extends SelectOptions, AsOfOptions {}

/** What `search` may be given beside the query (spec 8.1). With `asOf` its cost grows with what it searches. */
export interface SearchOptions extends SelectOptions, AsOfOptions {
  /** The most hits to give: an integer from 1 to 1000; 10 by default. */
  limit?: number | null;
  /** Words and vectors together (`hybrid`, the default), words alone (`lexical`), or vectors alone (`semantic`). */
  mode?: SearchMode | null;
  /** The query's vector, where the store's embedder is the caller's own and shall not be asked (spec 12.3). */
  embedding?: Vector | null;
  /** Leaves out hits with a lower score: from 0 to 1; 0 by default. */
  minScore?: number | null;
  /** Lets newer records come first; without it age does not count. */
  recency?: Recency | null;
  /** How much a record's `importance` counts beside how well it answers, which counts 1: from 0 to 100; 0 by default. */
  importanceWeight?: number | null;
  /**
   * How many turns of the same user, agent and run each hit brings from before it and from after it, whatever the filter:
   * an integer from 0 to 20; 0 by default.
   */
  context?: number | null;
  /** Whether each hit tells why it was found, in numbers; false by default. */
  explain?: boolean | null;
}

/** How much it counts that a record is new (spec 8.11): `weight` now, half of it after `halfLife`, and so on. */
export interface Recency {
  /** Beside how well the record answers, which counts 1: from 0 to 100. */
  weight: number;
  /** In seconds since `createdAt`: above 0. */
  halfLife: number;
}

/** What `getAll` may be given (spec 7.3, 7.4). */
export interface GetAllOptions extends SelectOptions, AsOfOptions {
  /** The most records to give: an integer of at least 1; without it all of them. */
  limit?: number | null;
  /** How many records to skip: an integer of at least 0; not together with `after`. */
  offset?: number | null;
  /** The id of the record to go on behind, also of one that was deleted or has expired since. */
  after?: string | null;
  /** Newest first (`desc`, the default) or oldest first (`asc`), by `createdAt`, then by order of adding. */
  order?: "asc" | "desc" | null;
}

/** What `delete` may be given (spec 6.9). */
export interface DeleteOptions {
  /** Erases the record and every earlier state of its id, also of one that was deleted or has expired; false by default. */
  purge?: boolean | null;
}

/** What `clear` may be given (spec 6.10). */
export interface ClearOptions extends SelectOptions {
  /** Erases the records with all their earlier states, deleted and expired ones too, by their last state; false by default. */
  purge?: boolean | null;
}

/** What `changes` may be given (spec 11.2). */
export interface ChangesOptions {
  /** Gives the events with a greater `seq`: an integer of at least 0; 0 by default. */
  after?: number | null;
  /** The most events to give: an integer of at least 1; without it all of them. */
  limit?: number | null;
}

/** What `reembed` is given (spec 12.7). */
export interface ReembedOptions {
  /** What shall make the vectors from then on; one of the caller's own has `embed`. */
  embedder: EmbedderOption;
  /** Hears after each batch how many records have their new vector, of how many. What it throws ends the call. */
  onProgress?: ((done: number, total: number) => void) | null;
}

/** What `exportTo` may be given (spec 13.3). */
export interface ExportOptions {
  /** Whether the export has all events, with the earlier states of records; false by default. */
  history?: boolean | null;
  /** Hears after each part how many lines are written, of how many. What it throws ends the call. */
  onProgress?: ((done: number, total: number) => void) | null;
}

/** What becomes of a record that the store has already, with other fields (spec 13.7). */
export type OnExisting = "error" | "skip" | "replace";

/** What `importFrom` may be given (spec 13.5). */
export interface ImportOptions {
  /** What becomes of a record that is there already, with other fields; `error` by default: nothing is imported. */
  onExisting?: OnExisting | null;
  /** Hears after each part how many lines are done, of how many. What it throws ends the call; the next one goes on. */
  onProgress?: ((done: number, total: number) => void) | null;
}

/** What checks the options of each of the above. */
export const AS_OF_READERS = { asOf: checkAsOf };
export const MEMORY_READERS = {
  create: checkBoolean,
  readOnly: checkBoolean,
  durability: (value: unknown, field: string) => checkChoice(value, field, ["full", "normal"]),
  busyTimeout: (value: unknown, field: string) => checkInteger(value, field, 0, 2_147_483_647),
  cacheBytes: (value: unknown, field: string) =>
    checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
  maxQueued: (value: unknown, field: string) =>
    checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
  history: checkHistory,
  embedder: checkEmbedder,
  clock: checkClock,
};
export const COUNT_READERS = { ...SELECT_READERS, ...AS_OF_READERS };
export const SEARCH_READERS = {
  ...SELECT_READERS,
  ...AS_OF_READERS,
  limit: (value: unknown, field: string) => checkInteger(value, field, 1, 1000),
  mode: (value: unknown, field: string) =>
    checkChoice(value, field, ["hybrid", "lexical", "semantic"]),
  minScore: (value: unknown, field: string) => checkRange(value, field, 0, 1),
  recency: checkRecency,
  importanceWeight: checkWeight,
  context: (value: unknown, field: string) => checkInteger(value, field, 0, 20),
  explain: checkBoolean,
  embedding: readVector,
};
export const GET_ALL_READERS = {
  ...SELECT_READERS,
  ...AS_OF_READERS,
  limit: (value: unknown, field: string) => checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
  offset: (value: unknown, field: string) => checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
  after: checkId,
  order: (value: unknown, field: string) => checkChoice(value, field, ["asc", "desc"]),
};
export const DELETE_READERS = { purge: checkBoolean };
export const CLEAR_READERS = { ...SELECT_READERS, purge: checkBoolean };
export const CHANGES_READERS = {
  after: (value: unknown, field: string) => checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
  limit: (value: unknown, field: string) => checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
};
export const REEMBED_READERS = { embedder: checkEmbedder, onProgress: checkProgress };
export const EXPORT_READERS = { history: checkBoolean, onProgress: checkProgress };
export const IMPORT_READERS = {
  onExisting: (value: unknown, field: string) =>
    checkChoice(value, field, ["error", "skip", "replace"]),
  onProgress: checkProgress,
};
const HISTORY_READERS = {
  days: (value: unknown, field: string) => checkRange(value, field, 0, Number.MAX_SAFE_INTEGER),
};

const SEQ_READERS = {
  seq: (value: unknown, field: string) => checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
};

function checkAsOf(value: unknown, field: string): AsOf {
  if (typeof value === "string" || isDate(value)) return { at: parseTime(value, field) };
  if (typeof value !== "object" || Array.isArray(value))
    throw invalid(field, `must be a time or {seq}, not ${nameOf(value)}`);
  const { seq = null } = readOptions(value, SEQ_READERS, field, field);
  if (seq === null) throw invalid(`${field}.seq`, "is missing: it says after which event");
  return { seq };
}

const RECENCY_READERS = { weight: checkWeight, halfLife: checkHalfLife };

function checkRecency(value: unknown, field: string): Recency {
  const { weight = null, halfLife = null } = readOptions(value, RECENCY_READERS, field, field);
  if (weight === null) throw invalid(`${field}.weight`, "is missing: it says how much counts");
  if (halfLife === null)
    throw invalid(`${field}.halfLife`, "is missing: it says after how many seconds half is left");
  return { weight, halfLife };
}

function checkWeight(value: unknown, field: string): number {
  return checkRange(value, field, 0, 100);
}

function checkHalfLife(value: unknown, field: string): number {
  const checked = checkRange(value, field, 0, Number.MAX_SAFE_INTEGER);
  if (checked === 0) throw invalid(field, "must be above 0");
  return checked;
}

function checkHistory(value: unknown, field: string): HistoryOption {
  if (typeof value !== "object") return checkChoice(value, field, ["keep", "none"] as const);
  const { days = null } = readOptions(value, HISTORY_READERS, field, field);
  if (days === null) throw invalid(`${field}.days`, "is missing: it says for how long to keep");
  return { days };
}

function checkProgress(value: unknown, field: string): (done: number, total: number) => void {
  if (typeof value !== "function") throw invalid(field, `must be a function, not ${nameOf(value)}`);
  return value as (done: number, total: number) => void;
}

function checkClock(value: unknown, field: string): () => unknown {
  if (typeof value !== "function") throw invalid(field, `must be a function, not ${nameOf(value)}`);
  return value as () => unknown;
}
