import { readVectors } from "@agentmem/conformance";
import { expect, test } from "vitest";
import { Memory } from "../src/index.js";
import { exp2, ln } from "../src/rank.js";

test("ln has the bits of the stated arithmetic, not those of Math.log", () => {
  // Made by the same recipe in Python, with math.frexp.
  for (const [x, expected] of [
    [1, 0],
    [1.0000000000000002, 2.220446049250313e-16],
    [1.3333333333333333, 0.2876820724517809],
    [Math.SQRT2, 0.3465735902799727],
    [1.5, 0.4054651081081644],
    [2, Math.LN2],
    [28571.714285714286, 10.260172496424861],
    [1e15, 34.538776394910684],
  ] as const) {
    expect(ln(x)).toBe(expected);
  }
});

test("ln is close to Math.log over the range that idf has", () => {
  for (let x = 1; x < 1e9; x = x * 1.37 + 0.01) {
    expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.log(x)));
  }
});

test("exp2 has the bits of the vectors, and is within two units in the last place", () => {
  const { vectors } = readVectors("exp2") as {
    vectors: { input: number; output: { exp2: number; ulps: number | null }; why: string }[];
  };
  expect(vectors.length).toBeGreaterThan(100);
  for (const { input, output, why } of vectors) {
    expect(exp2(input), why).toBe(output.exp2);
    expect(Math.abs(output.ulps ?? 0), why).toBeLessThanOrEqual(2);
  }
});

test("BM25 of one record is what the formula gives by hand", async () => {
  const memory = new Memory();
  await memory.add("green tea");
  const [hit] = await memory.search("tea", { mode: "lexical" });
  // N = df = 1, tf = 1, norm = 1: the record reaches 1 / 1.9 of the greatest value.
  const idf = ln(1 + 0.5 / 1.5);
  expect(hit?.score).toBe((idf * 1 * 1.9) / (1 + 0.9 * (0.6 + 0.4 * 1)) / (1.9 * idf));
});

test("a turn is found by the words of its neighbours, and by its date and theirs", async () => {
  const memory = new Memory();
  await memory.add("Which tea?", {
    id: "question",
    role: "user",
    createdAt: "2023-05-08T10:00:00Z",
  });
  await memory.add("Green", { id: "answer", role: "user", createdAt: "2023-05-09T10:00:00Z" });
  await memory.add("Nothing of it", {
    id: "other",
    role: "user",
    runId: "other",
    createdAt: "2023-05-10T10:00:00Z",
  });
  const ids = async (query: string) =>
    (await memory.search(query, { mode: "lexical" })).map((hit) => hit.id);
  expect(await ids("tea")).toEqual(["question", "answer"]);
  expect(await ids("9 May")).toEqual(["answer", "question", "other"]);
  await memory.delete("question");
  expect(await ids("tea")).toEqual([]);
});

test("equal values are ordered by time, then by the bytes of the id", async () => {
  const memory = new Memory();
  const early = { createdAt: "2026-01-01T00:00:00Z" };
  const late = { createdAt: "2026-01-02T00:00:00Z" };
  await memory.add("green tea", { id: "\u{1f600}", ...early });
  await memory.add("green tea", { id: "\uff5e", ...early });
  await memory.add("green tea", { id: "z", ...late });
  for (const mode of ["hybrid", "lexical", "semantic"] as const) {
    const hits = await memory.search("green tea", { mode });
    expect(hits.map((hit) => hit.id)).toEqual(["z", "\uff5e", "\u{1f600}"]);
    expect(new Set(hits.map((hit) => hit.score)).size).toBe(1);
  }
});

test("statistics are those of the user, whatever agent, run and filter select", async () => {
  const memory = new Memory();
  await memory.add("green tea", { userId: "ada", agentId: "a", metadata: { n: 1 } });
  await memory.add("black coffee", { userId: "ada", agentId: "b" });
  const score = async (options: object) =>
    (await memory.search("tea", { mode: "lexical", ...options }))[0]?.score;
  const alone = await score({ userId: "ada" });
  expect(await score({ userId: "ada", agentId: "a", filter: { n: 1 } })).toBe(alone);
  await memory.add("tea with Bob", { userId: "bob" });
  expect(await score({ userId: "ada" })).toBe(alone);
  expect(await score({ agentId: "a" })).not.toBe(alone);
});

test("no evidence, no hit", async () => {
  const memory = new Memory();
  expect(await memory.search("tea")).toEqual([]);
  await memory.add("green tea");
  for (const query of ["", " \u3000\n", "\u{10ffff}", "the of and"]) {
    expect(await memory.search(query, { mode: "lexical" })).toEqual([]);
  }
  expect(await memory.search(" \u3000\n")).toEqual([]);
  expect(await memory.search("tea", { minScore: 1 })).toEqual([]);
});

test("a search over 700 turns takes some milliseconds", async () => {
  const memory = new Memory();
  const words = [
    "tea",
    "Paris",
    "guitar",
    "the",
    "marathon",
    "yesterday",
    "sister",
    "painting",
    "job",
    "weather",
  ];
  const items = Array.from({ length: 700 }, (_, i) => ({
    content: Array.from({ length: 25 }, (_, k) => words[(i * (k + 3) + k * k) % words.length]).join(
      " ",
    ),
    role: "user",
    name: "Ada",
    createdAt: new Date(1_700_000_000_000 + i * 60_000),
  }));
  await memory.addMany(items, { userId: "ada" });
  await memory.search("warm up", { userId: "ada" });
  const begin = performance.now();
  for (let i = 0; i < 10; i++)
    await memory.search(`When did her ${words[i]} job begin?`, { userId: "ada" });
  // Ten times what it takes, so that a busy machine does not fail it.
  expect((performance.now() - begin) / 10).toBeLessThan(300);
});
