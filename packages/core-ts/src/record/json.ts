import { invalid } from "../error.js";

/** A value that JSON can hold (spec 1.3). */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object: text keys, JSON values. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** How large a JSON value may be. */
export interface JsonLimits {
  /** Levels of arrays and objects, spec 1.7. */
  readonly depth: number;
  /** Bytes of the canonical form. */
  readonly bytes?: number;
  /** Keys of all objects, and elements of the arrays that stand under one of `listKeys`. */
  readonly nodes?: number;
  readonly listKeys?: ReadonlySet<string>;
}

/** A checked value, and its size by the measures of {@link JsonLimits}. */
export interface CheckedJson {
  /** A copy, in which -0 has become 0. Parts that the original shared are shared in it too. */
  readonly value: JsonValue;
  readonly depth: number;
  readonly bytes: number;
  readonly nodes: number;
}

/** What a caller may say of a record beside its content (spec 2.1). */
export const METADATA_LIMITS: JsonLimits = { depth: 32, bytes: 65_536 };

/**
 * Checks that a value is JSON within limits, and copies it.
 *
 * @param field - the argument's name, which the path of a part at fault begins with.
 * @throws {@link AgentMemError} `INVALID_ARGUMENT`: with the path of what is not JSON (1.8), with `field` itself if a limit is passed.
 */
export function checkJson(value: unknown, field: string, limits: JsonLimits): JsonValue {
  return measureJson(value, field, limits).value;
}

/** Does what {@link checkJson} does, and tells the size too. Takes linear time, however often parts are shared. */
export function measureJson(value: unknown, field: string, limits: JsonLimits): CheckedJson {
  return new Walk(field, limits).value(value, field, 0);
}

class Walk {
  readonly #field: string;
  readonly #limits: JsonLimits;
  /** The arrays and objects met before; undefined while one is under way, so that a cycle is seen as one. */
  readonly #met = new Map<object, CheckedJson | undefined>();

  constructor(field: string, limits: JsonLimits) {
    this.#field = field;
    this.#limits = limits;
  }

  value(value: unknown, path: string, above: number): CheckedJson {
    switch (typeof value) {
      case "boolean":
        return { value, depth: 0, bytes: String(value).length, nodes: 0 };
      case "number":
        return this.#number(value, path);
      case "string":
        return this.#text(value, path);
      case "object":
        if (value === null) return { value, depth: 0, bytes: 4, nodes: 0 };
        return this.#container(value, path, above);
      default:
        throw invalid(
          path,
          `must be JSON: null, true, false, a number, text, an array or a plain object, not ${nameOf(value)}`,
        );
    }
  }

  #number(value: number, path: string): CheckedJson {
    const checked = checkNumber(value, path);
    return { value: checked, depth: 0, bytes: String(checked).length, nodes: 0 };
  }

  #text(value: string, path: string): CheckedJson {
    this.#checkSize(value.length, 0);
    checkText(value, path);
    return { value, depth: 0, bytes: utf8Length(JSON.stringify(value)), nodes: 0 };
  }

  #container(value: object, path: string, above: number): CheckedJson {
    const known = this.#met.get(value);
    if (this.#met.has(value) && known === undefined) throw this.#tooDeep("contains itself");
    if (above + (known?.depth ?? 1) > this.#limits.depth) throw this.#tooDeep("is too deep");
    if (known !== undefined) return known;

    this.#met.set(value, undefined);
    const checked = Array.isArray(value)
      ? this.#array(value, path, above)
      : this.#object(value, path, above);
    this.#met.set(value, checked);
    return checked;
  }

  #array(value: readonly unknown[], path: string, above: number): CheckedJson {
    const copy: JsonValue[] = [];
    let [depth, bytes, nodes] = [0, 2, 0];
    for (let i = 0; i < value.length; i++) {
      const element = this.value(value[i], `${path}[${i}]`, above + 1);
      copy.push(element.value);
      depth = Math.max(depth, element.depth);
      bytes += element.bytes + (i > 0 ? 1 : 0);
      nodes += element.nodes;
      this.#checkSize(bytes, nodes);
    }
    return { value: copy, depth: depth + 1, bytes, nodes };
  }

  #object(value: object, path: string, above: number): CheckedJson {
    checkPlain(value, path);
    const copy: JsonObject = {};
    let [depth, bytes, nodes] = [0, 2, 0];
    for (const [i, key] of Object.keys(value).entries()) {
      checkText(key, path, "has a key that");
      const member = this.value(
        (value as Record<string, unknown>)[key],
        `${path}.${key}`,
        above + 1,
      );
      setMember(copy, key, member.value);
      depth = Math.max(depth, member.depth);
      bytes += utf8Length(JSON.stringify(key)) + 1 + member.bytes + (i > 0 ? 1 : 0);
      nodes += 1 + member.nodes + this.#listed(key, member.value);
      this.#checkSize(bytes, nodes);
    }
    return { value: copy, depth: depth + 1, bytes, nodes };
  }

  #listed(key: string, value: JsonValue): number {
    return this.#limits.listKeys?.has(key) && Array.isArray(value) ? value.length : 0;
  }

  #checkSize(bytes: number, nodes: number): void {
    const {
      bytes: maxBytes = Number.POSITIVE_INFINITY,
      nodes: maxNodes = Number.POSITIVE_INFINITY,
    } = this.#limits;
    if (bytes > maxBytes)
      throw invalid(
        this.#field,
        `is too large: at most ${maxBytes} bytes of canonical JSON are allowed`,
      );
    if (nodes > maxNodes)
      throw invalid(this.#field, `has too many parts: at most ${maxNodes} are allowed`);
  }

  #tooDeep(problem: string): Error {
    return invalid(
      this.#field,
      `${problem}: at most ${this.#limits.depth} levels of arrays and objects are allowed`,
    );
  }
}

