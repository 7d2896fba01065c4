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
import { StringDecoder } from "node:string_decoder";
import { cpu, held, mean, median, now, peak, timed } from "./measure.mjs";
import { make } from "./systems/node.mjs";

const [taskPath, resultPath] = process.argv.slice(2);
const task = JSON.parse(readFileSync(taskPath, "utf8"));
const BATCH = 256;
const TOGETHER = 64;
const SEARCHES = 5000;
const GETS = 2000;
const CHANGES = 200;
const DIMENSIONS = { vectors: 384, vectors128: 128, text: 0 };
const MODES = { vectors: ["semantic"], vectors128: ["semantic"], text: ["lexical", "hybrid"] };
const CATEGORY = "c3";
const CHANGED = "what was said is no longer true, and has been put in other words";

const dimensions = DIMENSIONS[task.kind];
async function fresh(store) {
  mkdirSync(store, { recursive: true });
  const system = await make(task.system);
  await system.open(store, task.kind, dimensions);
  return system;
}

// The data

function vectors() {
  if (dimensions === 0) return { at: () => new Float32Array(0), close() {} };
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

/** The lines of a file, read as they are needed: what is measured is the memory of the systems. */
function* lines(name) {
  const file = openSync(join(task.data, name));
  const [chunk, decoder] = [Buffer.alloc(1 << 16), new StringDecoder()];
  let rest = "";
  for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) {
    const parts = (rest + decoder.write(chunk.subarray(0, size))).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  closeSync(file);
}

/** The records in order, so many at once; or only those of some places. */
function* batches(size, wanted) {
  const [all, vector] = [lines("records.jsonl"), vectors()];
  let batch = [];
  for (let number = 0; number < task.records; number++) {
    const line = all.next().value;
    if (wanted && !wanted.has(number)) continue;
    batch.push({ ...JSON.parse(line), vector: vector.at(number) });
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
  const asked = [...lines("questions.jsonl")].map((line, place) => ({
    ...JSON.parse(line),
    vector: vector.at(task.made + place),
  }));
  vector.close();
  return asked;
}

// Searches

async function searching(system, asked, search, exact) {
  const [begun, firsts, found] = [now(), [], []];
  for (const question of new Map(asked.map((one) => [one.user, one])).values()) {
    const at = now();
    await search(question);
    firsts.push(now() - at);
    if (now() - begun > task.seconds) break;
  }
  const taken = (hits) => found.push(system.ids(hits));
  const result = await timed(asked, search, task.seconds, { most: SEARCHES, taken });
  const shares = found
    .map((ids, place) => [ids, asked[place][exact]])
    .filter(([, best]) => best?.length > 0 && (task.whole || (exact === "own" && task.own)))
    .map(([ids, best]) => best.filter((id) => ids.includes(id)).length / best.length);
  if (shares.length > 0 && task.kind !== "text") result.recall = mean(shares);
  result.first = exact === "own" && firsts.length > 1 ? median(firsts.slice(1)) : firsts[0];
  return result;
}

const searches = (user, category, exact, watched) => async (system) => {
  const asked = questions();
  const result = {};
  const search = (mode) => (question) =>
    system.search(question, mode, user ? question.user : undefined, category);
  for (const mode of MODES[task.kind])
    result[mode] = await searching(system, asked, search(mode), exact);
  result.peak = peak();
  if (watched && system.awaited)
    for (const mode of MODES[task.kind])
      result[mode].held = await held(search(mode), asked, task.seconds);
  return result;
};

// The workloads

async function adding() {
  const [first, ...records] = batches(task.adds).next().value;
  const begun = async (what) => {
    const system = await fresh(`${task.store}${what}`);
    await system.add(first);
    return system;
  };
  let system = await begun("-one");
  const result = { add: await timed(records, (record) => system.add(record), task.seconds) };
  await system.close();
  system = await begun("-batches");
  result.batch = await batched(system, records);
  await system.close();
  if (!system.awaited) return result;
  const [, ...many] = batches(task.together).next().value;
  system = await begun("-together");
  const rest = many.values();
  const [wall, before] = [now(), cpu()];
  const one = async () => {
    for (const record of rest) await system.add(record);
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  result.together = { rate: many.length / (now() - wall), cpu: (cpu() - before) / many.length };
  await system.close();
  return result;
}

/** Adds 64 at a time, each batch durable. */
async function batched(system, records) {
  const [walls, spent, begun] = [[], [], now()];
  for (let at = 0; at < records.length && now() - begun <= task.seconds; at += TOGETHER) {
    const batch = records.slice(at, at + TOGETHER);
    const [wall, before] = [now(), cpu()];
    await system.addMany(batch);
    walls.push((now() - wall) / batch.length);
    spent.push((cpu() - before) / batch.length);
  }
  return { rate: 1 / mean(walls), cpu: mean(spent) };
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
  const gets = Math.max(1, Math.min(GETS, Math.floor(task.records / 10)));
  const changes = Math.max(1, Math.min(CHANGES, Math.floor(task.records / 10)));
  const places = new Set(
    Array.from({ length: gets + 2 * changes }, (_, place) => (place * 7919) % task.records),
  );
  const found = [...batches(BATCH, places)].flat();
  const byPlace = new Map(found.map((record) => [record.metadata.n, record]));
  const chosen = [...places].map((place) => byPlace.get(place));
  const [changed, deleted] = [chosen.splice(0, changes), chosen.splice(0, changes)];
  await system.get(changed[0]);
  const each = (records, call) => timed(records, call, task.seconds);
  return {
    get: await each(chosen, (one) => system.get(one)),
    again: await each(chosen, (one) => system.get(one)),
    update: await each(changed, (one) => system.update(one, `${CHANGED}, ${one.id}`)),
    delete: await each(deleted, (one) => system.delete(one)),
  };
}

const ALONE = { W1: adding, syncs, W2: filling };
const WORKLOADS = {
  W3: searches(true, undefined, "own", true),
  W4: searches(false, undefined, task.kind === "vectors128" ? "all128" : "all", true),
  W5: searches(false, CATEGORY, "tenth", false),
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
  const found = await WORKLOADS[name](system);
  result[name] = { peak: peak(), ...found };
}
writeFileSync(resultPath, JSON.stringify(result));
process.exit();
