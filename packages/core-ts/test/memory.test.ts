import { describe, expect, test } from "vitest";
import { Vectors } from "../src/embed/vectors.js";
import { Memory, type MemoryApi, ScopedMemory } from "../src/index.js";
import { isFresh, SearchIndex } from "../src/search-index.js";

/** As JavaScript calls it: without the compiler's help. */
type Unchecked = Record<keyof MemoryApi, (...args: unknown[]) => Promise<unknown>>;

function unchecked(memory: object): Unchecked {
  return memory as Unchecked;
}

function invalidAt(field: string): object {
  return expect.objectContaining({ code: "INVALID_ARGUMENT", field });
}

describe("arguments", () => {
  test("an option that is undefined is refused by every call", async () => {
    const memory = unchecked(new Memory());
    for (const [call, ...before] of [
      ["add", "tea"],
      ["addMany", []],
      ["search", "tea"],
      ["getAll"],
      ["clear"],
      ["count"],
    ] as const) {
      const field = call === "addMany" ? "defaults.userId" : "userId";
      await expect(memory[call](...before, { userId: undefined })).rejects.toEqual(
        invalidAt(field),
      );
    }
    await expect(memory.update("a", { content: undefined })).rejects.toEqual(invalidAt("content"));
    expect(() => memory.scoped({ userId: undefined })).toThrow(invalidAt("userId"));
    expect(() => new Memory(null, { clock: undefined } as object)).toThrow(invalidAt("clock"));
  });

  test("clear refuses an argument that is undefined, which would delete everything", async () => {
    const memory = unchecked(new Memory());
    await memory.add("tea");
    await expect(memory.clear(undefined)).rejects.toEqual(invalidAt("options"));
    expect(await memory.clear()).toBe(1);
  });

  test("an argument that is undefined counts as omitted", async () => {
    const memory = unchecked(new Memory(undefined, undefined));
    await memory.add("tea", undefined);
    expect(await memory.count(undefined)).toBe(1);
  });

  test("options that are no plain object are refused", async () => {
    const memory = unchecked(new Memory());
    for (const options of [
      null,
      5,
      "userId",
      [],
      new Map(),
      new Date(),
      () => 1,
      { [Symbol("userId")]: "ada" },
    ]) {
      await expect(memory.search("tea", options)).rejects.toEqual(invalidAt("options"));
      await expect(memory.update("a", options)).rejects.toEqual(invalidAt("options"));
      // Defaults are themselves an option, so that null is the same as leaving them out.
      if (options === null) expect(await memory.addMany([], options)).toEqual([]);
      else await expect(memory.addMany([], options)).rejects.toEqual(invalidAt("defaults"));
      expect(() => new Memory(null, options as object)).toThrow(invalidAt("options"));
    }
  });

  test("an unknown option is refused by its name, inherited names too", async () => {
    const memory = unchecked(new Memory());
    await expect(memory.search("tea", { recency: 1 })).rejects.toEqual(invalidAt("recency"));
    await expect(memory.count({ constructor: 1 })).rejects.toEqual(invalidAt("constructor"));
    await expect(memory.count(JSON.parse('{"__proto__": 1}'))).rejects.toEqual(
      invalidAt("__proto__"),
    );
    await expect(memory.clear({ limit: 1 })).rejects.toEqual(invalidAt("limit"));
    await expect(memory.update("a", { userId: "bob" })).rejects.toEqual(invalidAt("userId"));
  });

  test("a missing argument is an error of that argument", async () => {
    const memory = unchecked(new Memory());
    await expect(memory.add()).rejects.toEqual(invalidAt("content"));
    await expect(memory.addMany()).rejects.toEqual(invalidAt("items"));
    await expect(memory.search()).rejects.toEqual(invalidAt("query"));
    await expect(memory.get()).rejects.toEqual(invalidAt("id"));
    await expect(memory.delete()).rejects.toEqual(invalidAt("id"));
    await expect(memory.update()).rejects.toEqual(invalidAt("id"));
    await expect(memory.update("a")).rejects.toEqual(invalidAt("options"));
  });

  test("content of just 1 MiB is kept, and one byte more is refused", async () => {
    const memory = new Memory();
    await memory.add("a".repeat(1_048_576));
    await memory.add("ä".repeat(524_288));
    await expect(memory.add("a".repeat(1_048_577))).rejects.toEqual(invalidAt("content"));
    await expect(memory.add(`${"ä".repeat(524_288)}a`)).rejects.toEqual(invalidAt("content"));
    expect(await memory.count()).toBe(2);
  });

  test("a Date is taken for a time, and text is given back", async () => {
    const memory = new Memory();
    const time = new Date("2026-01-02T03:04:05.678Z");
    const record = await memory.add("tea", {
      createdAt: time,
      expiresAt: new Date(time.getTime() * 2),
    });
    expect(record.createdAt).toBe("2026-01-02T03:04:05.678Z");
    expect(await memory.count({ since: time, until: new Date(time.getTime() + 1) })).toBe(1);
    expect(await memory.count({ until: time })).toBe(0);
    time.setTime(0);
    expect((await memory.get(record.id))?.createdAt).toBe("2026-01-02T03:04:05.678Z");
  });

  test("a sparse array of items is refused at the hole", async () => {
    const items = [{ content: "tea" }];
    items[2] = { content: "coffee" };
    await expect(new Memory().addMany(items)).rejects.toEqual(invalidAt("items[1]"));
  });

  test("errors of addMany name the item, and nothing is written", async () => {
    const memory = unchecked(new Memory());
    const good = { content: "tea" };
    for (const [item, field] of [
      [{ content: " " }, "items[1].content"],
      [{}, "items[1].content"],
      [{ content: { role: "user" } }, "items[1].content.content"],
      [{ content: { content: "tea" } }, "items[1].content.role"],
      [{ content: { role: "user", content: "tea", text: 1 } }, "items[1].content.text"],
      [{ content: { role: "user", content: "tea" }, role: "assistant" }, "items[1].role"],
      [{ content: "tea", metadata: { a: [Number.NaN] } }, "items[1].metadata.a[0]"],
      [{ content: "tea", ttl: 1e15 }, "items[1].ttl"],
      [5, "items[1]"],
    ]) {
      await expect(memory.addMany([good, item])).rejects.toEqual(invalidAt(field as string));
    }
    await expect(memory.addMany([good], { id: "a" })).rejects.toEqual(invalidAt("defaults.id"));
    await expect(
      memory.addMany([good], { ttl: 1, expiresAt: "2026-01-01T00:00:00Z" }),
    ).rejects.toEqual(invalidAt("defaults.ttl"));
    const twice = [
      { ...good, id: "a" },
      { content: "coffee", id: "a" },
    ];
    await expect(memory.addMany(twice)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      field: "items[1].id",
    });
    expect(await memory.count()).toBe(0);
  });

  test("an item has what the defaults give where it does not have the key", async () => {
    const memory = new Memory(null, { clock: () => 0 });
    const defaults = { userId: "ada", role: "assistant", ttl: 60, metadata: { a: 1 } };
    const [kept, cleared, message] = await memory.addMany(
      [
        { content: "one" },
        { content: "two", userId: null, role: null, expiresAt: null, metadata: null },
        { content: { role: "user", content: "three" }, expiresAt: new Date(5) },
      ],
      defaults,
    );
    expect(kept).toMatchObject({
      userId: "ada",
      role: "assistant",
      expiresAt: "1970-01-01T00:01:00.000Z",
      metadata: { a: 1 },
    });
    expect(cleared).toMatchObject({ userId: null, role: null, expiresAt: null, metadata: {} });
    expect(message).toMatchObject({
      userId: "ada",
      role: "user",
      expiresAt: "1970-01-01T00:00:00.005Z",
    });
  });
});

