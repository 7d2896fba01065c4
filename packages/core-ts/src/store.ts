import type { StoredRecord } from "./record/index.js";
import { inScope, type ScopeIds } from "./scope.js";

/** The newest state of a record, or an earlier one. Never changed, only replaced, so that a state is known by itself. */
export interface Row {
  readonly record: StoredRecord;
  /** The number of the event that added it: its place in the order of adding. */
  readonly added: number;
  /** The hash of what `add` was given, if the caller gave the id (spec 6.3). */
  readonly request: string | null;
}

/** What an event did: `PURGE` erased all states of an id. */
export type EventKind = "ADD" | "UPDATE" | "DELETE" | "PURGE";

/**
 * One entry of the log: what happened to one record (spec 10.3, 11.1). The state that it superseded is the one that the
 * event before it, of the same id, left.
 */
export interface LogEvent {
  /** Only grows. */
  readonly seq: number;
  /** When it was written, in milliseconds since 1970; never goes back. */
  readonly at: number;
  readonly kind: EventKind;
  readonly id: string;
  /** The state that it left: none after `DELETE` and `PURGE`, nor if that state has been erased since. */
  readonly state: Row | null;
}

/** Something that `verify` found to be wrong (spec 11.6). */
export interface Problem {
  /** What does not agree with the rest. */
  kind: "file" | "row" | "vector" | "event" | "past" | "index";
  /** The event at fault, or the record by the event that added it. */
  seq: number | null;
}

/** Which state of the store is asked of: the one after what was written until a time, or after an event (spec 7.6). */
export type AsOf = { readonly at: number } | { readonly seq: number };

/** A state of the store: the one after an event, in which expiry is judged by a time (spec 7.7). */
export interface PointInTime {
  readonly seq: number;
  readonly now: number;
}

/** A state that was superseded, and when. */
interface Past {
  readonly state: Row;
  readonly until: number;
}

/**
 * Rows and the log: all that is stored. Everything else follows from the two.
 *
 * It knows no expiry: an expired record has a row until its id is added anew, or `compact` erases it.
 */
export class Store {
  readonly #rows = new Map<string, Row>();
  #log: LogEvent[] = [];
  /** How often something was erased. */
  erasures = 0;

  /** Finds the newest state of a record, expired or not. */
  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** Gives all rows, expired ones too, in the order of adding. */
  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Gives the log, oldest first. */
  events(): readonly LogEvent[] {
    return this.#log;
  }

  /** Gives the events of an id that a view may see, oldest first (spec 11.1). */
  history(id: string, view: ScopeIds): LogEvent[] {
    const isWhole = Object.keys(view).length === 0;
    const isSeen = (event: LogEvent | undefined) =>
      event !== undefined && event.state !== null && inScope(event.state.record, view);
    // What ends a record of the view is an event of it, but for an ADD, which begins another record in the place of an
    // expired one. Of an event of which no state is left nobody knows any more whose it was.
    return this.#log
      .filter((event) => event.id === id)
      .filter(
        (event, i, all) => isWhole || isSeen(event) || (event.kind !== "ADD" && isSeen(all[i - 1])),
      );
  }

  /** Finds the last state of a record that is kept of those written until an event, also of one deleted since. */
  last(id: string, seq = Number.POSITIVE_INFINITY): Row | undefined {
    const isOne = (event: LogEvent) => event.id === id && event.seq <= seq && event.state !== null;
    return this.#log.findLast(isOne)?.state ?? undefined;
  }

  /** Finds the state of the store that is asked of. */
  pointInTime(asOf: AsOf): PointInTime {
    const isSeen = (event: LogEvent) =>
      "seq" in asOf ? event.seq <= asOf.seq : event.at <= asOf.at;
    const { seq, at } = this.#log.findLast(isSeen) ?? { seq: 0, at: 0 };
    return { seq, now: "seq" in asOf ? at : asOf.at };
  }

  /** Finds the state that a record had after an event, expired or not. */
  getAt(id: string, seq: number): Row | undefined {
    const last = this.#log.findLast((event) => event.id === id && event.seq <= seq);
    return last?.state ?? undefined;
  }

