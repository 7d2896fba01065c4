import { readFileSync } from "node:fs";
import { type CaseFile, RunnerError } from "./types.ts";

/** The list of all files, made by `tools/manifest.mjs`. */
export interface Manifest {
  format: string;
  /** How many cases there are in all files; passed + failed + skipped must come to it. */
  total: number;
  cases: { file: string; cases: number }[];
  vectors: { file: string; vectors: number }[];
}

export interface LoadedFile {
  /** Relative to the package, such as `cases/scopes.json`. */
  file: string;
  content: CaseFile;
}

/** Reads a JSON file of this package. */
export function readPackageFile(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), "utf8"));
}

/** A file of `vectors/`, such as `filters`. */
export function readVectors(name: string): unknown {
  return readPackageFile(`vectors/${name}.json`);
}

/** All case files of the manifest. */
export function loadSuite(): { manifest: Manifest; files: LoadedFile[] } {
  const manifest = readPackageFile("manifest.json") as Manifest;
  const files = manifest.cases.map(({ file }) => ({
    file,
    content: readPackageFile(file) as CaseFile,
  }));
  checkTotals(manifest, files);
  return { manifest, files };
}

/** @throws RunnerError if the manifest does not count what the files hold. */
export function checkTotals(manifest: Manifest, files: LoadedFile[]): void {
  let total = 0;
  for (const [i, { file, content }] of files.entries()) {
    if (content.cases.length !== manifest.cases[i]?.cases) {
      throw new RunnerError(
        `${file} has ${content.cases.length} cases, the manifest says otherwise`,
      );
    }
    total += content.cases.length;
  }
  if (total === 0) throw new RunnerError("there are no cases");
  if (total !== manifest.total) throw new RunnerError(`${total} cases, not ${manifest.total}`);
}
