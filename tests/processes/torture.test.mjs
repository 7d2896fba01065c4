import assert from "node:assert/strict";
import { test } from "node:test";
import { readJournal, round } from "./torture.mjs";

for (const processes of [2, 4]) {
  test(`${processes} writers that are killed lose nothing, double nothing and leave nothing half done`, async (t) => {
    const seed = 20261122 + processes;
    const { acknowledged, wrong } = await round({ processes, seed });
    t.diagnostic(`seed ${seed}: ${acknowledged} operations were acknowledged`);
    assert.deepEqual(wrong, []);
    assert.ok(acknowledged > 0);
  });
}

test("a journal tells what was acknowledged and what was under way", () => {
  const { ids, acknowledged, together } = readJournal(
    "> 1 add a-1\n< 1\n> 2 update a-1\n< 2\n> 3 addMany a-3\n",
  );
  assert.equal(acknowledged, 2);
  assert.deepEqual(ids.get("a-1"), { adds: 1, updates: 1, deletes: 0, pending: null });
  assert.deepEqual(together, ["a-3.0", "a-3.1", "a-3.2"]);
  assert.equal(ids.get("a-3.1").pending, "addMany");
});
