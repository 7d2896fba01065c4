// Answers the questions of a file through the Node package: node answer.mjs questions.json answers.json
import { readFileSync, writeFileSync } from "node:fs";
import { Memory } from "@agentmem/native";

const { conversations, modes, limit } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = {};
const memory = new Memory();
for (const { turns } of conversations) await memory.addMany(turns);
for (const mode of modes) {
  answers[mode] = [];
  for (const { id: userId, questions } of conversations) {
    for (const { question } of questions) {
      const hits = await memory.search(question, { userId, mode, limit });
      answers[mode].push(hits.map((hit) => [hit.id, hit.score]));
    }
  }
}
await memory.close();
writeFileSync(process.argv[3], JSON.stringify(answers));
