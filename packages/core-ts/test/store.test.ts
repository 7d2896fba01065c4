import { expect, test } from "vitest";
import type { StoredRecord } from "../src/record/index.js";
import { IdSource, Store } from "../src/store.js";

function record(id: string, content = "tea"): StoredRecord {
  const scope = { userId: null, agentId: null, runId: null };
  const said = { content, role: null, name: null, metadata: {}, importance: 0.5 };
  return { id, ...scope, ...said, createdAt: 0, updatedAt: 0, expiresAt: null, version: 1 };
}

test("each write appends an event with the state that it superseded", () => {
  const store = new Store();
  store.add(record("a", "one"), null, 10);
  store.update(record("a", "two"), 20);
  store.delete("a", 15);
  const events = store
    .events()
    .map(({ superseded, ...event }) => ({ ...event, was: superseded?.record.content }));
  expect(events).toEqual([
    { seq: 1, at: 10, kind: "ADD", id: "a", was: undefined },
    { seq: 2, at: 20, kind: "UPDATE", id: "a", was: "one" },
    { seq: 3, at: 20, kind: "DELETE", id: "a", was: "two" },
  ]);
  expect(store.get("a")).toBeUndefined();
  expect(store.last("a")?.record.content).toBe("two");
  expect(store.last("b")).toBeUndefined();
});

test("an update keeps the place in the order of adding, a new add takes the last", () => {
  const store = new Store();
  store.add(record("a"), null, 0);
  store.add(record("b"), null, 0);
  store.update(record("a", "two"), 0);
  expect([...store.rows()].map((row) => [row.record.id, row.added])).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  store.add(record("a", "three"), null, 0);
  expect([...store.rows()].map((row) => [row.record.id, row.added])).toEqual([
    ["b", 2],
    ["a", 4],
  ]);
});

test("a transaction that throws leaves rows, order and log as they were", () => {
  const store = new Store();
  store.add(record("a"), null, 0);
  store.add(record("b"), null, 0);
  const before = { rows: [...store.rows()], events: [...store.events()] };
  const fail = () =>
    store.transaction(() => {
      store.delete("a", 1);
      store.add(record("a", "again"), null, 1);
      store.update(record("b", "two"), 1);
      store.add(record("c"), null, 1);
      throw new Error("stop");
    });
  expect(fail).toThrow("stop");
  expect({ rows: [...store.rows()], events: [...store.events()] }).toEqual(before);
});

test("generated ids are UUIDs of version 7 that carry the time and only grow", () => {
  const ids = new IdSource();
  const made = [5, 5, 5, 3, 1_700_000_000_000, 0].map((now) => ids.next(now));
  for (const id of made)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...made].sort()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
  const times = made.map((id) => Number.parseInt(id.replace("-", "").slice(0, 12), 16));
  expect(times).toEqual([5, 5, 5, 5, 1_700_000_000_000, 1_700_000_000_000]);
});

test("ten thousand ids of one moment are all different and in order", () => {
  const ids = new IdSource();
  let last = "";
  for (let i = 0; i < 10_000; i++) {
    const id = ids.next(1);
    expect(id > last).toBe(true);
    last = id;
  }
});
