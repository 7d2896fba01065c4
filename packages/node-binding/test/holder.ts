import { spawn } from "node:child_process";
import { once } from "node:events";

const HOLDING = `import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()`;

/** Makes another process hold a store, so that no write gets on; gives what ends that. */
export async function holdFile(path: string): Promise<() => void> {
  const python = process.env.AGENTMEM_PYTHON ?? "python";
  const holder = spawn(python, ["-c", HOLDING, path], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return () => holder.stdin.end();
}
