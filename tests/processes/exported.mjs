// What the tests of exports share, here and in tests/differential: a store worth exporting, a folder, and Python.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";

/** What `verify` gives of a store in which all is well. */
export const SOUND = { ok: true, problems: [] };

/** Makes a test of what works in a folder of its own: with a path in it by its name, and the folder's own. */
export function inFolder(work) {
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
export async function fill(memory, count, prefix = "id") {
  const items = Array.from({ length: count }, (_, n) => ({
    id: n % 3 === 0 ? `${prefix}-${n}` : null,
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

/** Runs a script of Python, which is to warn of nothing. */
export async function inPython(script, ...args) {
  const { stderr } = await run(PYTHON, ["-W", "error", "-c", script, ...args]);
  assert.equal(stderr, "");
}
