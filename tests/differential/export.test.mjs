import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Memory as Reference } from "@agentmem/core";
import { Memory } from "@agentmem/native";
import { test } from "vitest";

const run = promisify(execFile);
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";
const SOUND = { ok: true, problems: [] };

function inFolder(work) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "agentmem-export-"));
    try {
      await work((name) => join(folder, name), folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Fills a store with records of some users, of which some were changed, deleted, purged or have expired. */
async function fill(memory, count) {
  const items = Array.from({ length: count }, (_, n) => ({
    id: n % 3 === 0 ? `id-${n}` : null,
    content: {
      role: "user",
      name: "Ada",
      content: `note ${n} about tea 私は ${"x".repeat((n * 37) % 200)}`,
    },
    userId: ["ada", "bob", null][n % 3],
    metadata: n % 2 ? { n, deep: { a: [n / 7, null, "é"] } } : {},
    importance: (n % 11) / 10,
    ...(n % 13 === 0 && { ttl: 0 }),
  }));
  const records = await memory.addMany(items);
  for (const [n, { id }] of records.entries()) {
    if (n % 7 === 1)
      await memory.update(id, { importance: 1, content: `note ${n} changed` }).catch(expired);
    if (n % 17 === 2) await memory.delete(id);
  }
  await memory.delete(records[4].id, { purge: true });
}

function expired(error) {
  if (error.code !== "NOT_FOUND") throw error;
}

async function inPython(script, ...args) {
  const { stderr } = await run(PYTHON, ["-W", "error", "-c", script, ...args]);
  assert.equal(stderr, "");
}

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
