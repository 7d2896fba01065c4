import type { HitExplanation } from "../rank.js";
import type { AddItem, AddOptions, Changes, MemoryRecord, Message } from "../record/index.js";
import type { ScopeIds } from "../scope.js";
import type { EventKind, Problem } from "../store.js";
import type { ExportTarget } from "./exporting.js";
import type { ExportSource, Imported } from "./importing.js";
import type {
  AsOfOptions,
  ChangesOptions,
  ClearOptions,
  CountOptions,
  DeleteOptions,
  ExportOptions,
  GetAllOptions,
  ImportOptions,
  ReembedOptions,
  SearchOptions,
} from "./options.js";
import type { CallOptions } from "./signal.js";

/** A record that was found. */
export interface Hit extends MemoryRecord {
  /** How well it answers, from 0 to 1; to be compared within one answer. */
  score: number;
  /** The turns around it, where the search asked for `context`. */
  context?: HitContext;
  /** Why it was found, where the search asked for `explain`. */
  explain?: HitExplanation;
}

/** The turns around a hit in its conversation, oldest first; none around a record that is no turn (spec 8.12). */
export interface HitContext {
  before: MemoryRecord[];
  after: MemoryRecord[];
}

/** One write in the life of a record (spec 11.1). */
export interface MemoryEvent {
  /** Grows from event to event of the store. */
  seq: number;
  /** When it was written; never before the event before it. */
  at: string;
  /** What it did: `PURGE` erased all states of the id. */
  event: EventKind;
  id: string;
  /** The record as it was after it; null after `DELETE` and `PURGE`, or if that state has been erased since. */
  record: MemoryRecord | null;
}

/** What a store holds (spec 11.5). */
export interface Stats {
  /** Live records. */
  records: number;
  /** Records that have expired and were not erased. */
  expired: number;
  /** States that were superseded or deleted, and are kept. */
  past: number;
  /** Events in the log. */
  events: number;
  /** The size of the file and of those beside it; 0 in memory. */
  bytes: number;
  /** Whether something that was purged may still be in the file. */
  pendingPurge: boolean;
  /** The id of the embedder: `"builtin"` for the built-in table, null for none. */
  embedder: string | null;
  /** How many components its vectors have; 0 for none. */
  dimensions: number;
}

/** What `verify` found (spec 11.6). */
export interface Verification {
  /** Whether there is no problem. */
  ok: boolean;
  problems: Problem[];
}

/**
 * The calls on records, which a memory and its views have alike.
 *
 * Every call fails with an {@link AgentMemError}: `INVALID_ARGUMENT` for an argument that cannot be used, `CLOSED` after
 * `close`, and what else is stated. What is given back are copies.
 *
 * Every call takes a `signal` in its last argument: aborted, it makes the call fail at once with `CANCELLED`. A cancelled
 * write is written or not, never half: retry it with the same id.
 */
export interface ScopedMemoryApi {
  /**
   * Remembers a text or a message, and gives the new record.
   *
   * Fails with `ALREADY_EXISTS` if the id is in use by a record that was added with other fields.
   *
   * @param content - text of 1 byte to 1 MiB that is not blank, or a message with such content.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const note = await memory.add("Ada likes green tea", { userId: "ada", metadata: { topic: "food" } });
   * console.log(note.version); // → 1
   *
   * const turn = await memory.add({ role: "user", content: "I moved to Paris" }, { userId: "ada", ttl: 3600 });
   * console.log(turn.role); // → "user"
   * ```
   */
  add(content: string | Message, options?: AddOptions & CallOptions): Promise<MemoryRecord>;

  /**
   * Remembers many, all or none, and gives the records in order.
   *
   * @param items - at most 100,000, with 256 MiB of content and metadata together.
   * @param defaults - any option of `add` but `id`; holds where an item does not have it.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const records = await memory.addMany(
   *   [{ content: { role: "user", content: "Hello" } }, { content: { role: "assistant", content: "Hi Ada" } }],
   *   { userId: "ada", runId: "monday" },
   * );
   * console.log(records.map((record) => record.role)); // → ["user", "assistant"]
   * ```
   */
  addMany(
    items: readonly AddItem[],
    defaults?: (Omit<AddOptions, "id"> & CallOptions) | null,
  ): Promise<MemoryRecord[]>;

