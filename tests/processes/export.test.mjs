import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Memory } from "@agentmem/native";
import { fill, inFolder, inPython, SOUND } from "./exported.mjs";

const NATIVE = JSON.stringify(import.meta.resolve("@agentmem/native"));

/** Imports in a process of its own, which is killed after some time; false if it was done before. */
async function killedImport(store, file, after) {
  const script = `import { Memory } from ${NATIVE};
const memory = await Memory.open(process.argv[1]);
await memory.importFrom(process.argv[2], { onProgress: (done) => process.stdout.write(done + "\\n") });
await memory.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, store, file]);
  // From the first part on, so that the kill meets the writing and not the checking.
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  await sleep(after);
  child.kill("SIGKILL");
  const [code] =
    child.exitCode === null && child.signalCode === null
      ? await once(child, "exit")
      : [child.exitCode];
  return code !== 0;
}

for (const history of [false, true]) {
  test(
    `an import ${history ? "with" : "without"} history that is killed again and again goes on, and ends as if it had not been`,
    inFolder(async (at) => {
      const memory = await Memory.open(at("from.agentmem"));
      for (let i = 0; i < 8; i++) await fill(memory, 700, `id-${i}`);
      await memory.exportTo(at("from.jsonl"), { history });
      await memory.close();
      let kills = 0;
      for (let round = 0; round < 12; round++)
        kills += (await killedImport(at("to.agentmem"), at("from.jsonl"), round * 3)) ? 1 : 0;
      assert.ok(kills > 0, "no process was killed in time");
      const other = await Memory.open(at("to.agentmem"));
      await other.importFrom(at("from.jsonl"));
      await other.exportTo(at("to.jsonl"), { history });
      assert.deepEqual(await other.verify(), SOUND);
      await other.close();
      assert.equal(readFileSync(at("to.jsonl"), "utf8"), readFileSync(at("from.jsonl"), "utf8"));
    }),
  );
}

test(
  "an export is of one state while others write",
  inFolder(async (at) => {
    const memory = await Memory.open(at("memory.agentmem"));
    const items = Array.from({ length: 4000 }, (_, n) => ({ id: `id-${n}`, content: `note ${n}` }));
    await memory.addMany(items);
    const before = (await memory.getAll({ order: "asc" })).map(({ content }) => content);
    let told = 0;
    const writes = [];
    const count = await memory.exportTo(at("one.jsonl"), {
      onProgress: (done, total) => {
        assert.equal(total, 4000);
        if (told++ > 0) return;
        assert.ok(done < total);
        writes.push(memory.update("id-3999", { content: "changed" }));
        writes.push(memory.delete("id-3998"), memory.add("another one"));
      },
    });
    await Promise.all(writes);
    assert.equal(count, 4000);
    const lines = readFileSync(at("one.jsonl"), "utf8").split("\n").slice(1, -2);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).record.content),
      before,
    );
    assert.equal(statSync(at("one.jsonl")).mode & 0o777, 0o600);
    await memory.close();
  }),
);

/** Waits until nothing but some files is left in a folder: what was given up is removed by another thread. */
async function left(folder, files) {
  for (let i = 0; readdirSync(folder).length > files.length && i < 200; i++) await sleep(10);
  assert.deepEqual(readdirSync(folder).sort(), files);
}

test(
  "an export and an import that are cancelled end at once; the one leaves no file, the other goes on later",
  inFolder(async (at, folder) => {
    const memory = await Memory.open(at("memory.agentmem"));
    await memory.addMany(Array.from({ length: 4000 }, (_, n) => ({ content: `note ${n}` })));
    await memory.exportTo(at("all.jsonl"));
    const cancelling = () => {
      const controller = new AbortController();
      return { signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) };
    };
    await assert.rejects(memory.exportTo(at("part.jsonl"), cancelling()), { code: "CANCELLED" });
    await left(folder, [
      "all.jsonl",
      "memory.agentmem",
      "memory.agentmem-shm",
      "memory.agentmem-wal",
    ]);

    const other = new Memory();
    await assert.rejects(other.importFrom(at("all.jsonl"), cancelling()), { code: "CANCELLED" });
    const { imported, skipped } = await other.importFrom(at("all.jsonl"));
    assert.ok(skipped > 0 && imported > 0);
    assert.equal(imported + skipped, 4000);

    const throwing = {
      onProgress: () => {
        throw new Error("of the caller");
      },
    };
    await assert.rejects(memory.exportTo(at("part.jsonl"), throwing), { message: "of the caller" });
    await assert.rejects(other.importFrom(at("all.jsonl"), throwing), { message: "of the caller" });
    const closing = memory.exportTo(at("part.jsonl"), { onProgress: () => void memory.close() });
    await assert.rejects(closing, { code: "CLOSED" });
    await other.close();
    await memory.close();
    await left(folder, ["all.jsonl", "memory.agentmem"]);
  }),
);

test(
  "a store that is open keeps its locks when somebody tries to import it",
  inFolder(async (at) => {
    const memory = await Memory.open(at("memory.agentmem"));
    await memory.add("one");
    const other = new Memory();
    for (const end of ["", "-wal", "-shm"])
      await assert.rejects(other.importFrom(at(`memory.agentmem${end}`)), {
        code: "IO",
        field: "path",
      });
    writeFileSync(at("memory.txt"), "no export\n");
    await assert.rejects(other.importFrom(at("memory.txt")), {
      code: "UNSUPPORTED_FORMAT",
      field: "lines[1]",
    });
    // Another process's checkpoint would cut the log that this one no longer held a lock on.
    const script = `from agentmem_native import SyncMemory\nimport sys\nwith SyncMemory(sys.argv[1]) as memory: memory.add("two")`;
    await inPython(script, at("memory.agentmem"));
    await memory.add("three");
    assert.equal(await memory.count(), 3);
    assert.deepEqual(await memory.verify(), SOUND);
    await memory.close();
    await other.close();
  }),
);
