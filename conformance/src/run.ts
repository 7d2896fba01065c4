import { FILE_OPERATIONS, makeFolder, removeFolder } from "./files.ts";
import { resolve } from "./inputs.ts";
import { failed, judge, type Result } from "./judge.ts";
import type { Mismatch } from "./match.ts";
import {
  type Capability,
  type Case,
  type CaseFile,
  type Implementation,
  type MemoryLike,
  OPERATIONS,
  RunnerError,
  type Step,
} from "./types.ts";

export interface Failure {
  /** Such as `steps[3]`, or `steps[3].steps[0]`. */
  step: string;
  mismatch: Mismatch;
}

export type Outcome =
  | { status: "passed" }
  | { status: "skipped"; lacks: Capability[] }
  | { status: "failed"; failure: Failure };

export const DEFAULT_CLOCK = "2026-01-01T00:00:00.000Z";

class CaseFailure extends Error {
  constructor(readonly failure: Failure) {
    super("the case failed");
  }
}

/** What a case requires and an implementation lacks. */
export function lacking(file: CaseFile, oneCase: Case, has: readonly Capability[]): Capability[] {
  const required = new Set([...(file.requires ?? []), ...(oneCase.requires ?? [])]);
  return [...required].filter((capability) => !has.includes(capability));
}

/**
 * Runs one case on a fresh store.
 *
 * @throws RunnerError if the case is malformed: an unknown operation or operator, a handle that nobody opened.
 */
