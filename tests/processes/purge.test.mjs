import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Memory } from "@agentmem/native";
import { numbers } from "./operations.mjs";

const NATIVE = JSON.stringify(import.meta.resolve("@agentmem/native"));
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";
const SOUND = { ok: true, problems: [] };
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

function inFolder(name, work) {
  return async (t) => {
    const folder = mkdtempSync(join(tmpdir(), `agentmem-${name}-`));
    const children = [];
    try {
      await work(join(folder, "memory.agentmem"), folder, children, t);
    } finally {
      for (const child of children) child.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  };
}

/** Gives secrets: 80 random letters each, with words around them that are indexed. */
function secrets(seed) {
  const random = numbers(seed);
  return () => Array.from({ length: 80 }, () => LETTERS[random.next().value % 36]).join("");
}

/**
 * Gives those secrets of which 8 bytes in a row stand in a file of the folder.
 *
 * In a process of its own: closing a file drops the locks that this one has on it.
 */
async function found(folder, wanted) {
  const script = `
    import { readdirSync, readFileSync } from "node:fs";
    import { join } from "node:path";
    import { text } from "node:stream/consumers";
    const wanted = JSON.parse(await text(process.stdin));
    const files = readdirSync(process.argv[1]).map((name) => readFileSync(join(process.argv[1], name), "latin1"));
    const runs = new Set(wanted.flatMap((one) => Array.from({ length: one.length - 7 }, (_, n) => one.slice(n, n + 8))));
    const seen = new Set();
    for (const file of files)
      for (let n = 0; n + 8 <= file.length; n++) {
        const run = file.slice(n, n + 8);
        if (runs.has(run)) seen.add(run);
      }
    console.log(JSON.stringify(wanted.filter((one) => [...seen].some((run) => one.includes(run)))));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let answer = "";
  child.stdout.on("data", (text) => (answer += text));
  child.stdin.end(JSON.stringify(wanted));
  await once(child, "close");
  return JSON.parse(answer);
}

const READERS = {
  node: (store) => [
    process.execPath,
    "--input-type=module",
    "-e",
    `import { Memory } from ${NATIVE};
     const memory = await Memory.open(${JSON.stringify(store)});
     for (let n = 0; ; n++) {
       await memory.search("tea in the rain");
       await memory.getAll({ limit: 5 });
       if (n === 0) console.log("reading");
       await new Promise((done) => setTimeout(done, 2));
     }`,
  ],
  python: (store) => [
    PYTHON,
    "-c",
    `
import time
from agentmem_native import SyncMemory
with SyncMemory(${JSON.stringify(store)}) as memory:
    memory.search("tea in the rain")
    print("reading", flush=True)
    while True:
        memory.search("tea in the rain")
        memory.get_all(limit=5)
        time.sleep(0.002)`,
  ],
};

/** Starts a process that reads the store again and again until it is killed. */
async function startReader(kind, store, children) {
  const [command, ...args] = READERS[kind](store);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(createInterface(child.stdout), "line");
  return child;
}

const isRunning = (child) => child.exitCode === null && child.signalCode === null;

/** Adds what there is to purge: a record with two earlier states, one that is deleted, one that expires, and their secrets. */
async function addSecrets(memory, prefix, secret, scope) {
  const hidden = [];
  const next = () => {
    const one = secret();
    hidden.push(one);
    return one;
  };
  await memory.add(`tea ${next()} rain`, {
    id: `${prefix}-live`,
    metadata: { [next()]: next() },
    ...scope,
  });
  await memory.update(`${prefix}-live`, { content: `rain ${next()} tea` });
  await memory.update(`${prefix}-live`, { metadata: { note: next() } });
  await memory.add(`tea ${next()}`, { id: `${prefix}-deleted`, name: next(), ...scope });
  await memory.update(`${prefix}-deleted`, { content: next() });
  await memory.delete(`${prefix}-deleted`);
  await memory.add(`rain ${next()}`, {
    id: `${prefix}-expired`,
    expiresAt: "2020-01-01T00:00:00Z",
    createdAt: "2019-01-01T00:00:00Z",
    ...scope,
  });
  // One that spills over several pages.
  await memory.add(Array.from({ length: 300 }, next).join(" "), { id: `${prefix}-long`, ...scope });
  return { ids: ["live", "deleted", "expired", "long"].map((end) => `${prefix}-${end}`), hidden };
}

async function addOthers(memory, secret, count) {
  const others = Array.from({ length: count }, secret);
  await memory.addMany(others.map((one) => ({ content: `tea ${one}`, userId: "others" })));
  return others;
}

for (const kinds of [["node"], ["python"], ["node", "python"]]) {
  test(
    `what delete with purge erases is in no file, while ${kinds.join(" and ")} read`,
    inFolder("purge", async (store, folder, children) => {
      const secret = secrets(1 + kinds.length);
      const memory = await Memory.open(store);
      const before = await addOthers(memory, secret, 100);
      const { ids, hidden } = await addSecrets(memory, "ada", secret, { userId: "ada" });
      const others = [...before, ...(await addOthers(memory, secret, 100))];
      for (const kind of kinds) await startReader(kind, store, children);
      assert.equal((await found(folder, hidden)).length, hidden.length, "it was there before");
      for (const id of ids) assert.equal(await memory.delete(id, { purge: true }), true, id);
      assert.deepEqual(await found(folder, hidden), []);
      for (const id of ids)
        assert.deepEqual(
          (await memory.history(id)).map(({ event, record }) => [event, record]),
          [["PURGE", null]],
        );
      assert.equal((await memory.stats()).pendingPurge, false);
      assert.equal((await found(folder, others)).length, others.length, "nothing else is gone");
      assert.deepEqual(await memory.verify(), SOUND);
      assert.ok(children.every(isRunning), "a reader fell");
      await memory.close();
      assert.deepEqual(await found(folder, hidden), []);
    }),
  );
}

test(
  "what clear with purge erases is in no file, while Node and Python read",
  inFolder("clear", async (store, folder, children) => {
    const secret = secrets(11);
    const memory = await Memory.open(store);
    const others = await addOthers(memory, secret, 100);
    const ada = await addSecrets(memory, "ada", secret, { userId: "ada" });
    const bob = await addSecrets(memory, "bob", secret, { userId: "bob", runId: "1" });
    for (const kind of ["node", "python"]) await startReader(kind, store, children);
    assert.equal(await memory.clear({ userId: "ada", purge: true }), ada.ids.length);
    assert.deepEqual(await found(folder, ada.hidden), []);
    assert.equal((await found(folder, bob.hidden)).length, bob.hidden.length);
    assert.equal(await memory.clear({ purge: true }), bob.ids.length + others.length);
    assert.deepEqual(await found(folder, [...bob.hidden, ...others]), []);
    assert.equal(await memory.count(), 0);
    assert.equal((await memory.stats()).pendingPurge, false);
    assert.deepEqual(await memory.verify(), SOUND);
    assert.ok(children.every(isRunning), "a reader fell");
    await memory.close();
  }),
);

test(
  "a reader that keeps old pages makes a purge BUSY, and a later write finishes it",
  inFolder("held", async (store, folder, children) => {
    const secret = secrets(21);
    const memory = await Memory.open(store, { busyTimeout: 100 });
    const others = await addOthers(memory, secret, 20);
    const { hidden } = await addSecrets(memory, "ada", secret, { userId: "ada" });
    const hold = `import sqlite3, sys\ndb = sqlite3.connect(${JSON.stringify(store)}, isolation_level=None)\ndb.execute("BEGIN")\ndb.execute("SELECT count(*) FROM record").fetchall()\nprint("held", flush=True)\nsys.stdin.read()`;
    const holder = execFile(PYTHON, ["-c", hold]);
    children.push(holder);
    await once(holder.stdout, "data");
    await assert.rejects(memory.clear({ userId: "ada", purge: true }), {
      code: "BUSY",
      field: "purge",
    });
    assert.equal(await memory.count({ userId: "ada" }), 0);
    assert.deepEqual(
      (await memory.history("ada-live")).map(({ event }) => event),
      ["PURGE"],
    );
    assert.equal((await memory.stats()).pendingPurge, true);
    await memory.add("a write that cannot finish it either");
    holder.stdin.end();
    await once(holder, "exit");
    await memory.add("the next one can");
    // It is answered before the file is rewritten for others; the one after it is written after that.
    await memory.add("and has");
    assert.equal((await memory.stats()).pendingPurge, false);
    assert.deepEqual(await found(folder, hidden), []);
    assert.equal(await memory.count(), others.length + 3);
    await memory.close();
  }),
);

test(
  "a process that is killed in the middle of a purge leaves all or nothing, and the next open erases it",
  inFolder("killed", async (store, folder, children, t) => {
    const random = numbers(31);
    const secret = secrets(32);
    const others = 1500;
    {
      const memory = await Memory.open(store);
      await memory.addMany(
        Array.from({ length: others }, (_, n) => ({ content: `note ${n} about tea `.repeat(20) })),
      );
      await memory.close();
    }
    let purged = 0;
    let unfinished = 0;
    for (let round = 0; round < 8; round++) {
      const scope = { userId: `user-${round}` };
      const hidden = Array.from({ length: 100 }, secret);
      const writing = await Memory.open(store);
      await writing.addMany(
        hidden.map((one, n) => ({ id: `${round}-${n}`, content: `tea ${one}`, ...scope })),
      );
      await writing.update(`${round}-0`, { content: "changed" });
      await writing.close();
      const [command, ...args] =
        round % 2
          ? [
              PYTHON,
              "-c",
              `from agentmem_native import SyncMemory\nmemory = SyncMemory(${JSON.stringify(store)})\nmemory.count()\nprint("now", flush=True)\nmemory.clear(user_id="user-${round}", purge=True)\nwhile True: pass`,
            ]
          : [
              process.execPath,
              "--input-type=module",
              "-e",
              `import { Memory } from ${NATIVE};
               const memory = await Memory.open(${JSON.stringify(store)});
               process.stdout.write("now\\n", () => memory.clear({ userId: "user-${round}", purge: true }));
               setInterval(() => {}, 1000);`,
            ];
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      await once(child.stdout, "data");
      await new Promise((done) => setTimeout(done, random.next().value % 20));
      child.kill("SIGKILL");
      await once(child, "exit");
      const bytes = (await found(folder, hidden)).length;
      const memory = await Memory.open(store);
      const left = await memory.count(scope);
      assert.ok(left === 0 || left === hidden.length, `${left} of ${hidden.length} are left`);
      assert.equal((await memory.stats()).pendingPurge, false);
      assert.equal((await found(folder, hidden)).length, left);
      if (left === 0) {
        purged += 1;
        if (bytes > 0) unfinished += 1;
        assert.deepEqual(
          (await memory.history(`${round}-0`)).map(({ event }) => event),
          ["PURGE"],
        );
      } else {
        assert.equal((await memory.get(`${round}-0`)).version, 2);
        assert.equal(await memory.clear({ ...scope, purge: true }), hidden.length);
        assert.deepEqual(await found(folder, hidden), []);
      }
      assert.equal(await memory.count(), others);
      assert.deepEqual(await memory.verify(), SOUND);
      await memory.close();
    }
    t.diagnostic(
      `8 kills: ${purged} after the record was gone, ${unfinished} before its bytes were`,
    );
  }),
);
