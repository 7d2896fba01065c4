import { describeFailure, Tally } from "./report.ts";
import { lacking, runCase } from "./run.ts";
import { loadSuite } from "./suite.ts";
import type { Implementation } from "./types.ts";

/**
 * Declares a vitest test for each case, and one that all of them were accounted for. Await it at the top of a test file:
 *
 * ```ts
 * import { describeConformance } from "@agentmem/conformance";
 * import { Memory } from "../src/index.ts";
 *
 * await describeConformance({
 *   name: "@agentmem/core",
 *   capabilities: ["memoryOnly", "lazyOpen", "dynamicTypes", "optionsObject", "nativeValues", "javascriptValues"],
 *   open: ({ path, options, lazy }) => (lazy ? new Memory(path, options) : Memory.open(path, options)),
 * });
 * ```
 */
export async function describeConformance(implementation: Implementation): Promise<void> {
  // Loaded here, so that who runs cases without vitest need not have it.
  const { describe, it } = await import("vitest");
  const { manifest, files } = loadSuite();
  const tally = new Tally();
  describe(`conformance of ${implementation.name}`, () => {
    for (const { file, content } of files) {
      describe(`${file}: ${content.title}`, () => {
        for (const oneCase of content.cases) {
          const lacks = lacking(content, oneCase, implementation.capabilities);
          if (lacks.length > 0) {
            tally.count("skipped");
            it.skip(`${oneCase.name} (requires ${lacks.join(", ")})`, () => {});
            continue;
          }
          it(oneCase.name, { timeout: TIMEOUT }, async () => {
            const outcome = await runCase(content, oneCase, implementation);
            tally.count(outcome.status);
            if (outcome.status === "failed") {
              throw new Error(describeFailure(file, oneCase.name, outcome.failure));
            }
          });
        }
      });
    }
    it("accounts for every case of the manifest", () => tally.check(manifest.total));
  });
}

/** A case takes milliseconds; a trace, or a hundred thousand items on a busy machine, takes longer. */
const TIMEOUT = 120_000;
