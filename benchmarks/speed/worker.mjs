// The workloads of one system of Node, in a process of their own: node worker.mjs TASK.json RESULT.json; worker.py says what both are.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { make } from "./systems/node.mjs";

const [taskPath, resultPath] = process.argv.slice(2);
const task = JSON.parse(readFileSync(taskPath, "utf8"));
const BATCH = 256;
const TOGETHER = 64;
const ROUNDS = 10;
const DIMENSIONS = { vectors: 384, vectors128: 128, text: 0 };
const MODES = { vectors: ["semantic"], vectors128: ["semantic"], text: ["lexical", "hybrid"] };
const CATEGORY = "c3";
const CHANGED = "what was said is no longer true, and has been put in other words";

const dimensions = DIMENSIONS[task.kind];
const now = () => performance.now() / 1000;
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => {
  const [ordered, middle] = [sorted(values), values.length / 2];
  return values.length % 2
    ? ordered[Math.floor(middle)]
    : (ordered[middle - 1] + ordered[middle]) / 2;
};
const cost = (walls) => ({
  median: median(walls),
  p99: sorted(walls)[Math.min(walls.length - 1, Math.floor((walls.length * 99) / 100))],
  count: walls.length,
});

/** The most bytes of memory that this process has had. */
function peak() {
  const found =
    existsSync("/proc/self/status") &&
    /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
  return (found ? Number(found[1]) : process.resourceUsage().maxRSS) * 1024;
}

async function fresh(store) {
  mkdirSync(store, { recursive: true });
  const system = await make(task.system);
  await system.open(store, task.kind, dimensions);
  return system;
}

// The data

function vectors() {
  const file = openSync(
    join(task.data, task.kind === "vectors128" ? "vectors128.f32" : "vectors.f32"),
  );
  return {
    at(number) {
      const bytes = new Uint8Array(4 * dimensions);
      readSync(file, bytes, 0, bytes.length, 4 * dimensions * number);
      return new Float32Array(bytes.buffer);
    },
    close: () => closeSync(file),
  };
}

