import { invalid } from "@agentmem/core/src/error.ts";
import type {
  FileMemoryApi,
  FileScopedMemoryApi,
  Hit,
  MemoryEvent,
  Stats,
  Verification,
} from "@agentmem/core/src/memory/api.ts";
import type { Imported } from "@agentmem/core/src/memory/importing.ts";
import type {
  AsOfOptions,
  ChangesOptions,
  ClearOptions,
  CountOptions,
  DeleteOptions,
  ExportOptions,
  GetAllOptions,
  ImportOptions,
  MemoryOptions,
  ReembedOptions,
  SearchOptions,
} from "@agentmem/core/src/memory/options.ts";
import type { CallOptions } from "@agentmem/core/src/memory/signal.ts";
import type {
  AddItem,
  AddOptions,
  Changes,
  MemoryRecord,
  Message,
} from "@agentmem/core/src/record/index.ts";
import type { ScopeIds } from "@agentmem/core/src/scope.ts";
import { Session } from "./session.ts";
import * as wire from "./wire.ts";

/**
 * The calls on records, which a memory and its views have alike. Calls that write do so in the order in which they are made.
 *
 * Every call takes a `signal` in its last argument: aborted, it makes the call fail at once with `CANCELLED`. A call that
 * waited is not done, one that runs goes on; a write is written or not, never half: retry it with the same id.
 */
abstract class RecordCalls implements FileScopedMemoryApi {
  readonly #session: Session;

  protected constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Remembers a text or a message, and gives the new record.
   *
   * Fails with `ALREADY_EXISTS` if the id is in use by a record that was added with other fields.
   *
   * @param content - text of 1 byte to 1 MiB that is not blank, or a message with such content.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * const note = await memory.add("Ada likes green tea", { userId: "ada", metadata: { topic: "food" } });
   * console.log(note.version); // → 1
   *
   * const turn = await memory.add({ role: "user", content: "I moved to Paris" }, { userId: "ada", ttl: 3600 });
   * console.log(turn.role); // → "user"
   * ```
   */
  add(content: string | Message, options: AddOptions & CallOptions = {}): Promise<MemoryRecord> {
    return this.#call("add", options, (own, vectors) => ({
      content: wire.content(content),
      options: wire.options(own, "options", "", vectors),
    }));
  }

  /**
   * Remembers many, all or none, and gives the records in order.
   *
   * @param items - at most 100,000, with 256 MiB of content and metadata together.
   * @param defaults - any option of `add` but `id`; holds where an item does not have it.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
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
    defaults: (Omit<AddOptions, "id"> & CallOptions) | null = null,
  ): Promise<MemoryRecord[]> {
    return this.#call(
      "addMany",
      defaults,
      (own, vectors) => ({
        items: wire.items(items, vectors),
        defaults: own === null ? null : wire.options(own, "defaults", "defaults."),
      }),
      "defaults",
    );
  }

  /**
   * Finds the records that answer a query, best first.
   *
   * @param query - text of at most 1 MiB; a blank one finds nothing.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
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
  search(query: string, options: SearchOptions & CallOptions = {}): Promise<Hit[]> {
    return this.#session.search(query, options) as Promise<Hit[]>;
  }

  /**
   * Gives the record with this id, or null.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London");
   * const [added] = await memory.history(id);
   * await memory.update(id, { content: "Ada lives in Paris" });
   * const before = await memory.get(id, { asOf: { seq: added.seq } }); // or asOf: new Date("2026-11-22T19:20:30Z")
   * console.log(before.content); // → "Ada lives in London"
   * ```
   */
  get(id: string, options?: AsOfOptions & CallOptions): Promise<MemoryRecord | null> {
    return this.#session.get(id, options) as Promise<MemoryRecord | null>;
  }

