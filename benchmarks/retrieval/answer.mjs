// Answers the task's searches through the Node package, in the given modes: node answer.mjs TASK.json RESULT.json MODE...
import { readFileSync, writeFileSync } from "node:fs";
import { Memory } from "@agentmem/native";

const [taskPath, resultPath, ...modes] = process.argv.slice(2);
const { records, searches, limit } = JSON.parse(readFileSync(taskPath, "utf8"));
const MOST_AT_ONCE = 100_000;

// From a terminal the signal comes here too; bench.py says that it stopped.
process.on("SIGINT", () => process.exit(130));

const memory = new Memory();
for (let start = 0; start < records.length; start += MOST_AT_ONCE) {
  await memory.addMany(records.slice(start, start + MOST_AT_ONCE));
}
const answers = {};
for (const mode of modes) {
  answers[mode] = [];
  for (const [userId, query] of searches) {
    const hits = await memory.search(query, { userId, mode, limit });
    answers[mode].push(hits.map((hit) => [hit.id, hit.score]));
  }
}
await memory.close();
writeFileSync(resultPath, JSON.stringify(answers));
