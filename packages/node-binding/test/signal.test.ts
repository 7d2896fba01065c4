import { getEventListeners, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Memory } from "../ts/index.ts";
import { holdFile } from "./holder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentmem-signal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const store = () => join(folder, "store.db");
const cancelledBy = (cause: unknown) =>
  expect.objectContaining({ name: "AgentMemError", code: "CANCELLED", field: null, cause });
const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

test("an abort ends a call that runs at once, with the reason, and a retry with the id is safe", async () => {
  await using memory = await Memory.open(store(), { busyTimeout: 60_000 });
  const release = await holdFile(store());
  const [controller, reason] = [new AbortController(), new Error("the request is gone")];
  const { signal } = controller;
  const adding = memory.add("tea", { id: "it", signal });
  expect(listeners(signal)).toBe(1);
  // A read is not held up: when it ends, the add has most likely begun.
  await memory.count();
  controller.abort(reason);
  // The file is still held: nothing else could end the call.
  await expect(adding).rejects.toEqual(cancelledBy(reason));
  expect(listeners(signal)).toBe(0);
  release();
  expect(await memory.add("tea", { id: "it" })).toMatchObject({ id: "it", version: 1 });
  expect(await memory.count()).toBe(1);
});

test("what waits when it is cancelled is not written, and makes room for other calls", async () => {
  const memory = await Memory.open(store(), { maxQueued: 1000, busyTimeout: 60_000 });
  const release = await holdFile(store());
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = Array.from({ length: 1000 }, (_, n) =>
    memory.add("tea", { id: `cancelled ${n}`, signal }),
  );
  const settled = Promise.allSettled(cancelled);
  await expect(memory.count()).rejects.toMatchObject({ code: "LIMIT" });
  controller.abort("enough");
  for (const outcome of await settled)
    expect(outcome).toEqual({ status: "rejected", reason: cancelledBy("enough") });
  expect(listeners(signal)).toBe(0);
  // No more than one group of 256 had begun.
  const others = Array.from({ length: 700 }, (_, n) => memory.add("milk", { id: `other ${n}` }));
  release();
  await Promise.all(others);
  const ids = (await memory.getAll()).map(({ id }) => id);
  expect(ids.filter((id) => id.startsWith("other")).length).toBe(700);
  expect(ids.length).toBeLessThanOrEqual(700 + 256);
  expect(await memory.verify()).toEqual({ ok: true, problems: [] });
  await memory.close();
});

test("nothing listens to a signal once its calls have settled, however they did", async () => {
  await using memory = new Memory();
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  const adds = Array.from({ length: 100 }, (_, n) => memory.add("tea", { id: `${n}`, signal }));
  expect(listeners(signal)).toBe(1);
  await Promise.all(adds);
  expect(listeners(signal)).toBe(0);
  await expect(memory.update("absent", { content: "tea", signal })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  for (const wrong of [{ bogus: 1 }, { filter: 1 }, { userId: undefined }])
    await expect(memory.count({ ...wrong, signal } as never)).rejects.toMatchObject({
      field: Object.keys(wrong)[0],
    });
  expect(listeners(signal)).toBe(0);
  await new Promise(setImmediate);
  process.off("warning", warned);
  // Many calls with one signal are no leak to be warned of.
  expect(warnings).toEqual([]);
});

test("an abort while the embedder is asked ends the call at once, writes nothing and asks no more", async () => {
  let answer = (_: number[][]): void => {};
  let heard = (_: string[]): void => {};
  let times = 0;
  const embed = (texts: string[]) => {
    times += 1;
    heard(texts);
    return new Promise<number[][]>((resolve) => {
      answer = resolve;
    });
  };
  const embedder = { id: "mine", dimensions: 2, embed };
  const memory = new Memory(store(), { embedder, maxQueued: 1 });
  const begin: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => memory.add("tea", { signal }),
    (signal) => memory.addMany(Array(65).fill({ content: "tea" }), { signal }),
    (signal) => memory.search("tea", { signal }),
    (signal) => memory.update("it", { content: "milk", signal }),
    (signal) => memory.reembed({ embedder: { ...embedder, id: "other" }, signal }),
  ];
  await memory.add("green", { id: "it", embedding: [1, 0] });
  for (const [n, call] of begin.entries()) {
    const asked = new Promise<string[]>((resolve) => {
      heard = resolve;
    });
    const controller = new AbortController();
    const { signal } = controller;
    const calling = call(signal);
    const texts = await asked;
    expect(listeners(signal)).toBe(1);
    controller.abort("enough");
    await expect(calling).rejects.toEqual(cancelledBy("enough"));
    expect(listeners(signal)).toBe(0);
    answer(texts.map(() => [0, 1]));
    await new Promise(setImmediate);
    expect(times).toBe(n + 1);
  }
  expect(await memory.changes()).toMatchObject([{ event: "ADD", id: "it" }]);
  expect((await memory.stats()).embedder).toBe("mine");
  await memory.close();
});

test("a write that waits with the vectors of an embedder is withdrawn like any other", async () => {
  let asked = 0;
  const embed = (texts: string[]) => {
    asked += texts.length;
    return texts.map(() => [1, 0]);
  };
  const embedder = { id: "mine", dimensions: 2, embed };
  const memory = await Memory.open(store(), { embedder, maxQueued: 1000, busyTimeout: 60_000 });
  const release = await holdFile(store());
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = Array.from({ length: 1000 }, () => memory.add("tea", { signal }));
  const settled = Promise.allSettled(cancelled);
  while (asked < 1000) await new Promise(setImmediate);
  await new Promise(setImmediate);
  controller.abort();
  for (const { status } of await settled) expect(status).toBe("rejected");
  const others = Array.from({ length: 700 }, () => memory.add("milk"));
  release();
  await Promise.all(others);
  expect(await memory.count()).toBeLessThanOrEqual(700 + 256);
  await memory.close();
});

test("a signal ends its own calls alone", async () => {
  await using memory = new Memory(store());
  const controller = new AbortController();
  const kept = memory.add("kept");
  const cancelled = memory.search("tea", { signal: controller.signal });
  controller.abort();
  await expect(cancelled).rejects.toEqual(cancelledBy(controller.signal.reason));
  expect((await kept).version).toBe(1);
});

test("a signal of another make is a signal, and one that times out gives its own reason", async () => {
  await using memory = new Memory();
  class OtherSignal extends EventTarget {
    readonly aborted = false;
    readonly reason = "other";
  }
  const signal = new OtherSignal();
  const counting = memory.count({ signal: signal as never });
  signal.dispatchEvent(new Event("abort"));
  await expect(counting).rejects.toEqual(cancelledBy("other"));

  const late = AbortSignal.timeout(0);
  await once(late, "abort");
  await expect(memory.count({ signal: late })).rejects.toMatchObject({
    cause: { name: "TimeoutError" },
  });
});
