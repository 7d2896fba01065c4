// A new process: imports a system, opens its store, asks one question; prints the seconds and the memory. cold.py says how it is
// called, when the clock runs, and what the system `nothing` is.
import { readFileSync } from "node:fs";
import { make } from "./systems/node.mjs";

const [name, store, kind, mode, path] = process.argv.slice(2);
const [user, text, numbers] = readFileSync(path, "utf8").split("\n");
const vector = Float32Array.from(numbers.split(" "), Number);
if (name === "nothing") told(0, 0, 0);
const begun = performance.now();
const system = make(name);
const opened = performance.now();
await system.open(store, kind, vector.length);
const found = await system.search({ text, vector }, mode, user);
const answered = performance.now();
told((answered - begun) / 1000, (answered - opened) / 1000, system.ids(found).length);

function told(importing, opening, count) {
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
  console.log(importing, opening, Number(peak[1]) * 1024, count);
  process.exit();
}
