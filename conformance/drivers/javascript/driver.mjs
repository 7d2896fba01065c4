// What drives a memory in JavaScript: requests in, answers out. `node.mjs` does so over standard input and output.
import { revive } from "./values.mjs";

/** The names of what stands before the options. */
const LEADING = {
  add: "content",
  addMany: "items",
  search: "query",
  get: "id",
  update: "id",
  delete: "id",
  history: "id",
  backup: "path",
  exportTo: "path",
  importFrom: "path",
};

const GIVES_NOTHING = ["open", "new", "scoped", "close"];

/**
 * Gives the function that answers a line with a line. `Memory` is the class that the implementation exports; `transport` is how
 * it exports to a text, and imports one, if not over streams.
 */
export function driverOf(Memory, transport = streams) {
  const handles = new Map();
  let now;

  function perform({ do: operation, on, as, with: named = {}, args, calls, ...clock }) {
    if (operation === "parallel") return Promise.all(calls.map(attempt));
    const given = revive(named);
    if (operation === "open" || operation === "new") {
      const { path, ...options } = given;
      const own = { ...("now" in clock && { clock: () => now }), ...options };
      const keep = (memory) => void handles.set(as, memory);
      if (operation === "new") return keep(new Memory(path, own));
      return Memory.open(path, own).then(keep);
    }
    const handle = handles.get(on);
    if (operation in transport && args === undefined && given.path === undefined) {
      const { text, ...options } = given;
      const positions = Object.keys(options).length > 0 ? [options] : [];
      return transport[operation](handle, text, ...positions);
    }
    const positions = args === undefined ? positional(operation, given) : revive(args);
    const answer = handle[operation](...positions);
    return operation === "scoped" ? void handles.set(as, answer) : answer;
  }

  /** Begins at once, so that calls which are begun one after the other write in that order. */
  async function attempt(request) {
    try {
      const value = await perform(request);
      if (GIVES_NOTHING.includes(request.do)) return { value: null };
      if (!isJson(value)) throw new TypeError("the answer is no JSON");
      return { value };
    } catch (error) {
      const { code = null, field = null } = Object(error);
      return { error: { code, field, message: String(error) } };
    }
  }

  return async (line) => {
    const { id, ...request } = JSON.parse(line);
    now = revive(request.now);
    return JSON.stringify({ id, ...(await attempt(request)) });
  };
}

/** Exports to a stream, imports from a blob. */
const streams = {
  async exportTo(handle, _, ...options) {
    const { readable, writable } = new TransformStream();
    const text = new Response(readable).text();
    const [count, whole] = await Promise.all([handle.exportTo(writable, ...options), text]);
    return { count, text: whole };
  },
  importFrom: (handle, text, ...options) => handle.importFrom(new Blob([text]), ...options),
};

/** `with` as the arguments of the call: the leading one, then the options if there are any. */
function positional(operation, given) {
  const { [LEADING[operation]]: first, ...options } = given;
  if (!(operation in LEADING)) return Object.keys(given).length > 0 ? [given] : [];
  if (operation === "addMany") return "defaults" in options ? [first, options.defaults] : [first];
  return operation === "update" || Object.keys(options).length > 0 ? [first, options] : [first];
}

/** JSON would change a time that is no text, or drop a member that is undefined, and hide that they are wrong. */
function isJson(value) {
  if (value === null || typeof value !== "object")
    return value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value);
  return typeof value.toJSON !== "function" && Object.values(value).every(isJson);
}
