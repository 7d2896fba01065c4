import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import {
  CAPABILITIES,
  checkTotals,
  loadSuite,
  type Manifest,
  RunnerError,
  readPackageFile,
  type Step,
} from "../src/index.ts";
import { caseOf, fileOf } from "./fake.ts";

interface Schema {
  $defs: { capabilities: { items: { enum: string[] } } };
}

const schema = readPackageFile("schema/case.schema.json") as Schema;
const validate = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  strictTypes: false,
}).compile(schema);
const { manifest, files } = loadSuite();

describe("the files", () => {
  for (const { file, content } of files) {
    it(`${file} fits the schema`, () => {
      validate(content);
      expect(validate.errors ?? []).toEqual([]);
    });
  }

  it("name each case once", () => {
    for (const { content } of files) {
      const names = content.cases.map(({ name }) => name);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  it("cite clauses that the specification has", () => {
    const clauses = new Set<string>();
    const folder = new URL("../../docs/spec/", import.meta.url);
    for (const chapter of readdirSync(folder).filter((name) => /^[0-9]/.test(name))) {
      const text = readFileSync(new URL(chapter, folder), "utf8");
      for (const [, clause] of text.matchAll(/\*\*([0-9]+\.[0-9]+)/g)) clauses.add(clause ?? "");
    }
    const cited = files.flatMap(({ content }) => content.spec);
    expect(cited.filter((clause) => !clauses.has(clause))).toEqual([]);
  });

  it("write with $number what a reader of JSON may lose", () => {
    for (const { file } of files.filter(({ file }) => file.startsWith("cases/"))) {
      const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
      const numbers = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").match(/-?[0-9][0-9.eE+-]*/g) ?? [];
      const isLost = (number: string) =>
        /\.0+$|^-0$/.test(number) ||
        (/^-?[0-9]+$/.test(number) && String(Number(number)) !== number);
      expect(numbers.filter(isLost), file).toEqual([]);
    }
  });

  it("are those of the manifest", () => {
    const tool = fileURLToPath(new URL("../tools/manifest.mjs", import.meta.url));
    expect(() => execFileSync(process.execPath, [tool, "--check"])).not.toThrow();
  });

  it("have vectors in all files of vectors", () => {
    for (const { file, vectors } of manifest.vectors) {
      const content = readPackageFile(file) as { vectors: unknown[] };
      expect(content.vectors.length).toBe(vectors);
      expect(vectors).toBeGreaterThan(0);
    }
  });
});

describe("the schema", () => {
  it("knows the capabilities that the runner knows", () => {
    expect(schema.$defs.capabilities.items.enum).toEqual([...CAPABILITIES]);
  });

  const faults: [string, Step][] = [
    ["an unknown operation", { do: "adds" }],
    ["an unknown member of a step", { do: "count", expects: 0 } as Step],
    [
      "both an answer and an error",
      { do: "count", expect: 0, expectError: { code: "IO", field: null } },
    ],
    ["an error without a field", { do: "count", expectError: { code: "IO" } } as Step],
    ["an unknown code", { do: "count", expectError: { code: "OOPS", field: null } }],
    ["a view without a name", { do: "scoped", with: { userId: "ada" } }],
    ["a repeat without steps", { do: "repeat", times: 2 }],
    ["steps in another step", { do: "count", steps: [{ do: "count" }] }],
    [
      "a clock that moves among parallel steps",
      { do: "parallel", steps: [{ do: "clock.advance" }] },
    ],
  ];
  for (const [name, step] of faults) {
    it(`refuses ${name}`, () => expect(validate(fileOf(caseOf(step)))).toBe(false));
  }
});

describe("totals", () => {
  const loaded = [{ file: "a.json", content: fileOf(caseOf({ do: "count" })) }];
  const listed: Manifest = {
    format: "1.0",
    total: 1,
    cases: [{ file: "a.json", cases: 1 }],
    vectors: [],
  };

  it("pass where the manifest counts what there is", () => {
    expect(() => checkTotals(listed, loaded)).not.toThrow();
  });

  it("fail for another total, another number of cases, and no cases", () => {
    const empty = { ...listed, total: 0, cases: [] };
    const wrong = { ...listed, cases: [{ file: "a.json", cases: 2 }] };
    expect(() => checkTotals({ ...listed, total: 2 }, loaded)).toThrow(RunnerError);
    expect(() => checkTotals(wrong, loaded)).toThrow(RunnerError);
    expect(() => checkTotals(empty, [])).toThrow(RunnerError);
  });
});
