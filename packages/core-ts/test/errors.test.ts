import { inspect } from "node:util";
import { expect, test } from "vitest";
import { AgentMemError, Memory } from "../src/index.js";

test("an error of another copy of the package is told by the guard", () => {
  class OtherCopy extends Error {
    get [Symbol.for("agentmem.AgentMemError")](): true {
      return true;
    }
  }
  expect(AgentMemError.is(new OtherCopy())).toBe(true);
  expect(AgentMemError.is(new AgentMemError("IO", "path", "path is a folder"))).toBe(true);
});

test("no other value is taken for an AgentMemError", () => {
  for (const value of [new Error("no"), { code: "IO" }, null, undefined, "IO"]) {
    expect(AgentMemError.is(value)).toBe(false);
  }
});

test("an error is an Error with code, field, cause and name", () => {
  const cause = new Error("why");
  const error = new AgentMemError("IO", "path", "path is a folder", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "AgentMemError", code: "IO", field: "path", cause });
  expect(inspect(error)).toContain("path is a folder");
});

test("a clock that throws is an error that keeps the cause", async () => {
  const cause = new Error("no time");
  const memory = new Memory(null, {
    clock: () => {
      throw cause;
    },
  });
  await expect(memory.count()).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    field: "clock",
    cause,
  });
});

test("messages tell nothing of what was given", async () => {
  const memory = new Memory();
  const secret = "tiramisu";
  const record = { id: secret, metadata: { [`${secret}`]: 1 } };
  await memory.add(secret, record);
  const calls = [
    () => memory.add(`${secret} twice`, record),
    () => memory.update(`${secret} 2`, { importance: 1 }),
    () => memory.getAll({ after: `${secret} 2` }),
    () => memory.add(secret, { userId: `${secret}\0` }),
    () => memory.add(`${secret}\0`),
    () => memory.add(secret, { createdAt: secret }),
    () => memory.search(`${secret}\0`),
    () => memory.count({ filter: { n: { $in: secret } } }),
    () => memory.scoped({ userId: "ada" }).add("tea", { userId: secret }),
  ];
  for (const call of calls) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(AgentMemError.is(error)).toBe(true);
    expect((error as Error).message).not.toContain(secret);
  }
});