  /**
   * Gives the selected records in the order of time; all of them, unless there is a `limit`.
   *
   * Fails with `NOT_FOUND` if there never was a record with the id `after`.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
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
  getAll(options: GetAllOptions & CallOptions = {}): Promise<MemoryRecord[]> {
    return this.#call("getAll", options, (own) => ({ options: wire.options(own) }));
  }

  /**
   * Changes a record, and gives it as it is then.
   *
   * Fails with `NOT_FOUND` if there is no such record, with `CONFLICT` if it has another version than `ifVersion`.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * const { id } = await memory.add("Ada lives in London", { metadata: { topic: "home" } });
   * const updated = await memory.update(id, { content: "Ada lives in Paris", ifVersion: 1 });
   * console.log(updated.content, updated.metadata, updated.version); // → "Ada lives in Paris" {"topic":"home"} 2
   * ```
   */
  update(id: string, changes: Changes & CallOptions): Promise<MemoryRecord> {
    return this.#call("update", changes, (own, vectors) => ({
      id: wire.scalar(id, "id"),
      options: wire.options(own, "options", "", vectors),
    }));
  }

  /**
   * Deletes a record; gives false if there is no such record.
   *
   * With `purge: true` all its states are erased, also of one deleted or expired before. That rewrites the file, and fails with
   * `BUSY`, field `purge`, if another process keeps old pages in use for longer than `busyTimeout`.
   */
  delete(id: string, options: DeleteOptions & CallOptions = {}): Promise<boolean> {
    return this.#call("delete", options, (own) => ({
      id: wire.scalar(id, "id"),
      options: wire.options(own),
    }));
  }

  /**
   * Deletes the selected records, with `purge: true` all their states, and gives their number.
   *
   * `clear()` alone deletes all; `clear(undefined)` is `INVALID_ARGUMENT`, since a variable that was never set must not.
   */
  clear(...given: [options?: ClearOptions & CallOptions]): Promise<number> {
    return this.#call("clear", given[0], (own) => {
      if (given.length === 0) return { options: {} };
      if (own === undefined)
        throw invalid("options", "is undefined: call clear() to delete everything");
      return { options: wire.options(own) };
    });
  }

  /** Counts the selected records. */
  count(options: CountOptions & CallOptions = {}): Promise<number> {
    return this.#call("count", options, (own) => ({ options: wire.options(own) }));
  }

  /** Gives the events of an id, oldest first, each with the record as it was after it; none for an unknown id. */
  history(id: string, options: CallOptions = {}): Promise<MemoryEvent[]> {
    return this.#call("history", options, (own) => ({
      id: wire.scalar(id, "id"),
      options: wire.options(own),
    }));
  }

  /**
   * Writes the records, or with `history: true` all that happened to them, to a new file as JSON Lines, lossless (spec chapter
   * 13), and gives the number of records, or events. It is of the state of the beginning, while others go on.
   *
   * Fails with `IO`, field `path`, if there is something at the path already, and with `CONFLICT` if something of that state
   * was erased meanwhile. However it ends early, it leaves no file.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea", { id: "tea", userId: "ada" });
   * console.log(await memory.exportTo("ada.jsonl")); // → 1
   *
   * const other = new Memory();
   * console.log(await other.importFrom("ada.jsonl")); // → {"imported":1,"skipped":0,"replaced":0}
   * console.log((await other.get("tea"))?.content); // → "Ada likes green tea"
   * ```
   */
  exportTo(path: string, options: ExportOptions & CallOptions = {}): Promise<number> {
    return this.#session.exportTo(path, options);
  }

  /**
   * Gives a view that cannot leave a scope, to hand to code that serves one user.
   *
   * What it adds carries the ids, what it finds has them, another value for one of them is an error.
   *
   * @param scope - at least one id; null limits the view to records that have none.
   * @throws {@link AgentMemError} at once, unlike the other calls, which reject.
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * const ada = memory.scoped({ userId: "ada" });
   * const { id, userId } = await ada.add("Ada likes green tea");
   * console.log(userId); // → "ada"
   * console.log(await memory.scoped({ userId: "bob" }).get(id)); // → null
   * ```
   */
  scoped(scope: ScopeIds): ScopedMemory {
    return makeView(this.#session.scoped(scope));
  }

  /** The answer is what the specification says of the operation; both sides are held to it by the conformance suite. */
  #call<T>(...call: Parameters<Session["call"]>): Promise<T> {
    return this.#session.call(...call) as Promise<T>;
  }
}

let makeView: (session: Session) => ScopedMemory;

/** A view of a memory that cannot leave its scope (spec 4.5); made by `scoped`. */
export class ScopedMemory extends RecordCalls {
  static {
    makeView = (session) => new ScopedMemory(session);
  }

  private constructor(session: Session) {
    super(session);
  }
}

