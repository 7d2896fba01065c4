import { describe, expect, it } from "vitest";
import { describeFailure, type Outcome, RunnerError, runCase, type Step } from "../src/index.ts";
import { caseOf, FakeError, fake, fileOf } from "./fake.ts";

function run(implementation: ReturnType<typeof fake>, ...steps: Step[]): Promise<Outcome> {
  const one = caseOf(...steps);
  return runCase(fileOf(one), one, implementation);
}

const TWO: Step[] = [
  { do: "add", with: { content: "one", id: "1" } },
  { do: "add", with: { content: "two", id: "2" } },
];

describe("a right implementation", () => {
  it("passes", async () => {
    const outcome = await run(
      fake(),
      ...TWO,
      { do: "getAll", expect: [{ id: "1", content: "one" }, { id: "2" }] },
      {
        do: "add",
        with: { content: "" },
        expectError: { code: "INVALID_ARGUMENT", field: "content" },
      },
      { do: "get", with: { id: "absent" }, expect: null },
      { do: "close" },
      { do: "add", with: { content: "x" }, expectError: { code: "CLOSED", field: null } },
    );
    expect(outcome).toEqual({ status: "passed" });
  });

  it("passes repeats, with the index in the place of #", async () => {
    const add: Step = { do: "add", with: { content: { $index: "n #" }, id: { $index: "#" } } };
    const outcome = await run(
      fake(),
      { do: "repeat", times: 3, steps: [add] },
      { do: "getAll", expect: [{ id: "0" }, { id: "1" }, { id: "2", content: "n 2" }] },
    );
    expect(outcome.status).toBe("passed");
  });

  it("passes parallel steps, judged one by one or together", async () => {
    const good: Step = { do: "add", with: { content: "x" } };
    const bad: Step = { do: "add", with: { content: "" } };
    const error = { code: "INVALID_ARGUMENT", field: "content" };
    const outcome = await run(
      fake(),
      { do: "parallel", steps: [good, { ...bad, expectError: error }] },
      { do: "parallel", steps: [good, bad], expect: [{ version: 1 }, { error }] },
      { do: "count", expect: 2 },
    );
    expect(outcome.status).toBe("passed");
  });

  it("gets each argument where it belongs", async () => {
    const seen: unknown[][] = [];
    const note = async (...args: unknown[]) => seen.push(args);
    const calls = { delete: note, clear: note, history: note, changes: note, backup: note };
    await run(
      fake(calls),
      { do: "delete", with: { id: "a", purge: true } },
      { do: "delete", with: { id: "a" } },
      { do: "clear", with: { purge: true } },
      { do: "history", with: { id: "a" } },
      { do: "changes", with: { after: 1 } },
      { do: "changes" },
      { do: "backup", with: { path: "p" } },
    );
    const [purge, after] = [{ purge: true }, { after: 1 }];
    expect(seen).toEqual([["a", purge], ["a"], [purge], ["a"], [after], [], ["p"]]);
  });

  it("has its clock set and moved by the case", async () => {
    const seen: unknown[] = [];
    let clock = () => 0;
    const count = async () => seen.push(clock());
    await run(
      fake({ count }, (options) => {
        clock = (options as { clock: () => number }).clock;
      }),
      { do: "count" },
      { do: "clock.advance", with: { ms: 5 } },
      { do: "count" },
      { do: "clock.set", with: { now: "1970-01-01T00:00:01.000Z" } },
      { do: "count" },
    );
    expect(seen).toEqual([1767225600000, 1767225600005, 1000]);
  });
});

