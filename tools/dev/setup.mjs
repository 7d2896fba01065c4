// Sets up everything that building and testing takes, from Node, Python and Rust alone: pnpm in .tools/, the packages of the
// lock file in node_modules/, the Python tools in .venv/. Each part is skipped while what it was made from is unchanged.
// With --lock it first brings the lock files up to date with the manifests.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const windows = process.platform === "win32";
const at = (...parts) => join(root, ...parts);
const read = (path) => readFileSync(at(path), "utf8");

const venvBin = at(".venv", windows ? "Scripts" : "bin");

/** The environment of every command: our pnpm and our Python first, nobody phones home. */
export const env = {
  ...process.env,
  PATH: [venvBin, at(".tools/node_modules/.bin"), at("node_modules/.bin"), process.env.PATH].join(
    delimiter,
  ),
  VIRTUAL_ENV: at(".venv"),
  TURBO_TELEMETRY_DISABLED: "1",
  CARGO_INCREMENTAL: process.env.CARGO_INCREMENTAL ?? "0", // 250 MB less on disk; cargo called by hand keeps it
  DO_NOT_TRACK: "1",
};

/** A failure that has been explained: its message is all that the user needs. */
export class Stop extends Error {}

let child;
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    interrupted = true;
    // From a terminal the child has the signal already, and is given a moment to end by itself.
    setTimeout(() => child?.kill("SIGTERM"), 500).unref();
    if (!child) process.exit(130);
  });
}

/** Runs a command to its end and resolves to what it printed, if `tee` is given a line at a time; throws unless it exits with 0. */
export function run(command, args, { cwd = root, tee } = {}) {
  return new Promise((resolve, reject) => {
    child = spawn(command, args, {
      cwd,
      env: tee ? { FORCE_COLOR: process.stdout.isTTY ? "1" : "0", ...env } : env,
      stdio: ["ignore", tee ? "pipe" : "inherit", tee ? "pipe" : "inherit"],
      shell: windows, // npm and pnpm are .cmd files there
    });
    for (const [stream, out] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      let rest = "";
      stream?.setEncoding("utf8").on("data", (text) => {
        out.write(text);
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) tee(line);
      });
    }
    child.on("error", (error) => reject(new Stop(`${command}: ${error.message}`)));
    child.on("close", (code, signal) => {
      child = undefined;
      if (interrupted) reject(new Stop("Stopped."));
      else if (code === 0) resolve();
      else reject(new Stop(`${command} ${args.join(" ")} ended with ${signal ?? `code ${code}`}.`));
    });
  });
}

/** Names a step, runs it, and says how long it took. */
export async function step(name, work) {
  const start = performance.now();
  console.log(`\n== ${name}`);
  const result = await work();
  console.log(`== ${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/** Runs a script's main part and turns a `Stop` into one line and an exit code. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error);
    process.exitCode = interrupted ? 130 : 1;
  }
}

/** True if `url` is the script that Node was started with. */
export const isMain = (url) =>
  process.argv[1] !== undefined && url === pathToFileURL(process.argv[1]).href;

/** What a command prints, or undefined if it is not there or fails. */
function ask(command, ...args) {
  const result = spawnSync(command, args, { encoding: "utf8", cwd: root });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

const older = (version, least) => version.localeCompare(least, "en", { numeric: true }) < 0;

function checkRust() {
  const least = /^rust-version = "(.+)"$/m.exec(read("Cargo.toml"))[1];
  const version = /^rustc (\d+\.\d+\.\d+)/.exec(ask("rustc", "--version") ?? "")?.[1];
  if (version === undefined || ask("cargo", "--version") === undefined) {
    throw new Stop(`Rust is missing: AgentMem needs Rust ${least} or newer (https://rustup.rs).`);
  }
  if (older(version, least)) {
    throw new Stop(
      `Rust ${version} is too old: AgentMem needs ${least} or newer (rustup update stable).`,
    );
  }
  return version;
}

function findPython() {
  const seen = [];
  const names = ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"];
  for (const name of process.env.PYTHON ? [process.env.PYTHON] : names) {
    const version = ask(name, "-c", "import platform; print(platform.python_version())");
    if (version === undefined) continue;
    seen.push(`${name} is ${version}`);
    if (older(version, "3.10")) continue;
    if (ask(name, "-c", "import ensurepip, venv") === undefined) {
      throw new Stop(
        `${name} cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv`,
      );
    }
    return { name, version };
  }
  throw new Stop(
    `Python 3.10 or newer is missing (${seen.join(", ") || "none found"}). PYTHON=/path/to/python names another one.`,
  );
}

function checkNode() {
  const least = JSON.parse(read("package.json")).engines.node.replace(">=", "");
  if (older(process.versions.node, least)) {
    throw new Stop(`Node ${process.versions.node} is too old: AgentMem needs ${least} or newer.`);
  }
}

/** The package.json of every package of the workspace. */
function manifests() {
  const folders = ["crates", "packages", "bindings", "benchmarks", "examples", "tests"].flatMap(
    (parent) =>
      existsSync(at(parent)) ? readdirSync(at(parent)).map((name) => `${parent}/${name}/`) : [],
  );
  const paths = ["", "conformance/", "fuzz/", ...folders].map((folder) => `${folder}package.json`);
  return paths.filter((path) => existsSync(at(path)));
}

/** Does `work` unless the stamp says that it was done from the same `parts`, in this very folder. */
async function once(name, stamp, parts, work) {
  const hash = createHash("sha256")
    .update(JSON.stringify([root, ...parts]))
    .digest("hex");
  if (existsSync(at(stamp)) && read(stamp) === hash) return;
  rmSync(at(stamp), { force: true });
  await step(name, work);
  writeFileSync(at(stamp), hash);
}

export async function setup() {
  checkNode();
  const rust = checkRust();
  const python = findPython();
  console.log(`Node ${process.versions.node}, Python ${python.version}, Rust ${rust}`);

  const pnpm = JSON.parse(read("package.json")).packageManager;
  mkdirSync(at(".tools"), { recursive: true });
  await once(`installing ${pnpm}`, ".tools/.stamp", [pnpm], () => {
    writeFileSync(at(".tools/package.json"), '{ "private": true }\n');
    return run(
      "npm",
      [
        "install",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--loglevel=error",
        "--prefix",
        at(".tools"),
        pnpm,
      ],
      { cwd: at(".tools") },
    );
  });

  if (process.argv.includes("--lock")) {
    await step("bringing the lock files up to date", async () => {
      await run("pnpm", ["install", "--lockfile-only", "--loglevel=error"]);
      for (const folder of [".", "fuzz", "benchmarks/speed/parts"])
        await run("cargo", ["update", "--workspace", "--quiet"], { cwd: at(folder) });
    });
  }
  const lock = [pnpm, read("pnpm-lock.yaml"), ...manifests().map(read)];
  await once("installing the packages of pnpm-lock.yaml", "node_modules/.stamp", lock, () =>
    run("pnpm", ["install", "--frozen-lockfile", "--loglevel=error"]),
  );

  const requirements = "bindings/python/requirements-dev.txt";
  await once(
    "installing the Python tools into .venv",
    ".venv/.stamp",
    [python.version, read(requirements)],
    async () => {
      await run(python.name, ["-m", "venv", "--clear", ".venv"]);
      await run("python", ["-m", "pip", "install", "--quiet", "-r", requirements]);
    },
  );
}

if (isMain(import.meta.url)) await main(setup);
