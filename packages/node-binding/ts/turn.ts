/** The operations that may be answered without a hand-over between threads, which costs more. */
export const AT_ONCE: ReadonlySet<string> = new Set(["get", "search"]);

/**
 * For how many milliseconds answers may follow each other before the event loop has its turn. With the one that is then under
 * way, of 0.2 ms at most, the loop is held for no millisecond.
 */
const MOST = 0.75;

/** When the event loop has been held up for long enough; 0 if nothing was answered at once since it last turned. */
let end = 0;

const isOver = (): void => {
  end = 0;
};

/**
 * Tells whether the event loop can be held up for another moment.
 *
 * Awaiting what is there already runs microtasks alone, no timer and no other work. After `MOST` of that, calls take the
 * way through the pool until the loop has turned.
 */
export function mayAnswerAtOnce(): boolean {
  const now = performance.now();
  if (end !== 0) return now < end;
  end = now + MOST;
  setImmediate(isOver);
  return true;
}

/**
 * Lets the event loop turn if it has been held up for long enough.
 *
 * For whoever has an answer: one who asks again and again then never waits for a thread of the pool.
 */
export function turn(): Promise<void> | undefined {
  if (end === 0 || performance.now() < end) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}
