import { driverOf } from "../drivers/javascript/driver.mjs";
import type { Case, CaseFile, Driver, Step } from "../src/index.ts";
import { writeLine } from "../src/inputs.ts";

/** An error as an implementation throws it. */
export class FakeError extends Error {
  constructor(
    readonly code: string,
    readonly field: string | null,
    message = "wrong",
  ) {
    super(message);
  }
}

interface FakeRecord {
  id: string;
  content: string;
  version: number;
}

/** The least memory that cases can be run on, right in what it does. Faults are put in by overriding a method. */
export class FakeMemory {
  readonly records: FakeRecord[] = [];
  closed = false;

  async add(content: unknown, options: { id?: string } = {}): Promise<unknown> {
    if (this.closed) throw new FakeError("CLOSED", null);
    if (content === "") throw new FakeError("INVALID_ARGUMENT", "content");
    const id = options.id ?? `id-${this.records.length}`;
    const record = { id, content: String(content), version: 1 };
    this.records.push(record);
    return { ...record };
  }

  async addMany(items: unknown): Promise<unknown> {
    const list = items as { content: string }[];
    return Promise.all(list.map(({ content }) => this.add(content)));
  }

  async search(query: unknown): Promise<unknown> {
    return this.records.filter(({ content }) => content.includes(String(query)));
  }

  async get(id: unknown): Promise<unknown> {
    return this.records.find((record) => record.id === id) ?? null;
  }

  async getAll(): Promise<unknown> {
    return this.records.map((record) => ({ ...record }));
  }

  async update(): Promise<unknown> {
    throw new FakeError("NOT_FOUND", "id");
  }

  async delete(): Promise<unknown> {
    return false;
  }

  async clear(): Promise<unknown> {
    return this.records.splice(0).length;
  }

  async count(): Promise<unknown> {
    return this.records.length;
  }

  async history(id: unknown): Promise<unknown> {
    return this.records.filter((record) => record.id === id).map((record) => ({ record }));
  }

  scoped(): FakeMemory {
    return this;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

type Faults = Record<string, (...args: never[]) => unknown>;

/** An implementation whose memories are fakes, changed by `faults`, driven in this process. */
export function fake(faults: Faults = {}, hear: (options: unknown) => void = () => {}): Driver {
  class Faulty extends FakeMemory {
    static async open(_path: unknown, options: unknown): Promise<FakeMemory> {
      hear(options);
      return Object.assign(new FakeMemory(), faults);
    }
  }
  const answer = driverOf(Faulty);
  return {
    capabilities: ["dynamicTypes"],
    ask: async (request) => JSON.parse(await answer(writeLine({ id: 0, ...request }))),
  };
}

export function caseOf(...steps: Step[]): Case {
  return { name: "a case", steps };
}

export function fileOf(...cases: Case[]): CaseFile {
  return { format: "1.0", title: "A file", spec: ["1.1"], why: "To test the runner.", cases };
}
