import {
  type Embedder,
  type EmbedderOption,
  embedTexts,
  firstBatch,
  noEmbed,
} from "../embed/embedder.js";
import { dimensionsOf, idOf, isOwn, isSame, type Named, Vectors } from "../embed/vectors.js";
import { AgentMemError, invalid } from "../error.js";
import {
  type Draft,
  type GivenVector,
  isDuplicate,
  isLive,
  type StoredRecord,
  textOf,
} from "../record/index.js";
import { isTime } from "../record/time.js";
import { checkVector } from "../record/vector.js";
import { isFresh } from "../search-index.js";
import { type AsOf, IdSource, type PointInTime, type Row, Store } from "../store.js";
import type { Stats, Verification } from "./api.js";
import type { HistoryOption } from "./options.js";
import { type Split, splitSignal, unlessAborted } from "./signal.js";

/** What a memory shares with its views. */
export class Engine {
  readonly store = new Store();
  readonly #ids = new IdSource();
  readonly #clock: () => unknown;
  readonly #history: HistoryOption;
  #closed = false;
  /** With the caller's function, if it is the caller's own. */
  #embedder: EmbedderOption;
  vectors: Vectors;
  /** Those that a move to another embedder has made so far. */
  #next: Vectors | null = null;

  constructor(clock: () => unknown, history: HistoryOption, embedder: EmbedderOption) {
    this.#clock = clock;
    this.#history = history;
    this.#embedder = embedder;
    this.vectors = new Vectors(embedder);
  }

  /**
   * Begins a call: refuses one whose signal is aborted (spec 3.8), and reads `now`, once (3.4).
   *
   * @param argument - the last argument of the call, by its name; comes back as `own`, without the signal.
   */
  begin<T>(argument: T, name?: string): Split<T> & { readonly now: number } {
    this.checkOpen();
    const split = splitSignal(argument, name);
    return { ...split, now: this.#now() };
  }

  #now(): number {
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
    // Calls that wait for an embedder still write: what they write to goes with the last of them.
    this.#closed = true;
  }

  /** Gives the rows of the live records, in the order of adding. */
  live(now: number): Row[] {
    return [...this.store.rows()].filter(({ record }) => isLive(record, now));
  }

  /** Gives the state of the store that a call asks of: an earlier one (spec 7.6), or the newest, at the call's `now`. */
  pointInTime(asOf: AsOf | null | undefined, now: number): PointInTime {
    return asOf ? this.store.pointInTime(asOf) : { seq: Number.POSITIVE_INFINITY, now };
  }

  /** Gives the rows of the records that are live in a state of the store, in the order of adding. */
  liveAt({ seq, now }: PointInTime): Row[] {
    if (seq === Number.POSITIVE_INFINITY) return this.live(now);
    return this.store.rowsAt(seq).filter(({ record }) => isLive(record, now));
  }

