import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/index.ts"],
  format: ["esm"],
  platform: "node",
  dts: true,
  // Provided by the test runner that imports us.
  deps: { neverBundle: ["vitest"] },
});
