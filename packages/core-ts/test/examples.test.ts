import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import * as core from "../src/index.js";

interface Example {
  name: string;
  code: string;
}

/** Every `@example` of the sources, and every example of the README. */
function examples(): Example[] {
  const folder = new URL("../src/", import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /^[^.]+\.ts$/.test(file) && !file.endsWith("table-data.ts"))
    .map((file) => ({
      name: file,
      text: readFileSync(new URL(file, folder), "utf8").replaceAll(/^ *\* ?/gm, ""),
    }));
  const readme = {
    name: "README.md",
    text: readFileSync(new URL("../README.md", import.meta.url), "utf8"),
  };
  return [...sources, readme].flatMap(({ name, text }) =>
    [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""], i) => ({
      name: `${name} ${i + 1}`,
      code,
    })),
  );
}

/** Runs an example, and gives the lines that it prints. */
async function run(code: string): Promise<string[]> {
  const body = code.replace(/import (\{[^}]*\}) from "@agentmem\/core";/, "const $1 = core;");
  // In a function, so that await and return may stand in it; transpiled, because Node 20 knows no `await using`.
  const { outputText } = ts.transpileModule(`return (async () => {${body}})();`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const lines: string[] = [];
  const print = (...values: unknown[]) =>
    lines.push(values.map((value) => JSON.stringify(value)).join(" "));
  await new Function("core", "console", outputText)(core, { log: print });
  return lines;
}

const found = examples();

test("there are examples", () => {
  expect(found.length).toBeGreaterThan(7);
});

test.each(found)("the example in $name prints what it says", async ({ code }) => {
  const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line = ""]) =>
    line.replaceAll(/(?<=[,:]) /g, ""),
  );
  expect(expected.length).toBeGreaterThan(0);
  expect(await run(code)).toEqual(expected);
});
