import { embed, isKnownWord, quantise } from "../embed/index.js";
import { isOwn } from "../embed/vectors.js";
import { AgentMemError, invalid } from "../error.js";
import { isSelected, type Selection, selectionOf } from "../filter.js";
import { rank, type SearchMode } from "../rank.js";
import {
  type AddItem,
  type AddOptions,
  type Changes,
  type Draft,
  type GivenVector,
  isLive,
  type MemoryRecord,
  type Message,
  readAdd,
  readChanges,
  readItems,
  revise,
  type StoredRecord,
  textOf,
  toRecord,
} from "../record/index.js";
import { checkText, readOptions, utf8Length } from "../record/json.js";
import { formatTime } from "../record/time.js";
import { checkId, inScope, narrow, SCOPE_READERS, type ScopeIds } from "../scope.js";
import { SearchIndex } from "../search-index.js";
import type { AsOf, LogEvent, PointInTime, Row } from "../store.js";
import { isBlank, mend, terms, writeDates } from "../text/index.js";
import type {
  Hit,
  MemoryEvent,
  Stats,
  StreamMemoryApi,
  StreamScopedMemoryApi,
  Verification,
} from "./api.js";
import { Engine } from "./engine.js";
import { type ExportTarget, exportTo } from "./exporting.js";
import { type ExportSource, type Imported, Importing } from "./importing.js";
import {
  AS_OF_READERS,
  type AsOfOptions,
  CHANGES_READERS,
  type ChangesOptions,
  CLEAR_READERS,
  type ClearOptions,
  COUNT_READERS,
  type CountOptions,
  DELETE_READERS,
  type DeleteOptions,
  EXPORT_READERS,
  type ExportOptions,
  GET_ALL_READERS,
  type GetAllOptions,
  IMPORT_READERS,
  type ImportOptions,
  MEMORY_READERS,
  type MemoryOptions,
  REEMBED_READERS,
  type ReembedOptions,
  SEARCH_READERS,
  type SearchOptions,
} from "./options.js";
import type { CallOptions } from "./signal.js";

export type { EventKind, Problem } from "../store.js";
export type {
  FileMemoryApi,
  FileScopedMemoryApi,
  Hit,
  HitContext,
  MemoryApi,
  MemoryEvent,
  ScopedMemoryApi,
  Stats,
  StreamMemoryApi,
  StreamScopedMemoryApi,
  Verification,
} from "./api.js";
export type { ExportTarget } from "./exporting.js";
export type { ExportSource, Imported } from "./importing.js";
export type {
  AsOfInput,
  AsOfOptions,
  ChangesOptions,
  ClearOptions,
  CountOptions,
  DeleteOptions,
  ExportOptions,
  GetAllOptions,
  HistoryOption,
  ImportOptions,
  MemoryOptions,
  OnExisting,
  Recency,
  ReembedOptions,
  SearchOptions,
} from "./options.js";
export type { CallOptions } from "./signal.js";

/** The calls on records, through a view of some scope ids; a memory is the view of none. */
abstract class RecordCalls implements StreamScopedMemoryApi {
  readonly #engine: Engine;
  readonly #view: ScopeIds;

  constructor(engine: Engine, view: ScopeIds) {
    this.#engine = engine;
    this.#view = view;
  }

