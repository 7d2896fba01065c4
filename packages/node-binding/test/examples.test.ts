import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import * as native from "../ts/index.ts";

/** Every `@example` of the facade, and every example of the README. */
const found = ["ts/memory.ts", "README.md"].flatMap((name) => {
  const text = readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  const examples = text.replaceAll(/^ *\* ?/gm, "").matchAll(/```ts\n(.*?)```/gs);
  return [...examples].map(([, code = ""], i) => ({ name: `${name} ${i + 1}`, code }));
});

/** Runs an example in a folder of its own, and gives the lines that it prints. */
async function run(code: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-example-"));
  const body = code
    .replace(/import (\{[^}]*\}) from "@agentmem\/native";/, "const $1 = native;")
    .replaceAll(/\b(new Memory|exportTo|importFrom)\("/g, `$1("${folder}/`);
  // In a function, so that await may stand in it; transpiled, because Node 20 knows no `await using`.
  const { outputText } = ts.transpileModule(`return (async () => {${body}})();`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const lines: string[] = [];
  const log = (...values: unknown[]) =>
    lines.push(values.map((value) => JSON.stringify(value)).join(" "));
  await new Function("native", "console", outputText)(native, { log });
  rmSync(folder, { recursive: true });
  return lines;
}

test("there are examples", () => {
  expect(found.length).toBeGreaterThan(6);
});

test.each(found)("the example in $name prints what it says", async ({ code }) => {
  const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line = ""]) =>
    line.replaceAll(/(?<=[,:]) /g, ""),
  );
  expect(expected.length).toBeGreaterThan(0);
  expect(await run(code)).toEqual(expected);
});
