import { AgentMemError, invalid } from "./error.js";
import {
  isSelected,
  SELECT_READERS,
  type Selection,
  type SelectOptions,
  selectionOf,
} from "./filter.js";
import { rank, type SearchMode } from "./rank.js";
import {
  type AddItem,
  type AddOptions,
  type Changes,
  checkBoolean,
  checkChoice,
  checkInteger,
  checkRange,
  type Draft,
  isDuplicate,
  isLive,
  type MemoryRecord,
  type Message,
  readAdd,
  readChanges,
  readItems,
  revise,
  type StoredRecord,
  toRecord,
} from "./record/index.js";
import { checkText, nameOf, readOptions, utf8Length } from "./record/json.js";
import { isTime } from "./record/time.js";
import { checkId, inScope, narrow, SCOPE_READERS, type ScopeIds } from "./scope.js";
import { SearchIndex } from "./search-index.js";
import { IdSource, type Row, Store } from "./store.js";

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
  /** Gives the milliseconds since 1970, within the years 1970 to 9999; the system's clock by default. */
  clock?: (() => number) | null;
}

/** What `search` may be given beside the query (spec 8.1). */
export interface SearchOptions extends SelectOptions {
  /** The most hits to give: an integer from 1 to 1000; 10 by default. */
  limit?: number | null;
  /** Words and vectors together (`hybrid`, the default), words alone (`lexical`), or vectors alone (`semantic`). */
  mode?: SearchMode | null;
  /** Leaves out hits with a lower score: from 0 to 1; 0 by default. */
  minScore?: number | null;
}

/** A record that was found. */
export interface Hit extends MemoryRecord {
  /** How well it answers, from 0 to 1; to be compared within one answer. */
  score: number;
}

/** What `getAll` may be given (spec 7.3, 7.4). */
export interface GetAllOptions extends SelectOptions {
  /** The most records to give: an integer of at least 1; without it all of them. */
  limit?: number | null;
  /** How many records to skip: an integer of at least 0; not together with `after`. */
  offset?: number | null;
  /** The id of the record to go on behind, also of one that was deleted or has expired since. */
  after?: string | null;
  /** Newest first (`desc`, the default) or oldest first (`asc`), by `createdAt`, then by order of adding. */
  order?: "asc" | "desc" | null;
}

/**
 * The calls on records, which a memory and its views have alike.
 *
 * Every call fails with an {@link AgentMemError}: `INVALID_ARGUMENT` for an argument that cannot be used, `CLOSED` after
 * `close`, and what else is stated. What is given back are copies.
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
  add(content: string | Message, options?: AddOptions): Promise<MemoryRecord>;

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
    defaults?: Omit<AddOptions, "id"> | null,
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
   * ```
   */
  search(query: string, options?: SearchOptions): Promise<Hit[]>;

  /** Gives the record with this id, or null. */
  get(id: string): Promise<MemoryRecord | null>;

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
  getAll(options?: GetAllOptions): Promise<MemoryRecord[]>;

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
  update(id: string, changes: Changes): Promise<MemoryRecord>;

  /** Deletes a record; gives false if there is no such record. */
  delete(id: string): Promise<boolean>;

  /**
   * Deletes the selected records, and gives their number. `clear()` alone deletes all; `clear(undefined)` is
   * `INVALID_ARGUMENT`, since a variable that was never set must not.
   */
  clear(...given: [options?: SelectOptions]): Promise<number>;

  /** Counts the selected records. */
  count(options?: SelectOptions): Promise<number>;

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
  /** Closes the memory, once the calls under way are done; every later one fails with `CLOSED`. May be repeated. */
  close(): Promise<void>;

  /** Closes at the end of a block: `await using memory = new Memory()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const MEMORY_READERS = {
  create: checkBoolean,
  readOnly: checkBoolean,
  durability: (value: unknown, field: string) => checkChoice(value, field, ["full", "normal"]),
  busyTimeout: (value: unknown, field: string) => checkInteger(value, field, 0, 2_147_483_647),
  cacheBytes: (value: unknown, field: string) =>
    checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
  clock: checkClock,
};
const SEARCH_READERS = {
  ...SELECT_READERS,
  limit: (value: unknown, field: string) => checkInteger(value, field, 1, 1000),
  mode: (value: unknown, field: string) =>
    checkChoice(value, field, ["hybrid", "lexical", "semantic"]),
  minScore: (value: unknown, field: string) => checkRange(value, field, 0, 1),
};
const GET_ALL_READERS = {
  ...SELECT_READERS,
  limit: (value: unknown, field: string) => checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
  offset: (value: unknown, field: string) => checkInteger(value, field, 0, Number.MAX_SAFE_INTEGER),
  after: checkId,
  order: (value: unknown, field: string) => checkChoice(value, field, ["asc", "desc"]),
};

/** What a memory shares with its views. */
class Engine {
  store = new Store();
  readonly #ids = new IdSource();
  readonly #clock: () => unknown;
  #closed = false;

