// A browser for tests, where there is one.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The path of a Chromium: what AGENTMEM_BROWSER says, else the first that PATH has; undefined if there is none. */
export function findBrowser() {
  if (process.env.AGENTMEM_BROWSER) return process.env.AGENTMEM_BROWSER;
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(canBeRun);
}

function canBeRun(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts it without a window. */
export async function startBrowser() {
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath: findBrowser() });
}
