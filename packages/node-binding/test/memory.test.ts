import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { AgentMemError as OtherCopy } from "@agentmem/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentMemError, Memory, type MemoryApi, ScopedMemory } from "../ts/index.ts";
import { holdFile } from "./holder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentmem-node-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const store = () => join(folder, "store.db");

async function failure(call: () => unknown): Promise<{ code: string; field: string | null }> {
  try {
    await call();
  } catch (error) {
    if (!AgentMemError.is(error)) throw error;
    return { code: error.code, field: error.field };
  }
  throw new Error("the call did not fail");
}

describe("many calls", () => {
  test("a thousand adds in flight are all written, in the order of the calls", async () => {
    await using memory = new Memory(store());
    const added = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => memory.add(`number ${n}`, { metadata: { n } })),
    );
    // Generated ids grow in the order of writing.
    const sorted = added.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(sorted.map((record) => record.metadata.n)).toEqual(added.map((_, n) => n));
    expect(await memory.count()).toBe(1000);
  });

  test("calls of every kind in flight answer each other's state in order", async () => {
    await using memory = new Memory();
    const calls = Array.from({ length: 300 }, (_, n) => [
      memory.add("tea", { id: `id ${n}` }),
      memory.update(`id ${n}`, { importance: 1 }),
      memory.delete(`id ${n}`),
      memory.search("tea"),
      memory.count(),
    ]).flat();
    await Promise.all(calls);
    expect(await memory.count()).toBe(0);
  });

  test("the event loop goes on while one awaits what is loaded", async () => {
    await using memory = new Memory();
    const record = await memory.add("green tea", { id: "it" });
    let ticks = 0;
    let timers = 0;
    setTimeout(() => {
      timers += 1;
    }, 1);
    const tick = () => {
      ticks += 1;
      ticking = setImmediate(tick);
    };
    let ticking = setImmediate(tick);
    for (let n = 0; n < 2000; n++) {
      expect(await memory.get("it")).toEqual(record);
      expect(await memory.search("tea")).toMatchObject([{ id: "it" }]);
    }
    clearImmediate(ticking);
    expect(ticks).toBeGreaterThan(10);
    expect(timers).toBe(1);
  });

  test("many calls at once are answered alike, at once and through the pool", async () => {
    await using memory = new Memory();
    await memory.add("green tea", { id: "it" });
    const first = await memory.search("tea");
    const answers = await Promise.all(Array.from({ length: 500 }, () => memory.search("tea")));
    for (const answer of answers) expect(answer).toEqual(first);
  });

  test("what waits for the event loop to turn is asked what it was, and done before the memory is closed", async () => {
    const memory = new Memory(null, { embedder: { id: "given", dimensions: 2 } });
    await memory.add("east", { embedding: [1, 0] });
    await memory.add("north", { embedding: [0, 1] });
    const embedding = Float32Array.of(1, 0);
    const ask = () => memory.search("where to", { mode: "semantic", limit: 1, embedding });
    await ask(); // The index is loaded by that.
    const asked = [];
    const begun = performance.now();
    while (performance.now() - begun < 3) asked.push(ask());
    embedding.set([0, 1]);
    const closed = memory.close();
    expect(await failure(ask)).toEqual({ code: "CLOSED", field: null });
    const found = (await Promise.all(asked)).map(([hit]) => hit?.content);
    expect(found).toEqual(found.map(() => "east"));
    await closed;
  });

  test("the event loop goes on while a large write runs", async () => {
    await using memory = new Memory(store());
    await memory.count();
    let done = false;
    let ticks = 0;
    const items = Array.from({ length: 3000 }, (_, n) => ({
      content: `green tea number ${n} `.repeat(20),
    }));
    const adding = memory.addMany(items).then((records) => {
      done = true;
      return records;
    });
    while (!done) {
      await new Promise(setImmediate);
      ticks += 1;
    }
    expect(await adding).toHaveLength(3000);
    // The answer itself arrives in one tick, so more than a few are those of waiting.
    expect(ticks).toBeGreaterThan(10);
  });
});

