// `npm run torture:files -- --rounds 20 --seed 7`: what a disk can do to a store, for longer than CI does, and the table of docs/testing.md.
import { parseArgs } from "node:util";
import { env, main, run, setup } from "./setup.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    // Of each byte of a small store that is flipped: 1, or 8 for all.
    bits: { type: "string", default: "1" },
  },
});

await main(async () => {
  await setup();
  env.AGENTMEM_ROUNDS = values.rounds;
  env.AGENTMEM_SEED = values.seed;
  env.AGENTMEM_BITS = values.bits;
  await run("cargo", [
    ...["test", "--locked", "-p", "agentmem-core", "--test", "torture"],
    ...["--", "--nocapture"],
  ]);
});
