// `npm run bench:retrieval -- PATH [options]`, `npm run bench:speed -- [options]`: builds both packages and runs benchmarks/<name>/bench.py.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { main, run, setup } from "./setup.mjs";
import { buildPackages } from "./turbo.mjs";

await main(async () => {
  const [name, ...rest] = process.argv.slice(2);
  const args = rest.map((arg) => {
    const path = resolve(process.env.INIT_CWD ?? ".", arg);
    return existsSync(path) ? path : arg;
  });
  await setup();
  await buildPackages();
  await run("python", [`benchmarks/${name}/bench.py`, ...args]);
});
