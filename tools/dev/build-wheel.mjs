// Builds the wheel into bindings/python/dist, alone there: `pip --find-links` must not meet an older one.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { main, root, run } from "./setup.mjs";
import "./copy-licences.mjs";

await main(async () => {
  const cwd = join(root, "bindings/python");
  rmSync(join(cwd, "dist"), { recursive: true, force: true });
  // `napi build` always names a target. Named here and for the crates too, all three share one build of SQLite.
  const host = execFileSync("rustc", ["--print", "host-tuple"], { encoding: "utf8" }).trim();
  await run("maturin", ["build", "--release", "--locked", "--target", host, "--out", "dist"], {
    cwd,
  });
});
