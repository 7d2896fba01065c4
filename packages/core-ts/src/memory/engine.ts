import { AgentMemError, invalid } from "../error.js";
import { type Draft, isDuplicate, isLive, type StoredRecord } from "../record/index.js";
import { isTime } from "../record/time.js";
import { staleness } from "../search-index.js";
import { IdSource, type Row, Store } from "../store.js";
import type { Stats, Verification } from "./api.js";
import type { HistoryOption } from "./options.js";

/** What a memory shares with its views. */
export class Engine {
  store = new Store();
  readonly #ids = new IdSource();
  readonly #clock: () => unknown;
  readonly #history: HistoryOption;
  #closed = false;

  constructor(clock: () => unknown, history: HistoryOption) {
    this.#clock = clock;
    this.#history = history;
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
    };
  }

  /** Checks rows and log, and what search has derived from the rows (spec 11.6). */
  verify(): Verification {
    const problems = this.store.problems();
    for (const { record, added } of this.store.rows()) {
      const kind = staleness(record);
      if (kind !== null) problems.push({ kind, seq: added });
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

/** Gives the time until which superseded states are erased: those that were superseded then or earlier. */
function erasedUntil(history: HistoryOption, now: number): number {
  if (history === "keep") return Number.NEGATIVE_INFINITY;
  // The log may be ahead of a clock that went back.
  if (history === "none") return Number.POSITIVE_INFINITY;
  return now - Math.floor(history.days * 86_400_000);
}