describe("opening and closing", () => {
  test("the constructor checks its arguments at once and touches no file", async () => {
    const bad = (make: () => unknown) => failure(async () => make());
    expect(await bad(() => new Memory(""))).toEqual({ code: "INVALID_ARGUMENT", field: "path" });
    expect(await bad(() => new Memory(5 as never))).toMatchObject({ field: "path" });
    expect(await bad(() => new Memory("x", { bogus: 1 } as never))).toMatchObject({
      field: "bogus",
    });
    expect(await bad(() => new Memory("x", { create: undefined } as never))).toMatchObject({
      field: "create",
    });
    expect(await bad(() => new Memory("x", { clock: 5 } as never))).toMatchObject({
      field: "clock",
    });
    expect(await bad(() => new Memory(null, { readOnly: true }))).toMatchObject({
      field: "readOnly",
    });
    expect(await bad(() => new Memory("x", [] as never))).toMatchObject({ field: "options" });
    new Memory(join(folder, "no folder", "store.db"));
  });

  test("calls made while the file is being opened fail with it, and a later one tries again", async () => {
    const memory = new Memory(join(folder, "missing", "store.db"));
    const failures = await Promise.all([
      failure(() => memory.add("tea")),
      failure(() => memory.count()),
    ]);
    expect(failures).toEqual(Array(2).fill({ code: "IO", field: "path" }));
    writeFileSync(
      join(folder, "not a store"),
      "a shopping list, which is long enough to be looked at ".repeat(20),
    );
    expect(await failure(() => Memory.open(join(folder, "not a store")))).toEqual({
      code: "UNSUPPORTED_FORMAT",
      field: "path",
    });
  });

  test("close lets the calls under way finish, and refuses later ones", async () => {
    const memory = new Memory(store());
    const view = memory.scoped({ userId: "ada" });
    const adds = Array.from({ length: 100 }, () => view.add("tea"));
    const closings = [memory.close(), memory.close()];
    expect(await failure(() => view.add("late"))).toEqual({ code: "CLOSED", field: null });
    expect(await failure(async () => memory.scoped({ userId: "ada" }))).toMatchObject({
      code: "CLOSED",
    });
    await Promise.all(closings);
    expect((await Promise.allSettled(adds)).every(({ status }) => status === "fulfilled")).toBe(
      true,
    );
    await using again = new Memory(store());
    expect(await again.count({ userId: "ada" })).toBe(100);
  });

  test("await using closes at the end of the block", async () => {
    let leaked: Memory;
    {
      await using memory = new Memory();
      await memory.add("tea");
      leaked = memory;
    }
    expect(await failure(() => leaked.count())).toEqual({ code: "CLOSED", field: null });
  });

  test("a process ends by itself when its calls are done, closed or not", () => {
    const script = `
      import { Memory } from "@agentmem/native";
      const memory = new Memory(process.argv[1]);
      memory.add("tea").then(({ version }) => console.log(version));
    `;
    const args = ["--input-type=module", "--eval", script, store()];
    const cwd = new URL("..", import.meta.url);
    expect(execFileSync(process.execPath, args, { cwd, encoding: "utf8" }).trim()).toBe("1");
  });
});

