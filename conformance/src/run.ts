import { FILE_OPERATIONS, makeFolder, removeFolder } from "./files.ts";
import { resolve } from "./inputs.ts";
import { judge, type Mismatch } from "./match.ts";
import {
  type Answer,
  type Capability,
  type Case,
  type CaseFile,
  type Driver,
  DriverFault,
  OPERATIONS,
  type Request,
  RunnerError,
  type Step,
} from "./types.ts";

export interface Failure {
  /** Such as `steps[3]`, or `steps[3].steps[0]`; `open` before the first, `close` after the last. */
  step: string;
  mismatch: Mismatch;
}

export type Outcome =
  | { status: "passed" }
  | { status: "skipped"; lacks: Capability[] }
  | { status: "failed"; failure: Failure };

const DEFAULT_CLOCK = "2026-01-01T00:00:00.000Z";

class CaseFailure extends Error {
  constructor(readonly failure: Failure) {
    super("the case failed");
  }
}

/** What a case requires and an implementation lacks. */
export function lacking(file: CaseFile, oneCase: Case, has: readonly string[]): Capability[] {
  const required = new Set([...(file.requires ?? []), ...(oneCase.requires ?? [])]);
  return [...required].filter((capability) => !has.includes(capability));
}

/**
 * Runs one case on a fresh store.
 *
 * @throws RunnerError if the case is malformed: an unknown operation or operator, a handle that nobody opened.
 */
export async function runCase(file: CaseFile, oneCase: Case, driver: Driver): Promise<Outcome> {
  const lacks = lacking(file, oneCase, driver.capabilities);
  if (lacks.length > 0) return { status: "skipped", lacks };
  if (oneCase.steps.length === 0) throw new RunnerError(`the case "${oneCase.name}" has no steps`);
  const run = new CaseRun(oneCase, driver);
  try {
    await run.all();
    return { status: "passed" };
  } catch (error) {
    if (error instanceof CaseFailure) return { status: "failed", failure: error.failure };
    throw error;
  } finally {
    await run.end();
  }
}

/** One run of a case: its handles, what it saved, its clock and its folder. */
class CaseRun {
  readonly #case: Case;
  readonly #driver: Driver;
  readonly #folder: string | undefined;
  /** The names of the handles; true for views, which are not closed. */
  readonly #handles = new Map<string, boolean>();
  readonly #saved = new Map<string, unknown>();
  #now: unknown;

  constructor(oneCase: Case, driver: Driver) {
    this.#case = oneCase;
    this.#driver = driver;
    this.#folder = driver.capabilities.includes("persistence") ? makeFolder() : undefined;
    this.#now =
      oneCase.clock === "system" ? undefined : milliseconds(oneCase.clock ?? DEFAULT_CLOCK);
  }

