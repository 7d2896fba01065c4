// A driver whose memory is in a browser: it bundles the page beside it, and hands each line to it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";
import { startBrowser } from "../../../../tools/dev/browser.mjs";

const folder = mkdtempSync(join(tmpdir(), "agentmem-browser-"));
await build({
  config: false,
  entry: fileURLToPath(new URL("page.mjs", import.meta.url)),
  outDir: folder,
  format: "iife",
  platform: "browser",
  deps: { alwaysBundle: [/./] },
  dts: false,
  logLevel: "silent",
});

const browser = await startBrowser();
const page = await browser.newPage();
page.on("pageerror", (error) => console.error(error));
await page.addScriptTag({ path: join(folder, "page.iife.js") });
rmSync(folder, { recursive: true });
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await page.evaluate((asked) => globalThis.answer(asked), line)}\n`);
}
await browser.close();
