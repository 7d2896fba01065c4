import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import { History } from "../../conformance/tools/histories.mjs";
import { filter, json, metadata, text, time, timesFromNow, vector } from "./arbitraries.mjs";
import { Four } from "./four.mjs";

const seed = Number(process.env.AGENTMEM_SEED ?? 1);
const rounds = Number(process.env.AGENTMEM_ROUNDS ?? 800);

/** Asks so many random things, each of empty memories. */
const asks = (what, arbitrary, ask, share = 1) =>
  it(what, { timeout: 3_600_000 }, () =>
    fc.assert(
      fc.asyncProperty(arbitrary, async (input) => {
        await four.open();
        await ask(input);
        await four.close();
      }),
      { seed, numRuns: Math.ceil(rounds * share) },
    ),
  );

const four = new Four();
// The core is built before the first answer is waited for.
beforeAll(async () => {
  await four.open();
  await four.close();
}, 600_000);
afterAll(() => four.end());

describe("the four implementations agree", () => {
  const said = fc.record(
    {
      content: text,
      role: fc.constant("user"),
      name: fc.constantFrom("Ada", "Zoë", "美"),
      runId: fc.constantFrom("r", "s"),
    },
    { requiredKeys: ["content"] },
  );
  const conversation = fc.record({
    said: fc.array(said, { minLength: 1, maxLength: 5 }),
    query: text,
    own: fc.boolean(),
  });
  asks(
    "what the words of any text are, and how near their meanings",
    conversation,
    async ({ said, query, own }) => {
      for (const [i, item] of said.entries())
        await four.ask({ do: "add", with: { ...item, id: `${i}` } });
      const asked = own ? said[0].content : query;
      for (const mode of ["hybrid", "lexical", "semantic"])
        await four.ask({ do: "search", with: { query: asked, mode, explain: true, context: 1 } });
    },
  );

  const asked = fc.record({
    passed: fc.integer({ min: 0, max: 1500 }),
    ages: fc.array(fc.constantFrom(0, 1, 2, 4, 7, 15, 33, 95, 300), { minLength: 1, maxLength: 5 }),
    query: timesFromNow,
  });
  asks("which times from now a question tells", asked, async ({ passed, ages, query }) => {
    const day = 86_400_000;
    four.advance(passed * day);
    for (const [i, age] of ages.entries()) {
      const createdAt = new Date(four.now - age * day).toISOString();
      const content = i === 0 ? query : "tea";
      await four.ask({ do: "add", with: { content, id: `${i}`, role: "user", createdAt } });
    }
    for (const mode of ["hybrid", "lexical"])
      await four.ask({ do: "search", with: { query, mode, explain: true } });
  });

  const selection = fc.record({ all: fc.array(metadata, { minLength: 1, maxLength: 4 }), filter });
  asks(
    "what metadata may be, and which of it any filter selects",
    selection,
    async ({ all, filter }) => {
      for (const [i, metadata] of all.entries())
        await four.ask({ do: "add", with: { content: "tea", id: `${i}`, metadata } });
      await four.ask({ do: "getAll", with: { filter } });
    },
  );

  asks(
    "which texts are times, and which times they are",
    fc.tuple(time, time),
    async ([first, second]) => {
      await four.ask({ do: "add", with: { content: "tea", id: "it", createdAt: first } });
      await four.ask({ do: "getAll", with: { since: second } });
      await four.ask({ do: "getAll", with: { since: first } });
      await four.ask({ do: "getAll", with: { until: first } });
      await four.ask({ do: "update", with: { id: "it", expiresAt: second } });
    },
  );

  const option = fc.constantFrom(
    ...[
      [
        "add",
        { content: "milk" },
        [
          "content",
          "id",
          "userId",
          "agentId",
          "role",
          "name",
          "metadata",
          "importance",
          "createdAt",
          "expiresAt",
          "ttl",
          "dedupe",
          "x",
        ],
      ],
      [
        "search",
        { query: "tea" },
        [
          "query",
          "userId",
          "filter",
          "since",
          "limit",
          "mode",
          "minScore",
          "recency",
          "importanceWeight",
          "context",
          "explain",
          "asOf",
          "x",
        ],
      ],
      [
        "getAll",
        {},
        ["runId", "filter", "until", "limit", "offset", "after", "order", "asOf", "x"],
      ],
      ["get", { id: "it" }, ["id", "asOf", "x"]],
      ["count", {}, ["agentId", "asOf", "x"]],
      [
        "update",
        { id: "it", importance: 1 },
        ["id", "content", "metadata", "importance", "expiresAt", "ttl", "ifVersion", "userId"],
      ],
      ["delete", { id: "it" }, ["id", "purge", "x"]],
      ["clear", {}, ["userId", "filter", "since", "purge", "x"]],
      ["changes", {}, ["after", "limit", "x"]],
      ["history", { id: "it" }, ["id", "x"]],
      ["addMany", { items: [{ content: "milk" }] }, ["items", "defaults"]],
      ["scoped", {}, ["userId", "agentId", "runId", "x"]],
    ].flatMap(([operation, right, names]) => names.map((name) => [operation, right, name])),
  );
  const mistake = fc.record({ option, value: json });
  asks(
    "what any value in the place of an option is",
    mistake,
    async ({ option: [operation, right, name], value }) => {
      await four.ask({
        do: "add",
        with: { content: "tea", id: "it", createdAt: "2026-01-01T00:00:00Z" },
      });
      await four.ask({
        do: operation,
        ...(operation === "scoped" && { as: "view" }),
        with: { ...right, [name]: value },
      });
      await four.ask({ do: "getAll" });
    },
    2,
  );

  const vectors = fc.record({
    given: fc.array(fc.option(vector), { minLength: 1, maxLength: 4 }),
    asked: fc.option(vector),
    query: text,
  });
  asks("how near vectors of one's own are", vectors, async ({ given, asked, query }) => {
    await four.close();
    await four.open({ embedder: { $embedder: 3 } });
    const own = (embedding) => (embedding === null ? {} : { embedding });
    for (const [i, embedding] of given.entries()) {
      const content = `${query} tea ${i}`;
      await four.ask({ do: "add", with: { content, id: `${i}`, ...own(embedding) } });
    }
    for (const mode of ["semantic", "hybrid"])
      await four.ask({
        do: "search",
        with: { query: `${query} tea`, mode, explain: true, ...own(asked) },
      });
  });

  const history = fc.record({ seed: fc.nat(), length: fc.integer({ min: 1, max: 120 }) });
  asks(
    "how any history goes",
    history,
    async ({ seed, length }) => {
      await four.ask({ do: "scoped", as: "view", with: { userId: "ada" } });
      const steps = new History(seed);
      for (let i = 0; i < length; i++) {
        const step = steps.next();
        if (step.do === "clock.advance") four.advance(step.with.ms);
        else await four.ask(step);
      }
      for (const options of [{}, { history: true }]) {
        await four.ask({ do: "exportTo", on: "view", with: options });
        const { value } = await four.ask({ do: "exportTo", with: options });
        // Into an empty one each, all from the bytes of the same.
        await four.ask({ do: "open", as: "other", with: {} });
        await four.ask({ do: "importFrom", on: "other", with: { text: value.text } });
        const again = await four.ask({ do: "exportTo", on: "other", with: options });
        if (again.value.text !== value.text)
          throw new Error("what was imported is exported otherwise");
        await four.ask({ do: "close", on: "other" });
      }
    },
    1 / 20,
  );
});
