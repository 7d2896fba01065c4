import type { StoredRecord } from "./record/index.js";

/** The newest state of a record. */
export interface Row {
  readonly record: StoredRecord;
  /** The number of the event that added it: its place in the order of adding. */
  readonly added: number;
  /** The canonical form of what `add` was given, if the caller gave the id (spec 6.3). */
  readonly request: string | null;
}

/** One entry of the log: what happened to one record, and the state that it superseded (spec 10.3). */
export interface LogEvent {
  /** Only grows. */
  readonly seq: number;
  /** When it was written, in milliseconds since 1970; never goes back. */
  readonly at: number;
  readonly kind: "ADD" | "UPDATE" | "DELETE";
  readonly id: string;
  readonly superseded: Row | null;
}

/**
 * Rows and the log: all that is stored. Everything else follows from the two.
 *
 * It knows no expiry: an expired record has a row until its id is added anew.
 */
export class Store {
  readonly #rows = new Map<string, Row>();
  readonly #log: LogEvent[] = [];

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

  /** Finds the last state of a record, also of one that was deleted since. */
  last(id: string): Row | undefined {
    return this.get(id) ?? this.#log.findLast((event) => event.id === id)?.superseded ?? undefined;
  }

  /** Writes a new record, in place of an expired one of this id if there is one. */
  add(record: StoredRecord, request: string | null, now: number): void {
    const added = this.#append("ADD", record.id, now);
    // Taken out first: a map keeps the place of a key that is set again.
    this.#rows.delete(record.id);
    this.#rows.set(record.id, { record, added, request });
  }

  /** Writes the next state of a record. */
  update(record: StoredRecord, now: number): void {
    const row = this.#rows.get(record.id);
    if (row === undefined) throw new Error("an update follows a look at the row");
    this.#append("UPDATE", record.id, now);
    this.#rows.set(record.id, { ...row, record });
  }

  /** Deletes a record; its last state stays in the log. */
  delete(id: string, now: number): void {
    this.#append("DELETE", id, now);
    this.#rows.delete(id);
  }

  /** Does several writes wholly or not at all: if one throws, those before it are undone. */
  transaction<T>(writes: () => T): T {
    const begin = this.#log.length;
    try {
      return writes();
    } catch (error) {
      this.#undo(begin);
      throw error;
    }
  }

  #append(kind: LogEvent["kind"], id: string, now: number): number {
    const last = this.#log.at(-1);
    const seq = (last?.seq ?? 0) + 1;
    this.#log.push({
      seq,
      at: Math.max(now, last?.at ?? 0),
      kind,
      id,
      superseded: this.#rows.get(id) ?? null,
    });
    return seq;
  }

  /** Takes events back, the newest first: each holds the state before it. */
  #undo(length: number): void {
    const undone = this.#log.splice(length).reverse();
    for (const { id, superseded } of undone) {
      if (superseded === null) this.#rows.delete(id);
      else this.#rows.set(id, superseded);
    }
    if (undone.length === 0) return;
    const inOrder = [...this.#rows].sort(([, a], [, b]) => a.added - b.added);
    this.#rows.clear();
    for (const [id, row] of inOrder) this.#rows.set(id, row);
  }
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