describe("JavaScript", () => {
  test("errors are those of the reference, whichever copy of the class is asked", async () => {
    await using memory = new Memory();
    const error = await memory.update("absent", { importance: 1 }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AgentMemError);
    expect(OtherCopy.is(error)).toBe(true);
    expect(error).toMatchObject({ name: "AgentMemError", code: "NOT_FOUND", field: "id" });
  });

  test("an option that is undefined is refused wherever it stands", async () => {
    await using memory = new Memory();
    const unset = undefined as never;
    expect(await failure(() => memory.clear({ userId: unset }))).toMatchObject({ field: "userId" });
    expect(
      await failure(() => memory.add({ role: "user", content: "x", name: unset })),
    ).toMatchObject({
      field: "content.name",
    });
    expect(
      await failure(() => memory.addMany([{ content: "x" }, { content: "x", ttl: unset }])),
    ).toMatchObject({
      field: "items[1].ttl",
    });
    expect(await failure(() => memory.addMany([{ content: "x" }], { runId: unset }))).toMatchObject(
      {
        field: "defaults.runId",
      },
    );
  });

  test("a key that JavaScript has a meaning for is an unknown option", async () => {
    await using memory = new Memory();
    const options = JSON.parse('{"__proto__": {"limit": 1}}');
    const refused = { code: "INVALID_ARGUMENT", field: "__proto__" };
    expect(await failure(() => memory.search("tea", options))).toEqual(refused);
    expect(await failure(() => memory.get("it", options))).toEqual(refused);
  });

  test("vectors are taken from whichever memory they lie in", async () => {
    await using memory = new Memory(null, { embedder: { id: "given", dimensions: 2 } });
    await memory.add("east", { embedding: [1, 0] });
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared[0] = 1;
    const part = Float32Array.of(0, 0, 1, 0).subarray(2);
    const ask = (embedding: Float32Array | Float64Array) =>
      memory.search("where to", { mode: "semantic", embedding });
    for (const embedding of [shared, part, shared, part]) {
      const [hit] = await ask(embedding);
      expect(hit?.score).toBeCloseTo(1, 2);
    }
    const refused = { code: "INVALID_ARGUMENT", field: "embedding" };
    for (const gone of [Float32Array.of(1, 0), Float64Array.of(1, 0)]) {
      structuredClone(gone, { transfer: [gone.buffer] });
      const asked = Array.from({ length: 100 }, () => failure(() => ask(gone)));
      for (const problem of await Promise.all(asked)) expect(problem).toEqual(refused);
      expect(await failure(() => memory.add("gone", { embedding: gone }))).toEqual(refused);
    }
  });

  test("the clock is read once per call, when the call is made", async () => {
    let reads = 0;
    const memory = new Memory(null, { clock: () => 1_000 * ++reads + 0.9 });
    const [first, second] = await Promise.all([memory.add("tea"), memory.add("milk")]);
    expect([first.createdAt, second.createdAt]).toEqual([
      "1970-01-01T00:00:01.000Z",
      "1970-01-01T00:00:02.000Z",
    ]);
    expect(reads).toBe(2);
    const broken = new Memory(null, { clock: () => "now" as never });
    expect(await failure(() => broken.count())).toEqual({
      code: "INVALID_ARGUMENT",
      field: "clock",
    });
  });

  test("a view is a ScopedMemory, has no close, and cannot be made by hand", () => {
    const memory: MemoryApi = new Memory();
    const view = memory.scoped({ userId: "ada" });
    expect(view).toBeInstanceOf(ScopedMemory);
    expect("close" in view).toBe(false);
  });

  test("the package can be required and imported, with one native module behind both", async () => {
    const required = createRequire(import.meta.url)("@agentmem/native");
    const imported = await import("@agentmem/native");
    for (const copy of [required, imported]) {
      const memory = new copy.Memory(store());
      await memory.add("tea");
      await memory.close();
    }
    await using memory = new Memory(store());
    expect(await memory.count()).toBe(2);
  });

  test("worker threads use the same file at once, also one that is ended in the middle of a call", async () => {
    const script = `
      const { parentPort, workerData } = require("node:worker_threads");
      const { Memory } = require(workerData.package);
      const memory = new Memory(workerData.path);
      const add = (n) => memory.add("from a worker", { metadata: { n } });
      Promise.all(Array.from({ length: 50 }, (_, n) => add(n))).then(() => {
        parentPort.postMessage("added");
        for (let n = 0; n < 50; n++) add(n);
      });
    `;
    const data = {
      package: createRequire(import.meta.url).resolve("@agentmem/native"),
      path: store(),
    };
    await using memory = await Memory.open(store());
    const workers = [1, 2].map(() => new Worker(script, { eval: true, workerData: data }));
    await Promise.all(
      workers.map((worker) => new Promise((heard) => worker.once("message", heard))),
    );
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(await memory.count()).toBeGreaterThanOrEqual(100);
    expect((await memory.add("still here")).version).toBe(1);
  });
});

test("one call more than maxQueued is LIMIT, writes nothing, and costs the others nothing", async () => {
  const memory = await Memory.open(store(), { maxQueued: 100, busyTimeout: 60_000 });
  // So that no call ends before all have begun.
  const release = await holdFile(store());
  const calls = Array.from({ length: 150 }, (_, n) => memory.add(`note ${n}`));
  const settled = Promise.allSettled(calls);
  await expect(Promise.race(calls)).rejects.toEqual(
    expect.objectContaining({ code: "LIMIT", field: null }),
  );
  release();
  const refused = (await settled).filter((outcome) => outcome.status === "rejected");
  expect(refused.length).toBe(50);
  expect(await memory.count()).toBe(100);
  await memory.close();
});
