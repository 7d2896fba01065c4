// What awaiting costs in Node: see awaited.py.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Memory } from "@agentmem/native";

const CALLS = 2000;
const WARMING = 200;
const QUERY = "green tea in the garden after work";
const folder = mkdtempSync(join(tmpdir(), "agentmem-awaited-"));

const words = (n) =>
  `${Array.from({ length: 22 }, (_, k) => `word${(n * 7919 + k * 104_729) % 3000}`).join(" ")} green tea garden work`;
const vector = (n) => Float32Array.from({ length: 384 }, (_, k) => Math.sin(n * 31 + k * k));
const micros = (ms) => (ms * 1000).toFixed(1);

/** How long the event loop had no turn at a time, in milliseconds: the longest, and that exceeded once in a thousand turns. */
async function held(call) {
  // No list that grows: to move it while collecting garbage takes a millisecond or two, and more than what is measured.
  const gaps = new Float64Array(1 << 20);
  let [last, isOn, count] = [performance.now(), true, 0];
  const tick = () => {
    const now = performance.now();
    gaps[count++ % gaps.length] = now - last;
    last = now;
    if (isOn) setImmediate(tick);
  };
  setImmediate(tick);
  for (let n = 0; n < CALLS; n++) await call();
  isOn = false;
  await new Promise(setImmediate);
  const ordered = gaps.subarray(0, count).sort();
  return [ordered.at(-1), ordered[Math.floor((ordered.length * 999) / 1000)]];
}

async function awaited(name, call) {
  for (let n = 0; n < WARMING; n++) await call();
  const times = [];
  const begun = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) {
    const at = performance.now();
    await call();
    times.push(performance.now() - at);
  }
  const { user, system } = process.cpuUsage(begun);
  times.sort((a, b) => a - b);
  const [longest, often] = await held(call);
  const cpu = ((user + system) / CALLS).toFixed(1);
  console.log(
    `| ${name} | ${micros(times[CALLS / 2])} | ${cpu} | ${longest.toFixed(2)} (${often.toFixed(2)}) |`,
  );
}

async function adds() {
  const memory = new Memory(join(folder, "adds"));
  await memory.add("the first");
  let at = performance.now();
  for (let n = 0; n < 300; n++) await memory.add("Ada likes green tea", { userId: "ada" });
  const one = 300_000 / (performance.now() - at);
  at = performance.now();
  const begun = process.cpuUsage();
  const add = () => memory.add("green tea", { userId: "ada" });
  for (let n = 0; n < 30; n++) await Promise.all(Array.from({ length: 64 }, add));
  const many = 1_920_000 / (performance.now() - at);
  const { user, system } = process.cpuUsage(begun);
  console.log(
    `\nadds one by one: ${one.toFixed(0)} a second; 64 at once: ${many.toFixed(0)}, ${(many / one).toFixed(1)} times, ` +
      `${((user + system) / 1920).toFixed(0)} us of CPU each`,
  );
  await memory.close();
}

try {
  const text = new Memory(join(folder, "text"));
  const own = new Memory(join(folder, "own"), { embedder: { id: "given", dimensions: 384 } });
  for (let n = 0; n < 100; n++) {
    await text.add(words(n), { userId: "ada", id: `id ${n}` });
    await own.add("a note", { userId: "ada", embedding: vector(n) });
  }
  await own.addMany(
    Array.from({ length: 1000 }, (_, n) => ({ content: "a note", embedding: vector(n) })),
    { userId: "bob" },
  );
  await text.addMany(
    Array.from({ length: 1000 }, (_, n) => ({ content: words(n) })),
    { userId: "bob" },
  );
  const others = Array.from({ length: 2 * CALLS + WARMING }, (_, n) => `other ${n}`);
  await text.addMany(others.map((id, n) => ({ content: words(n), userId: "cy", id })));
  const asked = vector(1000);
  console.log("| Node, awaited | median us | CPU us | held, ms |\n|---|---|---|---|");
  await awaited("semantic, a vector of 384", () =>
    own.search("x", { userId: "ada", mode: "semantic", embedding: asked }),
  );
  await awaited("lexical", () => text.search(QUERY, { userId: "ada", mode: "lexical" }));
  await awaited("hybrid, from text", () => text.search(QUERY, { userId: "ada" }));
  await awaited("semantic, of 1,000 records", () =>
    own.search("x", { userId: "bob", mode: "semantic", embedding: asked }),
  );
  await awaited("lexical, of 1,000 records", () =>
    text.search(QUERY, { userId: "bob", mode: "lexical" }),
  );
  await awaited("hybrid, of 1,000 records", () => text.search(QUERY, { userId: "bob" }));
  await awaited("get, for the first time", () => text.get(others.pop()));
  await awaited("get, again", () => text.get("id 7"));
  const hits = await own.search("x", { userId: "ada", mode: "semantic", embedding: asked });
  const rows = JSON.stringify(hits.map(Object.values));
  await awaited("the least: ten hits read from JSON text", async () => JSON.parse(rows));
  await awaited("the least: what has nothing to do", async () => {});
  await text.close();
  await own.close();
  await adds();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
