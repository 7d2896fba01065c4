import { type Answer, type ExpectedError, RunnerError, type Step } from "./types.ts";

/** The first place where an answer is not what was expected. `path` is a JSON path from the answer, `$`. */
export interface Mismatch {
  path: string;
  expected: unknown;
  actual: unknown;
}

/** What earlier steps saved, by name. */
export type Saved = ReadonlyMap<string, unknown>;

type Operator = (operand: unknown, actual: unknown, path: string, saved: Saved) => Mismatch | null;

/** Holds what a step came to against what it expects: null if it is right. */
export function judge(step: Step, answer: Answer, saved: Saved): Mismatch | null {
  if (step.expectError !== undefined) return judgeError(step.expectError, answer);
  if ("error" in answer) return { path: "$", expected: "no error", actual: answer.error };
  return step.expect === undefined ? null : match(step.expect, answer.value, saved);
}

function judgeError(expected: ExpectedError, answer: Answer): Mismatch | null {
  const { code, field, hides = [] } = expected;
  if (!("error" in answer)) {
    return { path: "$", expected: { error: { code, field } }, actual: answer.value };
  }
  const { error } = answer;
  if (error.code !== code) return { path: "$error.code", expected: code, actual: error };
  if (error.field !== field) return { path: "$error.field", expected: field, actual: error.field };
  const leaked = hides.find((text) => error.message.includes(text));
  if (leaked === undefined) return null;
  return { path: "$error.message", expected: { without: leaked }, actual: error.message };
}

/**
 * Compares an answer with what a case expects: objects as a subset, arrays exactly and in order, everything else by value.
 *
 * @throws RunnerError for an unknown operator or a reference to nothing.
 */
export function match(
  expected: unknown,
  actual: unknown,
  saved: Saved = new Map(),
  path = "$",
): Mismatch | null {
  const operator = operatorOf(expected);
  if (operator !== null) return applyOperator(operator, actual, path, saved);
  if (Array.isArray(expected)) return matchArray(expected, actual, path, saved);
  if (isObject(expected)) return matchObject(expected, actual, path, saved);
  return expected === actual ? null : { path, expected, actual };
}

