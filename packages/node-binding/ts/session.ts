import { checkEmbedder, type Embedder, embedTexts } from "@agentmem/core/src/embed/embedder.ts";
import { isOwn } from "@agentmem/core/src/embed/vectors.ts";
import { AgentMemError, invalid } from "@agentmem/core/src/error.ts";
import type { Imported } from "@agentmem/core/src/memory/importing.ts";
import { REEMBED_READERS } from "@agentmem/core/src/memory/options.ts";
import { splitSignal, unlessAborted } from "@agentmem/core/src/memory/signal.ts";
import {
  checkText,
  type JsonObject,
  type JsonValue,
  nameOf,
  readOptions,
} from "@agentmem/core/src/record/json.ts";
import { isTime } from "@agentmem/core/src/record/time.ts";
import { NativeCancellation, NativeMemory } from "./addon.ts";
import { type HitRow, type Row, toAnswer, toHits, toRecordOrNull } from "./answer.ts";
import { deliveries, outcomeOf } from "./deliveries.ts";
import { exportTo, importFrom, type NativeExporting, type NativeImporting } from "./transport.ts";
import { mayAnswerAtOnce, turnUnderWay } from "./turn.ts";
import * as wire from "./wire.ts";

/**
 * What the addon offers of a memory or a view: JSON text in, and out; what takes a number tells its outcome under that
 * (`deliveries.ts`).
 */
interface Native {
  open(call: number): void;
  call(
    call: number,
    operation: string,
    args: string,
    vectors?: Float32Array,
    now?: number,
    cancellation?: NativeCancellation,
  ): void;
  trySearch(query: string, options: string, vector?: Float32Array, now?: number): string | null;
  tryGet(id: string, now?: number): string | null;
  ask(operation: string, args: string, vectors?: Float32Array, now?: number): NativeAsking;
  reembed(embedder: string): NativeMoving;
  exportTo(args: string): NativeExporting;
  importFrom(args: string, embeds: boolean, now?: number): NativeImporting;
  scoped(scope: string): Native;
  close(call: number): void;
}

/** A call that asks the caller's embedder. */
interface NativeAsking {
  texts(call: number): void;
  finish(call: number, vectors?: Float32Array, cancellation?: NativeCancellation): void;
  end(): void;
}

/** A store on its way to another embedder. */
interface NativeMoving {
  step(call: number, vectors?: Float32Array): void;
}

/** The operations that may need a vector (spec 12.3). */
const ASKING: ReadonlySet<string> = new Set(["add", "addMany", "search", "update"]);

/** What a memory shares with its views. */
interface Shared {
  readonly clock: (() => unknown) | null;
  /** The caller's own, with a function, if the handle was given such a one. */
  embedder: Embedder | null;
  closed: boolean;
}

/** A memory or a view, as the classes that users see talk to it. */
export class Session {
  readonly #native: Native;
  readonly #shared: Shared;

  private constructor(native: Native, shared: Shared) {
    this.#native = native;
    this.#shared = shared;
  }

  /** Checks the arguments of the constructor; no file is touched. */
  static make(path: unknown, options: unknown): Session {
    const { clock = null, ...others } = withClock(options);
    const { embedder: _, ...given } = others as { embedder?: unknown };
    const named = "embedder" in others ? readEmbedder(others.embedder) : null;
    const text = path === undefined || path === null ? undefined : checkText(path, "path");
    const json = wire.write({
      ...wire.options(given),
      ...(named !== null && { embedder: named.embedder }),
    });
    const native = wire.attempt(() => new NativeMemory(deliveries, text, json));
    return new Session(native, { clock, embedder: named?.asked ?? null, closed: false });
  }

