import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Memory, type MemoryRecord } from "../ts/index.ts";

const stores = fileURLToPath(new URL("../../../conformance/stores/", import.meta.url));
const names = readdirSync(stores)
  .filter((file) => file.endsWith(".agentmem"))
  .map((file) => file.replace(".agentmem", ""));
/** Read as they are: the others have vectors of an older table, or tables that must be made anew. */
const current = ["format-2", "format-3"];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentmem-stores-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const byId = (records: MemoryRecord[]) => records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
const expected = (name: string) =>
  byId(
    readFileSync(`${stores}${name}.jsonl`, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).record),
  );

function copy(name: string): string {
  const path = join(folder, `${name}.agentmem`);
  copyFileSync(`${stores}${name}.agentmem`, path);
  return path;
}

test("there is a store of every format", () => {
  expect(names).toEqual(["format-1-first", "format-1", "format-2-first", "format-2", "format-3"]);
});

describe.each(names)("%s", (name) => {
  test("is brought up and answers as it did", async () => {
    const path = copy(name);
    await using memory = await Memory.open(path);
    expect(byId(await memory.getAll())).toEqual(expected(name));
    expect(await memory.verify()).toMatchObject({ ok: true });
    const [hit] = await memory.search("Which pet did Lin adopt?");
    expect(hit?.id).toBe("turn-1");
  });

  test("stays byte for byte where it may only be read", async () => {
    const path = copy(name);
    const before = readFileSync(path);
    const opened = Memory.open(path, { readOnly: true });
    if (current.includes(name)) {
      await using memory = await opened;
      expect(byId(await memory.getAll())).toEqual(expected(name));
    } else {
      await expect(opened).rejects.toMatchObject({ code: "UNSUPPORTED_FORMAT", field: "path" });
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
