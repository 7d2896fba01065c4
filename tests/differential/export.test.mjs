import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Memory as Reference } from "@agentmem/core";
import { Memory } from "@agentmem/native";
import { test } from "vitest";
import { fill, inFolder, inPython, SOUND } from "../processes/exported.mjs";

for (const history of [false, true]) {
  test(
    `an export goes from Node to Python, to the reference and back, ${history ? "with" : "without"} history, and ends with the same bytes`,
    inFolder(async (at) => {
      const memory = await Memory.open(at("node.agentmem"));
      await fill(memory, 700);
      const count = await memory.exportTo(at("1.jsonl"), { history });
      await memory.close();

      const script = `import asyncio, sys
from agentmem_native import Memory, SyncMemory
store, source, target, again = sys.argv[1:5]
history = sys.argv[5] == "true"
async def main():
    async with Memory(store) as memory:
        imported = await memory.import_from(source)
        print(imported.imported)
        assert await memory.export_to(target, history=history) == imported.imported
        assert (await memory.verify()).ok
asyncio.run(main())
with SyncMemory() as memory:
    memory.import_from(target)
    memory.export_to(again, history=history)
`;
      const paths = [at("python.agentmem"), at("1.jsonl"), at("2.jsonl"), at("3.jsonl")];
      await inPython(script, ...paths, String(history));

      const reference = new Reference();
      const text = readFileSync(at("3.jsonl"), "utf8");
      assert.deepEqual(await reference.importFrom(new Blob([text])), {
        imported: count,
        skipped: 0,
        replaced: 0,
      });
      assert.deepEqual(await reference.verify(), SOUND);
      const { readable, writable } = new TransformStream();
      const [, last] = await Promise.all([
        reference.exportTo(writable, { history }),
        new Response(readable).text(),
      ]);

      assert.equal(last, readFileSync(at("1.jsonl"), "utf8"));
      assert.equal(last, readFileSync(at("2.jsonl"), "utf8"));
    }),
    60_000,
  );
}
