// `npm test`: sets up, then everything that CI checks, in the order in which it is cheapest to learn of a mistake.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkPackages } from "./package-check.mjs";
import { main, root, setup, step } from "./setup.mjs";
import { turbo } from "./turbo.mjs";

const count = { passed: 0, failed: 0 };

/** Adds up the runners' own summary lines: vitest, pytest, cargo test and the conformance suite. */
function tally(line) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them.
  const text = line.replace(/\u001b\[[0-9;]*m/g, "");
  if (!/\bTests {2}|^\S*\s*=+ .* in [\d.]+s|test result: |conformance: \d/.test(text)) return;
  for (const kind of ["passed", "failed"]) {
    count[kind] += Number(new RegExp(`(\\d+) ${kind}`).exec(text)?.[1] ?? 0);
  }
}

/** What a path takes on disk; a file with several names counts once. */
function bytes(path, seen = new Set()) {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || seen.has(stat.ino)) return 0;
  seen.add(stat.ino);
  if (!stat.isDirectory()) return stat.blocks === undefined ? stat.size : stat.blocks * 512;
  return readdirSync(path).reduce((sum, name) => sum + bytes(join(path, name), seen), 0);
}

const MB = (n) => `${(n / 1e6).toFixed(1)} MB`;

await main(async () => {
  await setup();
  const tasks = ["build", "typecheck", "lint", "test", "conformance"];
  await step(tasks.join(", "), () =>
    turbo(["run", ...tasks, "--continue=dependencies-successful"], { tee: tally }),
  );
  const packages = await step("packages in empty projects", checkPackages);

  console.log("\nSizes");
  for (const folder of ["target", "node_modules", ".venv"]) {
    console.log(`  ${folder.padEnd(32)} ${MB(bytes(join(root, folder)))}`);
  }
  for (const { name, size } of packages) console.log(`  ${name.padEnd(32)} ${MB(size)}`);
});
console.log(`\n${count.passed} passed, ${count.failed} failed`);
