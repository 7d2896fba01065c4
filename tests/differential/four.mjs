// The four implementations, asked the same.
import { fileURLToPath } from "node:url";
import { DriverProcess } from "@agentmem/conformance";

const root = fileURLToPath(new URL("../../", import.meta.url));
const CAPABILITIES = ["lazyOpen", "dynamicTypes", "optionsObject"];
const TIMEOUT = 120;

const drivers = {
  reference: `node ${root}conformance/drivers/javascript/node.mjs ${root}packages/core-ts/dist/index.mjs`,
  node: `node ${root}conformance/drivers/javascript/node.mjs ${root}packages/node-binding/dist/index.mjs`,
  python: `python ${root}conformance/drivers/python/driver.py Memory`,
  core: `cargo run --quiet --locked --manifest-path ${root}Cargo.toml -p agentmem-binding --example driver`,
};

export const START = Date.UTC(2026, 0, 1);

/** All of them, each with a memory of its own. */
export class Four {
  #drivers = Object.entries(drivers).map(([name, command]) => [
    name,
    new DriverProcess(command, CAPABILITIES, TIMEOUT),
  ]);
  #now = START;

  /** Begins with empty memories. */
  async open(options = {}) {
    this.#now = START;
    await this.ask({ do: "open", as: "main", with: options });
  }

  close() {
    return this.ask({ do: "close" });
  }

  get now() {
    return this.#now;
  }

  advance(ms) {
    this.#now += ms;
  }

  /** Gives what all answered: a value, or the code and field of an error. @throws if they differ. */
  async ask(request) {
    const asked = { on: "main", ...request, now: this.#now };
    const answers = await Promise.all(
      this.#drivers.map(async ([name, driver]) => [name, told(await driver.ask(asked))]),
    );
    const [[, reference], ...others] = answers;
    for (const [name, answer] of others) {
      if (comparable(answer) !== comparable(reference))
        throw new Error(
          `asked ${JSON.stringify(request)}\nreference ${JSON.stringify(reference)}\n${name} ${JSON.stringify(answer)}`,
        );
    }
    return reference;
  }

  async end() {
    for (const [, driver] of this.#drivers) await driver.end();
  }
}

function told(answer) {
  if (!("error" in answer)) return { value: answer.value };
  const { code, field } = answer.error;
  return { error: { code, field } };
}

/** The argument that is at fault: of several faults in it, which one is told is not stated (9.5). */
function argument(answer) {
  const { code, field } = answer.error ?? {};
  return code === undefined ? answer : { code, argument: field?.split(/[.[]/)[0] ?? null };
}

/** Nobody can foresee the ids that were made. */
const MADE = /"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"/g;

const comparable = (answer) =>
  JSON.stringify(sorted(argument(withoutMade(answer)))).replaceAll(MADE, '"made"');

/** An export without the ids that were made, and the hash that depends on them: the rest is compared byte for byte. */
function withoutMade(answer) {
  const text = answer.value?.text;
  if (typeof text !== "string") return answer;
  const rest = text.replaceAll(MADE, '"made"').replace(/"sha256":"[0-9a-f]{64}"/, "");
  return { value: { count: answer.value.count, text: rest } };
}

/** The same with the keys of objects in one order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