describe("what is given back", () => {
  test("changing it, or what was given, changes nothing inside", async () => {
    const memory = new Memory();
    const metadata = { tags: ["a"] };
    const added = await memory.add("tea", { id: "a", metadata });
    metadata.tags.push("given");
    for (const record of [
      added,
      await memory.get("a"),
      ...(await memory.getAll()),
      ...(await memory.search("tea")),
    ]) {
      expect(record?.metadata).toEqual({ tags: ["a"] });
      if (record === null) continue;
      (record.metadata.tags as string[]).push("returned");
      record.content = "coffee";
    }
    expect(await memory.get("a")).toMatchObject({ content: "tea", metadata: { tags: ["a"] } });
  });

  test("parts that metadata shared are apart in the copies", async () => {
    const shared = { n: 1 };
    const { metadata } = await new Memory().add("tea", { metadata: { one: shared, two: shared } });
    expect(metadata.one).toEqual(metadata.two);
    expect(metadata.one).not.toBe(metadata.two);
  });

  test("a record has all its fields, and nothing of the store's own", async () => {
    const record = await new Memory(null, { clock: () => 1.9 }).add("tea", { id: "a" });
    expect(record).toEqual({
      id: "a",
      content: "tea",
      userId: null,
      agentId: null,
      runId: null,
      role: null,
      name: null,
      metadata: {},
      importance: 0.5,
      createdAt: "1970-01-01T00:00:00.001Z",
      updatedAt: "1970-01-01T00:00:00.001Z",
      expiresAt: null,
      version: 1,
    });
  });
});