  /**
   * Finds the records that answer a query, best first.
   *
   * @param query - text of at most 1 MiB; a blank one finds nothing.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea", { userId: "ada" });
   * await memory.add("Ada works in Paris", { userId: "ada" });
   * const hits = await memory.search("What tea does she like?", { userId: "ada", limit: 1 });
   * console.log(hits.map((hit) => hit.content)); // → ["Ada likes green tea"]
   *
   * // What was said last counts more: half of the weight is left after 30 days.
   * await memory.add("Bob lives in Oslo", { userId: "bob", createdAt: "2023-02-11T12:00:00Z" });
   * await memory.add("Bob moved to Berlin", { userId: "bob" });
   * const recency = { weight: 1, halfLife: 30 * 86_400 };
   * const [home] = await memory.search("Where does Bob live?", { userId: "bob", recency });
   * console.log(home.content); // → "Bob moved to Berlin"
   *
   * // What was said around a turn comes with it.
   * await memory.add({ role: "user", content: "Any plans for May?" }, { userId: "eve" });
   * await memory.add({ role: "assistant", content: "A trip to Kyoto" }, { userId: "eve" });
   * const [trip] = await memory.search("Kyoto", { userId: "eve", context: 1 });
   * console.log(trip.context?.before.map((turn) => turn.content)); // → ["Any plans for May?"]
   *
   * // Why was it found? "May" is in the turn before it, which counts half.
   * const [why] = await memory.search("trips in May", { userId: "eve", explain: true });
   * console.log(why.content); // → "A trip to Kyoto"
   * console.log(why.explain?.terms.map(({ term, own, around }) => [term, own, around])); // → [["trip", 1, 0], ["may", 0, 0.5]]
   * ```
   */
  search(query: string, options?: SearchOptions & CallOptions): Promise<Hit[]>;

  /**
   * Gives the record with this id, or null.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London");
   * const [added] = await memory.history(id);
   * await memory.update(id, { content: "Ada lives in Paris" });
   * const before = await memory.get(id, { asOf: { seq: added.seq } }); // or asOf: new Date("2026-11-22T19:20:30Z")
   * console.log(before.content); // → "Ada lives in London"
   * ```
   */
  get(id: string, options?: AsOfOptions & CallOptions): Promise<MemoryRecord | null>;

  /**
   * Gives the selected records in the order of time; all of them, unless there is a `limit`.
   *
   * Fails with `NOT_FOUND` if there never was a record with the id `after`.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("first", { createdAt: "2026-01-01T00:00:00Z", metadata: { n: 1 } });
   * await memory.add("second", { createdAt: "2026-01-02T00:00:00Z", metadata: { n: 2 } });
   * const records = await memory.getAll({ filter: { n: { $gte: 1 } }, limit: 1 });
   * console.log(records.map((record) => record.content)); // → ["second"]
   * const next = await memory.getAll({ after: records[0].id });
   * console.log(next.map((record) => record.content)); // → ["first"]
   * ```
   */
  getAll(options?: GetAllOptions & CallOptions): Promise<MemoryRecord[]>;

  /**
   * Changes a record, and gives it as it is then.
   *
   * Fails with `NOT_FOUND` if there is no such record, with `CONFLICT` if it has another version than `ifVersion`.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London", { metadata: { topic: "home" } });
   * const updated = await memory.update(id, { content: "Ada lives in Paris", ifVersion: 1 });
   * console.log(updated.content, updated.metadata, updated.version); // → "Ada lives in Paris" {"topic":"home"} 2
   * ```
   */
  update(id: string, changes: Changes & CallOptions): Promise<MemoryRecord>;

  /**
   * Deletes a record; gives false if there is no such record.
   *
   * With `purge: true` it erases the record and every earlier state of the id, also if it was deleted or has expired, and
   * gives whether there was anything to erase. One event remains, which says that something was purged.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada's old address");
   * console.log(await memory.delete(id)); // → true
   * console.log(await memory.delete(id, { purge: true })); // → true
   * console.log((await memory.history(id)).map(({ event }) => event)); // → ["PURGE"]
   * ```
   */
  delete(id: string, options?: DeleteOptions & CallOptions): Promise<boolean>;

