import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Memory } from "../ts/index.ts";

const PYTHON = process.env.AGENTMEM_PYTHON ?? ownPython();

/** The interpreter of the repository's environment, which has the package installed. */
function ownPython(): string {
  const names = ["bin/python", "Scripts/python.exe"];
  const paths = names.map((name) =>
    fileURLToPath(new URL(`../../../.venv/${name}`, import.meta.url)),
  );
  return paths.find((path) => existsSync(path)) ?? "python3";
}

/** Holds a memory open in Python: adds what it is told to, and answers searches, a line of JSON each. */
const SCRIPT = `
import json, sys
from agentmem_native import SyncMemory

with SyncMemory(sys.argv[1]) as memory:
    for line in sys.stdin:
        asked = json.loads(line)
        if "add" in asked:
            answer = memory.add(asked["add"], user_id="ada", role="user", name="Ada").id
        else:
            hits = memory.search(asked["search"], user_id="ada")
            answer = [[hit.id, hit.content, hit.score] for hit in hits]
        print(json.dumps(answer), flush=True)
`;

class PythonMemory {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(path: string) {
    this.#process = spawn(PYTHON, ["-c", SCRIPT, path], { stdio: ["pipe", "pipe", "inherit"] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error("Python was started with a pipe");
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }

  async ask(question: Record<string, string>): Promise<unknown> {
    this.#process.stdin?.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("Python ended without an answer");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    this.#process.stdin?.end();
    await ended;
  }
}

test("Node and Python hold one file open, and each finds what the other adds, with equal scores", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentmem-languages-"));
  const path = join(folder, "shared.db");
  const query = "Who likes green tea?";
  try {
    await using node = await Memory.open(path);
    await using python = new PythonMemory(path);
    const search = async () =>
      (await node.search(query, { userId: "ada" })).map(({ id, content, score }) => [
        id,
        content,
        score,
      ]);

    const found: string[] = [];
    for (const round of ["first", "second", "third"]) {
      const fromNode = await node.add(`I like green tea, the ${round} time`, {
        userId: "ada",
        role: "user",
        name: "Ada",
      });
      const seenByPython = await python.ask({ search: query });
      found.push(fromNode.id);
      expect(seenByPython).toEqual(await search());

      found.push(
        (await python.ask({
          add: `Bob likes coffee more than tea, said for the ${round} time`,
        })) as string,
      );
      const seenByNode = await search();
      expect(seenByNode.map(([id]) => id).toSorted()).toEqual(found.toSorted());
      expect(await python.ask({ search: query })).toEqual(seenByNode);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
