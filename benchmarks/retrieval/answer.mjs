// Answers the task's searches through the Node package, in the given modes: node answer.mjs TASK.json RESULT.json MODE...
import { readFileSync, writeFileSync } from "node:fs";
import { Memory } from "@agentmem/native";

const [taskPath, resultPath, ...modes] = process.argv.slice(2);
const { records, searches, times, limit } = JSON.parse(readFileSync(taskPath, "utf8"));
const MOST_AT_ONCE = 100_000;

// From a terminal the signal comes here too; bench.py says that it stopped.
process.on("SIGINT", () => process.exit(130));

let now;
const memory = new Memory(null, { clock: () => now ?? Date.now() });
for (let start = 0; start < records.length; start += MOST_AT_ONCE) {
  await memory.addMany(records.slice(start, start + MOST_AT_ONCE));
}
const answers = {};
for (const mode of modes) {
  answers[mode] = [];
  for (const [place, [userId, query]] of searches.entries()) {
    now = times[place] === null ? undefined : times[place] * 1000;
    const hits = await memory.search(query, { userId, mode, limit });
    answers[mode].push(hits.map((hit) => [hit.id, hit.score]));
  }
}
await memory.close();
writeFileSync(resultPath, JSON.stringify(answers));
