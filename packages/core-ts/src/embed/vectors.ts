import { type StoredRecord, textOf } from "../record/index.js";
import { embed, quantise } from "./index.js";
import { DIMENSIONS } from "./table.js";

/** What makes the vectors of a store, as the store remembers it. */
export type Named = "builtin" | Readonly<{ id: string; dimensions: number }> | null;

const NO_VECTOR = new Int8Array();

/** The vectors of the states of a store's records, all made by one embedder (spec chapter 12). */
export class Vectors {
  readonly embedder: Named;
  /** States are never changed, only replaced: what was made for one holds as long as it lives. */
  readonly #made = new WeakMap<StoredRecord, Int8Array>();

  constructor(embedder: Named) {
    this.embedder = embedder;
  }

  /** Gives the vector of a state; without components if there is none. */
  of(record: StoredRecord): Int8Array {
    const known = this.#made.get(record);
    if (known !== undefined) return known;
    if (this.embedder !== "builtin") return NO_VECTOR;
    const made = embed(textOf(record));
    this.#made.set(record, made);
    return made;
  }

  /** Gives the vector that an embedder of the caller's own made of a state, if there is one. */
  own(record: StoredRecord): Int8Array | null {
    return isOwn(this.embedder) ? (this.#made.get(record) ?? null) : null;
  }

  /** Takes the vector that an embedder of the caller's own made of a state. */
  set(record: StoredRecord, vector: Float32Array): void {
    // In doubles the rule for floats (spec 12.5) is the one for sums of the table's rows.
    this.#made.set(record, quantise(vector));
  }

  /** Leaves a state the vector that the one before it had. */
  keep(record: StoredRecord, before: StoredRecord): void {
    const vector = this.#made.get(before);
    if (vector !== undefined) this.#made.set(record, vector);
  }

  /** Gives the vectors of some states without all others, which were superseded meanwhile (spec 12.7). */
  only(records: readonly StoredRecord[]): Vectors {
    const vectors = new Vectors(this.embedder);
    for (const record of records) {
      const vector = this.#made.get(record);
      if (vector !== undefined) vectors.#made.set(record, vector);
    }
    return vectors;
  }

  /** Tells whether a state lacks a vector that only its embedder could make. */
  lacks(record: StoredRecord): boolean {
    return isOwn(this.embedder) && !this.#made.has(record);
  }

  /** Tells whether a state has the vector that it must have (spec 11.6). */
  isRight(record: StoredRecord): boolean {
    const vector = this.of(record);
    if (this.embedder !== "builtin") return vector.length === dimensionsOf(this.embedder);
    return embed(textOf(record)).every((value, k) => value === vector[k]);
  }
}

/** Tells whether an embedder is one of the caller's own. */
export function isOwn<T extends object>(embedder: "builtin" | T | null): embedder is T {
  return embedder !== "builtin" && embedder !== null;
}

/** Gives the id of an embedder, as `stats` tells it. */
export function idOf(embedder: Named): string | null {
  return isOwn(embedder) ? embedder.id : embedder;
}

/** Gives how many components the vectors of an embedder have. */
export function dimensionsOf(embedder: Named): number {
  if (embedder === "builtin") return DIMENSIONS;
  return embedder === null ? 0 : embedder.dimensions;
}

/** Tells whether two embedders are the same by id and dimensions. */
export function isSame(a: Named, b: Named): boolean {
  return idOf(a) === idOf(b) && dimensionsOf(a) === dimensionsOf(b);
}
