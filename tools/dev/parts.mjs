// `npm run bench:parts [-- NAME]`: times the parts of the core. `npm run bench:instructions [-- --write]`: counts the instructions of
// each with valgrind, which a busy machine does not change, beside those of benchmarks/speed/parts/instructions.json; --write keeps them there.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, main, root, run, Stop, setup } from "./setup.mjs";

const folder = join(root, "benchmarks/speed/parts");
const kept = join(folder, "instructions.json");
const cargo = ["--locked", "--manifest-path", join(folder, "Cargo.toml"), "--target-dir", "target"];
const TIMES = 10;

/** How many instructions a program takes by valgrind's count. */
function instructions(...command) {
  const out = join(tmpdir(), `agentmem-callgrind-${process.pid}`);
  const tool = ["--tool=callgrind", `--callgrind-out-file=${out}`, "--compress-strings=no"];
  const { status, stderr } = spawnSync("valgrind", [...tool, ...command], {
    encoding: "utf8",
    env,
  });
  spawnSync("rm", ["-f", out]);
  const found = /Collected : (\d+)/.exec(stderr);
  if (status !== 0 || found === null) throw new Stop(`valgrind ended with code ${status}.`);
  return Number(found[1]);
}

async function count(write) {
  const version = spawnSync("valgrind", ["--version"], { encoding: "utf8" });
  if (version.status !== 0) throw new Stop("This takes valgrind (Debian: apt install valgrind).");
  await run("cargo", ["build", "--release", "--quiet", ...cargo, "--bin", "count"]);
  const program = join(root, "target/release/count");
  const names = execFileSync(program, { encoding: "utf8" }).trimEnd().split("\n");
  const before = JSON.parse(readFileSync(kept, "utf8"));
  const now = {};
  console.log("| part | instructions | kept | change |\n|---|---|---|---|");
  for (const [part, name] of names.entries()) {
    // What is repeated, without what makes it ready.
    const [few, many] = [2, 2 + TIMES].map((times) =>
      instructions(program, String(part), String(times)),
    );
    now[name] = Math.round((many - few) / TIMES);
    const was = before[name];
    const change = was === undefined ? "new" : `${(100 * (now[name] / was - 1)).toFixed(1)} %`;
    const shown = [name, now[name].toLocaleString("en"), was?.toLocaleString("en") ?? "-", change];
    console.log(`| ${shown.join(" | ")} |`);
  }
  if (write) writeFileSync(kept, `${JSON.stringify(now, null, 2)}\n`);
}

await main(async () => {
  const [what, ...rest] = process.argv.slice(2);
  await setup();
  if (what === "instructions") await count(rest.includes("--write"));
  else
    await run("cargo", [
      "bench",
      ...cargo,
      "--features",
      "criterion",
      "--bench",
      "parts",
      "--",
      ...rest,
    ]);
});
