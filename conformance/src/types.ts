/** What an implementation can do beyond the core of the contract; a case that requires more is skipped and counted. */
export const CAPABILITIES = [
  "persistence",
  "memoryOnly",
  "lazyOpen",
  "dynamicTypes",
  "optionsObject",
  "nativeValues",
  "javascriptValues",
  "pythonValues",
  "largeInputs",
] as const;

export type Capability = (typeof CAPABILITIES)[number];

/** The calls of a memory; what else a step may do is in `run.ts`. */
export const OPERATIONS = [
  "add",
  "addMany",
  "search",
  "get",
  "getAll",
  "update",
  "delete",
  "clear",
  "count",
  "history",
  "changes",
  "compact",
  "stats",
  "verify",
  "reembed",
  "backup",
  "exportTo",
  "importFrom",
] as const;

export type Operation = (typeof OPERATIONS)[number];

export interface ExpectedError {
  code: string;
  field: string | null;
  /** Texts that the message must not contain (9.2). */
  hides?: string[];
}

export interface Step {
  do: string;
  why?: string;
  on?: string;
  as?: string;
  with?: Record<string, unknown>;
  args?: unknown[];
  save?: string;
  expect?: unknown;
  expectError?: ExpectedError;
  steps?: Step[];
  times?: number;
}

export interface Case {
  name: string;
  why?: string;
  requires?: Capability[];
  clock?: string;
  options?: Record<string, unknown>;
  steps: Step[];
}

export interface CaseFile {
  format: string;
  title: string;
  spec: string[];
  why: string;
  requires?: Capability[];
  cases: Case[];
}

/** What a driver is asked. README.md describes its lines. */
export interface Request {
  do: string;
  on?: string;
  as?: string;
  with?: Record<string, unknown>;
  args?: unknown[];
  /** What `parallel` begins, all before it waits for one. */
  calls?: Request[];
  /** What the clock says from now on; without it, no clock is passed to what is opened. */
  now?: unknown;
}

/** What a call came to. An error without a code was no AgentMemError, and matches no case. */
export type Answer = { value: unknown } | { error: CallError };

export interface CallError {
  code: string | null;
  field: string | null;
  message: string;
}

/** An implementation as the runner sees it: one request after the other, each answered before the next. */
export interface Driver {
  capabilities: readonly string[];
  /** @throws DriverFault if there is no answer, or none that can be read. */
  ask(request: Request): Promise<Answer>;
}

/** A driver did not keep to the protocol: it hung, ended, or said something else than its answer. */
export class DriverFault extends Error {
  override name = "DriverFault";
}

/** The case file, or what it asks of the runner, is wrong: never a failure of the implementation. */
export class RunnerError extends Error {
  override name = "RunnerError";
}
