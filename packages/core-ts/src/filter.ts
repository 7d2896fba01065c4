import { invalid } from "./error.js";
import type { StoredRecord } from "./record/index.js";
import {
  checkJson,
  compareText,
  equalJson,
  type Given,
  isObject,
  type JsonLimits,
  type JsonObject,
  type JsonValue,
  nameOf,
} from "./record/json.js";
import { parseTime, type TimeInput } from "./record/time.js";
import { inScope, narrow, SCOPE_READERS, type ScopeIds } from "./scope.js";

/**
 * What selects the records that a call speaks of (spec chapter 5). Null is the same as leaving out, except for the
 * scope ids.
 */
export interface SelectOptions extends ScopeIds {
  /** A filter over metadata, such as `{ topic: "food", rating: { $gte: 3 } }`. */
  filter?: JsonObject | null;
  /** The earliest `createdAt`. */
  since?: TimeInput | null;
  /** The first `createdAt` that is too late. */
  until?: TimeInput | null;
}

/** A filter that was checked: tells whether it holds for metadata. */
export type Filter = (metadata: JsonObject) => boolean;

/** Tells whether an operand holds for the value at a path; undefined where the path leads nowhere. */
type Test = (found: JsonValue | undefined) => boolean;

/** Reads one operand, which stands at `path`, of an operator. */
type Operator = (operand: JsonValue, path: string) => Test;

/** What a filter may hold (spec 5.6). */
export const FILTER_LIMITS: JsonLimits = {
  depth: 32,
  bytes: 1_048_576,
  nodes: 1000,
  listKeys: new Set(["$and", "$or", "$in", "$nin"]),
};

/** What checks the options of {@link SelectOptions}. */
export const SELECT_READERS = {
  ...SCOPE_READERS,
  filter: parseFilter,
  since: parseTime,
  until: parseTime,
};

/** What a call selects, once it was checked. */
export interface Selection {
  readonly scope: ScopeIds;
  readonly filter: Filter;
  /** `createdAt` lies from `since` on and before `until`, in milliseconds. */
  readonly since: number;
  readonly until: number;
}

/** Puts together what the options of a call select through a view. */
export function selectionOf(given: Given<typeof SELECT_READERS>, view: ScopeIds): Selection {
  return {
    scope: narrow(view, given),
    filter: given.filter ?? (() => true),
    since: given.since ?? Number.NEGATIVE_INFINITY,
    until: given.until ?? Number.POSITIVE_INFINITY,
  };
}

/** Tells whether a record is selected: the one evaluator of all calls (spec 5.8). */
export function isSelected(
  record: StoredRecord,
  { scope, filter, since, until }: Selection,
): boolean {
  return (
    inScope(record, scope) &&
    since <= record.createdAt &&
    record.createdAt < until &&
    filter(record.metadata)
  );
}

/**
 * Reads a metadata filter.
 *
 * @throws {@link AgentMemError} `INVALID_ARGUMENT` with the path of what is malformed, such as `filter.n.$gte`.
 */
export function parseFilter(value: unknown, field: string): Filter {
  return readFilter(checkJson(value, field, FILTER_LIMITS), field);
}

function readFilter(value: JsonValue, path: string): Filter {
  if (!isObject(value))
    throw invalid(path, `must be a filter, which is a JSON object, not ${nameOf(value)}`);
  const members = Object.entries(value).map(([key, operand]) =>
    readMember(key, operand, `${path}.${key}`),
  );
  return (metadata) => members.every((holds) => holds(metadata));
}

function readMember(key: string, operand: JsonValue, path: string): Filter {
  switch (key) {
    case "$and": {
      const filters = readFilters(operand, path);
      return (metadata) => filters.every((holds) => holds(metadata));
    }
    case "$or": {
      const filters = readFilters(operand, path);
      return (metadata) => filters.some((holds) => holds(metadata));
    }
    case "$not": {
      const holds = readFilter(operand, path);
      return (metadata) => !holds(metadata);
    }
    default:
      return readPath(key, operand, path);
  }
}

function readFilters(operand: JsonValue, path: string): Filter[] {
  return readList(operand, path).map((element, i) => readFilter(element, `${path}[${i}]`));
}

