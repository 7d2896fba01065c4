// `npm run bench:retrieval -- locomo10.json`: builds both packages and runs benchmarks/<name>/run.mjs.
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
  await run("node", [`benchmarks/${name}/run.mjs`, ...args]);
});