describe("a fault of the implementation is caught, with its place", () => {
  const all: Step = { do: "getAll", expect: [{ id: "1", content: "one" }, { id: "2" }] };

  async function failure(faults: Parameters<typeof fake>[0], ...steps: Step[]) {
    const outcome = await run(fake(faults), ...steps);
    if (outcome.status !== "failed") throw new Error(`the runner says ${outcome.status}`);
    return outcome.failure;
  }

  it("a wrong value", async () => {
    const getAll = async () => [{ id: "1", content: "ONE" }, { id: "2" }];
    expect(await failure({ getAll }, ...TWO, all)).toEqual({
      step: "steps[2]",
      mismatch: { path: "$[0].content", expected: "one", actual: "ONE" },
    });
  });

  it("a wrong order", async () => {
    const getAll = async () => [{ id: "2" }, { id: "1", content: "one" }];
    expect((await failure({ getAll }, all)).mismatch.path).toBe("$[0].id");
  });

  it("an element too many, and one too few", async () => {
    const three = async () => [{ id: "1", content: "one" }, { id: "2" }, { id: "3" }];
    const one = async () => [{ id: "1", content: "one" }];
    expect((await failure({ getAll: three }, all)).mismatch).toMatchObject({
      path: "$.length",
      actual: 3,
    });
    expect((await failure({ getAll: one }, all)).mismatch).toMatchObject({
      path: "$.length",
      actual: 1,
    });
  });

  it("an error that is missing", async () => {
    const add = async () => ({ id: "1" });
    const step: Step = {
      do: "add",
      with: { content: "" },
      expectError: { code: "INVALID_ARGUMENT", field: "content" },
    };
    expect((await failure({ add }, step)).mismatch.path).toBe("$");
  });

  it("an error with another code, with another field, or without a code", async () => {
    const step: Step = { do: "count", expectError: { code: "NOT_FOUND", field: "id" } };
    const throwing = (error: Error) => async () => {
      throw error;
    };
    const paths = [];
    for (const error of [
      new FakeError("CONFLICT", "id"),
      new FakeError("NOT_FOUND", null),
      new TypeError("id"),
    ]) {
      paths.push((await failure({ count: throwing(error) }, step)).mismatch.path);
    }
    expect(paths).toEqual(["$error.code", "$error.field", "$error.code"]);
  });

  it("an error that the case does not expect, in a step without expectations too", async () => {
    const count = async () => {
      throw new FakeError("IO", "path");
    };
    expect((await failure({ count }, { do: "count" })).mismatch.expected).toBe("no error");
    const parallel: Step = { do: "parallel", steps: [{ do: "count" }] };
    expect((await failure({ count }, parallel)).step).toBe("steps[0].steps[0]");
  });

  it("an answer that JSON would change", async () => {
    for (const value of [new Date(0), [{ a: undefined }], { n: Number.NaN }]) {
      const get = async () => value;
      const { mismatch } = await failure({ get }, { do: "get", with: { id: "1" } });
      expect(mismatch.actual).toMatchObject({ message: "TypeError: the answer is no JSON" });
    }
  });

  it("a message that tells what it shall hide", async () => {
    const count = async () => {
      throw new FakeError("NOT_FOUND", "id", "no record secret-1");
    };
    const step: Step = {
      do: "count",
      expectError: { code: "NOT_FOUND", field: "id", hides: ["secret-1"] },
    };
    expect((await failure({ count }, step)).mismatch.path).toBe("$error.message");
  });

  it("a fault in the second round of a repeat", async () => {
    let calls = 0;
    const count = async () => calls++;
    const repeat: Step = { do: "repeat", times: 3, steps: [{ do: "count", expect: 0 }] };
    expect(await failure({ count }, repeat)).toMatchObject({ step: "steps[0].steps[0]" });
    expect(calls).toBe(2);
  });

  it("is described by file, case, step, path, expected and actual", async () => {
    const text = describeFailure(
      "cases/x.json",
      "a case",
      await failure({}, { do: "count", expect: 1 }),
    );
    expect(text).toBe(
      "cases/x.json: a case\n  step      steps[0]\n  path      $\n  expected  1\n  actual    0",
    );
  });
});

describe("an implementation that lacks a call", () => {
  it("fails the case", async () => {
    const outcome = await run(fake(), { do: "compact", expect: 0 });
    expect(outcome).toMatchObject({ failure: { mismatch: { actual: { code: null } } } });
  });
});

describe("a fault of the case is the runner's error, not a failure", () => {
  const faults: [string, Step[]][] = [
    ["an unknown operation", [{ do: "adds", with: { content: "x" } }]],
    ["an unknown operator", [{ do: "count", expect: { $close: 1 } }]],
    ["an operator beside a key", [{ do: "getAll", expect: { $type: "array", x: 1 } }]],
    ["a handle that nobody opened", [{ do: "count", on: "b" }]],
    ["a reference to nothing", [{ do: "get", with: { id: { $ref: "ada.id" } } }]],
    [
      "data that a driver would take for a generator",
      [{ do: "add", with: { content: { $literal: { $embedder: 4 } } } }],
    ],
    ["a number that is none", [{ do: "add", with: { content: { $number: "1," } } }]],
    [
      "an embedder with an unknown fault",
      [{ do: "add", with: { content: { $embedder: [4, "purple"] } } }],
    ],
    ["an unknown input", [{ do: "add", with: { content: { $input: "purple" } } }]],
    ["a repeat without steps", [{ do: "repeat", times: 2 }]],
    ["no steps", []],
  ];
  for (const [name, steps] of faults) {
    it(name, async () => {
      await expect(run(fake(), ...steps)).rejects.toThrow(RunnerError);
    });
  }

  it("an error of the implementation with a runner's name is still a failure", async () => {
    const count = async () => {
      throw new TypeError("RunnerError");
    };
    expect((await run(fake({ count }), { do: "count" })).status).toBe("failed");
  });
});

describe("accounting", () => {
  it("skips what requires more than there is, and says what", async () => {
    const one = { ...caseOf({ do: "count" }), requires: ["persistence" as const] };
    const file = { ...fileOf(one), requires: ["dynamicTypes" as const, "largeInputs" as const] };
    expect(await runCase(file, one, fake())).toEqual({
      status: "skipped",
      lacks: ["largeInputs", "persistence"],
    });
  });
});