function readPath(key: string, operand: JsonValue, path: string): Filter {
  if (key.startsWith("$"))
    throw invalid(path, "is unknown here: filters are joined by $and, $or and $not");
  const segments = key.split(".");
  if (segments.some((segment) => segment.startsWith("$"))) {
    throw invalid(
      path,
      "has a segment that begins with $: such keys are stored, but no filter can name them",
    );
  }
  const test = isOperators(operand, path) ? readOperators(operand, path) : equals(operand);
  return (metadata) => test(follow(metadata, segments));
}

/** Follows a path; gives undefined where it leads nowhere (spec 5.3). */
function follow(metadata: JsonObject, segments: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = metadata;
  for (const segment of segments) {
    if (Array.isArray(value))
      value = /^(0|[1-9][0-9]*)$/.test(segment) ? value[Number(segment)] : undefined;
    else if (value !== undefined && isObject(value))
      value = Object.hasOwn(value, segment) ? value[segment] : undefined;
    else return undefined;
  }
  return value;
}

/** Tells a set of operators from a value to compare with (spec 5.4). */
function isOperators(operand: JsonValue, path: string): operand is JsonObject {
  if (!isObject(operand)) return false;
  const keys = Object.keys(operand);
  const operators = keys.filter((key) => key.startsWith("$"));
  if (operators.length > 0 && operators.length < keys.length) {
    throw invalid(path, "mixes operators with other keys: all of them begin with $, or none");
  }
  return operators.length > 0;
}

function readOperators(operators: JsonObject, path: string): Test {
  const tests = Object.entries(operators).map(([name, operand]) => {
    const operator = OPERATORS.get(name);
    if (operator === undefined)
      throw invalid(`${path}.${name}`, `is unknown: known are ${[...OPERATORS.keys()].join(" ")}`);
    return operator(operand, `${path}.${name}`);
  });
  return (found) => tests.every((holds) => holds(found));
}

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["$eq", equals],
  ["$ne", (operand) => not(equals(operand))],
  ["$gt", (operand) => inOrder(operand, (order) => order > 0)],
  ["$gte", (operand) => inOrder(operand, (order) => order >= 0)],
  ["$lt", (operand) => inOrder(operand, (order) => order < 0)],
  ["$lte", (operand) => inOrder(operand, (order) => order <= 0)],
  ["$in", equalsOne],
  ["$nin", (operand, path) => not(equalsOne(operand, path))],
  ["$contains", contains],
  ["$exists", exists],
  ["$not", (operand, path) => not(negatedOperators(operand, path))],
]);

function not(test: Test): Test {
  return (found) => !test(found);
}

function equals(operand: JsonValue): Test {
  return (found) => equalJson(found ?? null, operand);
}

function equalsOne(operand: JsonValue, path: string): Test {
  const tests = readList(operand, path).map(equals);
  return (found) => tests.some((holds) => holds(found));
}

/** Compares numbers with numbers and text with text; nothing else has an order. */
function inOrder(operand: JsonValue, isWanted: (order: number) => boolean): Test {
  return (found) => {
    if (typeof found === "number" && typeof operand === "number") return isWanted(found - operand);
    if (typeof found === "string" && typeof operand === "string")
      return isWanted(compareText(found, operand));
    return false;
  };
}

function contains(operand: JsonValue): Test {
  return (found) => {
    if (Array.isArray(found)) return found.some((element) => equalJson(element, operand));
    return typeof found === "string" && typeof operand === "string" && found.includes(operand);
  };
}

function exists(operand: JsonValue, path: string): Test {
  if (typeof operand !== "boolean")
    throw invalid(path, `must be true or false, not ${nameOf(operand)}`);
  return (found) => (found !== undefined) === operand;
}

function negatedOperators(operand: JsonValue, path: string): Test {
  if (!isOperators(operand, path))
    throw invalid(path, 'must be a set of operators, such as {"$gt": 3}');
  return readOperators(operand, path);
}

function readList(operand: JsonValue, path: string): JsonValue[] {
  if (!Array.isArray(operand)) throw invalid(path, `must be an array, not ${nameOf(operand)}`);
  return operand;
}
