import { readVectors } from "@agentmem/conformance";
import { describe, expect, it } from "vitest";
import { quantise } from "../src/embed/index.js";
import { AgentMemError } from "../src/error.js";
import { parseFilter } from "../src/filter.js";
import { canonical, type JsonObject, type JsonValue } from "../src/record/json.js";
import { parseTime } from "../src/record/time.js";

interface Vector<Input, Output> {
  input: Input;
  output?: Output;
  error?: { code: string; field?: string };
  why: string;
}

interface VectorFile<Input, Output> {
  vectors: Vector<Input, Output>[];
}

/** What a pure function gives, or the code and field of what it throws. */
function outcome(run: () => unknown): unknown {
  try {
    return { output: run() };
  } catch (error) {
    if (!(error instanceof AgentMemError)) throw error;
    return { error: { code: error.code, field: error.field } };
  }
}

function check<Input, Output>(name: string, run: (input: Input) => Output): void {
  const { vectors } = readVectors(name) as VectorFile<Input, Output>;
  expect(vectors.length).toBeGreaterThan(0);
  for (const { input, output, error, why } of vectors) {
    const expected = error === undefined ? { output } : { error };
    expect(
      outcome(() => run(input)),
      why,
    ).toMatchObject(expected);
  }
}

describe("vectors", () => {
  it("filters hold, or not, or are refused", () => {
    check("filters", ({ filter, metadata = {} }: { filter: JsonValue; metadata?: JsonObject }) =>
      parseFilter(filter, "filter")(metadata),
    );
  });

  it("JSON has the canonical form", () => {
    check("canonical", (value: JsonValue) => canonical(value));
  });

  it("floats are quantised by one rule", () => {
    check("quantise-floats", (components: number[]) => [
      ...quantise(Float32Array.from(components)),
    ]);
  });

  it("times are milliseconds, or are refused", () => {
    check("times", (text: string) => parseTime(text, "time"));
  });
});
