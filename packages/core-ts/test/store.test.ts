import { expect, test } from "vitest";
import type { StoredRecord } from "../src/record/index.js";
import { IdSource, type LogEvent, type Problem, Store } from "../src/store.js";

function record(id: string, content = "tea"): StoredRecord {
  const scope = { userId: null, agentId: null, runId: null };
  const said = { content, role: null, name: null, metadata: {}, importance: 0.5 };
  return { id, ...scope, ...said, createdAt: 0, updatedAt: 0, expiresAt: null, version: 1 };
}

test("each write appends an event with the state that it left", () => {
  const store = new Store();
  store.add(record("a", "one"), null, 10);
  store.update(record("a", "two"), 20);
  store.delete("a", 15);
  const events = store
    .events()
    .map(({ state, ...event }) => ({ ...event, left: state?.record.content }));
  expect(events).toEqual([
    { seq: 1, at: 10, kind: "ADD", id: "a", left: "one" },
    { seq: 2, at: 20, kind: "UPDATE", id: "a", left: "two" },
    { seq: 3, at: 20, kind: "DELETE", id: "a", left: undefined },
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

/** What happened to an id, as a view of a user (or all) sees it: the kinds of events, and the content after each. */
function told(store: Store, id: string, userId?: string): string[] {
  const events = store.history(id, userId === undefined ? {} : { userId });
  return events.map(({ kind, state }) => `${kind} ${state?.record.content ?? "-"}`);
}

test("a view sees the events of the records in its scope, and none of another that has the same id", () => {
  const store = new Store();
  store.add({ ...record("a", "one"), userId: "ada" }, null, 0);
  store.add({ ...record("a", "two"), userId: "bob" }, null, 0);
  store.delete("a", 0);
  store.add({ ...record("a", "three"), userId: "ada" }, null, 0);
  expect(told(store, "a")).toEqual(["ADD one", "ADD two", "DELETE -", "ADD three"]);
  expect(told(store, "a", "ada")).toEqual(["ADD one", "ADD three"]);
  expect(told(store, "a", "bob")).toEqual(["ADD two", "DELETE -"]);
  store.compact([], Number.POSITIVE_INFINITY, 0);
  expect(told(store, "a")).toEqual(["ADD -", "ADD -", "DELETE -", "ADD three"]);
  expect(told(store, "a", "bob")).toEqual([]);
});

test("an erased record that took the place of an expired one is not told to the view of that one", () => {
  const store = new Store();
  store.add({ ...record("a", "one"), userId: "ada" }, null, 0);
  store.add({ ...record("a", "two"), userId: "bob" }, null, 0);
  store.compact([...store.rows()], Number.NEGATIVE_INFINITY, 0);
  expect(told(store, "a")).toEqual(["ADD one", "ADD -", "DELETE -"]);
  expect(told(store, "a", "ada")).toEqual(["ADD one"]);
});

test("a purge leaves one event, and numbers and times go on", () => {
  const store = new Store();
  store.add(record("a", "one"), null, 10);
  store.update(record("a", "two"), 20);
  store.add(record("b"), null, 20);
  store.purge(["a"], 5);
  expect(store.events().map(({ seq, at, kind, id }) => [seq, at, kind, id])).toEqual([
    [3, 20, "ADD", "b"],
    [4, 20, "PURGE", "a"],
  ]);
  expect([store.get("a"), store.last("a"), store.countPast()]).toEqual([undefined, undefined, 0]);
  store.add(record("a", "anew"), null, 0);
  expect(told(store, "a")).toEqual(["PURGE -", "ADD anew"]);
  store.purge(["b", "a"], 0);
  expect(store.events().map(({ seq, kind, id }) => [seq, kind, id])).toEqual([
    [6, "PURGE", "b"],
    [7, "PURGE", "a"],
  ]);
  expect(store.problems()).toEqual([]);
});

test("compact erases states, never the newest of a record that has not expired, and keeps the events", () => {
  const store = new Store();
  store.add(record("a", "one"), null, 10);
  store.update(record("a", "two"), 20);
  store.update(record("a", "three"), 30);
  store.add(record("b"), null, 30);
  expect(store.compact([], 19, 40)).toBe(0);
  expect(store.compact([], 20, 40)).toBe(1);
  expect(told(store, "a")).toEqual(["ADD -", "UPDATE two", "UPDATE three"]);
  expect(store.compact([...store.rows()].slice(1), 30, 40)).toBe(2);
  expect(told(store, "a")).toEqual(["ADD -", "UPDATE -", "UPDATE three"]);
  expect(told(store, "b")).toEqual(["ADD -", "DELETE -"]);
  expect([store.last("b"), store.countPast()]).toEqual([undefined, 0]);
  expect(store.problems()).toEqual([]);
});

test("problems finds what does not agree", () => {
  /** As damage does it: past the compiler. */
  type Damaged = { -readonly [K in keyof LogEvent]: unknown };
  const event = (store: Store, i: number) => store.events()[i] as Damaged;
  const damages: [(store: Store) => void, Problem[]][] = [
    [() => {}, []],
    [
      (store) => Object.assign(event(store, 1), { seq: 1 }),
      [
        { kind: "event", seq: 1 },
        { kind: "row", seq: 1 },
      ],
    ],
    [(store) => Object.assign(event(store, 1), { at: 0 }), [{ kind: "event", seq: 2 }]],
    [(store) => Object.assign(event(store, 2), { state: null }), [{ kind: "row", seq: 3 }]],
    [
      (store) => Object.assign(event(store, 2), { kind: "DELETE" }),
      [
        { kind: "row", seq: 3 },
        { kind: "event", seq: 3 },
      ],
    ],
    [(store) => Object.assign(store.get("b") as object, { added: 2 }), [{ kind: "row", seq: 3 }]],
    [
      (store) => Object.assign(store.events()[0]?.state as object, { added: 7 }),
      [{ kind: "past", seq: 1 }],
    ],
    [(store) => (store.events() as unknown[]).pop(), [{ kind: "row", seq: 3 }]],
  ];
  for (const [damage, problems] of damages) {
    const store = new Store();
    store.add(record("a", "one"), null, 10);
    store.update(record("a", "two"), 20);
    store.add(record("b"), null, 30);
    damage(store);
    expect(store.problems()).toEqual(problems);
  }
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
