import { NativeDeliveries } from "./addon.ts";

// The addon tells the outcomes that are there all together: that takes one turn between the threads, not one for each.

/** Who waits for the outcome of a call, by the call's number. */
const waiting = new Map<number, (outcome: string) => void>();

let last = 0;

/** Where the addon tells the outcomes of calls. */
export const deliveries = new NativeDeliveries((calls, outcomes) => {
  for (let place = 0; place < calls.length; place++) {
    const call = calls[place] as number; // There are as many of both.
    waiting.get(call)?.(outcomes[place] as string);
    waiting.delete(call);
  }
  if (waiting.size === 0) deliveries.release();
});

/** Begins a call of the addon under a number of its own, and gives its outcome, which is JSON text. */
export function outcomeOf(begin: (call: number) => void): Promise<string> {
  return new Promise((resolve) => {
    last = (last + 1) >>> 0;
    begin(last); // Its outcome is not told before this function has returned.
    if (waiting.size === 0) deliveries.hold();
    waiting.set(last, resolve);
  });
}