  /**
   * Deletes the selected records, and gives their number. `clear()` alone deletes all; `clear(undefined)` is
   * `INVALID_ARGUMENT`, since a variable that was never set must not.
   *
   * With `purge: true` it erases them with all their earlier states, deleted and expired ones too, by their last state.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea", { userId: "ada" });
   * await memory.add("Bob likes black coffee", { userId: "bob" });
   * console.log(await memory.clear({ userId: "ada", purge: true })); // → 1
   * console.log(await memory.count()); // → 1
   * ```
   */
  clear(...given: [options?: ClearOptions & CallOptions]): Promise<number>;

  /** Counts the selected records. */
  count(options?: CountOptions & CallOptions): Promise<number>;

  /**
   * Gives the events of an id, oldest first, each with the record as it was after it; none for an unknown id.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London");
   * await memory.update(id, { content: "Ada lives in Paris" });
   * await memory.delete(id);
   * const events = await memory.history(id);
   * console.log(events.map(({ event }) => event)); // → ["ADD", "UPDATE", "DELETE"]
   * console.log(events[0].record.content); // → "Ada lives in London"
   * ```
   */
  history(id: string, options?: CallOptions): Promise<MemoryEvent[]>;

  /**
   * Gives a view that cannot leave a scope, to hand to code that serves one user.
   *
   * What it adds carries the ids, what it finds has them, another value for one of them is an error.
   *
   * @param scope - at least one id; null limits the view to records that have none.
   * @throws {@link AgentMemError} at once, unlike the other calls, which reject.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const ada = memory.scoped({ userId: "ada" });
   * const { id, userId } = await ada.add("Ada likes green tea");
   * console.log(userId); // → "ada"
   * console.log(await memory.scoped({ userId: "bob" }).get(id)); // → null
   * ```
   */
  scoped(scope: ScopeIds): ScopedMemoryApi;
}

/** A memory: what the reference and the package `@agentmem/native` both are. */
export interface MemoryApi extends ScopedMemoryApi {
  /**
   * Gives the events of the whole store in order, from the first or after one that was seen before.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London");
   * const [seen] = await memory.changes();
   * await memory.update(id, { content: "Ada lives in Paris" });
   * const news = await memory.changes({ after: seen.seq, limit: 100 });
   * console.log(news.map(({ event, record }) => [event, record.content])); // → [["UPDATE", "Ada lives in Paris"]]
   * ```
   */
  changes(options?: ChangesOptions & CallOptions): Promise<MemoryEvent[]>;

  /**
   * Erases expired records, and the superseded states that the option `history` does not keep; gives how many states it
   * erased. Their events stay, with null for `record`.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory(null, { history: "none" });
   * const { id } = await memory.add("Ada lives in London");
   * await memory.update(id, { content: "Ada lives in Paris" });
   * console.log(await memory.compact()); // → 1
   * console.log((await memory.history(id)).map(({ record }) => record?.content ?? null)); // → [null, "Ada lives in Paris"]
   * ```
   */
  compact(options?: CallOptions): Promise<number>;

  /**
   * Counts what the store holds.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London");
   * await memory.update(id, { content: "Ada lives in Paris" });
   * const { records, past, events } = await memory.stats();
   * console.log(records, past, events); // → 1 1 2
   * ```
   */
  stats(options?: CallOptions): Promise<Stats>;

  /**
   * Checks that what is stored agrees with itself: rows, vectors, text index and log.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea");
   * console.log(await memory.verify()); // → {"ok":true,"problems":[]}
   * ```
   */
  verify(options?: CallOptions): Promise<Verification>;