  /** Gives the rows that there were after an event, expired ones too, in the order of adding. */
  rowsAt(seq: number): Row[] {
    const states = new Map<string, Row | null>();
    for (const event of this.#log) if (event.seq <= seq) states.set(event.id, event.state);
    return [...states.values()].filter((state) => state !== null).sort((a, b) => a.added - b.added);
  }

  /**
   * Gives the events of the records of which a state is kept and in a scope (spec 13.4). Unlike {@link history}, those of a
   * record are given all or none; what became of an id as a whole, by `PURGE`, is nobody's.
   */
  eventsOf(view: ScopeIds): readonly LogEvent[] {
    if (Object.keys(view).length === 0) return this.#log;
    const records = new Map<string, { isSeen: boolean }>();
    const pairs = this.#log.map((event) => {
      const known = event.kind === "ADD" ? undefined : records.get(event.id);
      const record = known ?? { isSeen: false };
      records.set(event.id, record);
      if (event.state !== null && inScope(event.state.record, view)) record.isSeen = true;
      return { event, record };
    });
    return pairs
      .filter(({ event, record }) => record.isSeen && event.kind !== "PURGE")
      .map(({ event }) => event);
  }

  /** Tells whether states are kept. */
  keeps(rows: readonly Row[]): boolean {
    const kept = new Set(this.#log.map(({ state }) => state));
    return rows.every((row) => kept.has(row));
  }

  /** Gives the last states of all ids, deleted and expired ones too, in the order of adding. */
  lastStates(): Row[] {
    const last = new Map<string, Row>();
    for (const { id, state } of this.#log) if (state !== null) last.set(id, state);
    return [...last.values()].sort((a, b) => a.added - b.added);
  }

  /** Counts the superseded states that are kept. */
  countPast(): number {
    return this.#past().length;
  }

  /** Writes a new record, in place of an expired one of this id if there is one. */
  add(record: StoredRecord, request: string | null, now: number): void {
    // Taken out first: a map keeps the place of a key that is set again.
    this.#rows.delete(record.id);
    this.#append("ADD", record.id, now, { record, added: this.#nextSeq(), request });
  }

  /** Writes the next state of a record. */
  update(record: StoredRecord, now: number): void {
    const row = this.#rows.get(record.id);
    if (row === undefined) throw new Error("an update follows a look at the row");
    this.#append("UPDATE", record.id, now, { ...row, record });
  }

  /** Deletes a record; its last state stays in the log. */
  delete(id: string, now: number): void {
    this.#append("DELETE", id, now, null);
  }

  /** Writes an event of another store, at its own time (spec 13.9); gives its `seq`. */
  replay(kind: EventKind, id: string, at: number, state: Omit<Row, "added"> | null): number {
    const seq = this.#nextSeq();
    const before = this.#rows.get(id);
    if (state === null) {
      this.#append(kind, id, at, null);
      return seq;
    }
    // Of a record whose state before was erased, the event that added it is known.
    const isOfId = (event: LogEvent) => event.id === id && event.kind === "ADD";
    const added = before?.added ?? this.#log.findLast(isOfId)?.seq ?? seq;
    if (kind === "ADD") this.#rows.delete(id);
    this.#append(kind, id, at, { ...state, added: kind === "ADD" ? seq : added });
    if (kind === "UPDATE" && before === undefined) this.#sortRows();
    return seq;
  }

  /** Brings the rows back into the order of adding. */
  #sortRows(): void {
    const sorted = [...this.#rows].sort(([, a], [, b]) => a.added - b.added);
    this.#rows.clear();
    for (const [id, row] of sorted) this.#rows.set(id, row);
  }

  /** Erases all that is known of some ids; of each one event remains, which says so (spec 11.3). */
  purge(ids: readonly string[], now: number): void {
    const begin = this.#log.length;
    if (ids.length > 0) this.erasures += 1;
    for (const id of ids) this.#append("PURGE", id, now, null);
    const purged = new Set(ids);
    this.#log = this.#log.filter((event, i) => i >= begin || !purged.has(event.id));
  }

  /**
   * Deletes records and erases their last states, and erases the states that were superseded at `until` or earlier; gives
   * how many states it erased (spec 11.4).
   */
  compact(expired: readonly Row[], until: number, now: number): number {
    const past = this.#past().filter((one) => one.until <= until);
    const erased = new Set([...expired, ...past.map(({ state }) => state)]);
    if (erased.size > 0) this.erasures += 1;
    for (const { record } of expired) this.#append("DELETE", record.id, now, null);
    this.#log = this.#log.map((event) =>
      event.state !== null && erased.has(event.state) ? { ...event, state: null } : event,
    );
    return erased.size;
  }

  /** Does several writes wholly or not at all: if one throws, those before it are undone. */
  transaction<T>(writes: () => T): T {
    const [log, rows] = [[...this.#log], [...this.#rows]];
    try {
      return writes();
    } catch (error) {
      this.#log = log;
      this.#rows.clear();
      for (const [id, row] of rows) this.#rows.set(id, row);
      throw error;
    }
  }

  /** Finds where rows and log do not agree (spec 11.6). */
  problems(): Problem[] {
    const problems: Problem[] = [];
    const newest = new Map<string, LogEvent>();
    for (const [i, event] of this.#log.entries()) {
      const { seq, id, kind, state } = event;
      const before = this.#log[i - 1];
      if (before !== undefined && (seq <= before.seq || event.at < before.at))
        problems.push({ kind: "event", seq });
      if (state !== null && (state.record.id !== id || !isLeftBy(kind, seq, state)))
        problems.push({ kind: state === this.#rows.get(id) ? "row" : "past", seq });
      newest.set(id, event);
    }
    for (const [id, row] of this.#rows) {
      if (newest.get(id)?.state !== row) problems.push({ kind: "row", seq: row.added });
    }
    for (const { id, seq, kind } of newest.values()) {
      const leavesRow = kind === "ADD" || kind === "UPDATE";
      if (leavesRow !== this.#rows.has(id)) problems.push({ kind: "event", seq });
    }
    return problems;
  }

  #nextSeq(): number {
    return (this.#log.at(-1)?.seq ?? 0) + 1;
  }

  #append(kind: EventKind, id: string, now: number, state: Row | null): void {
    const at = Math.max(now, this.#log.at(-1)?.at ?? 0);
    this.#log.push({ seq: this.#nextSeq(), at, kind, id, state });
    if (state === null) this.#rows.delete(id);
    else this.#rows.set(id, state);
  }

  /** Gives the states that were superseded and are kept. */
  #past(): Past[] {
    const past: Past[] = [];
    const newest = new Map<string, Row | null>();
    for (const { id, at, state } of this.#log) {
      const before = newest.get(id) ?? null;
      if (before !== null) past.push({ state: before, until: at });
      newest.set(id, state);
    }
    return past;
  }
}

/** Tells whether an event can have left a state: that of a record which it added, or which was added before it. */
function isLeftBy(kind: EventKind, seq: number, state: Row): boolean {
  if (kind === "ADD") return state.added === seq;
  return kind === "UPDATE" && state.added < seq;
}

/** Makes ids: UUIDs of version 7 (RFC 9562), each greater than the one before (spec 2.3). */
export class IdSource {
  #time = -1;
  #random = 0n;

  /** Gives the next id, which carries `now`, or the time of the one before if that is later. */
  next(now: number): string {
    if (now > this.#time) {
      this.#time = now;
      this.#random = randomBits();
    } else {
      this.#random += 1n;
    }
    const high = this.#random >> 62n;
    const low = this.#random & ((1n << 62n) - 1n);
    const bits = (BigInt(this.#time) << 80n) | (0x7n << 76n) | (high << 64n) | (0b10n << 62n) | low;
    const hex = bits.toString(16).padStart(32, "0");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
}

/** Draws the 74 random bits of a UUID of version 7; the first is 0, so that counting up never overflows. */
function randomBits(): bigint {
  let bits = 0n;
  for (const byte of crypto.getRandomValues(new Uint8Array(10))) bits = (bits << 8n) | BigInt(byte);
  return bits >> 7n;
}
