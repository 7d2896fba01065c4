// A new process: imports a system, opens its store, asks one question; prints the seconds and the memory. cold.py says how it is called.
const begun = performance.now();
const [name, store, kind, mode, path] = process.argv.slice(2);
const { readFileSync } = await import("node:fs");
const { make } = await import("./systems/node.mjs");
const [user, text, numbers] = readFileSync(path, "utf8").split("\n");
const vector = Float32Array.from(numbers.split(" "), Number);
const system = make(name);
const opened = performance.now();
await system.open(store, kind, vector.length);
const found = await system.search({ text, vector }, mode, user);
const answered = performance.now();
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
console.log(
  (answered - begun) / 1000,
  (answered - opened) / 1000,
  Number(peak[1]) * 1024,
  system.ids(found).length,
);
process.exit();