  /**
   * Moves the store to another embedder, and gives the number of records that it moved (spec 12.7). Searches and writes go
   * on with the old one until all is there; one that ends early leaves the store as it was, and the next one goes on.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea");
   * const letters = (text) => [..."abcdefgh"].map((letter) => text.split(letter).length);
   * const embedder = { id: "letters", dimensions: 8, embed: (texts) => texts.map(letters) };
   * console.log(await memory.reembed({ embedder })); // → 1
   * console.log((await memory.stats()).embedder); // → "letters"
   * ```
   */
  reembed(options: ReembedOptions & CallOptions): Promise<number>;

  /** Closes the memory, once the calls under way are done; every later one fails with `CLOSED`. May be repeated. */
  close(): Promise<void>;

  /** Closes at the end of a block: `await using memory = new Memory()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A view that exports to streams: one of the reference's. */
export interface StreamScopedMemoryApi extends ScopedMemoryApi {
  /**
   * Writes the records, or with `history: true` all that happened to them, to a stream as JSON Lines, lossless (spec chapter
   * 13), and gives the number of records, or events. It is of the state at the beginning, while others go on.
   *
   * Fails with `CONFLICT` if something of that state was erased meanwhile.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/core";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea", { id: "tea", userId: "ada" });
   * const { readable, writable } = new TransformStream();
   * const file = new Response(readable).blob();
   * console.log(await memory.exportTo(writable)); // → 1
   *
   * const other = new Memory();
   * console.log(await other.importFrom(await file)); // → {"imported":1,"skipped":0,"replaced":0}
   * console.log((await other.get("tea")).content); // → "Ada likes green tea"
   * ```
   */
  exportTo(target: ExportTarget, options?: ExportOptions & CallOptions): Promise<number>;

  scoped(scope: ScopeIds): StreamScopedMemoryApi;
}

/** A memory that exports to streams and imports blobs, which browsers have: the reference. */
export interface StreamMemoryApi extends StreamScopedMemoryApi, MemoryApi {
  /**
   * Takes an export in, by whichever implementation it was made, and gives what became of its lines. The whole of it is
   * checked before anything is written; one that was interrupted is done again, and goes on.
   *
   * Fails with `CORRUPT` or `UNSUPPORTED_FORMAT` and the line at fault (`lines[3]`), with `ALREADY_EXISTS` for an id that
   * is in use, or a history that has no place, with `EMBEDDER_MISMATCH` where vectors are needed and nothing can make them.
   */
  importFrom(source: ExportSource, options?: ImportOptions & CallOptions): Promise<Imported>;

  scoped(scope: ScopeIds): StreamScopedMemoryApi;
}

/** A view that exports to files: one of the package `@agentmem/native`. */
export interface FileScopedMemoryApi extends ScopedMemoryApi {
  /**
   * Writes the records, or with `history: true` all that happened to them, to a new file as JSON Lines, lossless (spec
   * chapter 13), and gives the number of records, or events. It is of the state at the beginning, while others go on.
   *
   * Fails with `IO`, field `path`, if there is something at the path already, and with `CONFLICT` if something of that
   * state was erased meanwhile.
   */
  exportTo(path: string, options?: ExportOptions & CallOptions): Promise<number>;

  scoped(scope: ScopeIds): FileScopedMemoryApi;
}

/** A memory that may be a file: what the package `@agentmem/native` is, and the reference is not. */
export interface FileMemoryApi extends FileScopedMemoryApi, MemoryApi {
  /**
   * Copies the store to a new file while others go on reading and writing, and gives the number of records in it.
   *
   * Fails with `IO`, field `path`, if there is something at the path already.
   */
  backup(path: string, options?: CallOptions): Promise<number>;

  /**
   * Takes an export in, by whichever implementation it was made, and gives what became of its lines. The whole file is
   * checked before anything is written; one that was interrupted is done again, and goes on.
   *
   * Fails with `CORRUPT` or `UNSUPPORTED_FORMAT` and the line at fault (`lines[3]`), with `ALREADY_EXISTS` for an id that
   * is in use, or a history that has no place, with `EMBEDDER_MISMATCH` where vectors are needed and nothing can make them.
   */
  importFrom(path: string, options?: ImportOptions & CallOptions): Promise<Imported>;

  scoped(scope: ScopeIds): FileScopedMemoryApi;
}