/** Deep equality: the same keys, the same elements, the same bits (but -0 is 0). */
export function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((element, i) => equal(element, b[i]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    return keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  return a === b;
}

/** The value at a reference such as `ada.id` or `hits.0.score`. */
export function dereference(reference: unknown, saved: Saved): unknown {
  if (typeof reference !== "string") throw new RunnerError("$ref takes a text");
  const [name = "", ...segments] = reference.split(".");
  if (!saved.has(name)) throw new RunnerError(`$ref: nothing was saved as "${name}"`);
  let value = saved.get(name);
  for (const segment of segments) {
    const inside = (Array.isArray(value) || isObject(value)) && Object.hasOwn(value, segment);
    if (!inside) throw new RunnerError(`$ref: "${reference}" leads nowhere`);
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function operatorOf(expected: unknown): { name: string; operand: unknown } | null {
  if (!isObject(expected)) return null;
  const keys = Object.keys(expected);
  const name = keys.find((key) => key.startsWith("$"));
  if (name === undefined) return null;
  if (keys.length > 1) throw new RunnerError(`an operator stands alone: ${keys.join(", ")}`);
  return { name, operand: expected[name] };
}

function applyOperator(
  operator: { name: string; operand: unknown },
  actual: unknown,
  path: string,
  saved: Saved,
): Mismatch | null {
  const apply = OPERATORS.get(operator.name);
  if (apply === undefined) throw new RunnerError(`unknown operator ${operator.name} at ${path}`);
  return apply(operator.operand, actual, path, saved);
}

function matchArray(
  expected: unknown[],
  actual: unknown,
  path: string,
  saved: Saved,
): Mismatch | null {
  if (!Array.isArray(actual)) return { path, expected, actual };
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const mismatch = match(expected[i], actual[i], saved, `${path}[${i}]`);
    if (mismatch !== null) return mismatch;
  }
  if (expected.length === actual.length) return null;
  return { path: `${path}.length`, expected: expected.length, actual: actual.length };
}

function matchObject(
  expected: Record<string, unknown>,
  actual: unknown,
  path: string,
  saved: Saved,
): Mismatch | null {
  if (!isObject(actual)) return { path, expected, actual };
  for (const [key, wanted] of Object.entries(expected)) {
    const inner = `${path}.${key}`;
    const there = Object.hasOwn(actual, key);
    if (operatorOf(wanted)?.name === "$absent") {
      if (there) return { path: inner, expected: wanted, actual: actual[key] };
      continue;
    }
    if (!there) return { path: inner, expected: wanted, actual: { $absent: true } };
    const mismatch = match(wanted, actual[key], saved, inner);
    if (mismatch !== null) return mismatch;
  }
  return null;
}

const compareExactly: Operator = (operand, actual, path) =>
  equal(operand, actual) ? null : firstDifference(operand, actual, path);

/** Where two values that are not equal differ first, so that a long `$exact` answer need not be read whole. */
function firstDifference(expected: unknown, actual: unknown, path: string): Mismatch {
  const bothArrays = Array.isArray(expected) && Array.isArray(actual);
  const bothObjects = isObject(expected) && isObject(actual);
  if (bothArrays || bothObjects) {
    const a = expected as Record<string, unknown>;
    const b = actual as Record<string, unknown>;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const inner = bothArrays ? `${path}[${key}]` : `${path}.${key}`;
      if (!Object.hasOwn(a, key))
        return { path: inner, expected: { $absent: true }, actual: b[key] };
      if (!Object.hasOwn(b, key))
        return { path: inner, expected: a[key], actual: { $absent: true } };
      if (!equal(a[key], b[key])) return firstDifference(a[key], b[key], inner);
    }
  }
  return { path, expected, actual };
}

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["$exact", compareExactly],
  ["$literal", compareExactly],
  [
    "$ref",
    (operand, actual, path, saved) =>
      compareExactly(dereference(operand, saved), actual, path, saved),
  ],
  [
    "$type",
    (operand, actual, path) =>
      hasType(operand, actual) ? null : { path, expected: { $type: operand }, actual },
  ],
  [
    "$approx",
    (operand, actual, path) => {
      if (typeof operand !== "number") throw new RunnerError("$approx takes a number");
      const near = typeof actual === "number" && Math.abs(actual - operand) <= 1e-9;
      return near ? null : { path, expected: { $approx: operand }, actual };
    },
  ],
  [
    "$between",
    (operand, actual, path) => {
      const [low, high] = Array.isArray(operand) ? operand : [];
      if (typeof low !== "number" || typeof high !== "number" || !(low <= high)) {
        throw new RunnerError("$between takes [low, high]");
      }
      const inside = typeof actual === "number" && low <= actual && actual <= high;
      return inside ? null : { path, expected: { $between: operand }, actual };
    },
  ],
  [
    "$unordered",
    (operand, actual, path, saved) => {
      if (!Array.isArray(operand)) throw new RunnerError("$unordered takes an array");
      const fits =
        Array.isArray(actual) &&
        actual.length === operand.length &&
        assign(operand, actual, new Set(), path, saved);
      return fits ? null : { path, expected: { $unordered: operand }, actual };
    },
  ],
  [
    "$absent",
    () => {
      throw new RunnerError("$absent stands for a member of an object");
    },
  ],
]);

/** Finds a different element for each of the expected ones, by trying. */
function assign(
  expected: unknown[],
  actual: unknown[],
  taken: Set<number>,
  path: string,
  saved: Saved,
): boolean {
  const next = expected[taken.size];
  if (taken.size === expected.length) return true;
  for (const [i, candidate] of actual.entries()) {
    if (taken.has(i) || match(next, candidate, saved, path) !== null) continue;
    taken.add(i);
    if (assign(expected, actual, taken, path, saved)) return true;
    taken.delete(i);
  }
  return false;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const WIRE_TIME = /^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

const isText = (v: unknown): v is string => typeof v === "string";
const isTextOrNull = (v: unknown): boolean => v === null || isText(v);
const isTime = (v: unknown): boolean => isText(v) && WIRE_TIME.test(v);

const RECORD_FIELDS: ReadonlyMap<string, (v: unknown) => boolean> = new Map([
  ["id", isText],
  ["content", isText],
  ["userId", isTextOrNull],
  ["agentId", isTextOrNull],
  ["runId", isTextOrNull],
  ["role", isTextOrNull],
  ["name", isTextOrNull],
  ["metadata", isObject],
  ["importance", (v: unknown) => typeof v === "number"],
  ["createdAt", isTime],
  ["updatedAt", isTime],
  ["expiresAt", (v: unknown) => v === null || isTime(v)],
  ["version", Number.isInteger],
]);

function isRecord(value: unknown, more: readonly string[]): boolean {
  if (!isObject(value)) return false;
  if (Object.keys(value).length !== RECORD_FIELDS.size + more.length) return false;
  return [...RECORD_FIELDS].every(([key, fits]) => Object.hasOwn(value, key) && fits(value[key]));
}

function hasType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "id":
      return isText(value) && UUID_V7.test(value);
    case "time":
      return isTime(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "record":
      return isRecord(value, []);
    case "hit":
      return isRecord(value, ["score"]) && typeof (value as { score?: unknown }).score === "number";
    default:
      throw new RunnerError(`unknown type ${JSON.stringify(type)}`);
  }
}
