// Reads conversations into a file: node remember.mjs store.agentmem [conversations.json]
//
// The conversations are in LoCoMo's form: sessions of turns, and questions about them. Each one is a user, each session a run.
import { readFileSync } from "node:fs";
import { Memory } from "@agentmem/native";
import { readConversations } from "./conversations.mjs";

const [store, path = new URL("conversation.json", import.meta.url)] = process.argv.slice(2);
const conversations = readConversations(readFileSync(path, "utf8"));
const total = conversations.reduce((sum, { turns }) => sum + turns.length, 0);

/** Draws a bar where there is a terminal; elsewhere only the end is worth a line. */
function progress(done) {
  if (!process.stdout.isTTY) return;
  const filled = Math.round((done / total) * 30);
  process.stdout.write(
    `\r  [${"#".repeat(filled)}${".".repeat(30 - filled)}] ${done} of ${total} turns`,
  );
}

console.log(
  `Node remembers ${conversations.length === 1 ? "a conversation" : `${conversations.length} conversations`} in one file:`,
);
const begun = performance.now();
const memory = await Memory.open(store);
let done = 0;
for (const { turns } of conversations) {
  for (let at = 0; at < turns.length; at += 100) {
    const some = turns.slice(at, at + 100);
    await memory.addMany(some);
    done += some.length;
    progress(done);
  }
}
await memory.close();
if (process.stdout.isTTY) process.stdout.write("\n");
console.log(
  `  ${total} turns in ${Math.round(performance.now() - begun)} ms, embedded, indexed and on the disk`,
);
