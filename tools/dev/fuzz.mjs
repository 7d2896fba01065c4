// `npm run fuzz -- calls --seconds 600`: looks for inputs that a target of fuzz/ fails on, guided by coverage.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { main, run, Stop, setup } from "./setup.mjs";

const { values, positionals } = parseArgs({
  options: { seconds: { type: "string", default: "60" } },
  allowPositionals: true,
});

await main(async () => {
  const [target] = positionals;
  if (target === undefined)
    throw new Stop("Name a target: calls, filters, imports, texts or times.");
  if (spawnSync("cargo", ["+nightly", "fuzz", "--version"]).status !== 0)
    throw new Stop("This takes a nightly Rust and cargo-fuzz: cargo install cargo-fuzz");
  await setup();
  const fuzz = [
    "+nightly",
    "fuzz",
    "run",
    "--features",
    "libfuzzer",
    "--target-dir",
    "target/fuzz",
  ];
  await run("cargo", [...fuzz, target, "--", `-max_total_time=${values.seconds}`, "-max_len=1024"]);
});
