import { defineConfig } from "tsdown";

// One script that asks for nothing else: the page works when it is opened as a file.
export default defineConfig({
  entry: ["page.mjs"],
  format: ["iife"],
  platform: "browser",
  deps: { alwaysBundle: [/./] },
  loader: { ".json": "text" },
  copy: ["index.html"],
  dts: false,
});
