import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Memory } from "../src/index.js";

test("a call whose signal was aborted fails with CANCELLED and the reason, and does nothing", async () => {
  let reads = 0;
  const memory = new Memory(null, { clock: () => reads++ });
  const reason = new Error("the request is gone");
  const signal = AbortSignal.abort(reason);
  await expect(memory.add("tea", { signal })).rejects.toEqual(
    expect.objectContaining({ code: "CANCELLED", field: null, cause: reason }),
  );
  expect(reads).toBe(0);
  expect(await memory.count()).toBe(0);
});

test("an abort after an add has no effect where no embedder is asked: it has ended already", async () => {
  const memory = new Memory();
  const controller = new AbortController();
  const { signal } = controller;
  const adding = memory.add("tea", { id: "it", signal });
  controller.abort();
  expect((await adding).id).toBe("it");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("an abort while the embedder is asked ends the call at once, writes nothing and asks no more", async () => {
  const asked: string[][] = [];
  let answer = (_: number[][]): void => {};
  const embed = (texts: string[]) => {
    asked.push(texts);
    return new Promise<number[][]>((resolve) => {
      answer = resolve;
    });
  };
  const memory = new Memory(null, { embedder: { id: "mine", dimensions: 2, embed } });
  const begin: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => memory.add("tea", { signal }),
    (signal) =>
      memory.addMany(
        Array.from({ length: 65 }, () => ({ content: "tea" })),
        { signal },
      ),
    (signal) => memory.search("tea", { signal }),
    (signal) => memory.update("it", { content: "milk", signal }),
    (signal) => memory.reembed({ embedder: { id: "other", dimensions: 2, embed }, signal }),
  ];
  await memory.add("green", { id: "it", embedding: [1, 0] });
  for (const [n, call] of begin.entries()) {
    const controller = new AbortController();
    const { signal } = controller;
    const calling = call(signal);
    expect(getEventListeners(signal, "abort").length).toBe(1);
    controller.abort("enough");
    await expect(calling).rejects.toMatchObject({ code: "CANCELLED", cause: "enough" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    answer((asked.at(-1) ?? []).map(() => [0, 1]));
    await new Promise(setImmediate);
    expect(asked.length).toBe(n + 1);
  }
  expect(await memory.changes()).toMatchObject([{ event: "ADD", id: "it" }]);
  expect((await memory.stats()).embedder).toBe("mine");
});

test("a signal of another make is a signal; what only looks like one is not", async () => {
  const memory = new Memory();
  class OtherSignal extends EventTarget {
    readonly aborted: boolean = true;
  }
  const count = (signal: unknown) => memory.count({ signal: signal as never });
  await expect(count(new OtherSignal())).rejects.toMatchObject({ code: "CANCELLED" });
  const wrong = { code: "INVALID_ARGUMENT", field: "signal" };
  await expect(count({ aborted: true })).rejects.toMatchObject(wrong);
  await expect(count(new EventTarget())).rejects.toMatchObject(wrong);
  await expect(count(new AbortController())).rejects.toMatchObject(wrong);
});

test("options that are an instance of a class stay refused with a signal in them", async () => {
  class Options {
    readonly signal = new AbortController().signal;
  }
  const memory = new Memory();
  await expect(memory.count(new Options())).rejects.toMatchObject({ field: "options" });
  await expect(memory.addMany([], new Options())).rejects.toMatchObject({ field: "defaults" });
});
