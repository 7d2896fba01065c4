// `npm run torture -- --rounds 100`: builds both packages, and kills writers of both languages in the middle of their work.
import { main, run, setup } from "./setup.mjs";
import { buildPackages } from "./turbo.mjs";

await main(async () => {
  await setup();
  await buildPackages();
  await run("node", ["tests/processes/torture.mjs", ...process.argv.slice(2)]);
});