export async function runCase(
  file: CaseFile,
  oneCase: Case,
  implementation: Implementation,
): Promise<Outcome> {
  const lacks = lacking(file, oneCase, implementation.capabilities);
  if (lacks.length > 0) return { status: "skipped", lacks };
  if (oneCase.steps.length === 0) throw new RunnerError(`the case "${oneCase.name}" has no steps`);
  const run = new CaseRun(oneCase, implementation);
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
  readonly #implementation: Implementation;
  readonly #folder: string | undefined;
  readonly #handles = new Map<string, MemoryLike>();
  readonly #saved = new Map<string, unknown>();
  #now: unknown;

  constructor(oneCase: Case, implementation: Implementation) {
    this.#case = oneCase;
    this.#implementation = implementation;
    this.#folder = implementation.capabilities.includes("persistence") ? makeFolder() : undefined;
    this.#now =
      oneCase.clock === "system" ? undefined : milliseconds(oneCase.clock ?? DEFAULT_CLOCK);
  }

  async all(): Promise<void> {
    await this.#openMain({});
    for (const [i, step] of this.#case.steps.entries()) await this.#step(step, `steps[${i}]`, 0);
  }

  async end(): Promise<void> {
    await this.#closeAll();
    if (this.#folder !== undefined) removeFolder(this.#folder);
  }

  async #step(step: Step, at: string, index: number): Promise<void> {
    switch (step.do) {
      case "repeat":
        for (let i = 0; i < (step.times ?? 1); i++) await this.#inner(step, at, i);
        return;
      case "parallel":
        return this.#parallel(step, at);
      default:
        return this.#settle(step, at, await this.#perform(step, index));
    }
  }

  async #inner(step: Step, at: string, index: number): Promise<void> {
    for (const [i, inner] of stepsOf(step).entries()) {
      await this.#step(inner, `${at}.steps[${i}]`, index);
    }
  }

  /** Starts all before it waits for one; the answers stand in the order of the starts. */
  async #parallel(step: Step, at: string): Promise<void> {
    const started: { step: Step; at: string; result: Promise<Result> }[] = [];
    for (let i = 0; i < (step.times ?? 1); i++) {
      for (const [k, inner] of stepsOf(step).entries()) {
        started.push({ step: inner, at: `${at}.steps[${k}]`, result: this.#perform(inner, i) });
      }
    }
    const results = await Promise.all(started.map(({ result }) => result));
    for (const [i, one] of started.entries()) {
      const result = results[i];
      // Where the case judges all answers together, an error of one of them may be what it expects.
      const judged = one.step.expect !== undefined || one.step.expectError !== undefined;
      if (judged || step.expect === undefined) this.#settle(one.step, one.at, result as Result);
    }
    const answers = results.map((r) => ("error" in r ? { error: r.error } : r.value));
    this.#settle(step, at, { value: answers });
  }

  async #perform(step: Step, index: number): Promise<Result> {
    const context = { saved: this.#saved, index, folder: this.#folder };
    const input = resolve(step.with ?? {}, context) as Record<string, unknown>;
    const args = step.args === undefined ? undefined : (resolve(step.args, context) as unknown[]);
    const action = this.#action(step, input, args);
    try {
      return { value: await action() };
    } catch (thrown) {
      if (thrown instanceof RunnerError) throw thrown;
      return failed(thrown);
    }
  }

  /** What a step does, found before anything is done: an unknown operation or handle is the case's fault. */
  #action(step: Step, input: Record<string, unknown>, args?: unknown[]): () => unknown {
    const name = step.on ?? "main";
    const fileOperation = FILE_OPERATIONS.get(step.do);
    if (fileOperation !== undefined) return () => fileOperation(input);
    switch (step.do) {
      case "open":
        return () => this.#openAs(required(step.as, "as"), input, false);
      case "new":
        return () => this.#openAs(required(step.as, "as"), input, true);
      case "reopen":
        return () => this.#reopen(input);
      case "clock.set":
        return () => this.#setClock(milliseconds(input.now));
      case "clock.advance":
        return () => this.#setClock((this.#now as number) + (input.ms as number));
    }
    const handle = this.#handles.get(name);
    if (handle === undefined) throw new RunnerError(`no handle is named "${name}"`);
    switch (step.do) {
      case "close":
        return () => handle.close?.();
      case "scoped":
        return () => this.#keep(required(step.as, "as"), handle.scoped(args?.[0] ?? input));
    }
    if (!(OPERATIONS as readonly string[]).includes(step.do)) {
      throw new RunnerError(`unknown operation "${step.do}"`);
    }
    const method = handle[step.do as (typeof OPERATIONS)[number]] as (...a: unknown[]) => unknown;
    const passed = args ?? positional(step.do, input);
    return () => method.apply(handle, passed);
  }

  #settle(step: Step, at: string, result: Result): void {
    const mismatch = judge(step, result, this.#saved);
    if (mismatch !== null) throw new CaseFailure({ step: at, mismatch });
    if (step.save !== undefined && "value" in result) this.#saved.set(step.save, result.value);
  }

  #setClock(now: unknown): void {
    this.#now = now;
  }

  #keep(as: string, handle: MemoryLike): void {
    this.#handles.set(as, handle);
  }

  async #openMain(changes: Record<string, unknown>): Promise<void> {
    const context = { saved: this.#saved, index: 0, folder: this.#folder };
    const own = resolve(this.#case.options ?? {}, context) as Record<string, unknown>;
    await this.#openAs("main", { ...own, ...changes }, false);
  }

  async #openAs(as: string, input: Record<string, unknown>, lazy: boolean): Promise<void> {
    const { path, ...given } = input;
    const store = this.#folder === undefined ? undefined : `${this.#folder}/store.agentmem`;
    const clock = this.#case.clock === "system" ? {} : { clock: () => this.#now };
    const request = {
      path: Object.hasOwn(input, "path") ? path : store,
      options: { ...clock, ...given },
      lazy,
    };
    this.#keep(as, await this.#implementation.open(request));
  }

  async #reopen(changes: Record<string, unknown>): Promise<void> {
    await this.#closeAll();
    await this.#openMain(changes);
  }

  async #closeAll(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await handle.close?.();
  }
}

function stepsOf(step: Step): Step[] {
  if (step.steps === undefined || step.steps.length === 0) {
    throw new RunnerError(`"${step.do}" needs steps`);
  }
  return step.steps;
}

function required(name: string | undefined, what: string): string {
  if (name === undefined) throw new RunnerError(`the step needs "${what}"`);
  return name;
}

/** Texts are times; all else is what the clock shall give, right or wrong. */
function milliseconds(now: unknown): unknown {
  if (typeof now !== "string") return now;
  const ms = Date.parse(now);
  if (Number.isNaN(ms)) throw new RunnerError(`the clock cannot be set to "${now}"`);
  return ms;
}

/** The names of what stands before the options, for each operation. */
const LEADING: Readonly<Record<string, string>> = {
  add: "content",
  addMany: "items",
  search: "query",
  get: "id",
  update: "id",
  delete: "id",
  history: "id",
  backup: "path",
};

/** `with` of a step as the arguments of the call: the leading one, then the options if there are any. */
export function positional(operation: string, input: Record<string, unknown>): unknown[] {
  const leading = LEADING[operation];
  if (leading === undefined) return Object.keys(input).length > 0 ? [input] : [];
  const { [leading]: first, ...options } = input;
  if (operation === "addMany") return "defaults" in options ? [first, options.defaults] : [first];
  return operation === "update" || Object.keys(options).length > 0 ? [first, options] : [first];
}
