// A driver for Node: `node node.mjs dist/index.mjs` drives the class Memory of that module.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { driverOf } from "./driver.mjs";

/** Exports to a file, imports from one. */
const files = {
  exportTo: (handle, _, ...options) =>
    inFile(async (path) => {
      const count = await handle.exportTo(path, ...options);
      return { count, text: readFileSync(path, "utf8") };
    }),
  importFrom: (handle, text, ...options) =>
    inFile((path) => {
      writeFileSync(path, text);
      return handle.importFrom(path, ...options);
    }),
};

async function inFile(use) {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-export-"));
  try {
    return await use(join(folder, "export.jsonl"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { Memory } = await import(pathToFileURL(resolve(process.argv[2])));
const answer = driverOf(Memory, "backup" in Memory.prototype ? files : undefined);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await answer(line)}\n`);
}
