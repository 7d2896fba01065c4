// Makes traces: long random histories whose every answer is the reference's, to the bit. Needs a built @agentmem/core.
//
//   node tools/traces.mjs             writes traces/*.json
//   node tools/traces.mjs --check     makes them again and compares
//   node tools/traces.mjs --seed 7 --steps 5000 --out FILE
//                                     one long trace for a night's run, not to be committed
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
// By path: the reference depends on this package for its tests, so this one cannot depend on the reference.
import { Memory } from "../../packages/core-ts/dist/index.mjs";
import { History } from "./histories.mjs";

const START = "2026-01-01T00:00:00.000Z";

/**
 * The traces that are committed: different seeds, the last with more records than the cuts of ranking keep; `history` is
 * the option of that name.
 */
const TRACES = [
  { file: "seed-1.json", seed: 1, steps: 450, bulk: 0 },
  { file: "seed-2.json", seed: 2, steps: 450, bulk: 0, history: { days: 0.02 } },
  { file: "seed-3.json", seed: 3, steps: 450, bulk: 40, history: "none" },
  { file: "seed-4.json", seed: 4, steps: 300, bulk: 500, history: "none" },
];

const CALLS = {
  add: (memory, { content, ...options }) => memory.add(content, options),
  addMany: (memory, { items, defaults }) => memory.addMany(items, defaults),
  search: (memory, { query, ...options }) => memory.search(query, options),
  get: (memory, { id, ...options }) => memory.get(id, options),
  getAll: (memory, options) => memory.getAll(options),
  update: (memory, { id, ...changes }) => memory.update(id, changes),
  delete: (memory, { id, ...options }) => memory.delete(id, options),
  clear: (memory, options) => memory.clear(options),
  count: (memory, options) => memory.count(options),
  history: (memory, { id }) => memory.history(id),
  changes: (memory, options) => memory.changes(options),
  compact: (memory) => memory.compact(),
};

/** Runs one step and gives it back with its answer. */
async function answered(step, handles) {
  try {
    const answer = await CALLS[step.do](handles[step.on ?? "main"], step.with);
    const whole = answer !== null && typeof answer === "object";
    return { ...step, expect: whole ? { $exact: answer } : answer };
  } catch (error) {
    if (typeof error.code !== "string") throw error;
    return { ...step, expectError: { code: error.code, field: error.field ?? null } };
  }
}

async function makeTrace({ seed, steps: length, bulk, history: kept = "keep" }) {
  let now = Date.parse(START);
  const main = new Memory(undefined, { clock: () => now, history: kept });
  const handles = { main, view: main.scoped({ userId: "ada" }) };
  const history = new History(seed);
  const steps = [{ do: "scoped", with: { userId: "ada" }, as: "view" }];
  if (bulk > 0) {
    const { expect, ...step } = await answered(history.bulk(bulk), handles);
    steps.push(step); // its answer would double the file; the searches see all of it
  }
  while (steps.length < length) {
    const step = history.next();
    if (step.do === "clock.advance") now += step.with.ms;
    steps.push(step.do === "clock.advance" ? step : await answered(step, handles));
  }
  return { name: `seed ${seed}, ${length} steps`, clock: START, options: { history: kept }, steps };
}

function print(trace) {
  const steps = trace.steps.map((step) => `      ${JSON.stringify(step)}`).join(",\n");
  return `{
  "format": "1.0",
  "title": "A random history, every answer to the bit",
  "spec": ["2.1", "4.2", "5.8", "6.1", "6.3", "7.3", "7.6", "7.7", "7.8", "8.3", "8.4", "8.8", "8.9", "8.10", "8.11", "8.12", "8.13", "8.14", "11.1", "11.2", "11.3", "11.4"],
  "why": "What nobody thought of as a case. Made by tools/traces.mjs from the reference; never edited by hand.",
  "cases": [
    { "name": ${JSON.stringify(trace.name)}, "clock": ${JSON.stringify(trace.clock)}, "options": ${JSON.stringify(trace.options)}, "steps": [
${steps}
    ] }
  ]
}
`;
}

async function main() {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean" },
      seed: { type: "string" },
      steps: { type: "string", default: "1000" },
      bulk: { type: "string", default: "0" },
      history: { type: "string", default: '"keep"' },
      out: { type: "string" },
    },
  });
  if (values.out !== undefined) {
    const wanted = {
      seed: Number(values.seed),
      steps: Number(values.steps),
      bulk: Number(values.bulk),
      history: JSON.parse(values.history),
    };
    writeFileSync(values.out, print(await makeTrace(wanted)));
    return;
  }
  for (const trace of TRACES) {
    const target = new URL(`../traces/${trace.file}`, import.meta.url);
    const text = print(await makeTrace(trace));
    if (!values.check) writeFileSync(target, text);
    else if (readFileSync(target, "utf8") !== text) {
      console.error(`conformance/traces/${trace.file} is not what the reference answers now`);
      process.exitCode = 1;
    }
  }
}

await main();
