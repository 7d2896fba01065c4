// The reference and the core have the same modules by name, file for file, so that a reader lays them side by side, and
// dependencies between them point one way.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const core = { folder: "crates/agentmem-core/src", end: ".rs", entry: "lib" };
const reference = { folder: "packages/core-ts/src", end: ".ts", entry: "index" };

// What each module may import, besides itself and what its imports may.
const layers = [
  ["error"],
  ["record", "scope", "text"],
  ["filter", "embed", "store"],
  ["search_index", "rank"],
  ["memory"],
];

const problems = [];

/** The modules of a folder: its files, and folders as one module each. */
function modules({ folder, end, entry }) {
  const names = readdirSync(root + folder, { withFileTypes: true })
    .filter(
      (file) =>
        file.isDirectory() ||
        (file.name.endsWith(end) && !/\.generated\.|\.d\.ts$/.test(file.name)),
    )
    .map((file) => file.name.replace(end, "").replaceAll("-", "_"));
  return [...new Set(names)].filter((name) => name !== entry).sort();
}

const layer = (name) => layers.findIndex((names) => names.includes(name));
const expected = layers.flat().sort();

for (const side of [core, reference]) {
  const found = modules(side);
  const missing = expected.filter((name) => !found.includes(name));
  const surplus = found.filter((name) => !expected.includes(name));
  if (missing.length > 0) problems.push(`${side.folder} lacks ${missing.join(", ")}`);
  if (surplus.length > 0) problems.push(`${side.folder} has ${surplus.join(", ")} too many`);

  for (const file of readdirSync(root + side.folder, { recursive: true })) {
    const name = file.split(/[\\/]/)[0].replace(side.end, "").replaceAll("-", "_");
    if (layer(name) < 0 || !file.endsWith(side.end)) continue;
    const text = readFileSync(`${root}${side.folder}/${file}`, "utf8");
    for (const [, rust, ts] of text.matchAll(/\bcrate::(\w+)|from "\.\.?\/([\w-]+)/g)) {
      const used = (rust ?? ts).replaceAll("-", "_");
      if (layer(used) > layer(name))
        problems.push(`${side.folder}/${file} uses ${used}, which stands above it`);
    }
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
}