describe("calls", () => {
  test("writes happen in the order of the calls, awaited or not", async () => {
    const memory = new Memory();
    const calls = Array.from({ length: 1000 }, (_, i) => memory.add(`note ${i}`));
    expect(await memory.count()).toBe(1000);
    const ids = (await Promise.all(calls)).map((record) => record.id);
    expect((await memory.getAll({ order: "asc" })).map((record) => record.id)).toEqual(ids);
    expect([...ids].sort()).toEqual(ids);
  });

  test("a retry is known by its fields as they were given, through any form", async () => {
    const memory = new Memory();
    const first = await memory.add(
      { role: "user", content: "tea" },
      { id: "a", createdAt: "2026-01-01T01:00:00+01:00" },
    );
    await memory.update("a", { content: "coffee" });
    const again = await memory.add("tea", {
      id: "a",
      role: "user",
      name: null,
      createdAt: new Date("2026-01-01T00:00:00Z"),
    });
    expect(again).toMatchObject({ content: "coffee", version: 2, createdAt: first.createdAt });
    await expect(memory.add("tea", { id: "a", role: "user" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      field: "id",
    });
    const { id } = await memory.add("generated");
    await expect(memory.add("generated", { id })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      field: "id",
    });
  });

  test("an expired record comes to life again when the clock goes back", async () => {
    let now = 0;
    const memory = new Memory(null, { clock: () => now });
    await memory.add("tea", { id: "a", ttl: 0.0015 });
    now = 1;
    expect(await memory.get("a")).toBeNull();
    expect(await memory.delete("a")).toBe(false);
    now = 0;
    expect(await memory.get("a")).toMatchObject({
      content: "tea",
      expiresAt: "1970-01-01T00:00:00.001Z",
    });
  });

  test("paging behind a record works when it is gone", async () => {
    const memory = new Memory(null, { clock: () => 0 });
    await memory.addMany(["a", "b", "c", "d"].map((id) => ({ content: id, id })));
    await memory.delete("b");
    const after = async (order: "asc" | "desc") =>
      (await memory.getAll({ after: "b", order })).map((record) => record.id);
    expect(await after("asc")).toEqual(["c", "d"]);
    expect(await after("desc")).toEqual(["a"]);
    await expect(memory.getAll({ after: "e" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      field: "after",
    });
    await expect(memory.getAll({ after: "a", offset: 0 })).rejects.toEqual(invalidAt("offset"));
  });
});

describe("the log", () => {
  test("an event has all its fields, and its record is a copy", async () => {
    const memory = new Memory(null, { clock: () => 5 });
    const record = await memory.add("tea", { id: "a", metadata: { tags: ["a"] } });
    const event = { seq: 1, at: "1970-01-01T00:00:00.005Z", event: "ADD", id: "a", record };
    for (const events of [await memory.history("a"), await memory.changes()]) {
      expect(events).toEqual([event]);
      for (const { record } of events) Object.assign(record?.metadata.tags ?? [], ["returned"]);
    }
    expect(await memory.history("a")).toMatchObject([{ record: { metadata: { tags: ["a"] } } }]);
  });

  test("what is purged is in no answer, and its id is free", async () => {
    const memory = new Memory();
    await memory.add("Ada's secret", { id: "a", userId: "ada", ttl: 3600 });
    await memory.update("a", { content: "Ada's other secret" });
    expect(await memory.delete("a", { purge: false })).toBe(true);
    expect(await memory.delete("a", { purge: true })).toBe(true);
    expect(await memory.delete("a", { purge: true })).toBe(false);
    await expect(memory.getAll({ after: "a" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(JSON.stringify(await memory.changes())).not.toContain("secret");
    expect(await memory.add("anew", { id: "a" })).toMatchObject({ version: 1 });
    expect((await memory.history("a")).map(({ event }) => event)).toEqual(["PURGE", "ADD"]);
    expect(await memory.verify()).toEqual({ ok: true, problems: [] });
  });

  test("stats counts what is live, expired, past and logged", async () => {
    let now = 0;
    const memory = new Memory(null, { clock: () => now, history: { days: 1 } });
    await memory.addMany([
      { content: "one", id: "a" },
      { content: "two", id: "b", ttl: 1 },
    ]);
    await memory.update("a", { importance: 1 });
    now = 86_400_000;
    const vectors = { embedder: "builtin", dimensions: 128 };
    const counted = {
      records: 1,
      expired: 1,
      past: 1,
      events: 3,
      bytes: 0,
      pendingPurge: false,
      ...vectors,
    };
    expect(await memory.stats()).toEqual(counted);
    expect(await memory.compact()).toBe(2);
    expect(await memory.stats()).toEqual({ ...counted, expired: 0, past: 0, events: 4 });
  });

  test("the option history is keep, none or a number of days", () => {
    for (const [history, field] of [
      ["forever", "history"],
      [5, "history"],
      [[], "history"],
      [{}, "history.days"],
      [{ days: null }, "history.days"],
      [{ days: -1 }, "history.days"],
      [{ days: "1" }, "history.days"],
      [{ days: Number.NaN }, "history.days"],
      [{ days: 1, hours: 2 }, "history.hours"],
      [undefined, "history"],
    ] as const) {
      const options = { history } as object;
      expect(() => new Memory(null, options)).toThrow(invalidAt(field));
    }
    for (const history of ["keep", "none", { days: 0.5 }, null] as const) {
      expect(() => new Memory(null, { history })).not.toThrow();
    }
  });

  test("verify finds an analysis or a vector that is not that of its text", async () => {
    const record = { ...(await new Memory().add("green tea")), createdAt: 0, updatedAt: 0 };
    const stored = { ...record, expiresAt: null };
    const vectors = new Vectors("builtin");
    const isRight = () => [isFresh(stored), vectors.isRight(stored)];
    expect(isRight()).toEqual([true, true]);
    new SearchIndex([{ record: stored, added: 1, request: null }], vectors);
    expect(isRight()).toEqual([true, true]);
    stored.content = "tea green";
    expect(isRight()).toEqual([false, true]);
    stored.content = "black coffee";
    expect(isRight()).toEqual([false, false]);
  });

  test("reembed tells its progress; what onProgress throws ends it, and the next one goes on", async () => {
    const memory = new Memory();
    await memory.addMany(Array.from({ length: 100 }, (_, n) => ({ content: `note ${n}` })));
    const asked: number[] = [];
    const embed = async (texts: string[]) => {
      asked.push(texts.length);
      return texts.map((text) => [text.length]);
    };
    const embedder = { id: "mine", dimensions: 1, embed };
    const told: number[][] = [];
    const stop = new Error("stop");
    const onProgress = (...counts: number[]) => {
      told.push(counts);
      if (told.length === 1) throw stop;
    };
    await expect(memory.reembed({ embedder, onProgress })).rejects.toBe(stop);
    expect((await memory.stats()).embedder).toBe("builtin");
    expect(await memory.reembed({ embedder, onProgress })).toBe(100);
    expect([asked, told]).toEqual([
      [64, 36],
      [
        [64, 100],
        [100, 100],
      ],
    ]);
  });

  test("a call whose vector comes after the store has moved is told", async () => {
    let answer: (vectors: number[][]) => void = () => {};
    const embed = () =>
      new Promise<number[][]>((resolve) => {
        answer = resolve;
      });
    const memory = new Memory(null, { embedder: { id: "mine", dimensions: 1, embed } });
    const adding = memory.add("tea");
    await memory.reembed({ embedder: null });
    answer([[1]]);
    await expect(adding).rejects.toMatchObject({ code: "EMBEDDER_MISMATCH", field: "embedder" });
    expect(await memory.count()).toBe(0);
  });

  test("arguments are checked, and what is unknown is refused", async () => {
    const memory = unchecked(new Memory());
    await memory.add("tea", { id: "a" });
    await expect(memory.delete("a", { purge: 1 })).rejects.toEqual(invalidAt("purge"));
    await expect(memory.delete("a", { purge: undefined })).rejects.toEqual(invalidAt("purge"));
    await expect(memory.delete("a", { force: true })).rejects.toEqual(invalidAt("force"));
    await expect(memory.clear({ purge: "yes" })).rejects.toEqual(invalidAt("purge"));
    await expect(memory.changes({ after: -1 })).rejects.toEqual(invalidAt("after"));
    await expect(memory.changes({ limit: 0 })).rejects.toEqual(invalidAt("limit"));
    await expect(memory.changes({ userId: "ada" })).rejects.toEqual(invalidAt("userId"));
    await expect(memory.history("")).rejects.toEqual(invalidAt("id"));
    expect(await memory.delete("a", { purge: null })).toBe(true);
    expect(await memory.changes()).toHaveLength(2);
  });
});

describe("views", () => {
  test("a view has no close, and no way around its scope", async () => {
    const memory = new Memory();
    await memory.add("Bob's tea", { id: "bob", userId: "bob" });
    const ada = memory.scoped({ userId: "ada" });
    expect(ada).toBeInstanceOf(ScopedMemory);
    for (const call of ["close", "changes", "compact", "stats", "verify"]) {
      expect(call in ada).toBe(false);
    }
    expect(await ada.get("bob")).toBeNull();
    expect(await ada.delete("bob")).toBe(false);
    expect(await ada.search("tea")).toEqual([]);
    expect(await ada.clear()).toBe(0);
    expect(await ada.delete("bob", { purge: true })).toBe(false);
    expect(await ada.clear({ purge: true })).toBe(0);
    expect(await ada.history("bob")).toEqual([]);
    await expect(ada.update("bob", { importance: 1 })).rejects.toMatchObject({
      code: "NOT_FOUND",
      field: "id",
    });
    await expect(ada.getAll({ after: "bob" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      field: "after",
    });
    await expect(ada.add("Bob's tea", { id: "bob" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      field: "id",
    });
    await expect(ada.count({ userId: "bob" })).rejects.toEqual(invalidAt("userId"));
    await expect(ada.count({ userId: null })).rejects.toEqual(invalidAt("userId"));
    await expect(ada.addMany([{ content: "tea", userId: "bob" }])).rejects.toEqual(
      invalidAt("items[0].userId"),
    );
    expect(() => ada.scoped({ userId: "bob" })).toThrow(invalidAt("userId"));
    expect(() => ada.scoped({})).toThrow(invalidAt("options"));
    expect(await memory.count()).toBe(1);
  });

  test("a view may be limited to records without an id", async () => {
    const memory = new Memory();
    const nobody = memory.scoped({ userId: null }).scoped({ runId: "r" });
    expect(await nobody.add("tea", { userId: null, runId: "r" })).toMatchObject({
      userId: null,
      runId: "r",
    });
    await expect(nobody.add("tea", { userId: "ada" })).rejects.toEqual(invalidAt("userId"));
    await memory.add("tea", { userId: "ada", runId: "r" });
    expect(await nobody.count()).toBe(1);
  });
});

describe("opening and closing", () => {
  test("the constructor throws, open rejects", async () => {
    expect(() => new Memory("memory.db")).toThrow(invalidAt("path"));
    await expect(Memory.open("memory.db")).rejects.toEqual(invalidAt("path"));
    expect(() => new Memory("")).toThrow(invalidAt("path"));
    expect(() => new Memory(5 as unknown as string)).toThrow(invalidAt("path"));
    expect(() => new Memory(":memory:", { readOnly: true })).toThrow(invalidAt("readOnly"));
    expect(() => new Memory(null, { busyTimeout: 2 ** 31 })).toThrow(invalidAt("busyTimeout"));
    expect(() => new Memory(null, { durability: "none" as "full" })).toThrow(
      invalidAt("durability"),
    );
    const all = {
      create: false,
      readOnly: false,
      durability: "normal",
      busyTimeout: 0,
      cacheBytes: 0,
      history: { days: 0 },
      clock: null,
    } as const;
    expect(await (await Memory.open(":memory:", all)).count()).toBe(0);
  });

  test("a clock is read once per call and has to give a time", async () => {
    let reads = 0;
    const memory = new Memory(null, { clock: () => reads++ });
    await memory.addMany([{ content: "tea" }, { content: "coffee" }]);
    await memory.search("tea");
    expect(reads).toBe(2);
    for (const now of [Number.NaN, -1, 253_402_300_800_000, "0", null, new Date(), 5n]) {
      const broken = new Memory(null, { clock: () => now as number });
      await expect(broken.get("a")).rejects.toEqual(invalidAt("clock"));
    }
  });

  test("after close every call is CLOSED, on views too, and close may be repeated", async () => {
    const memory = new Memory();
    const view = memory.scoped({ userId: "ada" });
    await memory.close();
    await memory.close();
    const closed = expect.objectContaining({ code: "CLOSED", field: null });
    for (const handle of [unchecked(memory), unchecked(view)]) {
      for (const call of [
        "add",
        "addMany",
        "search",
        "get",
        "getAll",
        "update",
        "delete",
        "clear",
        "count",
        "history",
      ] as const) {
        await expect(handle[call]("tea")).rejects.toEqual(closed);
      }
      expect(() => handle.scoped({ userId: "ada" })).toThrow(closed);
    }
    for (const call of ["changes", "compact", "stats", "verify"] as const) {
      await expect(unchecked(memory)[call]()).rejects.toEqual(closed);
    }
  });

  test("await using closes at the end of the block", async () => {
    const memory = new Memory();
    await memory[Symbol.asyncDispose]();
    await expect(memory.count()).rejects.toMatchObject({ code: "CLOSED" });
  });
});
