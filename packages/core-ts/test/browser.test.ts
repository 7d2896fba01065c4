import { fileURLToPath } from "node:url";
import { describeFailure, isRight, runSuite } from "@agentmem/conformance";
import { describe, expect, it } from "vitest";
import { findBrowser } from "../../../tools/dev/browser.mjs";

const driver = fileURLToPath(new URL("browser/driver.mjs", import.meta.url));

describe("the reference in a browser", () => {
  const browser = findBrowser();
  if (browser === undefined) {
    it.skip("answers as the cases say: no browser in PATH, and AGENTMEM_BROWSER names none");
    return;
  }

  it(`answers as the cases say, in ${browser}`, { timeout: 300_000 }, async () => {
    const report = await runSuite({
      driver: `${process.execPath} ${driver}`,
      // All that it has in Node but 257 MiB in one call, which would have to go through the debugger's pipe.
      capabilities: [
        ...["memoryOnly", "lazyOpen", "dynamicTypes", "optionsObject"],
        ...["nativeValues", "javascriptValues"],
      ],
    });
    const failures = report.cases.map((one) =>
      one.status === "failed" ? describeFailure(one.file, one.name, one.failure) : "",
    );
    expect(failures.filter((text) => text !== "")).toEqual([]);
    expect(isRight(report), String(report.fault)).toBe(true);
  });
});