  async add(
    content: string | Message,
    options: AddOptions & CallOptions = {},
  ): Promise<MemoryRecord> {
    const { now, own, signal } = this.#engine.begin(options);
    const draft = readAdd(content, own, this.#view, now);
    const vectors = this.#engine.vectorsOf([toEmbed(draft)], signal);
    // Without an embedder of the caller's own nothing is waited for: calls write in their order.
    const [vector = null] = vectors instanceof Promise ? await vectors : vectors;
    return toRecord(this.#engine.add(draft, vector, now, "id"));
  }

  async addMany(
    items: readonly AddItem[],
    defaults?: (Omit<AddOptions, "id"> & CallOptions) | null,
  ): Promise<MemoryRecord[]> {
    const { now, own, signal } = this.#engine.begin(defaults, "defaults");
    const drafts = readItems(items, own, this.#view, now);
    const embedded = this.#engine.vectorsOf(drafts.map(toEmbed), signal);
    const vectors = embedded instanceof Promise ? await embedded : embedded;
    const add = (draft: Draft, i: number) =>
      this.#engine.add(draft, vectors[i] ?? null, now, `items[${i}].id`);
    return this.#engine.store.transaction(() => drafts.map(add)).map(toRecord);
  }

  async search(query: string, options: SearchOptions & CallOptions = {}): Promise<Hit[]> {
    const { now, own, signal } = this.#engine.begin(options);
    const text = checkQuery(query);
    const given = readOptions(own, SEARCH_READERS);
    const selection = selectionOf(given, this.#view);
    const mode = given.mode ?? "hybrid";
    const ownVector = await this.#ownVector(text, mode, given.embedding ?? null, signal);

    // Agent, run, filter and times only select: statistics are those of the user (spec 8.4).
    const { userId } = selection.scope;
    const partition = userId === undefined ? {} : { userId };
    const point = this.#engine.pointInTime(given.asOf, now);
    const index = new SearchIndex(
      this.#engine.liveAt(point).filter(({ record }) => inScope(record, partition)),
      this.#engine.vectors,
    );
    const selected = index.entries.filter(({ record }) => isSelected(record, selection));
    const recordsWith = (term: string) => index.df1(term);
    const mended = mend(text, { isWord: isKnownWord, recordsWith });
    const isDated = (word: string) => terms(word).some((term) => index.df1(term) > 0);
    const ranked = rank(index, selected, {
      query: mended,
      dated: writeDates(mended, point.now, isDated),
      vector: ownVector ?? (mode === "lexical" || isBlank(text) ? new Int8Array() : embed(mended)),
      embedder: this.#engine.vectors.embedder,
      mode,
      limit: given.limit ?? 10,
      minScore: given.minScore ?? 0,
      recency: given.recency ?? { weight: 0, halfLife: 1 },
      importanceWeight: given.importanceWeight ?? 0,
      now: point.now,
      explain: given.explain ?? false,
    });
    const context = given.context ?? 0;
    return ranked.map(({ record, ...ranked }) => {
      const hit = { ...toRecord(record), ...ranked };
      if (context === 0) return hit;
      const { before, after } = index.around(record, context);
      return { ...hit, context: { before: before.map(toRecord), after: after.map(toRecord) } };
    });
  }

  /**
   * Gives the vector of a query by a caller's own embedder, without components where none is needed (spec 12.3).
   *
   * Undefined in a store of the built-in table, which embeds the query as it is mended (spec 8.15).
   */
  async #ownVector(
    text: string,
    mode: SearchMode,
    embedding: Float32Array | null,
    signal: AbortSignal | null,
  ): Promise<Int8Array | undefined> {
    const { embedder } = this.#engine.vectors;
    if (mode === "semantic" && embedder === null)
      throw invalid("mode", "must not be semantic in a store without vectors");
    const isNeeded = mode !== "lexical" && !isBlank(text);
    if (embedding === null && embedder === "builtin") return undefined;
    if (embedding === null && (!isNeeded || !isOwn(embedder))) return new Int8Array();
    const wanted = { vector: embedding, field: "embedding", text };
    const [vector] = await this.#engine.vectorsOf([wanted], signal);
    return isNeeded && vector ? quantise(vector) : new Int8Array();
  }

  async get(id: string, options: AsOfOptions & CallOptions = {}): Promise<MemoryRecord | null> {
    const { now, own } = this.#engine.begin(options);
    checkId(id, "id");
    const { asOf } = readOptions(own, AS_OF_READERS);
    const record = this.#find(id, now, asOf);
    return record === undefined ? null : toRecord(record);
  }

  async getAll(options: GetAllOptions & CallOptions = {}): Promise<MemoryRecord[]> {
    const { now, own } = this.#engine.begin(options);
    const given = readOptions(own, GET_ALL_READERS);
    const { limit = null, offset = null, after = null } = given;
    if (after !== null && offset !== null)
      throw invalid("offset", "must not stand together with after");

    const direction = given.order === "asc" ? 1 : -1;
    const inOrder = (a: Row, b: Row) =>
      direction * (a.record.createdAt - b.record.createdAt || a.added - b.added);
    const point = this.#engine.pointInTime(given.asOf, now);
    let rows = this.#select(selectionOf(given, this.#view), point).sort(inOrder);
    if (after !== null) {
      const place = this.#place(after, point);
      rows = rows.filter((row) => inOrder(place, row) < 0);
    }
    const first = offset ?? 0;
    return rows
      .slice(first, limit === null ? undefined : first + limit)
      .map(({ record }) => toRecord(record));
  }

  async update(id: string, changes: Changes & CallOptions): Promise<MemoryRecord> {
    const { now, own, signal } = this.#engine.begin(changes);
    checkId(id, "id");
    const revision = readChanges(own, now);
    const { content } = revision.fields;
    let vector: Float32Array | null = null;
    if (content !== undefined || revision.embedding.vector !== null) {
      const before = this.#find(id, now);
      const text = before === undefined ? "" : textOf({ ...before, content: content ?? "" });
      const embedded =
        before === undefined
          ? []
          : this.#engine.vectorsOf([{ ...revision.embedding, text }], signal);
      vector = (embedded instanceof Promise ? await embedded : embedded)[0] ?? null;
    }
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
    if (vector !== null) this.#engine.vectors.set(updated, vector);
    else if (content === undefined) this.#engine.vectors.keep(updated, record);
    this.#engine.store.update(updated, now);
    return toRecord(updated);
  }

  async delete(id: string, options: DeleteOptions & CallOptions = {}): Promise<boolean> {
    const { now, own } = this.#engine.begin(options);
    checkId(id, "id");
    const { purge } = readOptions(own, DELETE_READERS);
    const { store } = this.#engine;
    if (purge) {
      const last = store.last(id);
      if (last === undefined || !inScope(last.record, this.#view)) return false;
      store.purge([id], now);
      return true;
    }
    if (this.#find(id, now) === undefined) return false;
    store.delete(id, now);
    return true;
  }

  async clear(...given: [options?: ClearOptions & CallOptions]): Promise<number> {
    const { now, own } = this.#engine.begin(given[0]);
    const options = given.length === 0 ? {} : checkSet(own);
    const { purge, ...selecting } = readOptions(options, CLEAR_READERS);
    const selection = selectionOf(selecting, this.#view);
    const { store } = this.#engine;
    if (purge) {
      const ids = store
        .lastStates()
        .filter(({ record }) => isSelected(record, selection))
        .map(({ record }) => record.id);
      store.purge(ids, now);
      return ids.length;
    }
    const rows = this.#select(selection, this.#engine.pointInTime(null, now));
    for (const { record } of rows) store.delete(record.id, now);
    return rows.length;
  }

  async count(options: CountOptions & CallOptions = {}): Promise<number> {
    const { now, own } = this.#engine.begin(options);
    const given = readOptions(own, COUNT_READERS);
    const point = this.#engine.pointInTime(given.asOf, now);
    return this.#select(selectionOf(given, this.#view), point).length;
  }

  async history(id: string, options: CallOptions = {}): Promise<MemoryEvent[]> {
    const { own } = this.#engine.begin(options);
    checkId(id, "id");
    readOptions(own, {});
    return this.#engine.store.history(id, this.#view).map(toEvent);
  }

  async exportTo(target: ExportTarget, options: ExportOptions & CallOptions = {}): Promise<number> {
    const { own, signal } = this.#engine.begin(options);
    const { history, onProgress } = readOptions(own, EXPORT_READERS);
    return exportTo(this.#engine, this.#view, target, {
      history: history ?? false,
      onProgress: onProgress ?? (() => {}),
      signal,
    });
  }

  scoped(scope: ScopeIds): ScopedMemory {
    this.#engine.checkOpen();
    const given = readOptions(scope, SCOPE_READERS);
    if (Object.keys(given).length === 0)
      throw invalid("options", "must fix userId, agentId or runId");
    return new ScopedMemory(this.#engine, narrow(this.#view, given));
  }

  /** Finds a record of the view that is live, or was. */
  #find(id: string, now: number, asOf: AsOf | null = null): StoredRecord | undefined {
    const { store } = this.#engine;
    const point = this.#engine.pointInTime(asOf, now);
    const record = (asOf === null ? store.get(id) : store.getAt(id, point.seq))?.record;
    return record !== undefined && isLive(record, point.now) && inScope(record, this.#view)
      ? record
      : undefined;
  }

  #select(selection: Selection, point: PointInTime): Row[] {
    return this.#engine.liveAt(point).filter(({ record }) => isSelected(record, selection));
  }

  /** Finds the place of a record in the order, be it there in that state or not (spec 7.4, 7.8). */
  #place(id: string, { seq }: PointInTime): Row {
    const last = this.#engine.store.last(id, seq);
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
export class Memory extends RecordCalls implements StreamMemoryApi {
  readonly #engine: Engine;

  /**
   * Makes an empty memory.
   *
   * @param path - nothing, or `":memory:"`.
   * @throws {@link AgentMemError} `INVALID_ARGUMENT` for any other path, and for options that cannot be used.
   */
  constructor(path?: string | null, options: MemoryOptions = {}) {
    checkPath(path);
    const { readOnly, history, embedder = "builtin", clock } = readOptions(options, MEMORY_READERS);
    if (readOnly)
      throw invalid("readOnly", "must not be true without a file: nothing could be read");
    const engine = new Engine(clock ?? Date.now, history ?? "keep", embedder);
    super(engine, {});
    this.#engine = engine;
  }

  /** Makes a memory, as the constructor does, and opens it at once. */
  static async open(path?: string | null, options: MemoryOptions = {}): Promise<Memory> {
    return new Memory(path, options);
  }

  async changes(options: ChangesOptions & CallOptions = {}): Promise<MemoryEvent[]> {
    const { own } = this.#engine.begin(options);
    const { after, limit } = readOptions(own, CHANGES_READERS);
    const events = this.#engine.store.events().filter(({ seq }) => seq > (after ?? 0));
    return events.slice(0, limit ?? undefined).map(toEvent);
  }

  async compact(options: CallOptions = {}): Promise<number> {
    const { now, own } = this.#engine.begin(options);
    readOptions(own, {});
    return this.#engine.compact(now);
  }

  async stats(options: CallOptions = {}): Promise<Stats> {
    const { now, own } = this.#engine.begin(options);
    readOptions(own, {});
    return this.#engine.stats(now);
  }

  async verify(options: CallOptions = {}): Promise<Verification> {
    const { own } = this.#engine.begin(options);
    readOptions(own, {});
    return this.#engine.verify();
  }

  async reembed(options?: ReembedOptions & CallOptions): Promise<number> {
    const { own, signal } = this.#engine.begin(options);
    const { embedder, onProgress } = readOptions(own ?? {}, REEMBED_READERS);
    if (embedder === undefined)
      throw invalid("embedder", "is missing: it says what shall make the vectors");
    return this.#engine.reembed(embedder, onProgress ?? (() => {}), signal);
  }

  async importFrom(
    source: ExportSource,
    options: ImportOptions & CallOptions = {},
  ): Promise<Imported> {
    const { now, own, signal } = this.#engine.begin(options);
    const { onExisting, onProgress } = readOptions(own, IMPORT_READERS);
    const importing = new Importing(this.#engine, source, {
      onExisting: onExisting ?? "error",
      onProgress: onProgress ?? (() => {}),
      now,
      signal,
    });
    return importing.run();
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

/** What the caller's embedder would be asked for a record. */
function toEmbed({ record, embedding }: Draft): GivenVector & { text: string } {
  return { ...embedding, text: textOf(record) };
}

/** Checks that an argument is not a variable that was never set: it would delete everything (spec 1.11). */
function checkSet<T>(options: T | undefined): T {
  if (options === undefined)
    throw invalid("options", "is undefined: call clear() to delete everything");
  return options;
}

function checkQuery(query: unknown): string {
  const text = checkText(query, "query");
  if (utf8Length(text) > 1_048_576)
    throw invalid("query", "is too large: at most 1 MiB of UTF-8 is allowed");
  return text;
}

/** Gives an event to the caller. */
function toEvent({ seq, at, kind, id, state }: LogEvent): MemoryEvent {
  const record = state === null ? null : toRecord(state.record);
  return { seq, at: formatTime(at), event: kind, id, record };
}