  /**
   * Gives the vectors of some texts, as they were given or as the caller's embedder makes them (spec 12.3); null for each
   * where the embedder is not the caller's own. It waits for nothing but the embedder, and not once the signal is aborted.
   */
  vectorsOf(
    wanted: readonly (GivenVector & { text: string })[],
    signal: AbortSignal | null,
  ): (Float32Array | null)[] | Promise<(Float32Array | null)[]> {
    const embedder = this.#embedder;
    const { dimensions } = isOwn(embedder) ? embedder : { dimensions: null };
    const given = wanted.map(({ vector, field }) => {
      if (vector === null) return null;
      if (dimensions === null)
        throw invalid(field, "is for stores that have an embedder of the caller's own");
      return checkVector(vector, dimensions, field);
    });
    if (!isOwn(embedder) || !given.includes(null)) return given;
    const missing = wanted.filter(({ vector }) => vector === null);
    if (!embedder.embed) throw noEmbed(missing[0]?.field ?? "embedding");
    return unlessAborted(signal, () => this.#fill(given, embedder, missing, signal));
  }

  /** Checks that the caller's own embedder can be asked for the vectors that an import lacks (spec 13.8). */
  checkAsking(named: Named): void {
    if (isOwn(this.#embedder) && this.#embedder.embed) return;
    const message = `the export's embedder is ${idOf(named) ?? "none"}, and the store's own was given without embed`;
    throw new AgentMemError("EMBEDDER_MISMATCH", "embedder", message);
  }

  async #fill(
    given: (Float32Array | null)[],
    embedder: Embedder,
    missing: readonly { text: string }[],
    signal: AbortSignal | null,
  ): Promise<(Float32Array | null)[]> {
    const made = await embedTexts(
      embedder,
      missing.map(({ text }) => text),
      signal,
    );
    if (embedder !== this.#embedder) throw moved();
    return given.map((vector) => vector ?? made.shift() ?? null);
  }

  /** Moves the store to another embedder (spec 12.7); gives the number of records that it moved. */
  async reembed(
    target: EmbedderOption,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal | null,
  ): Promise<number> {
    if (isOwn(target) && !target.embed)
      throw invalid("embedder.embed", "is missing: reembed asks it for every vector");
    if (isSame(target, this.vectors.embedder)) {
      this.#embedder = target;
      return 0;
    }
    // What an earlier call to the same embedder has made is not made again.
    if (this.#next === null || !isSame(this.#next.embedder, target))
      this.#next = new Vectors(target);
    const next = this.#next;
    for (;;) {
      const records = [...this.store.rows()].map(({ record }) => record);
      const missing = records.filter((record) => next.lacks(record));
      if (!isOwn(target) || missing.length === 0) {
        this.vectors = next.only(records);
        this.#next = null;
        this.#embedder = target;
        return records.length;
      }
      const batch = firstBatch(missing);
      const made = await unlessAborted(signal, () => embedTexts(target, batch.map(textOf), signal));
      this.checkOpen();
      if (this.#next !== next) throw moved();
      for (const [i, record] of batch.entries()) {
        const vector = made[i];
        if (vector !== undefined) next.set(record, vector);
      }
      onProgress(records.length - missing.length + batch.length, records.length);
    }
  }

  /** Adds one record, unless it is there already (spec 6.3 to 6.5). */
  add(draft: Draft, vector: Float32Array | null, now: number, field: string): StoredRecord {
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
    if (vector !== null) this.vectors.set(record, vector);
    this.store.add(record, draft.request, now);
    return record;
  }

  /** Erases what has expired, and what the option `history` does not keep; gives how many states (spec 11.4). */
  compact(now: number): number {
    const expired = [...this.store.rows()].filter(({ record }) => !isLive(record, now));
    return this.store.compact(expired, erasedUntil(this.#history, now), now);
  }

  stats(now: number): Stats {
    const all = [...this.store.rows()].length;
    const records = this.live(now).length;
    return {
      records,
      expired: all - records,
      past: this.store.countPast(),
      events: this.store.events().length,
      bytes: 0,
      pendingPurge: false,
      embedder: idOf(this.vectors.embedder),
      dimensions: dimensionsOf(this.vectors.embedder),
    };
  }

  /** Checks rows and log, and what search has derived from the rows (spec 11.6). */
  verify(): Verification {
    const problems = this.store.problems();
    for (const { record, added } of this.store.rows()) {
      if (!this.vectors.isRight(record)) problems.push({ kind: "vector", seq: added });
      if (!isFresh(record)) problems.push({ kind: "index", seq: added });
    }
    return { ok: problems.length === 0, problems };
  }

  #readClock(): unknown {
    try {
      return this.#clock();
    } catch (cause) {
      throw invalid("clock", "must give milliseconds since 1970, but threw", { cause });
    }
  }
}

/** The error of a call whose vectors are of no use any more. */
function moved(): AgentMemError {
  const message =
    "the store was moved to another embedder, or is on its way to one, since the call began";
  return new AgentMemError("EMBEDDER_MISMATCH", "embedder", message);
}

/** Gives the time until which superseded states are erased: those that were superseded then or earlier. */
function erasedUntil(history: HistoryOption, now: number): number {
  if (history === "keep") return Number.NEGATIVE_INFINITY;
  // The log may be ahead of a clock that went back.
  if (history === "none") return Number.POSITIVE_INFINITY;
  return now - Math.floor(history.days * 86_400_000);
}
