// Carries the one version that Changesets writes into the package.json files over to Cargo, from which the wheel has its own.
// With --check it only looks, and fails on a difference.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const check = process.argv.includes("--check");
const read = (path) => readFileSync(root + path, "utf8");
const { version } = JSON.parse(read("packages/core-ts/package.json"));
const wrong = [];

function write(path, text) {
  if (read(path) === text) return;
  wrong.push(path);
  if (!check) writeFileSync(root + path, text);
}

const folders = ["crates", "packages", "bindings"].flatMap((parent) =>
  readdirSync(root + parent).map((name) => `${parent}/${name}`),
);
for (const folder of [...folders, "conformance"]) {
  const path = `${folder}/package.json`;
  if (existsSync(root + path))
    write(path, read(path).replace(/("version": )"[^"]*"/, `$1"${version}"`));
}
// In Cargo.toml the lines to change say so themselves.
write(
  "Cargo.toml",
  read("Cargo.toml").replace(
    /(version = )"[^"]*"(.*# (?:version )?written by tools\/dev\/sync-versions)/g,
    `$1"${version}"$2`,
  ),
);
write(
  "Cargo.lock",
  read("Cargo.lock").replace(/(name = "agentmem-[a-z]+"\nversion = )"[^"]*"/g, `$1"${version}"`),
);

if (check && wrong.length > 0) {
  console.error(
    `Not at version ${version}: ${wrong.join(", ")}. Run: node tools/dev/sync-versions.mjs`,
  );
  process.exitCode = 1;
}
