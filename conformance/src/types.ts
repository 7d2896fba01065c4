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

/** The operations that go to a handle; the runner's own are in `run.ts`. */
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

/** The methods that a case calls. Methods, not properties: then a class with narrower parameters fits. */
export interface MemoryLike {
  add(content: unknown, options?: unknown): Promise<unknown>;
  addMany(items: unknown, defaults?: unknown): Promise<unknown>;
  search(query: unknown, options?: unknown): Promise<unknown>;
  get(id: unknown): Promise<unknown>;
  getAll(options?: unknown): Promise<unknown>;
  update(id: unknown, changes: unknown): Promise<unknown>;
  delete(id: unknown): Promise<unknown>;
  clear(options?: unknown): Promise<unknown>;
  count(options?: unknown): Promise<unknown>;
  history(id: unknown): Promise<unknown>;
  scoped(scope: unknown): MemoryLike;
  /** A view has none of these. */
  changes?(options?: unknown): Promise<unknown>;
  compact?(): Promise<unknown>;
  stats?(): Promise<unknown>;
  verify?(): Promise<unknown>;
  reembed?(options: unknown): Promise<unknown>;
  close?(): Promise<void>;
  /** Only what has `persistence`. */
  backup?(path: unknown): Promise<unknown>;
}

export interface OpenRequest {
  /** Undefined: a memory without a file. */
  path: unknown;
  /** The constructor's options, the case's clock among them. */
  options: Record<string, unknown>;
  /** True: the constructor alone, which touches no file. Asked only of what has `lazyOpen`. */
  lazy: boolean;
}

export interface Implementation {
  name: string;
  capabilities: readonly Capability[];
  open(request: OpenRequest): MemoryLike | Promise<MemoryLike>;
}

/** The case file, or what it asks of the runner, is wrong: never a failure of the implementation. */
export class RunnerError extends Error {
  override name = "RunnerError";
}
