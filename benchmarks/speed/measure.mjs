// Clocks, and what is told of many calls: see measure.py, which says what each is for.
import { existsSync, readFileSync } from "node:fs";

const ROUNDS = 10;
const SLICE = 20;
const EARLY = 100;
const ENOUGH = 200;
const BRIEF = 2;
const ALONE = 0.5;
const MOST_GAPS = 1 << 18;

export const now = () => performance.now() / 1000;
export const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const sorted = (values) => [...values].sort((a, b) => a - b);
export const median = (values) => {
  const [ordered, middle] = [sorted(values), values.length / 2];
  return values.length % 2
    ? ordered[Math.floor(middle)]
    : (ordered[middle - 1] + ordered[middle]) / 2;
};
const cost = (walls) => ({
  median: median(walls),
  p99: sorted(walls)[Math.min(walls.length - 1, Math.floor((walls.length * 99) / 100))],
  rate: 1 / mean(walls),
  count: walls.length,
});

/** The most bytes of memory that this process has had. */
export function peak() {
  const found =
    existsSync("/proc/self/status") &&
    /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
  return (found ? Number(found[1]) : process.resourceUsage().maxRSS) * 1024;
}

/** Calls for each thing in turn, again and again: `most` times, or for so many seconds. */
export async function timed(things, call, seconds, { most = things.length, taken } = {}) {
  const [walls, slices, begun] = [[], [], now()];
  const size = Math.max(1, Math.min(SLICE, Math.floor(things.length / ROUNDS)));
  while (walls.length < most) {
    const found = [];
    const keep = taken !== undefined && walls.length < things.length;
    const [spent, before] = [cpu(), walls.length];
    for (const end = Math.min(before + size, most); walls.length < end; ) {
      const thing = things[walls.length % things.length];
      const at = now();
      const given = await call(thing);
      walls.push(now() - at);
      if (keep) found.push(given);
      if (walls.length >= 3 && now() - begun > seconds) break;
    }
    slices.push([cpu() - spent, walls.length - before]);
    if (keep) found.forEach(taken);
    if (now() - begun > (walls.length >= ENOUGH ? BRIEF : seconds)) break;
  }
  const early = EARLY / size;
  return {
    ...cost(walls),
    cpu: median(rounds(slices).map(each)),
    early: { cpu: each(slices.slice(0, early)), median: median(walls.slice(0, EARLY)) },
  };
}

/** Ten rounds of as many slices each, one behind the other. */
function rounds(slices) {
  const size = Math.max(1, Math.floor(slices.length / ROUNDS));
  return Array.from({ length: Math.floor(slices.length / size) }, (_, round) =>
    slices.slice(round * size, (round + 1) * size),
  );
}

const each = (slices) =>
  slices.reduce((sum, [spent]) => sum + spent, 0) /
  slices.reduce((sum, [, calls]) => sum + calls, 0);

/** How long the event loop does not come round while questions are awaited, and with none. */
export async function held(search, asked, seconds) {
  const asking = async () => {
    const until = now() + Math.min(seconds, BRIEF);
    for (let at = 0; now() < until; at++) await search(asked[at % asked.length]);
  };
  const alone = () => new Promise((done) => setTimeout(done, Math.min(seconds, ALONE) * 1000));
  return { ...(await watched(asking)), alone: await watched(alone) };
}

async function watched(work) {
  // No list that grows: to move it while collecting garbage takes a millisecond or two, and more than what is measured.
  const gaps = new Float64Array(MOST_GAPS);
  let [last, on, count] = [now(), true, 0];
  const tick = () => {
    const at = now();
    gaps[count++ % MOST_GAPS] = at - last;
    last = at;
    if (on) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  on = false;
  // Answers that are there at once may leave the loop no turn till here: then that is how long it was held.
  await new Promise(setImmediate);
  const ordered = gaps.subarray(0, Math.min(count, MOST_GAPS)).sort();
  const often = ordered.at(-1 - Math.floor(ordered.length / 1000));
  return { longest: ordered.at(-1), p999: often, turns: count };
}
