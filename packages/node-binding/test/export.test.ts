import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Memory } from "../ts/index.ts";

test("the example of the guide says what it prints", async () => {
  const guide = readFileSync(new URL("../../../docs/guide/export.md", import.meta.url), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "agentmem-guide-"));
  try {
    const [, code = ""] = /```js\n(.*?)```/s.exec(guide) ?? [];
    const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
    const printed: string[] = [];
    const body = code
      .replace(/import .*;\n/, "")
      .replaceAll(/\b(Memory\.open|exportTo|importFrom)\("/g, `$1("${folder}/`);
    await new Function("Memory", "console", `return (async () => {${body}})();`)(Memory, {
      log: (value: unknown) => printed.push(JSON.stringify(value)),
    });
    expect(expected.length).toBeGreaterThan(3);
    expect(printed).toEqual(expected);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a path that is no text and progress that is no function are errors of the caller's", async () => {
  const memory = new Memory();
  const path = 1 as unknown as string;
  const invalid = (field: string) => ({ code: "INVALID_ARGUMENT", field });
  await expect(memory.exportTo(path)).rejects.toMatchObject(invalid("path"));
  await expect(memory.importFrom(path)).rejects.toMatchObject(invalid("path"));
  const onProgress = 1 as unknown as () => void;
  await expect(memory.exportTo("x", { onProgress })).rejects.toMatchObject(invalid("onProgress"));
  await expect(memory.importFrom("x", { onProgress })).rejects.toMatchObject(invalid("onProgress"));
  await memory.close();
  await expect(memory.exportTo("x")).rejects.toMatchObject({ code: "CLOSED" });
});
