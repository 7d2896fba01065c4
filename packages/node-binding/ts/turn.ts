/**
 * For how many milliseconds answers may follow each other before the event loop turns. With the one that is then under way, of
 * 0.2 ms at most, and half a millisecond in which V8 collects garbage or compiles, the loop is held for no millisecond.
 */
const MOST = 0.25;

/** When the first answer was given at once since the event loop last turned; 0 if none was. */
let begun = 0;

/** What one call waits for that is answered when the event loop has turned, if there is one. */
let turn: Promise<true> | null = null;

let tellTurned: ((value: true) => void) | null = null;

/** Notes that an answer is given at once. */
function begin(now: number): void {
  begun = now;
  setImmediate(turned);
}

function turned(): void {
  begun = 0;
  if (tellTurned === null) return;
  begin(performance.now());
  tellTurned(true);
  tellTurned = turn = null;
}

/**
 * Tells whether a call may be answered where it is made, which holds up the event loop, but takes less than to hand it over to
 * another thread; or gives a promise of that, to one that can wait.
 *
 * Awaiting what is there already runs microtasks alone, no timer and no other work. After `MOST` of that, one call waits until
 * the loop has turned: whoever asks again and again never waits for a thread. Further ones go through the pool meanwhile.
 */
export function mayAnswerAtOnce(canWait: boolean): boolean | Promise<true> {
  const now = performance.now();
  if (begun === 0) begin(now);
  else if (now - begun >= MOST) {
    if (!canWait || turn !== null) return false;
    turn = new Promise((resolve) => {
      tellTurned = resolve;
    });
    return turn;
  }
  return true;
}

/** Gives what a call waits for that is answered when the event loop has turned, if there is one. */
export function turnUnderWay(): Promise<true> | null {
  return turn;
}
