// `npm run turbo -- run test --filter=@agentmem/core`: turbo with the environment that setup made.
import { isMain, main, run, setup, step } from "./setup.mjs";

export const turbo = (args, options) => run("turbo", args, options);

/** Builds what users install, the Node package and the wheel, which goes into .venv. */
export const buildPackages = () =>
  step("building", () =>
    turbo([
      "run",
      "build",
      "wheel",
      "--filter=@agentmem/native",
      "--filter=agentmem-python",
      "--output-logs=new-only",
    ]),
  );

if (isMain(import.meta.url)) {
  await main(async () => {
    await setup();
    await turbo(process.argv.slice(2));
  });
}
