// Packs what users get (three npm tarballs, one wheel) and uses each in an empty project: ESM, CommonJS, types, Python, and the
// suite on an implementation that it has not seen before.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMain, main, root, run, Stop } from "./setup.mjs";

const useNode = (name) => `
const memory = new Memory();
const added = await memory.add("Ada likes green tea", { userId: "ada" });
const hits = await memory.search("green tea", { userId: "ada" });
if (hits[0]?.id !== added.id) throw new Error("${name} does not find what it stored");
await memory.close();
`;

const usePython = `
import agentmem_native
with agentmem_native.SyncMemory() as memory:
    added = memory.add("Ada likes green tea", user_id="ada")
    hits = memory.search("green tea", user_id="ada")
    assert hits[0].id == added.id, hits
print("OK", agentmem_native.__version__)
`;

/** One file of a folder with an ending; more or none is a mistake of the build. */
function only(folder, ending) {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (names.length !== 1)
    throw new Stop(`${folder} holds ${names.length} files *${ending}, not one.`);
  return join(folder, names[0]);
}

/** Packs a folder into a project; gives the path of the tarball. */
async function pack(folder, project) {
  mkdirSync(project);
  await run("pnpm", ["pack", "--pack-destination", project], { cwd: join(root, folder) });
  return only(project, ".tgz");
}

async function install(project, ...tarballs) {
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  await run(
    "npm",
    ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", ...tarballs],
    { cwd: project },
  );
}

async function checkNpm(name, folder, work) {
  const project = join(work, folder);
  const tarball = await pack(join("packages", folder), project);
  await install(project, tarball);
  const use = useNode(name);
  writeFileSync(join(project, "use.mjs"), `import { Memory } from "${name}";${use}`);
  writeFileSync(
    join(project, "use.cjs"),
    `const { Memory } = require("${name}");\n(async () => {${use}})();`,
  );
  writeFileSync(join(project, "use.mts"), `import { Memory } from "${name}";${use}`);
  writeFileSync(
    join(project, "use.cts"),
    `import { Memory } from "${name}";\n(async () => {${use}})();`,
  );
  await run("node", ["use.mjs"], { cwd: project });
  await run("node", ["use.cjs"], { cwd: project });
  const options = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--lib",
    "es2023,esnext.disposable,dom",
  ];
  await run("tsc", [...options, "use.mts", "use.cts"], { cwd: project });
  return { name: `${name} (tarball)`, size: statSync(tarball).size, tarball };
}

/** Runs the packed suite, by its command, on the packed reference; only the calls that every implementation has. */
async function checkSuite(core, work) {
  const project = join(work, "conformance");
  const tarball = await pack("conformance", project);
  await install(project, tarball, core);
  const driver = "node_modules/@agentmem/conformance/drivers/javascript/node.mjs";
  const command = `node ${driver} node_modules/@agentmem/core/dist/index.mjs`;
  await run("npx", ["--no-install", "agentmem-conformance", "--driver", command], { cwd: project });
  return { name: "@agentmem/conformance (tarball)", size: statSync(tarball).size };
}

async function checkWheel(work) {
  const wheel = only(join(root, "bindings/python/dist"), ".whl");
  const project = join(work, "python");
  const python = join(
    project,
    "venv",
    process.platform === "win32" ? "Scripts/python" : "bin/python",
  );
  mkdirSync(project);
  await run("python", ["-m", "venv", join(project, "venv")]);
  await run(python, ["-m", "pip", "install", "--quiet", "--no-index", wheel], { cwd: project });
  writeFileSync(join(project, "use.py"), usePython);
  await run(python, ["use.py"], { cwd: project });
  return { name: "agentmem-native (wheel)", size: statSync(wheel).size };
}

/** Resolves to the names and sizes of the packages. */
export async function checkPackages() {
  const work = mkdtempSync(join(tmpdir(), "agentmem-packages-"));
  try {
    const core = await checkNpm("@agentmem/core", "core-ts", work);
    return [
      core,
      await checkNpm("@agentmem/native", "node-binding", work),
      await checkSuite(core.tarball, work),
      await checkWheel(work),
    ];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  await main(async () => {
    for (const { name, size } of await checkPackages())
      console.log(`${name}: ${(size / 1e6).toFixed(1)} MB`);
  });
}