  async open(): Promise<void> {
    wire.read(await outcomeOf((call) => this.#native.open(call)));
  }

  /**
   * Does an operation. All that decides its place among the others happens before the first wait.
   *
   * @param last - the call's last argument, in which its signal stands; `name` is what it is called in errors.
   * @param args - makes the arguments from the last one without the signal, once the memory is known to be open and `now` has
   * been read.
   */
  async call<T>(
    operation: string,
    last: T,
    args: (own: T, vectors: wire.Vectors) => JsonObject,
    name?: string,
  ): Promise<unknown> {
    this.#checkOpen();
    const { signal, own } = splitSignal(last, name);
    const now = this.#now();
    const vectors: wire.Vectors = [];
    const json = wire.write(args(own, vectors));
    const { embedder } = this.#shared;
    // Of the items of addMany some may lack theirs.
    const asks = ASKING.has(operation) && (vectors.length === 0 || operation === "addMany");
    if (embedder !== null && asks)
      return this.#ask(embedder, operation, json, vectors, now ?? Date.now(), signal);
    const outcome = this.#submit(operation, json, wire.joined(vectors), now, signal);
    return toAnswer(operation, wire.read(await outcome));
  }

  // Searches and `get` have few and plain functions between the caller and the addon, since each of them is slow until V8 has
  // seen it some hundred times, and most processes do not ask as often.

  /** Searches, where it is called if that takes a moment. */
  async search(query: unknown, last: unknown): Promise<unknown> {
    this.#checkOpen();
    const { signal, own } = splitSignal(last);
    const now = this.#now();
    const text = wire.scalar(query, "query");
    const vectors: wire.Vectors = [];
    const options = wire.options(own, "options", "", vectors);
    let vector = vectors[0];
    const { embedder } = this.#shared;
    if (embedder !== null && vector === undefined) {
      const json = wire.write({ query: text, options });
      return this.#ask(embedder, "search", json, vectors, now ?? Date.now(), signal);
    }
    if (typeof text === "string") {
      let may = mayAnswerAtOnce(signal === null);
      if (typeof may === "object") {
        if (vector?.length) vector = vector.slice(); // The caller may write into its own meanwhile.
        await may;
        may = mayAnswerAtOnce(false);
      }
      if (may) {
        const rows = this.#native.trySearch(text, wire.write(options), vector, now);
        if (rows !== null) return toHits(wire.readRows(rows) as HitRow[]);
      }
    }
    const json = wire.write({ query: text, options });
    const outcome = this.#submit("search", json, vector, now, signal);
    return toHits(wire.read(await outcome) as HitRow[]);
  }

  /** Gives a record, where it is called if that takes a moment. */
  async get(id: unknown, last: unknown): Promise<unknown> {
    this.#checkOpen();
    const given = last === undefined ? null : splitSignal(last); // Most calls have no options.
    const signal = given?.signal ?? null;
    const now = this.#now();
    const text = wire.scalar(id, "id");
    const options = given && wire.options(given.own);
    if (typeof text === "string" && (options === null || Object.keys(options).length === 0)) {
      let may = mayAnswerAtOnce(signal === null);
      if (typeof may === "object") {
        await may;
        may = mayAnswerAtOnce(false);
      }
      if (may) {
        const row = this.#native.tryGet(text, now);
        if (row !== null) return toRecordOrNull(wire.readRows(row) as Row | null);
      }
    }
    const json = wire.write({ id: text, options });
    const outcome = this.#submit("get", json, undefined, now, signal);
    return toRecordOrNull(wire.read(await outcome) as Row | null);
  }

  /** Begins an operation on a thread of the pool, and gives its outcome. */
  #submit(
    operation: string,
    json: string,
    vectors: Float32Array | undefined,
    now: number | undefined,
    signal: AbortSignal | null,
  ): Promise<string> {
    return cancellable(signal, (call, cancellation) =>
      this.#native.call(call, operation, json, vectors, now, cancellation),
    );
  }

  /** Does an operation for which the caller's embedder may be asked; it has its place among the writes after that. */
  async #ask(
    embedder: Embedder,
    operation: string,
    json: string,
    vectors: wire.Vectors,
    now: number,
    signal: AbortSignal | null,
  ): Promise<unknown> {
    const native = wire.attempt(() => this.#native.ask(operation, json, wire.joined(vectors), now));
    try {
      const told = () => outcomeOf((call) => native.texts(call));
      const texts = wire.read(await unlessAborted(signal, told)) as string[];
      const made = await unlessAborted(signal, () => embedTexts(embedder, texts, signal));
      const finish = (call: number, cancellation?: NativeCancellation) =>
        native.finish(call, wire.joined(made), cancellation);
      return toAnswer(operation, wire.read(await cancellable(signal, finish)));
    } finally {
      native.end();
    }
  }

  /** Moves the store to another embedder, in batches; gives the number of records that it moved. */
  async reembed(given: unknown): Promise<unknown> {
    this.#checkOpen();
    const { signal, own } = splitSignal(given);
    const { embedder, onProgress } = readOptions(own ?? {}, REEMBED_READERS);
    const named = readEmbedder(embedder);
    if (isOwn(embedder ?? null) && named.asked === null)
      throw invalid("embedder.embed", "is missing: reembed asks it for every vector");
    const native = wire.attempt(() => this.#native.reembed(JSON.stringify(named.embedder)));
    let vectors: Float32Array | undefined;
    const next = async () => {
      const step = wire.read(await outcomeOf((call) => native.step(call, vectors))) as Step;
      // Also of a step that nobody waits for any more.
      if (step.moved !== undefined) this.#shared.embedder = named.asked;
      return step;
    };
    const ask = async (embedder: Embedder, texts: string[]) =>
      wire.joined(await unlessAborted(signal, () => embedTexts(embedder, texts, signal)));
    for (;;) {
      const step = await unlessAborted(signal, next);
      // The first step of a move that asks only tells what to ask.
      if (vectors !== undefined || (named.asked === null && step.done > 0))
        onProgress?.(step.done, step.total);
      if (step.moved !== undefined) return step.moved;
      vectors = named.asked === null ? undefined : await ask(named.asked, step.texts);
    }
  }

  /** Writes an export to a file, a part at a time. */
  async exportTo(path: unknown, given: unknown): Promise<number> {
    this.#checkOpen();
    const { signal, own } = splitSignal(given);
    return exportTo((args) => this.#native.exportTo(args), path, own, signal);
  }

  /** Takes an export in from a file, a part at a time. */
  async importFrom(path: unknown, given: unknown): Promise<Imported> {
    this.#checkOpen();
    const { signal, own } = splitSignal(given);
    const now = this.#now();
    const { embedder } = this.#shared;
    const begin = (args: string) => this.#native.importFrom(args, embedder !== null, now);
    return importFrom(begin, path, own, embedder, signal);
  }

  scoped(scope: unknown): Session {
    this.#checkOpen();
    const json = wire.write(wire.options(scope));
    return new Session(
      wire.attempt(() => this.#native.scoped(json)),
      this.#shared,
    );
  }

  async close(): Promise<void> {
    this.#shared.closed = true;
    const turn = turnUnderWay(); // Calls wait for it that shall be answered.
    if (turn !== null) await turn;
    wire.read(await outcomeOf((call) => this.#native.close(call)));
  }

  #checkOpen(): void {
    if (this.#shared.closed) throw new AgentMemError("CLOSED", null, "the memory is closed");
  }

  /** Reads the clock, once per call (spec 3.4). */
  #now(): number | undefined {
    const { clock } = this.#shared;
    if (clock === null) return undefined;
    const now = read(clock);
    if (typeof now !== "number" || !isTime(Math.floor(now))) {
      throw invalid(
        "clock",
        "must give milliseconds since 1970 as a number, within the years 1970 to 9999",
      );
    }
    return Math.floor(now);
  }
}

/** Begins a call of the addon and waits for it, or until the signal is aborted: then it is given up there too. */
function cancellable(
  signal: AbortSignal | null,
  begin: (call: number, cancellation?: NativeCancellation) => void,
): Promise<string> {
  if (signal === null) return outcomeOf(begin);
  const cancellation = new NativeCancellation();
  const cancel = () => cancellation.cancel();
  return unlessAborted(signal, () => outcomeOf((call) => begin(call, cancellation)), cancel);
}

/** What a step of a move gives. */
interface Step {
  texts: string[];
  done: number;
  total: number;
  moved?: number;
}

/** Parts an embedder into what goes over the wire, and what is asked here. */
function readEmbedder(given: unknown): { embedder: JsonValue; asked: Embedder | null } {
  if (given === undefined)
    throw invalid("embedder", "is undefined: leave it out, or give null for none");
  const embedder = given === null ? null : checkEmbedder(given, "embedder");
  if (!isOwn(embedder)) return { embedder, asked: null };
  const { id, dimensions, embed } = embedder;
  return { embedder: { id, dimensions }, asked: embed ? embedder : null };
}

function read(clock: () => unknown): unknown {
  try {
    return clock();
  } catch (cause) {
    throw invalid("clock", "must give milliseconds since 1970, but threw", { cause });
  }
}

/** Checks the clock, which does not go over the wire, among the options. */
function withClock(options: unknown): { clock?: (() => unknown) | null } {
  wire.checkOptions(options, "options");
  if (!("clock" in options)) return options;
  const { clock } = options;
  if (clock === undefined) throw invalid("clock", "is undefined: leave it out, or give null");
  if (clock !== null && typeof clock !== "function")
    throw invalid("clock", `must be a function, not ${nameOf(clock)}`);
  return options as { clock: (() => unknown) | null };
}
