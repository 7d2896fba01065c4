import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Memory } from "@agentmem/native";

const run = promisify(execFile);
const NATIVE = JSON.stringify(import.meta.resolve("@agentmem/native"));
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";

function inFolder(name, work) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), `agentmem-${name}-`));
    try {
      await work(join(folder, "memory.agentmem"), folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Runs code in Node, with `memory` open on a store. */
const inNode = (store, code) =>
  run(process.execPath, [
    "--input-type=module",
    "-e",
    `import { Memory } from ${NATIVE}; const memory = await Memory.open(${JSON.stringify(store)}); ${code}; await memory.close();`,
  ]);

/** Runs code in Python, with `memory` open on a store. */
const inPython = (store, code) =>
  run(PYTHON, [
    "-c",
    `from agentmem_native import SyncMemory\nwith SyncMemory(${JSON.stringify(store)}) as memory:\n    ${code}`,
  ]);

test(
  "several processes that make the same file at once get one store",
  inFolder("creation", async (store) => {
    for (let round = 0; round < 3; round++) {
      const file = `${store}-${round}`;
      const adds = Array.from({ length: 6 }, (_, n) =>
        n % 2
          ? inPython(file, `memory.add("note ${n}")`)
          : inNode(file, `await memory.add("note ${n}")`),
      );
      await Promise.all(adds);
      const memory = await Memory.open(file, { create: false });
      assert.equal(await memory.count(), 6);
      assert.deepEqual(await memory.verify(), { ok: true, problems: [] });
      await memory.close();
    }
  }),
);

test(
  "writers of several processes take turns, and none is refused",
  inFolder("turns", async (store) => {
    const many =
      "for (let n = 0; n < 30; n++) await memory.addMany(Array.from({ length: 200 }, (_, k) => ({ content: `note ${n} ${k}` })))";
    const few = "for (let n = 0; n < 50; n++) await memory.add(`a single note ${n}`)";
    await Promise.all([
      inNode(store, many),
      inPython(store, '[memory.add(f"a note from Python {n}") for n in range(50)]'),
      inNode(store, few),
    ]);
    const memory = await Memory.open(store);
    assert.equal(await memory.count(), 30 * 200 + 100);
    await memory.close();
  }),
);

test(
  "a process that closes or is killed leaves the file to the others",
  inFolder("leaving", async (store) => {
    const memory = await Memory.open(store);
    await memory.add("ours");
    await inPython(store, 'memory.add("theirs")');
    await assert.rejects(
      inNode(
        store,
        'await memory.add("and gone"); process.kill(process.pid, "SIGKILL"); await new Promise(() => {})',
      ),
    );
    assert.equal(await memory.count(), 3);
    assert.equal((await memory.search("theirs", { mode: "lexical" })).length, 1);
    await memory.add("still ours");
    assert.deepEqual(await memory.verify(), { ok: true, problems: [] });
    await memory.close();
    assert.throws(() => statSync(`${store}-wal`), "the last one out leaves one file");
  }),
);

test(
  "a call that waits for longer than busyTimeout is BUSY, and the next one works",
  inFolder("busy", async (store) => {
    const memory = await Memory.open(store, { busyTimeout: 100 });
    await memory.add("before");
    const hold = `import sqlite3, sys\ndb = sqlite3.connect(${JSON.stringify(store)}, isolation_level=None)\ndb.execute("BEGIN IMMEDIATE")\nprint("held", flush=True)\nsys.stdin.read()`;
    const holder = execFile(PYTHON, ["-c", hold]);
    await new Promise((held) => holder.stdout.once("data", held));
    await assert.rejects(memory.add("while it is held"), { code: "BUSY" });
    assert.equal((await memory.search("before", { mode: "lexical" })).length, 1);
    holder.stdin.end();
    await new Promise((gone) => holder.once("exit", gone));
    await memory.add("after");
    assert.equal(await memory.count(), 2);
    await memory.close();
  }),
);
