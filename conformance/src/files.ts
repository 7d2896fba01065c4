import { createHash } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh folder for one case. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "agentmem-case-"));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The steps that touch files behind the implementation's back; their cases require `persistence`. */
export const FILE_OPERATIONS: ReadonlyMap<string, (input: Record<string, unknown>) => unknown> =
  new Map<string, (input: Record<string, unknown>) => unknown>([
    ["file.write", ({ path, text }) => writeFileSync(path as string, text as string)],
    ["file.folder", ({ path }) => mkdirSync(path as string)],
    ["file.link", ({ path, to }) => linkSync(to as string, path as string)],
    ["file.read", ({ path }) => describe(path as string)],
  ]);

/** What a case can compare of a file: null if there is none. */
function describe(path: string): { size: number; mode: string; digest: string } | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return {
    size: found.size,
    mode: (found.mode & 0o777).toString(8).padStart(4, "0"),
    digest: createHash("sha256").update(readFileSync(path)).digest("hex"),
  };
}
