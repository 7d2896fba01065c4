// The two generators of cases that only the language of an implementation can replace: embedders, and values that JSON cannot
// hold. Who declares neither `nativeValues` nor `javascriptValues` needs the embedders that have no fault alone.

/** Replaces the generators in what was asked. */
export function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value);
  const [key, operand] = entries[0] ?? [];
  if (entries.length === 1 && key === "$input") return INPUTS[operand]();
  if (entries.length === 1 && key === "$embedder") return embedder(...[operand].flat());
  // fromEntries defines properties, so that `__proto__` stays a key like another.
  return Object.fromEntries(entries.map(([name, inner]) => [name, revive(inner)]));
}

/** An embedder that any language can have: component k counts the bytes that leave k when divided by the dimensions. */
function embedder(dimensions, fault) {
  const answer = fault === undefined ? (vectors) => vectors : FAULTS[fault];
  const embed = (texts) => answer(texts.map((text) => countBytes(text, dimensions)));
  return { id: `bytes-${dimensions}`, dimensions, embed };
}

function countBytes(text, dimensions) {
  const counts = new Array(dimensions).fill(0);
  for (const byte of new TextEncoder().encode(text)) counts[byte % dimensions] += 1;
  return counts;
}

function fails() {
  throw new Error("the embedder of the case fails");
}

/** What an embedder does wrong with its right vectors. */
const FAULTS = {
  throws: fails,
  rejects: async () => fails(),
  fewer: (vectors) => vectors.slice(1),
  short: (vectors) => vectors.map((vector) => vector.slice(1)),
  nan: (vectors) => vectors.map((vector) => vector.map(() => Number.NaN)),
  zero: (vectors) => vectors.map((vector) => vector.map(() => 0)),
  text: () => "vectors",
};

class Instance {
  a = 1;
}

function cyclic(value, key) {
  value[key] = value;
  return value;
}

const INPUTS = {
  nan: () => Number.NaN,
  infinity: () => Number.POSITIVE_INFINITY,
  "-infinity": () => Number.NEGATIVE_INFINITY,
  loneSurrogate: () => "a\ud800b",
  loneSurrogateKey: () => ({ "a\ud800b": 1 }),
  cyclicObject: () => cyclic({}, "self"),
  cyclicArray: () => cyclic([], 0),
  deepObject: () => Array.from({ length: 20_000 }).reduce((value) => ({ a: value }), {}),
  bytes: () => new Uint8Array([1, 2, 3]),
  set: () => new Set([1]),
  function: () => () => 1,
  undefined: () => undefined,
  symbol: () => Symbol("s"),
  bigint: () => 1n,
  map: () => new Map([["a", 1]]),
  date: () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
  invalidDate: () => new Date(Number.NaN),
  instance: () => new Instance(),
  signal: () => new AbortController().signal,
  abortedSignal: () => AbortSignal.abort(new Error("told to")),
  toJSON: () => ({ a: 1, toJSON: () => ({ b: 2 }) }),
};
