// A driver for Node: `node node.mjs dist/index.mjs` drives the class Memory of that module.
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { driverOf } from "./driver.mjs";

const { Memory } = await import(pathToFileURL(resolve(process.argv[2])));
const answer = driverOf(Memory);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await answer(line)}\n`);
}
