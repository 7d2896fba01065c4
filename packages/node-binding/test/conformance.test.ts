import { describeConformance } from "@agentmem/conformance";
import { Memory } from "../ts/index.ts";

await describeConformance({
  name: "@agentmem/native",
  capabilities: [
    "persistence",
    "lazyOpen",
    "dynamicTypes",
    "optionsObject",
    "nativeValues",
    "javascriptValues",
    "largeInputs",
  ],
  // Cases pass what the types forbid, too.
  open: ({ path, options, lazy }) =>
    lazy ? new Memory(path as string, options) : Memory.open(path as string, options),
});
