// `npm run turbo -- run test --filter=@agentmem/core`: turbo with the environment that setup made.
import { isMain, main, run, setup } from "./setup.mjs";

export const turbo = (args, options) => run("turbo", args, options);

if (isMain(import.meta.url)) {
  await main(async () => {
    await setup();
    await turbo(process.argv.slice(2));
  });
}
