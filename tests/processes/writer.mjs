// Writes to a store until it is killed: node writer.mjs STORE JOURNAL PREFIX SEED
//
// The journal has a line before each operation ("> n operation id") and one after its acknowledgement ("< n").
import { openSync, writeSync } from "node:fs";
import { Memory } from "@agentmem/native";
import { operations } from "./operations.mjs";

const [store, journal, prefix, seed] = process.argv.slice(2);
const out = openSync(journal, "a");
const memory = await Memory.open(store);
let n = 0;
for (const [operation, id, content] of operations(prefix, Number(seed))) {
  n += 1;
  writeSync(out, `> ${n} ${operation} ${id}\n`);
  const scope = { userId: `user-${n % 5}` };
  if (operation === "add") await memory.add(content, { id, ...scope });
  else if (operation === "addMany")
    await memory.addMany(
      [0, 1, 2].map((k) => ({ id: `${id}.${k}`, content: `${content} ${k}`, ...scope })),
    );
  else if (operation === "update") await memory.update(id, { content });
  else await memory.delete(id);
  writeSync(out, `< ${n}\n`);
}