  constructor(clock: () => unknown) {
    this.#clock = clock;
  }

  /** Begins a call: reads `now`, once (spec 3.4). */
  begin(): number {
    this.checkOpen();
    const now = this.#readClock();
    if (typeof now !== "number" || !isTime(Math.floor(now))) {
      throw invalid(
        "clock",
        "must give milliseconds since 1970 as a number, within the years 1970 to 9999",
      );
    }
    return Math.floor(now);
  }

  checkOpen(): void {
    if (this.#closed) throw new AgentMemError("CLOSED", null, "the memory is closed");
  }

  close(): void {
    this.#closed = true;
    this.store = new Store();
  }

  /** Gives the rows of the live records, in the order of adding. */
  live(now: number): Row[] {
    return [...this.store.rows()].filter(({ record }) => isLive(record, now));
  }

  /** Adds one record, unless it is there already (spec 6.3 to 6.5). */
  add(draft: Draft, now: number, field: string): StoredRecord {
    const row = draft.id === null ? undefined : this.store.get(draft.id);
    if (row !== undefined && isLive(row.record, now)) {
      if (row.request === draft.request) return row.record;
      throw new AgentMemError(
        "ALREADY_EXISTS",
        field,
        `${field} is in use by a record that was added with other fields`,
      );
    }
    const twin = draft.dedupe
      ? this.live(now).find(({ record }) => isDuplicate(record, draft.record))
      : undefined;
    if (twin !== undefined) return twin.record;

    const record = { id: draft.id ?? this.#ids.next(now), ...draft.record };
    this.store.add(record, draft.request, now);
    return record;
  }

  #readClock(): unknown {
    try {
      return this.#clock();
    } catch (cause) {
      throw invalid("clock", "must give milliseconds since 1970, but threw", { cause });
    }
  }
}

/** The calls on records, through a view of some scope ids; a memory is the view of none. */
abstract class RecordCalls implements ScopedMemoryApi {
  readonly #engine: Engine;
  readonly #view: ScopeIds;

  constructor(engine: Engine, view: ScopeIds) {
    this.#engine = engine;
    this.#view = view;
  }

