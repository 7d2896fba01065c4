import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "agentmem-syncs-"));
const library = join(folder, "syncs.so");
const skip = process.platform === "linux" ? false : "the shim is for Linux";

before(() => {
  // Rust needs a C compiler to link, so one is there.
  if (!skip)
    execFileSync("cc", [
      "-shared",
      "-fPIC",
      "-o",
      library,
      fileURLToPath(new URL("syncs.c", import.meta.url)),
      "-ldl",
    ]);
});
after(() => rmSync(folder, { recursive: true }));

/** Runs a piece of code on an open, warm memory, and counts the syncs that it makes. */
function syncsOf(name, code, options = "{}") {
  const script = join(folder, `${name}.mjs`);
  const log = join(folder, `${name}.log`);
  const native = JSON.stringify(import.meta.resolve("@agentmem/native"));
  writeFileSync(
    script,
    `import { writeFileSync } from "node:fs";
     import { Memory } from ${native};
     const memory = await Memory.open(${JSON.stringify(join(folder, `${name}.agentmem`))}, ${options});
     await memory.add("the first write of a log syncs its header too");
     writeFileSync(process.env.AGENTMEM_SYNCS, "");
     ${code}
     process.exit(); // before close, which moves the log into the file`,
  );
  execFileSync(process.execPath, [script], {
    env: { ...process.env, LD_PRELOAD: library, AGENTMEM_SYNCS: log },
  });
  const syncs = readFileSync(log, "utf8");
  return { log: syncs.replaceAll("d", "").length, file: syncs.replaceAll("w", "").length };
}

test("a sequential add is one sync of the log, and no more", { skip }, () => {
  const code = "for (let n = 0; n < 100; n++) await memory.add(`note ${n}`);";
  assert.deepEqual(syncsOf("sequential", code), { log: 100, file: 0 });
});

test("adds that wait together share syncs", { skip }, () => {
  const { log } = syncsOf(
    "together",
    "await Promise.all(Array.from({ length: 256 }, (_, n) => memory.add(`note ${n}`)));",
  );
  assert.ok(log <= 64, `${log} syncs for 256 adds`);
  assert.ok(log >= 1);
});

test("addMany is one sync", { skip }, () => {
  const code =
    "await memory.addMany(Array.from({ length: 200 }, (_, n) => ({ content: `note ${n}` })));";
  assert.deepEqual(syncsOf("many", code), { log: 1, file: 0 });
});

test("checkpoints are the only syncs of the file itself", { skip }, () => {
  const code =
    "for (let n = 0; n < 240; n++) await memory.addMany(Array.from({ length: 100 }, (_, k) => ({ content: `note ${n} ${k} `.repeat(30) })));";
  const { log, file } = syncsOf("checkpoints", code);
  // A checkpoint syncs the log before it reads it, and the next write the header of the log that it begins anew.
  assert.ok(file >= 1, `${file} checkpoints`);
  assert.ok(log <= 240 + 3 * file, `${log} syncs of the log with ${file} of the file`);
});

test("with durability normal an add syncs nothing", { skip }, () => {
  const code = "for (let n = 0; n < 100; n++) await memory.add(`note ${n}`);";
  assert.deepEqual(syncsOf("normal", code, '{ durability: "normal" }'), { log: 0, file: 0 });
});
