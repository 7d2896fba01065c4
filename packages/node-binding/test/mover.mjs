// Moves a store to an embedder of its own: `node mover.mjs FILE [BATCH]` stops for good in that batch, else prints how many texts it was asked for.
import { Memory } from "../dist/index.mjs";

const [path, last] = process.argv.slice(2);
const memory = await Memory.open(path);
let [batches, texts] = [0, 0];
const embed = async (batch) => {
  texts += batch.length;
  if (++batches === Number(last)) {
    console.log("stands");
    await new Promise((resolve) => process.stdin.resume().on("end", resolve));
  }
  return batch.map((text) => [text.length, text.charCodeAt(text.length - 1)]);
};
await memory.reembed({ embedder: { id: "mine", dimensions: 2, embed } });
await memory.close();
console.log(texts);
