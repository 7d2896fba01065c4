import { expect, test } from "vitest";
import { type ExportSource, type ExportTarget, Memory } from "../src/index.js";

async function filled(count: number): Promise<Memory> {
  const memory = new Memory();
  await memory.addMany(Array.from({ length: count }, (_, n) => ({ content: `note ${n}` })));
  return memory;
}

async function textOf(memory: Memory, options = {}): Promise<string> {
  const { readable, writable } = new TransformStream();
  const text = new Response(readable).text();
  await memory.exportTo(writable, options);
  return text;
}

test("an export is of the state at its beginning, and one that an erasure has met fails", async () => {
  for (const history of [false, true]) {
    const memory = await filled(600);
    const [first] = await memory.getAll({ order: "asc", limit: 1 });
    const id = first?.id ?? "";
    const before = await textOf(memory, { history });
    let told = 0;
    const onProgress = () => {
      if (told++ === 0) void memory.update(id, { content: "changed" });
    };
    expect(await textOf(memory, { history, onProgress })).toBe(before);
    expect(told).toBe(3);
    const purge = () => void memory.delete(id, { purge: true });
    const sink = new WritableStream();
    const failing = memory.exportTo(sink, { history, onProgress: purge });
    await expect(failing).rejects.toMatchObject({ code: "CONFLICT", field: null });
  }
});

test("a stream that fails is IO with its error as the cause, and one that is none an argument's fault", async () => {
  const memory = await filled(10);
  const cause = new Error("the disk is full");
  const full = new WritableStream({
    write() {
      throw cause;
    },
  });
  await expect(memory.exportTo(full)).rejects.toMatchObject({ code: "IO", field: "target", cause });
  const locked = new WritableStream();
  locked.getWriter();
  const wrong = [locked, null, undefined, {}, "a path"] as unknown as ExportTarget[];
  for (const target of wrong) {
    const error = { code: "INVALID_ARGUMENT", field: "target" };
    await expect(memory.exportTo(target)).rejects.toMatchObject(error);
  }
  for (const source of [null, undefined, {}, "a path"] as unknown as ExportSource[]) {
    const error = { code: "INVALID_ARGUMENT", field: "source" };
    await expect(memory.importFrom(source)).rejects.toMatchObject(error);
  }
  const broken = () => {
    const pull = () => {
      throw cause;
    };
    return new ReadableStream({ pull });
  };
  const source = { stream: broken } as unknown as ExportSource;
  await expect(memory.importFrom(source)).rejects.toMatchObject({ code: "IO", field: "source" });
});

test("what is cancelled or thrown ends a call: the stream is aborted, and an import goes on later", async () => {
  const memory = await filled(2000);
  const file = new Blob([await textOf(memory)]);
  const reasons: unknown[] = [];
  const sink = () => new WritableStream({ abort: (reason) => void reasons.push(reason) });
  const controller = new AbortController();
  const aborting = { signal: controller.signal, onProgress: () => controller.abort() };
  await expect(memory.exportTo(sink(), aborting)).rejects.toMatchObject({ code: "CANCELLED" });
  const cause = new Error("of the caller");
  const onProgress = () => {
    throw cause;
  };
  await expect(memory.exportTo(sink(), { onProgress })).rejects.toBe(cause);
  expect(reasons).toMatchObject([{ code: "CANCELLED" }, cause]);

  const other = new Memory();
  await expect(other.importFrom(file, { onProgress })).rejects.toBe(cause);
  const { imported, skipped } = await other.importFrom(file);
  expect([imported, skipped]).toEqual([1488, 512]);
  const closing = memory.exportTo(sink(), { onProgress: () => void memory.close() });
  await expect(closing).rejects.toMatchObject({ code: "CLOSED" });
});

test("a line that is too long is refused before it is read", async () => {
  let read = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    read += 65_536;
    controller.enqueue(new Uint8Array(65_536).fill(32));
  };
  const endless = { stream: () => new ReadableStream({ pull }) } as unknown as ExportSource;
  const memory = new Memory();
  await expect(memory.importFrom(endless)).rejects.toMatchObject({
    code: "CORRUPT",
    field: "lines[1]",
  });
  expect(read).toBeLessThan(8_388_608 + 4 * 65_536);
});