/**
 * Long-term memory in one file, which any number of processes may have open at once, or in memory.
 *
 * Every write that a promise has resolved for is on the disk. Calls never block the event loop on it.
 *
 * @example
 * ```ts
 * import { Memory } from "@agentmem/native";
 *
 * await using memory = new Memory(); // or new Memory("memory.db")
 * await memory.add("Ada likes green tea", { userId: "ada" });
 * await memory.add("Bob likes black coffee", { userId: "bob" });
 *
 * const hits = await memory.search("What does Ada drink?", { userId: "ada" });
 * console.log(hits.map((hit) => hit.content)); // → ["Ada likes green tea"]
 * ```
 */
export class Memory extends RecordCalls implements FileMemoryApi {
  readonly #session: Session;

  /**
   * Makes a memory; the file is opened by the first call, which then reports the file's errors.
   *
   * @param path - the file, made if it is missing; nothing, or `":memory:"`, for a memory that is gone when it is closed.
   * @throws {@link AgentMemError} `INVALID_ARGUMENT` for arguments that cannot be used.
   */
  constructor(path?: string | null, options: MemoryOptions = {}) {
    const session = Session.make(path, options);
    super(session);
    this.#session = session;
  }

  /**
   * Makes a memory, as the constructor does, and opens it at once.
   *
   * Fails with `IO` for a folder, or a file missing with `create: false`; with `UNSUPPORTED_FORMAT` for a file that is
   * not a store, or of a newer format, which is left as it is; with `CORRUPT`, and with `BUSY`.
   */
  static async open(path?: string | null, options: MemoryOptions = {}): Promise<Memory> {
    const memory = new Memory(path, options);
    await memory.#session.open();
    return memory;
  }

  /** Gives the events of the whole store in order, from the first or after one that was seen before. */
  changes(options: ChangesOptions & CallOptions = {}): Promise<MemoryEvent[]> {
    return this.#ask("changes", options, (own) => ({ options: wire.options(own) }));
  }

  /** Erases expired records, and the superseded states that the option `history` does not keep; gives how many. */
  compact(options: CallOptions = {}): Promise<number> {
    return this.#ask("compact", options, (own) => ({ options: wire.options(own) }));
  }

  /** Counts what the store holds. */
  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#ask("stats", options, (own) => ({ options: wire.options(own) }));
  }

  /** Checks that rows, vectors, text index and log agree. */
  verify(options: CallOptions = {}): Promise<Verification> {
    return this.#ask("verify", options, (own) => ({ options: wire.options(own) }));
  }

  /**
   * Copies the store to a new file while others go on reading and writing, and gives the number of records in it.
   *
   * Fails with `IO`, field `path`, if there is something at the path already.
   */
  backup(path: string, options: CallOptions = {}): Promise<number> {
    return this.#ask("backup", options, (own) => ({
      path: wire.scalar(path, "path"),
      options: wire.options(own),
    }));
  }

  /**
   * Moves the store to another embedder, and gives the number of records that it moved (spec 12.7).
   *
   * Searches and writes go on with the old one until every record has its new vector. A move that ends early, because `embed`
   * or `onProgress` throws, the memory is closed or the process killed, leaves the store as it was, and the next one goes on.
   *
   * @example
   * ```ts
   * import { Memory } from "@agentmem/native";
   *
   * const memory = new Memory();
   * await memory.add("Ada likes green tea");
   * const letters = (text) => [..."abcdefgh"].map((letter) => text.split(letter).length);
   * const embedder = { id: "letters", dimensions: 8, embed: (texts) => texts.map(letters) };
   * console.log(await memory.reembed({ embedder })); // → 1
   * console.log((await memory.stats()).embedder); // → "letters"
   * ```
   */
  reembed(options: ReembedOptions & CallOptions): Promise<number> {
    return this.#session.reembed(options) as Promise<number>;
  }

  /**
   * Takes an export in, by whichever implementation it was made, and gives what became of its lines. The whole file is checked
   * before anything is written; one that was interrupted is done again, and goes on.
   *
   * Fails with `CORRUPT` or `UNSUPPORTED_FORMAT` and the line at fault (`lines[3]`), with `ALREADY_EXISTS` for an id that is in
   * use, or a history that has no place, with `EMBEDDER_MISMATCH` where vectors are needed and nothing can make them.
   */
  importFrom(path: string, options: ImportOptions & CallOptions = {}): Promise<Imported> {
    return this.#session.importFrom(path, options);
  }

  #ask<T>(...call: Parameters<Session["call"]>): Promise<T> {
    return this.#session.call(...call) as Promise<T>;
  }

  /** Closes the memory, once the calls under way are done; every later one fails with `CLOSED`. May be repeated. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Closes at the end of a block: `await using memory = new Memory()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