  async add(content: string | Message, options: AddOptions = {}): Promise<MemoryRecord> {
    const now = this.#engine.begin();
    const draft = readAdd(content, options, this.#view, now);
    return toRecord(this.#engine.add(draft, now, "id"));
  }

  async addMany(
    items: readonly AddItem[],
    defaults?: Omit<AddOptions, "id"> | null,
  ): Promise<MemoryRecord[]> {
    const now = this.#engine.begin();
    const drafts = readItems(items, defaults, this.#view, now);
    const add = (draft: Draft, i: number) => this.#engine.add(draft, now, `items[${i}].id`);
    return this.#engine.store.transaction(() => drafts.map(add)).map(toRecord);
  }

  async search(query: string, options: SearchOptions = {}): Promise<Hit[]> {
    const now = this.#engine.begin();
    const text = checkQuery(query);
    const given = readOptions(options, SEARCH_READERS);
    const selection = selectionOf(given, this.#view);

    // Agent, run, filter and times only select: statistics are those of the user (spec 8.4).
    const { userId } = selection.scope;
    const partition = userId === undefined ? {} : { userId };
    const index = new SearchIndex(
      this.#engine.live(now).filter(({ record }) => inScope(record, partition)),
    );
    const selected = index.entries.filter(({ record }) => isSelected(record, selection));
    const ranked = rank(index, selected, {
      query: text,
      mode: given.mode ?? "hybrid",
      limit: given.limit ?? 10,
      minScore: given.minScore ?? 0,
    });
    return ranked.map(({ record, score }) => ({ ...toRecord(record), score }));
  }

  async get(id: string): Promise<MemoryRecord | null> {
    const now = this.#engine.begin();
    const record = this.#find(checkId(id, "id"), now);
    return record === undefined ? null : toRecord(record);
  }

  async getAll(options: GetAllOptions = {}): Promise<MemoryRecord[]> {
    const now = this.#engine.begin();
    const given = readOptions(options, GET_ALL_READERS);
    const { limit = null, offset = null, after = null } = given;
    if (after !== null && offset !== null)
      throw invalid("offset", "must not stand together with after");

    const direction = given.order === "asc" ? 1 : -1;
    const inOrder = (a: Row, b: Row) =>
      direction * (a.record.createdAt - b.record.createdAt || a.added - b.added);
    let rows = this.#select(selectionOf(given, this.#view), now).sort(inOrder);
    if (after !== null) {
      const place = this.#place(after);
      rows = rows.filter((row) => inOrder(place, row) < 0);
    }
    const first = offset ?? 0;
    return rows
      .slice(first, limit === null ? undefined : first + limit)
      .map(({ record }) => toRecord(record));
  }

  async update(id: string, changes: Changes): Promise<MemoryRecord> {
    const now = this.#engine.begin();
    checkId(id, "id");
    const revision = readChanges(changes, now);
    const record = this.#find(id, now);
    if (record === undefined)
      throw new AgentMemError("NOT_FOUND", "id", "there is no record with this id");
    if (revision.ifVersion !== null && revision.ifVersion !== record.version) {
      throw new AgentMemError(
        "CONFLICT",
        "ifVersion",
        "the record has another version than ifVersion asks for",
      );
    }
    const updated = revise(record, revision, now);
    this.#engine.store.update(updated, now);
    return toRecord(updated);
  }

  async delete(id: string): Promise<boolean> {
    const now = this.#engine.begin();
    const record = this.#find(checkId(id, "id"), now);
    if (record === undefined) return false;
    this.#engine.store.delete(id, now);
    return true;
  }

  async clear(...given: [options?: SelectOptions]): Promise<number> {
    const now = this.#engine.begin();
    const options = given.length === 0 ? {} : checkSet(given[0]);
    const rows = this.#select(selectionOf(readOptions(options, SELECT_READERS), this.#view), now);
    for (const { record } of rows) this.#engine.store.delete(record.id, now);
    return rows.length;
  }

  async count(options: SelectOptions = {}): Promise<number> {
    const now = this.#engine.begin();
    return this.#select(selectionOf(readOptions(options, SELECT_READERS), this.#view), now).length;
  }

  scoped(scope: ScopeIds): ScopedMemory {
    this.#engine.checkOpen();
    const given = readOptions(scope, SCOPE_READERS);
    if (Object.keys(given).length === 0)
      throw invalid("options", "must fix userId, agentId or runId");
    return new ScopedMemory(this.#engine, narrow(this.#view, given));
  }

  /** Finds a live record of the view. */
  #find(id: string, now: number): StoredRecord | undefined {
    const record = this.#engine.store.get(id)?.record;
    return record !== undefined && isLive(record, now) && inScope(record, this.#view)
      ? record
      : undefined;
  }

  #select(selection: Selection, now: number): Row[] {
    return this.#engine.live(now).filter(({ record }) => isSelected(record, selection));
  }

  /** Finds the place of a record in the order, be it still there or not (spec 7.4). */
  #place(id: string): Row {
    const last = this.#engine.store.last(id);
    if (last === undefined || !inScope(last.record, this.#view)) {
      throw new AgentMemError(
        "NOT_FOUND",
        "after",
        "there never was a record with the id that after gives",
      );
    }
    return last;
  }
}

/** A view of a memory that cannot leave its scope (spec 4.5); made by `scoped`. */
export class ScopedMemory extends RecordCalls {}

/**
 * A long-term memory, private to this object and gone when it is closed: the reference knows no files.
 *
 * @example
 * ```ts
 * import { Memory } from "@agentmem/core";
 *
 * await using memory = new Memory();
 * await memory.add("Ada likes green tea", { userId: "ada" });
 * await memory.add("Bob likes black coffee", { userId: "bob" });
 *
 * const hits = await memory.search("What does Ada drink?", { userId: "ada" });
 * console.log(hits.map((hit) => hit.content)); // → ["Ada likes green tea"]
 * ```
 */
export class Memory extends RecordCalls implements MemoryApi {
  readonly #engine: Engine;

  /**
   * Makes an empty memory.
   *
   * @param path - nothing, or `":memory:"`.
   * @throws {@link AgentMemError} `INVALID_ARGUMENT` for any other path, and for options that cannot be used.
   */
  constructor(path?: string | null, options: MemoryOptions = {}) {
    checkPath(path);
    const { readOnly, clock } = readOptions(options, MEMORY_READERS);
    if (readOnly)
      throw invalid("readOnly", "must not be true without a file: nothing could be read");
    const engine = new Engine(clock ?? Date.now);
    super(engine, {});
    this.#engine = engine;
  }

  /** Makes a memory, as the constructor does, and opens it at once. */
  static async open(path?: string | null, options: MemoryOptions = {}): Promise<Memory> {
    return new Memory(path, options);
  }

  async close(): Promise<void> {
    this.#engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkPath(path: unknown): void {
  if (path === undefined || path === null) return;
  if (checkText(path, "path") === "") throw invalid("path", "must not be empty");
  if (path !== ":memory:")
    throw invalid("path", 'must be left out or ":memory:": the reference knows no files');
}

/** Checks that an argument is not a variable that was never set: it would delete everything (spec 1.11). */
function checkSet<T>(options: T | undefined): T {
  if (options === undefined) throw invalid("options", "is undefined: call clear() to delete everything");
  return options;
}

function checkClock(value: unknown, field: string): () => unknown {
  if (typeof value !== "function") throw invalid(field, `must be a function, not ${nameOf(value)}`);
  return value as () => unknown;
}

function checkQuery(query: unknown): string {
  const text = checkText(query, "query");
  if (utf8Length(text) > 1_048_576)
    throw invalid("query", "is too large: at most 1 MiB of UTF-8 is allowed");
  return text;
}
