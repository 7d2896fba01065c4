import { defineConfig } from "tsdown";

// What the facade takes from @agentmem/core is a devDependency, hence bundled: the installed package needs nothing else.
export default defineConfig({
  entry: ["ts/index.ts"],
  format: ["esm", "cjs"],
  platform: "node",
  dts: { eager: true }, // declarations of the workspace's other package too
});
