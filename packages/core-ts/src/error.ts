/** What kind of error it is: stable across releases and languages (spec 9.1). */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "CONFLICT"
  | "CLOSED"
  | "READ_ONLY"
  | "EMBEDDER_MISMATCH"
  | "EMBEDDER_FAILED"
  | "UNSUPPORTED_FORMAT"
  | "CORRUPT"
  | "BUSY"
  | "LIMIT"
  | "IO"
  | "CANCELLED";

/** Every copy of this package finds the same symbol, whatever bundler duplicated the class. */
const BRAND: unique symbol = Symbol.for("agentmem.AgentMemError");

/**
 * Says what went wrong; every call of AgentMem fails with this and nothing else.
 *
 * The message never contains content, metadata values, queries or ids, so it may be logged. It may change between
 * releases; `code` and `field` do not.
 *
 * @example
 * ```ts
 * import { AgentMemError, Memory } from "@agentmem/core";
 *
 * const memory = new Memory();
 * try {
 *   await memory.update("no such id", { importance: 1 });
 * } catch (error) {
 *   if (!AgentMemError.is(error)) throw error;
 *   console.log(error.code); // → "NOT_FOUND"
 *   console.log(error.field); // → "id"
 * }
 * ```
 */
export class AgentMemError extends Error {
  override readonly name: string = "AgentMemError";

  /** What kind of error it is. */
  readonly code: ErrorCode;

  /** The wire name or path of the argument at fault, such as `metadata.a[3]`; null if there is none. */
  readonly field: string | null;

  /** Makes an error; `options.cause` is what is behind it, if there is something: for `CANCELLED` the signal's reason. */
  constructor(code: ErrorCode, field: string | null, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.field = field;
  }

  /** Tells whether a caught value is an `AgentMemError`, also one of another copy of this package. */
  static is(value: unknown): value is AgentMemError {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** Marks the class for {@link AgentMemError.is}; a getter, so that it is not printed with each error. */
  get [BRAND](): true {
    return true;
  }
}

/** Makes the error of a call whose signal is aborted (spec 3.8). */
export function cancelled(signal: AbortSignal): AgentMemError {
  const { reason } = signal;
  return new AgentMemError("CANCELLED", null, "the call was cancelled by its signal", {
    cause: reason,
  });
}

/**
 * Makes the error for an argument that cannot be used: `invalid("limit", "must be 1 or more")`.
 *
 * @param field - the argument's wire name or path; the message begins with it.
 * @param problem - what is wrong and what is allowed, without the value itself.
 */
export function invalid(field: string, problem: string, options?: ErrorOptions): AgentMemError {
  return new AgentMemError("INVALID_ARGUMENT", field, `${field} ${problem}`, options);
}
