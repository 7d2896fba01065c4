// Loads the addon that was built for this platform: native/agentmem.<platform>-<architecture>[-<C library>].node
"use strict";
const { existsSync } = require("node:fs");
const { join } = require("node:path");

/** The C library, where a platform has several. */
function libraryOf(platform) {
  if (platform === "win32") return "msvc";
  if (platform !== "linux") return undefined;
  return process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "gnu";
}

const target = [process.platform, process.arch, libraryOf(process.platform)]
  .filter((part) => part !== undefined)
  .join("-");
const file = join(__dirname, "native", `agentmem.${target}.node`);
if (!existsSync(file)) {
  throw new Error(
    `@agentmem/native has no binary for ${target} (${file} is missing). @agentmem/core runs everywhere, in memory.`,
  );
}

const native = require(file);
exports.NativeMemory = native.NativeMemory;
exports.NativeCancellation = native.NativeCancellation;
