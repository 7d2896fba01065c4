/** The operations that may be answered without a hand-over between threads, which costs more. */
export const AT_ONCE: ReadonlySet<string> = new Set(["get", "search"]);

/**
 * For how many milliseconds answers may follow each other before calls take the way through the pool. With the one that is then
 * under way, of 0.2 ms at most, the event loop is held for no millisecond.
 */
const MOST = 0.75;

/**
 * After how many the one who has just been answered lets the event loop turn. Less than `MOST`, so that whoever asks again and
 * again comes back within that, and never waits for a thread of the pool.
 */
const ENOUGH = 0.5;

/** When the first answer was given at once since the event loop last turned; 0 if none was. */
let begun = 0;

const isOver = (): void => {
  begun = 0;
};

/**
 * Tells whether the event loop can be held up for another moment.
 *
 * Awaiting what is there already runs microtasks alone, no timer and no other work. After `MOST` of that, calls take the
 * way through the pool until the loop has turned.
 */
export function mayAnswerAtOnce(): boolean {
  const now = performance.now();
  if (begun !== 0) return now - begun < MOST;
  begun = now;
  setImmediate(isOver);
  return true;
}

/** Lets the event loop turn if it has been held up for long enough: for whoever has an answer. */
export function turn(): Promise<void> | undefined {
  if (begun === 0 || performance.now() - begun < ENOUGH) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}
