// What conformance cases cannot say of an embedder of the caller's own: what it is given and when, typed arrays, a process that is killed.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Embedder, Memory, type Vector } from "../ts/index.ts";

/** Two components that tell texts apart. */
const vectorOf = (text: string): number[] => [text.length, text.charCodeAt(text.length - 1)];

function embedder(embed?: Embedder["embed"]): Embedder {
  return { id: "mine", dimensions: 2, ...(embed && { embed }) };
}

test("embed is given batches of at most 64 texts, one after the other, synchronous or not", async () => {
  for (const wait of [false, true]) {
    const [sizes, running]: [number[], number[]] = [[], []];
    let now = 0;
    const memory = new Memory(null, {
      embedder: embedder((texts) => {
        sizes.push(texts.length);
        running.push(++now);
        const made = texts.map(vectorOf);
        if (!wait) {
          now--;
          return made;
        }
        return new Promise((resolve) =>
          setTimeout(() => {
            now--;
            resolve(made);
          }, 5),
        );
      }),
    });
    await memory.addMany(Array.from({ length: 150 }, (_, n) => ({ content: `note ${n}` })));
    expect(sizes).toEqual([64, 64, 22]);
    expect(Math.max(...running)).toBe(1);
    expect(await memory.count()).toBe(150);
  }
});

test("while an embedder is slow other calls go on, and close waits for it", async () => {
  let answer: (vectors: number[][]) => void = () => {};
  const asked = new Promise<number[][]>((resolve) => {
    answer = resolve;
  });
  const memory = new Memory(null, { embedder: embedder(() => asked) });
  const slow = memory.add("slow", { id: "slow" });
  const quick = await memory.add("quick", { embedding: [1, 0] });
  expect(quick.version).toBe(1);
  expect(await memory.count()).toBe(1);
  const closed = memory.close();
  answer([[0, 1]]);
  expect((await slow).version).toBe(1);
  await closed;
});

test("what embed throws is the cause, and the memory goes on", async () => {
  const cause = new Error("the model is away");
  for (const embed of [
    () => {
      throw cause;
    },
    () => Promise.reject(cause),
  ]) {
    const memory = new Memory(null, { embedder: embedder(embed) });
    const error = await memory.add("secret tea").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "EMBEDDER_FAILED", field: "embedder", cause });
    expect(String(error)).not.toContain("secret");
    expect(await memory.count()).toBe(0);
    await memory.close();
  }
});

test("vectors come as arrays and typed arrays, given or made, and are copied", async () => {
  const forms: ((text: string) => Vector)[] = [
    (text: string) => Float32Array.from(vectorOf(text)),
    (text: string) => Float64Array.from(vectorOf(text)),
    (text: string) => new Float32Array([9, ...vectorOf(text), 9]).subarray(1, 3),
    vectorOf,
  ];
  for (const form of forms) {
    const memory = new Memory(null, { embedder: embedder((texts) => texts.map(form)) });
    await memory.add("made");
    const given = form("given");
    const adding = memory.add("x", { id: "given", embedding: given });
    if (!Array.isArray(given)) (given as Float32Array).fill(0);
    await adding;
    const [hit] = await memory.search("omega", {
      mode: "semantic",
      embedding: form("given"),
      limit: 1,
    });
    expect(hit).toMatchObject({ id: "given", score: 1 });
    await memory.close();
  }
  const memory = new Memory(null, { embedder: embedder() });
  for (const embedding of [
    new Int8Array([1, 2]),
    new BigInt64Array(2),
    new Uint8Array(2),
    {},
    new DataView(new ArrayBuffer(8)),
  ]) {
    await expect(memory.add("tea", { embedding: embedding as never })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      field: "embedding",
    });
  }
});

test("embed is called as a method of what was given, once for a search", async () => {
  const mine = {
    id: "mine",
    dimensions: 2,
    calls: undefined,
  };
  expect(() => new Memory(null, { embedder: mine as never })).toThrow();
  const seen: string[][] = [];
  const own: Embedder = {
    id: "mine",
    dimensions: 2,
    embed(texts) {
      expect(this).toBe(own);
      seen.push(texts);
      return texts.map(vectorOf);
    },
  };
  const memory = new Memory(null, { embedder: own });
  await memory.add({ role: "user", name: "Ada", content: "tea" });
  await memory.search("green tea");
  await memory.search("green tea", { mode: "lexical" });
  await memory.search(" ");
  expect(seen).toEqual([["Ada: tea"], ["green tea"]]);
});

test("reembed tells its progress, and what onProgress throws ends it", async () => {
  const memory = new Memory();
  await memory.addMany(Array.from({ length: 150 }, (_, n) => ({ content: `note ${n}` })));
  const told: number[][] = [];
  const stop = new Error("stop");
  const texts: string[] = [];
  const own = embedder((batch) => {
    texts.push(...batch);
    return batch.map(vectorOf);
  });
  const onProgress = (...counts: number[]) => {
    told.push(counts);
    if (told.length === 2) throw stop;
  };
  await expect(memory.reembed({ embedder: own, onProgress })).rejects.toBe(stop);
  expect((await memory.stats()).embedder).toBe("builtin");
  expect(await memory.reembed({ embedder: own, onProgress })).toBe(150);
  expect(told).toEqual([
    [64, 150],
    [128, 150],
    [150, 150],
  ]);
  expect(new Set(texts).size).toBe(150);
  expect(texts).toHaveLength(150);
  expect(await memory.verify()).toEqual({ ok: true, problems: [] });
});

const MOVER = fileURLToPath(new URL("mover.mjs", import.meta.url));

test("a process that is killed while it moves a store leaves it as it was, and the next goes on", {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-node-"));
  try {
    const path = join(folder, "store.agentmem");
    const memory = await Memory.open(path);
    await memory.addMany(Array.from({ length: 300 }, (_, n) => ({ content: `note ${n}` })));
    const before = await memory.search("note 7");
    const child = spawn(process.execPath, [MOVER, path, "3"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    // It stands in its third batch.
    await once(child.stdout, "data");
    await memory.add("written meanwhile");
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect((await memory.search("note 7"))[0]?.id).toBe(before[0]?.id);
    expect((await memory.stats()).embedder).toBe("builtin");

    // Another process moves it, under this one.
    const asked = Number(execFileSync(process.execPath, [MOVER, path], { encoding: "utf8" }));
    expect(asked).toBe(301 - 128);
    expect(await memory.stats()).toMatchObject({ embedder: "mine", dimensions: 2 });
    expect(await memory.verify()).toEqual({ ok: true, problems: [] });
    await expect(memory.add("tea")).rejects.toMatchObject({ code: "EMBEDDER_FAILED" });
    expect((await memory.add("tea", { embedding: [1, 2] })).version).toBe(1);
    expect(await memory.search("note 7", { mode: "lexical", limit: 1 })).toHaveLength(1);
    await memory.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(["dates", "embedders", "explain", "languages", "time-travel"])(
  "the example of the guide %s says what it prints",
  async (name) => {
    const guide = readFileSync(
      fileURLToPath(new URL(`../../../docs/guide/${name}.md`, import.meta.url)),
      "utf8",
    );
    const [, code = ""] = /```js\n(.*?)```/s.exec(guide) ?? [];
    const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
    const printed: string[] = [];
    const body = code.replace(/import .*;\n/, "");
    await new Function("Memory", "console", `return (async () => {${body}})();`)(Memory, {
      log: (...values: unknown[]) => printed.push(values.join(" ")),
    });
    expect(expected.length).toBeGreaterThan(1);
    expect(printed).toEqual(expected);
  },
);
