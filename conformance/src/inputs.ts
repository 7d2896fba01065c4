import { createHash, randomUUID } from "node:crypto";
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

/**
 * Turns a value of `with` into the one to ask a driver with: all generators but those of drivers are replaced, all else,
 * filters too, is data.
 */
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
  ["$literal", (operand) => data(operand)],
  ["$ref", (operand, context) => data(dereference(operand, context.saved))],
  ["$number", (operand) => written(operand)],
  ["$index", (operand, context) => indexed(operand, context.index)],
  ["$repeat", (operand) => repeated(operand)],
  ["$copies", (operand, context) => copies(operand, context)],
  ["$nested", (operand) => nested(operand)],
  ["$lines", (operand, context) => lines(operand, context)],
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

/** The text of an export: objects are written as JSON, `{"agentmem": "end"}` alone as the footer that is right. */
function lines(operand: unknown, context: InputContext): string {
  if (!Array.isArray(operand)) throw new RunnerError("$lines takes an array of lines");
  let text = "";
  for (const [i, one] of operand.entries()) {
    const line = resolve(one, context);
    const footer = {
      agentmem: "end",
      lines: i - 1,
      sha256: createHash("sha256").update(text).digest("hex"),
    };
    const isBareFooter =
      isObject(line) && line.agentmem === "end" && Object.keys(line).length === 1;
    text += `${typeof line === "string" ? line : writeLine(isBareFooter ? footer : line)}\n`;
  }
  return text;
}

function inFolder(operand: unknown, folder: string | undefined): string {
  if (folder === undefined) throw new RunnerError("$path needs a case that requires persistence");
  if (typeof operand !== "string") throw new RunnerError("$path takes a file's name");
  return join(folder, operand);
}

/** The values that JSON cannot hold, which a driver makes; README.md says what each is, and of which capability. */
const INPUTS: ReadonlySet<unknown> = new Set([
  ...["nan", "infinity", "-infinity", "loneSurrogate", "loneSurrogateKey"],
  ...["cyclicObject", "cyclicArray", "deepObject", "bytes", "set", "function", "instance", "date"],
  ...["undefined", "symbol", "bigint", "map", "invalidDate", "toJSON", "signal", "abortedSignal"],
  ...["naiveDatetime", "awareDatetime", "pythonDate", "tuple", "nonStringKey"],
  ...["decimal", "complex", "hugeInteger"],
]);

const FAULTS: ReadonlySet<unknown> = new Set([
  ...["throws", "rejects", "fewer", "short", "nan", "zero", "text"],
]);

/** What a driver replaces. */
const OF_DRIVERS = ["$input", "$embedder"];

function input(operand: unknown): unknown {
  if (!INPUTS.has(operand)) throw new RunnerError(`unknown $input ${JSON.stringify(operand)}`);
  return { $input: operand };
}

function embedder(operand: unknown): unknown {
  const [dimensions, ...faults] = Array.isArray(operand) ? operand : [operand];
  if (!Number.isInteger(dimensions) || faults.some((fault) => !FAULTS.has(fault)))
    throw new RunnerError("$embedder takes a number of dimensions, or [dimensions, fault]");
  return { $embedder: operand };
}

/** What is no generator, even if it looks like one. */
function data(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(data);
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && OF_DRIVERS.includes(keys[0] ?? ""))
    throw new RunnerError(`a driver would take ${JSON.stringify(value)} for a generator`);
  return Object.fromEntries(keys.map((key) => [key, data(value[key])]));
}

/** A number to be written as the case has it: JavaScript would make `1` of `1.0`. */
class Written {
  constructor(readonly text: string) {}
}

function written(operand: unknown): Written {
  if (typeof operand !== "string" || !NUMBER.test(operand))
    throw new RunnerError('$number takes a number as a text: "1.0"');
  return new Written(operand);
}

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/** What no case says, and so can stand in the place of numbers while a line is made. */
const MARK = `number ${randomUUID()} `;

/** A value as JSON in ASCII, so that no reader of lines or encodings can come between. */
export function writeLine(value: unknown): string {
  const marked = JSON.stringify(value, (_, inner) =>
    inner instanceof Written ? MARK + inner.text : inner,
  );
  return marked
    .replaceAll(new RegExp(`"${MARK}([^"]*)"`, "g"), "$1")
    .replaceAll(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
