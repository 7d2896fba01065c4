/**
 * For how many milliseconds answers may follow each other before the event loop turns. With the one that is then under way, of
 * 0.2 ms at most, and half a millisecond in which V8 collects garbage or compiles, the loop is held for no millisecond.
 */
const MOST = 0.25;

/** How many calls may wait for the event loop to turn: about as many as are answered within `MOST`. */
const MOST_WAITING = 4;

/** When the first answer was given at once since the event loop last turned; 0 if none was. */
let begun = 0;

/** What calls wait for that are to be answered when the event loop has turned, if there are some. */
let turn: Promise<void> | null = null;
let tellTurned = (): void => {};
let waiting = 0;

function turned(): void {
  begun = 0;
  if (turn === null) return;
  turn = null;
  waiting = 0;
  tellTurned();
}

/**
 * Tells whether a call may be answered where it is made, which holds up the event loop, but takes less than to hand it over to
 * another thread; or gives what it is to wait for before it asks again, if it can wait.
 *
 * Awaiting what is there already runs microtasks alone, no timer and no other work. After `MOST` of that, a few calls wait until
 * the loop has turned: whoever asks again and again never waits for a thread. Further ones go through the pool meanwhile.
 */
export function mayAnswerAtOnce(canWait: boolean): boolean | Promise<void> {
  const now = performance.now();
  if (begun === 0) {
    begun = now;
    setImmediate(turned);
    return true;
  }
  if (now - begun < MOST) return true;
  if (!canWait || waiting === MOST_WAITING) return false;
  waiting += 1;
  turn ??= new Promise((resolve) => {
    tellTurned = resolve;
  });
  return turn;
}

/** Gives what calls wait for that are to be answered when the event loop has turned, if there are some. */
export function turnUnderWay(): Promise<void> | null {
  return turn;
}