/** The records in order, so many at once; or only those of some places. */
function* batches(size, wanted) {
  const lines = readFileSync(join(task.data, "records.jsonl"), "utf8").split("\n");
  const vector = vectors();
  let batch = [];
  for (let number = 0; number < task.records; number++) {
    if (wanted && !wanted.has(number)) continue;
    batch.push({ ...JSON.parse(lines[number]), vector: vector.at(number) });
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  vector.close();
  if (batch.length > 0) yield batch;
}

function questions() {
  const vector = vectors();
  const lines = readFileSync(join(task.data, "questions.jsonl"), "utf8").trimEnd().split("\n");
  const asked = lines.map((line, place) => ({
    ...JSON.parse(line),
    vector: vector.at(task.made + place),
  }));
  vector.close();
  return asked;
}

// What is timed

/** Calls for each thing, for so many seconds at most: wall time a call, CPU time a round. */
async function timed(things, call, taken) {
  const [walls, spent, begun] = [[], [], now()];
  const size = Math.max(1, Math.floor(things.length / ROUNDS));
  for (let start = 0; start < things.length && now() - begun <= task.seconds; start += size) {
    const found = [];
    const before = cpu();
    for (const thing of things.slice(start, start + size)) {
      const at = now();
      found.push(await call(thing));
      walls.push(now() - at);
      if (walls.length >= 3 && now() - begun > task.seconds) break;
    }
    spent.push((cpu() - before) / found.length);
    if (taken) found.forEach(taken);
  }
  return { ...cost(walls), cpu: median(spent) };
}

async function searching(system, asked, search, exact) {
  const [begun, firsts, found] = [now(), [], []];
  for (const question of new Map(asked.map((one) => [one.user, one])).values()) {
    const at = now();
    await search(question);
    firsts.push(now() - at);
    if (now() - begun > task.seconds) break;
  }
  const result = await timed(asked, search, (hits) => found.push(system.ids(hits)));
  const shares = found
    .map((ids, place) => [ids, asked[place][exact]])
    .filter(([, best]) => best?.length > 0 && (task.whole || (exact === "own" && task.own)))
    .map(([ids, best]) => best.filter((id) => ids.includes(id)).length / best.length);
  if (shares.length > 0 && task.kind !== "text") result.recall = mean(shares);
  result.first = exact === "own" && firsts.length > 1 ? median(firsts.slice(1)) : firsts[0];
  return result;
}

/** How long the event loop did not come round while `work` was awaited. */
async function held(work) {
  // No list that grows: to move it while collecting garbage takes a millisecond or two, and more than what is measured.
  const gaps = new Float64Array(1 << 20);
  let [last, on, count] = [now(), true, 0];
  const tick = () => {
    const at = now();
    gaps[count++ % gaps.length] = at - last;
    last = at;
    if (on) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  on = false;
  // Answers that are there at once may leave the loop no turn till here: then that is how long it was held.
  await new Promise(setImmediate);
  const ordered = gaps.subarray(0, count).sort();
  return { longest: ordered.at(-1), p999: ordered[Math.floor((ordered.length * 999) / 1000)] };
}

const searches = (user, category, exact, most) => async (system) => {
  const asked = questions();
  const result = {};
  for (const mode of MODES[task.kind]) {
    const search = (question) =>
      system.search(question, mode, user ? question.user : undefined, category);
    result[mode] = await searching(system, asked, search, exact);
    if (most > 0 && system.awaited)
      result[mode].held = await held(async () => {
        for (const question of asked.slice(0, most)) await search(question);
      });
  }
  return result;
};

// The workloads

async function adding() {
  let system = await fresh(`${task.store}-one`);
  const [first, ...records] = batches(task.adds).next().value;
  await system.add(first);
  const result = { add: await timed(records, (record) => system.add(record)) };
  await system.close();
  if (!system.awaited) return result;
  system = await fresh(`${task.store}-together`);
  await system.add(first);
  const rest = records.values();
  const [begun, before] = [now(), cpu()];
  const one = async () => {
    for (const record of rest) await system.add(record);
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  result.together = {
    rate: records.length / (now() - begun),
    cpu: (cpu() - before) / records.length,
  };
  await system.close();
  return result;
}

async function syncs() {
  const system = await fresh(`${task.store}-syncs`);
  const [first, ...records] = batches(101).next().value;
  await system.add(first);
  writeFileSync(process.env.AGENTMEM_SYNCS, "");
  for (const record of records) await system.add(record);
  return { count: statSync(process.env.AGENTMEM_SYNCS).size / records.length };
}

async function filling() {
  const system = await fresh(task.store);
  const [walls, spent] = [[], []];
  let texts = 0;
  for (const batch of batches(BATCH)) {
    for (const { text, metadata } of batch)
      texts += Buffer.byteLength(text) + JSON.stringify(metadata).length;
    const [wall, before] = [now(), cpu()];
    await system.addMany(batch);
    walls.push((now() - wall) / batch.length);
    spent.push((cpu() - before) / batch.length);
  }
  const part = Math.max(1, Math.floor(spent.length / 10));
  const result = {
    rate: 1 / mean(walls),
    cpu: mean(spent),
    first: median(spent.slice(0, part)),
    last: median(spent.slice(-part)),
    peak: peak(),
  };
  await system.close();
  result.disk = system
    .files(task.store)
    .reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
  result.bytes = (result.disk - texts) / task.records;
  return result;
}

async function oneRecord(system) {
  const count = Math.min(200, Math.floor(task.records / 4));
  const wanted = new Set(
    Array.from({ length: 3 * count }, (_, place) => (place * 7919) % task.records),
  );
  const chosen = [...batches(BATCH, wanted)].flat();
  const third = Math.floor(chosen.length / 3);
  await system.get(chosen[0]);
  return {
    get: await timed(chosen.slice(0, third), (one) => system.get(one)),
    again: await timed(chosen.slice(0, third), (one) => system.get(one)),
    update: await timed(chosen.slice(third, 2 * third), (one) =>
      system.update(one, `${CHANGED}, ${one.id}`),
    ),
    delete: await timed(chosen.slice(2 * third), (one) => system.delete(one)),
  };
}

const ALONE = { W1: adding, syncs, W2: filling };
const WORKLOADS = {
  W3: searches(true, undefined, "own", 200),
  W4: searches(false, undefined, task.kind === "vectors128" ? "all128" : "all", 10),
  W5: searches(false, CATEGORY, "tenth", 0),
  W7: oneRecord,
};

const result = {};
let system;
for (const name of task.workloads) {
  if (name in ALONE) {
    result[name] = await ALONE[name]();
    continue;
  }
  if (!existsSync(task.store)) await filling();
  system ??= await fresh(task.store);
  result[name] = { ...(await WORKLOADS[name](system)), peak: peak() };
}
writeFileSync(resultPath, JSON.stringify(result));
process.exit();
