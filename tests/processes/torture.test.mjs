import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Memory } from "@agentmem/native";
import { checkJournal, readJournal, round } from "./torture.mjs";

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

test("the check finds what is lost, doubled, half there, or not the acknowledged version", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-journal-"));
  const memory = new Memory();
  await memory.add("there", { id: "a-1" });
  await memory.add("twice", { id: "a-2" });
  await memory.delete("a-2");
  await memory.add("twice", { id: "a-2" });
  await memory.add("one of three", { id: "a-5.1" });
  const wrongIn = async (text) => {
    const journal = join(folder, "journal");
    writeFileSync(journal, text);
    return (await checkJournal(memory, journal)).wrong.length;
  };
  assert.equal(await wrongIn("> 1 add a-1\n< 1\n"), 0);
  assert.equal(await wrongIn("> 1 add a-3\n< 1\n"), 1, "lost");
  assert.equal(await wrongIn("> 1 add a-3\n"), 0, "not acknowledged");
  assert.notEqual(await wrongIn("> 1 add a-2\n< 1\n"), 0, "doubled");
  assert.equal(
    await wrongIn("> 1 add a-1\n< 1\n> 2 update a-1\n< 2\n"),
    1,
    "an update that is lost",
  );
  assert.notEqual(await wrongIn("> 5 addMany a-5\n"), 0, "half there");
  await memory.close();
  rmSync(folder, { recursive: true });
});