/** Refuses instances of classes, and keys that are symbols. */
export function checkPlain(value: object, field: string): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  // The last prototype of a chain is Object's own, of whatever realm.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw invalid(field, "must be a plain object, not an instance of a class");
  }
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw invalid(field, "has a key that is a symbol: keys must be text");
}

/** Checks a number by spec 1.4; -0 comes back as 0. */
export function checkNumber(value: unknown, field: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw invalid(field, `must be a finite number, not ${nameOf(value)}`);
  }
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw invalid(field, "is beyond ±(2^53 - 1), where doubles are no longer exact: use text");
  }
  return value === 0 ? 0 : value;
}

/** Checks a text by spec 1.1: no unpaired surrogate, no U+0000. */
export function checkText(value: unknown, field: string, subject = ""): string {
  const problem = (words: string) => invalid(field, subject === "" ? words : `${subject} ${words}`);
  if (typeof value !== "string") throw problem(`must be text, not ${nameOf(value)}`);
  if (/\p{Surrogate}/u.test(value))
    throw problem("contains an unpaired surrogate, which is no Unicode text");
  if (value.includes("\0")) throw problem("contains U+0000");
  return value;
}

/** Reads the options that a call knows: for each its name, and what checks its value. */
export type Readers = Readonly<Record<string, (value: unknown, field: string) => unknown>>;

/** Options that were checked: an omitted one is absent, one given as null is null. */
export type Given<R extends Readers> = { -readonly [K in keyof R]?: ReturnType<R[K]> | null };

/**
 * Reads an object of options (spec 1.10, 1.11).
 *
 * @param field - the name of the object itself, for an error; `path` is what stands before the name of an option.
 * @throws {@link AgentMemError} `INVALID_ARGUMENT` for an option that is unknown, or undefined, or refused by its reader.
 */
export function readOptions<R extends Readers>(
  options: unknown,
  readers: R,
  field = "options",
  path = "",
): Given<R> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(field, `must be an object, not ${nameOf(options)}`);
  }
  checkPlain(options, field);
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    const at = path === "" ? key : `${path}.${key}`;
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader === undefined)
      throw invalid(at, `is unknown here: known are ${Object.keys(readers).join(", ")}`);
    if (value === undefined) throw invalid(at, "is undefined: leave it out, or give null");
    given[key] = value === null ? null : reader(value, at);
  }
  return given as Given<R>;
}

/** Names the type of a value for a message, never the value. */
export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : "NaN or an infinity";
  if (Array.isArray(value)) return "an array";
  const names: Record<string, string> = {
    undefined: "undefined",
    object: "an object",
    string: "text",
  };
  return names[typeof value] ?? `a ${typeof value}`;
}

/** Counts the bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate pair is 2 units and 4 bytes, so each half adds one.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** Orders texts by code points, which is the order of their bytes in UTF-8 too, but not of JavaScript's `<`. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i))
      return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
  }
  return a.length - b.length;
}

/** Writes a value in the canonical form of RFC 8785, whose numbers and escapes are those of `JSON.stringify`. */
export function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  // RFC 8785 sorts by UTF-16 code units, as sort does.
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(member(value, key))}`).join(",")}}`;
}

/** Tells whether two values are equal: deep and by value (spec 1.5). */
export function equalJson(a: JsonValue, b: JsonValue): boolean {
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((element, i) => equalJson(element, b[i] as JsonValue))
    );
  }
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalJson(member(a, key), member(b, key)))
  );
}

/** Copies a value in which nothing is shared with the original. */
export function copyJson<T extends JsonValue>(value: T): T;
export function copyJson(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((element) => copyJson(element));
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setMember(copy, key, copyJson(member(value, key)));
  return copy;
}

/** Tells a JSON object from the other JSON values. */
export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(object: JsonObject, key: string): JsonValue {
  return object[key] as JsonValue;
}

/** Defines a member; an assignment to `__proto__` would set the prototype instead. */
function setMember(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
