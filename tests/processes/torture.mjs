// npm run torture -- [--rounds N] [--processes N] [--seed N]
//
// Rounds of Node and Python writers that are killed at random instants, with an observer that holds the file open all the time.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Memory } from "@agentmem/native";
import { numbers } from "./operations.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const WRITERS = [
  { command: process.execPath, script: here("writer.mjs") },
  { command: process.env.AGENTMEM_PYTHON ?? "python", script: here("writer.py") },
];
/** Writers live for up to so many milliseconds after they have begun to write. */
const LIFE = 400;

/** Starts writers on a store, kills each at a random instant, and gives their journals. */
async function killWriters(folder, store, count, random, wave) {
  const writers = Array.from({ length: count }, async (_, index) => {
    const { command, script } = WRITERS[(index + wave) % WRITERS.length];
    const journal = join(folder, `journal-${wave}-${index}`);
    const seed = random.next().value;
    const child = spawn(command, [script, store, journal, `w${wave}-${index}`, String(seed)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr.on("data", (text) => (complaint += text));
    const gone = once(child, "exit");
    while (!existsSync(journal) && child.exitCode === null)
      await new Promise((done) => setTimeout(done, 5));
    await new Promise((done) => setTimeout(done, random.next().value % LIFE));
    if (child.exitCode !== null) throw new Error(`a writer ended by itself: ${complaint}`);
    child.kill("SIGKILL");
    await gone;
    return journal;
  });
  return Promise.all(writers);
}

/** What a journal says of each id: how often it was written and acknowledged, and what was under way at the end. */
export function readJournal(text) {
  const ids = new Map();
  const at = (id) =>
    ids.get(id) ?? ids.set(id, { adds: 0, updates: 0, deletes: 0, pending: null }).get(id);
  let pending = null;
  let acknowledged = 0;
  for (const line of text.split("\n").filter(Boolean)) {
    const [sign, n, operation, id] = line.split(" ");
    if (sign === ">") {
      pending =
        id === undefined
          ? null
          : {
              n,
              operation,
              ids: operation === "addMany" ? [0, 1, 2].map((k) => `${id}.${k}`) : [id],
            };
    } else if (pending?.n === n) {
      acknowledged += 1;
      const field = { add: "adds", addMany: "adds", update: "updates", delete: "deletes" }[
        pending.operation
      ];
      for (const one of pending.ids) at(one)[field] += 1;
      pending = null;
    }
  }
  for (const one of pending?.ids ?? []) at(one).pending = pending.operation;
  return { ids, acknowledged, together: pending?.operation === "addMany" ? pending.ids : [] };
}

/** Compares the store with a journal; gives what is wrong. */
export async function checkJournal(memory, journal) {
  const { ids, acknowledged, together } = readJournal(readFileSync(journal, "utf8"));
  const wrong = [];
  for (const [id, { adds, updates, deletes, pending }] of ids) {
    const kinds = (await memory.history(id)).map(({ event }) => event);
    const count = (kind) => kinds.filter((one) => one === kind).length;
    const allowed = (kind, known, ...operations) =>
      count(kind) === known || (operations.includes(pending) && count(kind) === known + 1);
    if (!allowed("ADD", adds, "add", "addMany"))
      wrong.push(`${id}: ${count("ADD")} times added, ${adds} acknowledged`);
    if (!allowed("UPDATE", updates, "update"))
      wrong.push(`${id}: ${count("UPDATE")} times updated, ${updates} acknowledged`);
    if (!allowed("DELETE", deletes, "delete"))
      wrong.push(`${id}: ${count("DELETE")} times deleted, ${deletes} acknowledged`);
    const record = await memory.get(id);
    const isThere = count("ADD") > count("DELETE");
    if ((record !== null) !== isThere) wrong.push(`${id}: its history and get disagree`);
    if (record && record.version !== 1 + count("UPDATE"))
      wrong.push(`${id}: version ${record.version} after ${count("UPDATE")} updates`);
  }
  const written = await Promise.all(together.map((id) => memory.get(id)));
  if (written.some((record) => record === null) && written.some((record) => record !== null))
    wrong.push(`${together[0]}: an addMany is half there`);
  return { acknowledged, wrong };
}

async function checkSearch(memory) {
  const wrong = [];
  for (let user = 0; user < 5; user++) {
    const scope = { userId: `user-${user}` };
    const hits = await memory.search("tea and rain, one of three, changed", {
      ...scope,
      mode: "lexical",
      limit: 1000,
    });
    const count = await memory.count(scope);
    if (hits.length !== Math.min(1000, count))
      wrong.push(`user-${user}: ${hits.length} found of ${count}`);
  }
  return wrong;
}

async function problemsOf(memory, name) {
  const { ok, problems } = await memory.verify();
  return ok ? [] : [`${name} finds ${JSON.stringify(problems)}`];
}

/** One round on a new file; gives the number of acknowledged operations, and what is wrong. */
export async function round({ processes, seed, waves = 2 }) {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-torture-"));
  const store = join(folder, "memory.agentmem");
  const random = numbers(seed);
  const observer = await Memory.open(store);
  try {
    const journals = [];
    const wrong = [];
    for (let wave = 0; wave < waves; wave++) {
      let isOver = false;
      const killing = killWriters(folder, store, processes, random, wave).finally(
        () => (isOver = true),
      );
      while (!isOver) {
        // What the observer has loaded must follow the others' log.
        await observer.search("tea", { userId: "user-1" });
        await observer.search("rain");
        await new Promise((done) => setTimeout(done, 5));
      }
      journals.push(...(await killing));
    }
    let acknowledged = 0;
    for (const journal of journals) {
      const checked = await checkJournal(observer, journal);
      acknowledged += checked.acknowledged;
      wrong.push(...checked.wrong);
    }
    wrong.push(...(await checkSearch(observer)), ...(await problemsOf(observer, "the observer")));
    await observer.close();
    const fresh = await Memory.open(store, { create: false });
    wrong.push(...(await checkSearch(fresh)), ...(await problemsOf(fresh, "a new process")));
    await fresh.close();
    return { acknowledged, wrong };
  } finally {
    await observer.close();
    rmSync(folder, { recursive: true });
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      processes: { type: "string", default: "2,4" },
      seed: { type: "string", default: String(Date.now() % 1e9) },
    },
  });
  const rounds = Number(values.rounds);
  const processes = values.processes.split(",").map(Number);
  console.log(`${rounds} rounds with ${values.processes} processes, seed ${values.seed}`);
  console.log(
    "| round | processes | seed | acknowledged | lost, doubled, half, stale |\n|---|---|---|---|---|",
  );
  for (let n = 0; n < rounds; n++) {
    const options = { processes: processes[n % processes.length], seed: Number(values.seed) + n };
    const { acknowledged, wrong } = await round(options);
    console.log(
      `| ${n + 1} | ${options.processes} | ${options.seed} | ${acknowledged} | ${wrong.length} |`,
    );
    if (wrong.length > 0) {
      console.error(wrong.join("\n"));
      process.exitCode = 1;
      return;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
