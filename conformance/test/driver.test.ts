import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { DriverFault, DriverProcess, type Report, runCase } from "../src/index.ts";
import { resolve, writeLine } from "../src/inputs.ts";
import { caseOf, fileOf } from "./fake.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const FAULTY = `${process.execPath} ${path("faulty.mjs")}`;
/** In seconds; only those that never answer take so long. */
const [SOON, LATE] = [0.5, 60];

let driver: DriverProcess;
const start = (timeout = LATE, command = FAULTY) => {
  driver = new DriverProcess(command, [], timeout);
  return driver;
};
const ask = (operation: string) => driver.ask({ do: operation });

afterEach(async () => {
  await driver.end().catch(() => {});
});

describe("a driver", () => {
  it("is one process for all requests, and ends when its input does", async () => {
    start();
    expect([await ask("count"), await ask("count")]).toMatchObject([{ value: 1 }, { value: 2 }]);
    await expect(driver.end()).resolves.toBeUndefined();
  });

  it("may answer in pieces, with any text", async () => {
    start();
    expect(await ask("answer in pieces")).toMatchObject({ value: "tea \u2028 茶" });
  });

  const faults: [string, RegExp][] = [
    ["die", /ended with code 3\nIts standard error: out of memory/],
    ["babble", /no JSON: Starting up…/],
    ["answer another", /was asked 2, and answered: \{"id":1/],
    ["answer nothing", /neither a value nor an error/],
    ["answer both", /neither a value nor an error/],
    ["answer without a message", /neither a value nor an error/],
  ];
  for (const [operation, message] of faults) {
    it(`that is to ${operation} is at fault, and another is started`, async () => {
      start();
      await ask("count");
      await expect(ask(operation)).rejects.toThrow(message);
      expect(await ask("count")).toMatchObject({ value: 1 });
    });
  }

  it("that hangs is at fault after a while", async () => {
    start(SOON);
    await expect(ask("hang")).rejects.toThrow(/said nothing for 0.5 s/);
  });

  it("that speaks unasked is at fault at the next request", async () => {
    start();
    await ask("answer twice");
    await expect(ask("count")).rejects.toThrow(
      /(nobody asked for|was asked 2, and answered): \{"id":1/,
    );
  });

  it("that cannot be started is at fault", async () => {
    start(LATE, "no-such-command-anywhere");
    await expect(ask("count")).rejects.toThrow(DriverFault);
  });

  it("that ends badly, or not at all, is at fault at the end", async () => {
    start();
    await ask("die at the end");
    await expect(driver.end()).rejects.toThrow(/ended with code 4/);
    start(SOON);
    await ask("stay at the end");
    await expect(driver.end()).rejects.toThrow(/said nothing for 0.5 s/);
  });

  it("fails the case in which it is at fault, by its step", async () => {
    const one = caseOf({ do: "count" }, { do: "verify" });
    start(LATE, `${process.execPath} -e "${STOPS_AT_VERIFY}"`);
    expect(await runCase(fileOf(one), one, driver)).toMatchObject({
      status: "failed",
      failure: { step: "steps[1]", mismatch: { path: "driver", expected: "an answer" } },
    });
  });
});

const STOPS_AT_VERIFY = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, do: operation } = JSON.parse(line);
  if (operation === 'verify') process.exit(1);
  console.log(JSON.stringify({ id, value: null }));
});`.replaceAll("\n", " ");

describe("a line", () => {
  it("is ASCII, with numbers as the case writes them", () => {
    const context = { saved: new Map(), index: 0, folder: undefined };
    const value = resolve({ a: "é\u2028", b: [{ $number: "1.0" }, 1] }, context);
    expect(writeLine(value)).toBe('{"a":"\\u00e9\\u2028","b":[1.0,1]}');
  });
});

describe("the command", () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [path("../dist/cli.mjs"), ...args]).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );

  it("reports what failed and what was skipped for want of what, in words and as JSON", async () => {
    const folder = mkdtempSync(join(tmpdir(), "agentmem-report-"));
    const json = join(folder, "report.json");
    const { code, stdout } = await run(
      ...["--driver", FAULTY, "--filter", "cases/since-until.json", "--json", json],
    );
    const report = JSON.parse(readFileSync(json, "utf8")) as Report;
    rmSync(folder, { recursive: true });
    expect(code).toBe(1);
    expect(report).toMatchObject({ format: "1.0", driver: FAULTY, capabilities: [], passed: 0 });
    expect(report.cases.map(({ file }) => file)).toContain("cases/since-until.json");
    expect(report.passed + report.failed + report.skipped).toBe(report.cases.length);
    const { failed, skipped } = report;
    expect(stdout).toMatch(/^cases\/since-until\.json: .*\n {2}step/);
    expect(stdout).toMatch(
      new RegExp(`\nconformance: 0 passed, ${failed} failed, ${skipped} skipped\n$`),
    );
  });

  it("stops at once where the driver never answers", async () => {
    const { code, stdout, stderr } = await run("--driver", "echo Hello");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("The driver does not work: it said what is no JSON: Hello");
  });

  it("fails where nothing was run", async () => {
    const { code, stdout } = await run("--driver", FAULTY, "--filter", "no such case");
    expect([code, stdout]).toEqual([
      1,
      "No case was run.\nconformance: 0 passed, 0 failed, 0 skipped\n",
    ]);
  });

  it("ends with 2 for what it does not understand", async () => {
    for (const args of [
      [],
      ["--driver", "x", "--capabilities", "flight"],
      ["--driver", "x", "--timeout", "soon"],
      ["--drive", "x"],
    ]) {
      expect((await run(...args)).code).toBe(2);
    }
    expect(await run("--help")).toMatchObject({ code: 0 });
  });
});
