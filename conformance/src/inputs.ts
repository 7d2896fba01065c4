import { join } from "node:path";
import { dereference, isObject, type Saved } from "./match.ts";
import { RunnerError } from "./types.ts";

/** What a value in `with` may refer to. */
export interface InputContext {
  saved: Saved;
  /** How often the surrounding `repeat`, `parallel` or `$copies` has gone round. */
  index: number;
  /** The case's own folder; undefined where stores are no files. */
  folder: string | undefined;
}

type Generator = (operand: unknown, context: InputContext) => unknown;

/** Turns a value of `with` into the one to pass: generators are replaced, all else, filters too, is data. */
export function resolve(value: unknown, context: InputContext): unknown {
  if (Array.isArray(value)) return value.map((element) => resolve(element, context));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const generator = keys.length === 1 ? GENERATORS.get(keys[0] ?? "") : undefined;
  if (generator !== undefined) return generator(Object.values(value)[0], context);
  // fromEntries defines properties, so that `__proto__` stays a key like another.
  return Object.fromEntries(keys.map((key) => [key, resolve(value[key], context)]));
}

const GENERATORS: ReadonlyMap<string, Generator> = new Map<string, Generator>([
  ["$literal", (operand) => operand],
  ["$ref", (operand, context) => dereference(operand, context.saved)],
  ["$index", (operand, context) => indexed(operand, context.index)],
  ["$repeat", (operand) => repeated(operand)],
  ["$copies", (operand, context) => copies(operand, context)],
  ["$nested", (operand) => nested(operand)],
  ["$path", (operand, context) => inFolder(operand, context.folder)],
  ["$input", (operand) => input(operand)],
  ["$embedder", (operand) => embedder(operand)],
]);

function indexed(operand: unknown, index: number): unknown {
  if (typeof operand === "string") return operand.replaceAll("#", String(index));
  if (typeof operand === "number") return operand + index;
  throw new RunnerError("$index takes a text with # or a number to add to");
}

function repeated(operand: unknown): string {
  const [text, times] = Array.isArray(operand) ? operand : [];
  if (typeof text !== "string" || !Number.isInteger(times)) {
    throw new RunnerError("$repeat takes [text, times]");
  }
  return text.repeat(times);
}

function copies(operand: unknown, context: InputContext): unknown[] {
  const [template, times] = Array.isArray(operand) ? operand : [];
  if (!Number.isInteger(times)) throw new RunnerError("$copies takes [value, times]");
  return Array.from({ length: times }, (_, index) => resolve(template, { ...context, index }));
}

/** An object (or array) of the stated depth by clause 1.7: the innermost is empty. */
function nested(operand: unknown): unknown {
  const [depth, kind] = Array.isArray(operand) ? operand : [operand, "object"];
  if (!Number.isInteger(depth) || depth < 1 || (kind !== "object" && kind !== "array")) {
    throw new RunnerError('$nested takes a depth, or [depth, "array"]');
  }
  let value: unknown = kind === "array" ? [] : {};
  for (let i = 1; i < depth; i++) value = kind === "array" ? [value] : { a: value };
  return value;
}

function inFolder(operand: unknown, folder: string | undefined): string {
  if (folder === undefined) throw new RunnerError("$path needs a case that requires persistence");
  if (typeof operand !== "string") throw new RunnerError("$path takes a file's name");
  return join(folder, operand);
}

/** What the embedder of a case does wrong, if anything, with its right vectors; README.md lists them. */
const FAULTS: ReadonlyMap<unknown, (vectors: number[][]) => unknown> = new Map([
  [undefined, (vectors: number[][]): unknown => vectors],
  ["throws", fails],
  ["rejects", async () => fails()],
  ["fewer", (vectors: number[][]) => vectors.slice(1)],
  ["short", (vectors: number[][]) => vectors.map((vector) => vector.slice(1))],
  ["nan", (vectors: number[][]) => vectors.map((vector) => vector.map(() => Number.NaN))],
  ["zero", (vectors: number[][]) => vectors.map((vector) => vector.map(() => 0))],
  ["text", () => "vectors"],
]);

/** An embedder that any language can have: component k counts the bytes that leave k when divided by the dimensions. */
function embedder(operand: unknown): unknown {
  const [dimensions, fault] = Array.isArray(operand) ? operand : [operand];
  const answer = FAULTS.get(fault);
  if (!Number.isInteger(dimensions) || answer === undefined)
    throw new RunnerError("$embedder takes a number of dimensions, or [dimensions, fault]");
  const embed = (texts: string[]) => answer(texts.map((text) => countBytes(text, dimensions)));
  return { id: `bytes-${dimensions}`, dimensions, embed };
}

function countBytes(text: string, dimensions: number): number[] {
  const counts = new Array<number>(dimensions).fill(0);
  for (const byte of new TextEncoder().encode(text)) {
    counts[byte % dimensions] = (counts[byte % dimensions] ?? 0) + 1;
  }
  return counts;
}

function fails(): never {
  throw new Error("the embedder of the case fails");
}

class Instance {
  readonly a = 1;
}

function cyclicObject(): unknown {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

function cyclicArray(): unknown {
  const value: unknown[] = [];
  value.push(value);
  return value;
}

/** Values that JSON cannot hold, by name. README.md lists them, and the capability that each belongs to. */
const INPUTS: ReadonlyMap<string, () => unknown> = new Map<string, () => unknown>([
  ["nan", () => Number.NaN],
  ["infinity", () => Number.POSITIVE_INFINITY],
  ["-infinity", () => Number.NEGATIVE_INFINITY],
  ["loneSurrogate", () => "a\ud800b"],
  ["loneSurrogateKey", () => ({ "a\ud800b": 1 })],
  ["cyclicObject", cyclicObject],
  ["cyclicArray", cyclicArray],
  ["bytes", () => new Uint8Array([1, 2, 3])],
  ["set", () => new Set([1])],
  ["function", () => () => 1],
  ["undefined", () => undefined],
  ["symbol", () => Symbol("s")],
  ["bigint", () => 1n],
  ["map", () => new Map([["a", 1]])],
  ["date", () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678))],
  ["invalidDate", () => new Date(Number.NaN)],
  ["instance", () => new Instance()],
  ["signal", () => new AbortController().signal],
  ["abortedSignal", () => AbortSignal.abort(new Error("told to"))],
  ["toJSON", () => ({ a: 1, toJSON: () => ({ b: 2 }) })],
]);

function input(operand: unknown): unknown {
  const make = typeof operand === "string" ? INPUTS.get(operand) : undefined;
  if (make === undefined) throw new RunnerError(`unknown $input ${JSON.stringify(operand)}`);
  return make();
}
