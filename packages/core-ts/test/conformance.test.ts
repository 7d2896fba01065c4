import { describeConformance } from "@agentmem/conformance";
import { Memory } from "../src/index.ts";

await describeConformance({
  name: "@agentmem/core",
  capabilities: [
    "memoryOnly",
    "lazyOpen",
    "dynamicTypes",
    "optionsObject",
    "nativeValues",
    "javascriptValues",
    "largeInputs",
  ],
  open: ({ path, options, lazy }) =>
    lazy ? new Memory(path as string, options) : Memory.open(path as string, options),
});
