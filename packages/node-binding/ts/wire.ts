import { types } from "node:util";
import { AgentMemError, invalid } from "@agentmem/core/src/error.ts";
import { FILTER_LIMITS } from "@agentmem/core/src/filter.ts";
import {
  checkJson,
  checkNumber,
  checkPlain,
  checkText,
  type JsonObject,
  type JsonValue,
  METADATA_LIMITS,
  nameOf,
} from "@agentmem/core/src/record/json.ts";
import { formatTime, isDate, parseTime } from "@agentmem/core/src/record/time.ts";
import { readVector } from "@agentmem/core/src/record/vector.ts";

// Here JavaScript's own values become JSON text, and what is not JSON is refused (spec 1.3). What an option may be, and
// which there are, is checked on the other side of the wire, once for all languages.

/** The vectors of a call, which go beside its JSON: there stands only how many components each has. */
export type Vectors = Float32Array[];

/** Turns the value of an option into JSON; what is not listed is a scalar. */
const READERS: Readonly<
  Record<string, (value: unknown, field: string, vectors: Vectors) => JsonValue>
> = {
  metadata: (value, field) => flat(value) ?? checkJson(value, field, METADATA_LIMITS),
  filter: (value, field) => checkJson(value, field, FILTER_LIMITS),
  createdAt: time,
  expiresAt: time,
  since: time,
  until: time,
  content,
  history: (value, field) => checkJson(value, field, METADATA_LIMITS),
  embedding: (value, field, vectors) => {
    // The addon copies it before the call returns, and once is enough.
    const vector = isOwnFloats(value) ? value : readVector(value, field);
    vectors.push(vector);
    return vector.length;
  },
  recency: (value, field) => options(value, field, `${field}.`),
  asOf: (value, field) =>
    typeof value === "object" && !Array.isArray(value) && !isDate(value)
      ? options(value, field, `${field}.`)
      : time(value, field),
};

const READER_OF = new Map(Object.entries(READERS));

/**
 * Turns the options of a call into JSON (spec 1.10, 1.11).
 *
 * @param field - the name of the object itself, for an error; `path` is what stands before the name of an option.
 */
export function options(
  value: unknown,
  field = "options",
  path = "",
  vectors: Vectors = [],
): JsonObject {
  checkOptions(value, field);
  const members: JsonObject = {};
  const given = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(value);
  // No iterators and no functions of its own, which are slow until V8 has compiled them.
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string; // There are as many.
    const member = given[key];
    const at = path === "" ? key : path + key;
    if (member === undefined) throw invalid(at, "is undefined: leave it out, or give null");
    const read = READER_OF.get(key) ?? scalar;
    const json = member === null ? null : read(member, at, vectors);
    // Not unknown to the other side, which refuses it, as it would be if it became the prototype.
    if (key === "__proto__") Object.defineProperty(members, key, { value: json, enumerable: true });
    else members[key] = json;
  }
  return members;
}

/** Checks that options are one plain object. */
export function checkOptions(value: unknown, field: string): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(field, `must be an object, not ${nameOf(value)}`);
  }
  checkPlain(value, field);
}

/** Turns a text or a message into JSON. */
export function content(value: unknown, field = "content"): JsonValue {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? options(value, field, `${field}.`)
    : scalar(value, field);
}

/** How much of metadata is copied without being measured: with six bytes for each unit of text it is within METADATA_LIMITS. */
const FLAT = { members: 32, key: 64, text: 256 };

/** Copies metadata of a few short texts and numbers, as most are; nothing if there is more to look at. */
function flat(value: unknown): JsonObject | null {
  if (typeof value !== "object" || value === null) return null;
  if (Object.getPrototypeOf(value) !== Object.prototype) return null;
  const keys = Object.keys(value);
  if (keys.length > FLAT.members || Object.getOwnPropertySymbols(value).length > 0) return null;
  const copy: JsonObject = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string; // There are as many.
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (key === "__proto__" || !isShort(key, FLAT.key)) return null;
    if (typeof member === "string" ? !isShort(member, FLAT.text) : !Number.isSafeInteger(member))
      return null;
    copy[key] = member === 0 ? 0 : (member as string | number); // -0 is 0 (spec 1.4).
  }
  return copy;
}

function isShort(text: string, most: number): boolean {
  return text.length <= most && isText(text);
}

/** Tells whether it is Unicode text without U+0000 (spec 1.1), in a moment. */
function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes("\0");
}

/** Tells a Float32Array of whichever realm that no other thread can write into. */
function isOwnFloats(value: unknown): value is Float32Array {
  return types.isFloat32Array(value) && !types.isSharedArrayBuffer(value.buffer);
}

/** Turns the items of `addMany` into JSON. */
export function items(value: unknown, vectors: Vectors): JsonValue[] {
  if (!Array.isArray(value)) throw invalid("items", `must be an array, not ${nameOf(value)}`);
  if (value.length > 100_000)
    throw invalid("items", `has ${value.length} elements: at most 100000 are allowed`);
  // Array.from, because map would pass over the holes of a sparse array.
  return Array.from(value, (item: unknown, i) =>
    options(item, `items[${i}]`, `items[${i}].`, vectors),
  );
}

/** Turns null, a boolean, a number or a text into JSON. */
export function scalar(value: unknown, field: string): JsonValue {
  switch (typeof value) {
    case "boolean":
      return value;
    case "number":
      return checkNumber(value, field);
    case "string":
      return isText(value) ? value : checkText(value, field);
    default:
      if (value === null) return null;
      throw invalid(field, `must be text, a number, true or false, not ${nameOf(value)}`);
  }
}

function time(value: unknown, field: string): JsonValue {
  return formatTime(parseTime(value, field));
}

/** Lays vectors one behind the other, as they go over the wire; nothing if there are none. */
export function joined(vectors: Vectors): Float32Array | undefined {
  if (vectors.length <= 1) return vectors[0];
  const all = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const vector of vectors) {
    all.set(vector, end);
    end += vector.length;
  }
  return all;
}

/** Writes the arguments of a call. */
export function write(value: JsonObject): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    // What was checked has no other way to fail.
    throw new AgentMemError("LIMIT", null, "the arguments are longer than a string can be", {
      cause,
    });
  }
}

interface WireError {
  code: AgentMemError["code"];
  field: string | null;
  message: string;
}

/** Reads the outcome of a call: gives the answer, or throws the error. */
export function read(json: string): unknown {
  const outcome = JSON.parse(json) as { ok?: unknown; error?: WireError };
  if (outcome.error !== undefined) throw toError(outcome.error);
  return outcome.ok;
}

/** Reads an answer that was given at once: rows or null, or an object that tells the error. */
export function readRows(json: string): unknown {
  return json.startsWith("{") ? read(json) : JSON.parse(json);
}

/** Does what throws on the other side of the wire. */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw toError(JSON.parse((thrown as Error).message) as WireError);
  }
}

function toError({ code, field, message }: WireError): AgentMemError {
  return new AgentMemError(code, field, message);
}
