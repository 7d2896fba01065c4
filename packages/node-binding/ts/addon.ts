import { closeSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import type * as Addon from "../native/index.cjs";

// Required from here, not imported: Node would read and parse a CommonJS module for the names of its exports first.

/** How much of Node's own file is read to find its program interpreter, in bytes: that stands behind its headers. */
const HEAD = 2048;

/** The C library that Node itself was linked with, where a platform has several. */
function libraryOf(platform: NodeJS.Platform): string | undefined {
  if (platform === "win32") return "msvc";
  if (platform !== "linux") return undefined;
  // Node's report knows it too, but takes 5 ms to make: half of what importing the package would cost.
  const head = headOf(process.execPath);
  if (head.includes("/ld-musl-")) return "musl";
  if (head.includes("/ld-linux-")) return "gnu";
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? "musl" : "gnu";
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(HEAD);
  try {
    const file = openSync(path, "r");
    try {
      return head.subarray(0, readSync(file, head));
    } finally {
      closeSync(file);
    }
  } catch {
    return head.subarray(0, 0); // Whoever may run it need not be allowed to read it.
  }
}

/** Loads the addon that was built for this platform: native/agentmem.<platform>-<architecture>[-<C library>].node */
function load(): typeof Addon {
  const { platform, arch } = process;
  const target = [platform, arch, libraryOf(platform)].filter((part) => part !== undefined);
  const file = `native/agentmem.${target.join("-")}.node`;
  try {
    return createRequire(import.meta.url)(`../${file}`) as typeof Addon;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    throw new Error(
      `@agentmem/native has no binary for ${target.join("-")} (${file} is missing). @agentmem/core runs everywhere, in memory.`,
      { cause },
    );
  }
}

export const { NativeCancellation, NativeDeliveries, NativeMemory } = load();
export type NativeCancellation = Addon.NativeCancellation;
export type NativeMemory = Addon.NativeMemory;