  async all(): Promise<void> {
    this.#settle({ do: "open" }, "open", await this.#guard("open", () => this.#openMain({})));
    for (const [i, step] of this.#case.steps.entries()) await this.#step(step, `steps[${i}]`, 0);
    this.#settle({ do: "close" }, "close", await this.#guard("close", () => this.#closeAll()));
  }

  /** Leaves nothing behind, also of a case that failed. */
  async end(): Promise<void> {
    try {
      await this.#closeAll();
    } catch (error) {
      if (!(error instanceof DriverFault)) throw error;
    }
    if (this.#folder !== undefined) removeFolder(this.#folder);
  }

  async #step(step: Step, at: string, index: number): Promise<void> {
    switch (step.do) {
      case "repeat":
        for (let i = 0; i < (step.times ?? 1); i++) {
          for (const [k, inner] of stepsOf(step).entries()) {
            await this.#step(inner, `${at}.steps[${k}]`, i);
          }
        }
        return;
      case "parallel":
        return this.#parallel(step, at);
      default:
        this.#settle(step, at, await this.#guard(at, () => this.#perform(step, index)));
    }
  }

  /** Names the step in which a driver stopped to be one. */
  async #guard(at: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DriverFault)) throw error;
      this.#handles.clear(); // They are gone with it.
      const mismatch = { path: "driver", expected: "an answer", actual: error.message };
      throw new CaseFailure({ step: at, mismatch });
    }
  }

  /** The answers stand in the order of the calls. */
  async #parallel(step: Step, at: string): Promise<void> {
    const inner: { step: Step; at: string }[] = [];
    const calls: Request[] = [];
    for (let i = 0; i < (step.times ?? 1); i++) {
      for (const [k, one] of stepsOf(step).entries()) {
        inner.push({ step: one, at: `${at}.steps[${k}]` });
        calls.push(this.#call(one, i));
      }
    }
    const request = this.#request({ do: "parallel", calls });
    const answers = await this.#guard(at, async () => {
      const answer = await this.#driver.ask(request);
      if (!("value" in answer) || !areAnswers(answer.value, calls.length))
        throw new DriverFault("it did not answer `parallel` with an answer for each call");
      return answer;
    });
    const values = (answers as { value: Answer[] }).value;
    for (const [i, one] of inner.entries()) {
      // Where the case judges all answers together, an error of one of them may be what it expects.
      const judged = one.step.expect !== undefined || one.step.expectError !== undefined;
      if (judged || step.expect === undefined) this.#settle(one.step, one.at, values[i] as Answer);
    }
    const together = values.map((one) => ("error" in one ? one : one.value));
    this.#settle(step, at, { value: together });
  }

  /** Does a step: here what is the runner's, by the driver all else. */
  async #perform(step: Step, index: number): Promise<Answer> {
    const own = FILE_OPERATIONS.get(step.do);
    if (own !== undefined) return { value: own(this.#given(step, index)) };
    switch (step.do) {
      case "clock.set":
        this.#now = milliseconds(this.#given(step, index).now);
        return NOTHING;
      case "clock.advance":
        this.#now = (this.#now as number) + (this.#given(step, index).ms as number);
        return NOTHING;
      case "reopen":
        await this.#closeAll();
        return this.#openMain(this.#given(step, index));
      case "open":
      case "new":
        return this.#open(step.do, required(step.as), this.#given(step, index));
      case "close":
        return this.#close(this.#named(step));
      case "scoped": {
        const as = required(step.as);
        const request = { ...this.#addressed(step, index), as };
        return this.#keep(as, true, await this.#driver.ask(this.#request(request)));
      }
      case "exportTo":
        return withLines(await this.#driver.ask(this.#request(this.#call(step, index))));
      default:
        return this.#driver.ask(this.#request(this.#call(step, index)));
    }
  }

  #call(step: Step, index: number): Request {
    if (!(OPERATIONS as readonly string[]).includes(step.do)) {
      throw new RunnerError(`unknown operation "${step.do}"`);
    }
    return this.#addressed(step, index);
  }

  #addressed(step: Step, index: number): Request {
    const request = { do: step.do, on: this.#named(step) };
    if (step.args === undefined) return { ...request, with: this.#given(step, index) };
    return { ...request, args: this.#resolve(step.args, index) as unknown[] };
  }

  #request(request: Request): Request {
    return this.#now === undefined ? request : { ...request, now: this.#now };
  }

  #given(step: Step, index: number): Record<string, unknown> {
    return this.#resolve(step.with ?? {}, index) as Record<string, unknown>;
  }

  #resolve(value: unknown, index: number): unknown {
    return resolve(value, { saved: this.#saved, index, folder: this.#folder });
  }

  #named(step: Step): string {
    const name = step.on ?? "main";
    if (!this.#handles.has(name)) throw new RunnerError(`no handle is named "${name}"`);
    return name;
  }

  #settle(step: Step, at: string, answer: Answer): void {
    const mismatch = judge(step, answer, this.#saved);
    if (mismatch !== null) throw new CaseFailure({ step: at, mismatch });
    if (step.save !== undefined && "value" in answer) this.#saved.set(step.save, answer.value);
  }

  #keep(as: string, view: boolean, answer: Answer): Answer {
    if ("value" in answer) this.#handles.set(as, view);
    return answer;
  }

  #openMain(changes: Record<string, unknown>): Promise<Answer> {
    const own = this.#resolve(this.#case.options ?? {}, 0) as Record<string, unknown>;
    return this.#open("open", "main", { ...own, ...changes });
  }

  async #open(how: string, as: string, given: Record<string, unknown>): Promise<Answer> {
    const store = this.#folder === undefined ? {} : { path: `${this.#folder}/store.agentmem` };
    const request = this.#request({ do: how, as, with: { ...store, ...given } });
    return this.#keep(as, false, await this.#driver.ask(request));
  }

  async #close(name: string): Promise<Answer> {
    if (this.#handles.get(name)) return NOTHING;
    return this.#driver.ask(this.#request({ do: "close", on: name }));
  }

  async #closeAll(): Promise<Answer> {
    for (const name of this.#handles.keys()) {
      const answer = await this.#close(name);
      if ("error" in answer) return answer;
    }
    this.#handles.clear();
    return NOTHING;
  }
}

const NOTHING: Answer = { value: null };

/** Whether a value from a driver has the form of an answer. */
export function isAnswer(value: unknown): value is Answer {
  if (typeof value !== "object" || value === null) return false;
  if (Object.hasOwn(value, "value")) return !Object.hasOwn(value, "error");
  const { error } = value as { error?: { code?: unknown; field?: unknown; message?: unknown } };
  return (
    isTextOrNull(error?.code) && isTextOrNull(error?.field) && typeof error?.message === "string"
  );
}

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === "string";

/** The answer to an export, with its lines as values beside its text. */
function withLines(answer: Answer): Answer {
  const { value } = answer as { value?: unknown };
  const text = (value as { text?: unknown } | null | undefined)?.text;
  if (typeof text !== "string") return answer;
  try {
    const lines = text.split("\n").slice(0, -1);
    return { value: { ...(value as object), lines: lines.map((line) => JSON.parse(line)) } };
  } catch {
    throw new DriverFault("it gave an export with a line that is no JSON");
  }
}

function areAnswers(value: unknown, length: number): value is Answer[] {
  return Array.isArray(value) && value.length === length && value.every(isAnswer);
}

function stepsOf(step: Step): Step[] {
  if (step.steps === undefined || step.steps.length === 0) {
    throw new RunnerError(`"${step.do}" needs steps`);
  }
  return step.steps;
}

function required(as: string | undefined): string {
  if (as === undefined) throw new RunnerError('the step needs "as"');
  return as;
}

/** Texts are times; all else is what the clock shall give, right or wrong. */
function milliseconds(now: unknown): unknown {
  if (typeof now !== "string") return now;
  const ms = Date.parse(now);
  if (Number.isNaN(ms)) throw new RunnerError(`the clock cannot be set to "${now}"`);
  return ms;
}
