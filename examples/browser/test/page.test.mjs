import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findBrowser, startBrowser } from "../../../tools/dev/browser.mjs";

const page = new URL("../dist/index.html", import.meta.url);

/** Another conversation than the page's own. */
const DROPPED = JSON.stringify([
  {
    sample_id: "lin-and-ada",
    conversation: {
      session_1_date_time: "7:42 pm on 3 March, 2025",
      session_1: [
        { speaker: "Lin", dia_id: "D1:1", text: "We adopted a <b>greyhound</b> today" },
        { speaker: "Ada", dia_id: "D1:2", text: "What is it called?" },
      ],
    },
    qa: [],
  },
]);

describe("the page", () => {
  it("is built, and has one script beside it", () => {
    const [, script] = /<script src="([^"]+)">/.exec(readFileSync(page, "utf8"));
    expect(readFileSync(new URL(script, page), "utf8")).not.toMatch(/^import |\bimport\(/m);
  });

  const browser = findBrowser();
  if (browser === undefined) {
    it.skip("answers: no browser in PATH, and AGENTMEM_BROWSER names none");
    return;
  }

  it(`answers questions of its conversation and of one that is dropped, in ${browser}`, {
    timeout: 120_000,
  }, async () => {
    const running = await startBrowser();
    const tab = await running.newPage();
    const errors = [];
    tab.on("pageerror", (error) => errors.push(error));
    await tab.goto(page.href);
    const status = tab.locator("#status");
    const hits = tab.locator("#hits");

    await status.getByText("turns are in memory").waitFor();
    await tab.fill("#query", "Who bought the painting of the lighthouse?");
    await hits.getByText("A dentist from Halle").first().waitFor();

    await tab.evaluate((text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], "conversation.json"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    }, DROPPED);
    await status.getByText("2 turns are in memory").waitFor();
    await tab.fill("#query", "Which dog did they adopt?");
    await hits.getByText("Lin: We adopted a <b>greyhound</b> today").first().waitFor();

    await tab.setInputFiles("#file", {
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("{}"),
    });
    await status.getByText("notes.txt cannot be read").waitFor();
    expect(errors).toEqual([]);
    await running.close();
  });
});
