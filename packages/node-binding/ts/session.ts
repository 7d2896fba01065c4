import { AgentMemError, invalid } from "@agentmem/core/src/error.ts";
import { checkText, type JsonObject, nameOf } from "@agentmem/core/src/record/json.ts";
import { isTime } from "@agentmem/core/src/record/time.ts";
import { NativeMemory } from "#native";
import * as wire from "./wire.ts";

/** What the addon offers of a memory or a view: JSON text in, JSON text out. */
interface Native {
  open(): Promise<string>;
  call(operation: string, args: string, now?: number): Promise<string>;
  scoped(scope: string): Native;
  close(): Promise<string>;
}

/** What a memory shares with its views. */
interface Shared {
  readonly clock: (() => unknown) | null;
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
    const { clock = null, ...given } = withClock(options);
    const text = path === undefined || path === null ? undefined : checkText(path, "path");
    const json = wire.write(wire.options(given));
    const native = wire.attempt(() => new NativeMemory(text, json));
    return new Session(native, { clock, closed: false });
  }

  async open(): Promise<void> {
    wire.read(await this.#native.open());
  }

  /**
   * Does an operation. All that decides its place among the others happens before the first wait.
   *
   * @param args - makes the arguments, once the memory is known to be open and `now` has been read.
   */
  async call(operation: string, args: () => JsonObject): Promise<unknown> {
    this.#checkOpen();
    const now = this.#now();
    return wire.read(await this.#native.call(operation, wire.write(args()), now));
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
    wire.read(await this.#native.close());
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
