import { cancelled, invalid } from "../error.js";
import { checkPlain, nameOf } from "../record/json.js";

/** What every asynchronous call but `close` may be given beside its own options (spec 3.8). */
export interface CallOptions {
  /**
   * Cancels the call when it is aborted: the call fails at once with `CANCELLED`, whose `cause` is the signal's reason. A
   * cancelled write is written or not, never half: retry it with the same id.
   */
  signal?: AbortSignal | null;
}

/** The last argument of a call without its signal, and the signal if there is one. */
export interface Split<T> {
  readonly signal: AbortSignal | null;
  readonly own: T;
}

/**
 * Takes the signal out of the last argument of a call; whatever else that is, its reader judges.
 *
 * @param name - what the argument is called in errors: the signal of `defaults` is `defaults.signal`.
 * @throws {@link AgentMemError} `CANCELLED` if the signal is aborted already, `INVALID_ARGUMENT` if it is no signal.
 */
export function splitSignal<T>(argument: T, name = "options"): Split<T> {
  if (typeof argument !== "object" || argument === null || !Object.hasOwn(argument, "signal"))
    return { signal: null, own: argument };
  checkPlain(argument, name);
  const { signal, ...own } = argument as CallOptions;
  const field = name === "options" ? "signal" : `${name}.signal`;
  if (signal === undefined) throw invalid(field, "is undefined: leave it out, or give null");
  if (signal !== null && !isSignal(signal))
    throw invalid(field, `must be an AbortSignal, not ${nameOf(signal)}`);
  if (signal?.aborted) throw cancelled(signal);
  return { signal, own: own as T };
}

/** What ends the calls that wait for a signal. */
type Calls = Set<() => void>;

/** One listener serves all calls of a signal: Node warns of a leak where there are more than ten. */
const LISTENERS = new WeakMap<AbortSignal, { calls: Calls; stop: () => void }>();

/**
 * Begins something and waits for its outcome, but not once the signal is aborted: then it calls `cancel`, and fails with
 * `CANCELLED`. When it has settled, nothing listens to the signal because of it.
 */
export async function unlessAborted<T>(
  signal: AbortSignal | null,
  begin: () => Promise<T>,
  cancel: () => void = () => {},
): Promise<T> {
  if (signal === null) return begin();
  if (signal.aborted) throw cancelled(signal);
  const outcome = begin();
  return new Promise((resolve, reject) => {
    const { calls, stop } = LISTENERS.get(signal) ?? listen(signal);
    const abort = () => {
      cancel();
      reject(cancelled(signal));
    };
    calls.add(abort);
    const leave = () => {
      calls.delete(abort);
      if (calls.size === 0) stop();
    };
    outcome.finally(leave).then(resolve, reject);
  });
}

function listen(signal: AbortSignal): { calls: Calls; stop: () => void } {
  const calls: Calls = new Set();
  const stop = () => {
    signal.removeEventListener("abort", abort);
    LISTENERS.delete(signal);
  };
  const abort = () => {
    stop();
    for (const end of calls) end();
  };
  signal.addEventListener("abort", abort);
  const listener = { calls, stop };
  LISTENERS.set(signal, listener);
  return listener;
}

/** Tells a signal by what it can do, so that one of another realm is one too. */
function isSignal(value: unknown): value is AbortSignal {
  const has = (name: string, type: string) =>
    typeof (value as Record<string, unknown>)[name] === type;
  return (
    typeof value === "object" &&
    value !== null &&
    has("aborted", "boolean") &&
    has("addEventListener", "function") &&
    has("removeEventListener", "function")
  );
}
