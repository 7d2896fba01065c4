// `npm run demo [-- conversation.json]`: sets up and builds both packages, reads a conversation into a file from Node, and asks
// questions of the same file from Python.
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { main, root, run, setup } from "./setup.mjs";
import { buildPackages } from "./turbo.mjs";

await main(async () => {
  // npm changed the folder to ours; a path is meant from where the user stands.
  const given = process.argv.slice(2).map((path) => resolve(process.env.INIT_CWD ?? ".", path));
  await setup();
  await buildPackages();
  const store = join(root, "demo.agentmem");
  for (const end of ["", "-wal", "-shm"]) rmSync(store + end, { force: true });
  await run("node", ["examples/demo/remember.mjs", store, ...given]);
  await run("python", ["examples/demo/ask.py", store, ...given]);
});
