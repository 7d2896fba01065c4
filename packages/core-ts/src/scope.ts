import { invalid } from "./error.js";
import { checkText, utf8Length } from "./record/json.js";
import { isBlank } from "./text/unicode.js";

/** Whose memory a record is (spec 4.1): each text of 1 to 256 bytes, or null; compared by bytes, fixed when it is added. */
export interface Scope {
  userId: string | null;
  agentId: string | null;
  runId: string | null;
}

/**
 * The scope ids as a call gives them.
 *
 * Where a call reads, a text selects the records with just that value, null those that have none, and an id that is
 * left out selects any. Where a call adds, null and leaving out both mean none. Undefined is an error: a variable that
 * was never set must not widen what a call touches.
 */
export interface ScopeIds {
  userId?: string | null;
  agentId?: string | null;
  runId?: string | null;
}

const KEYS = ["userId", "agentId", "runId"] as const;

/** What checks the scope ids among the options of a call. */
export const SCOPE_READERS = { userId: checkName, agentId: checkName, runId: checkName };

/** Tells whether a record lies in what scope ids select (spec 4.2). */
export function inScope(record: Scope, ids: ScopeIds): boolean {
  return KEYS.every((key) => ids[key] === undefined || ids[key] === record[key]);
}

/**
 * Narrows the ids given to a reading call to those of a view (spec 4.5).
 *
 * @throws {@link AgentMemError} `INVALID_ARGUMENT` if one of them differs from the view's.
 */
export function narrow(view: ScopeIds, given: ScopeIds): ScopeIds {
  const narrowed: ScopeIds = { ...view };
  for (const key of KEYS) {
    const id = given[key];
    if (id === undefined) continue;
    if (view[key] !== undefined && view[key] !== id) throw outsideView(key);
    narrowed[key] = id;
  }
  return narrowed;
}

/** Checks the ids given to an adding call, where null is the same as leaving out, against those of a view. */
export function checkWithin(view: ScopeIds, given: ScopeIds, path: string): void {
  for (const key of KEYS) {
    const id = given[key] ?? null;
    if (id !== null && view[key] !== undefined && view[key] !== id) throw outsideView(path + key);
  }
}

function outsideView(field: string): Error {
  return invalid(field, "differs from that of the view, which cannot leave its scope");
}

/** Checks a scope id, a role or a name: text of 1 to 256 bytes, not blank. */
export function checkName(value: unknown, field: string): string {
  const name = checkId(value, field);
  if (isBlank(name))
    throw invalid(field, "must not be blank: leave it out, or give null, for none");
  return name;
}

/** Checks the id of a record: text of 1 to 256 bytes. */
export function checkId(value: unknown, field: string): string {
  const id = checkText(value, field);
  if (id === "" || utf8Length(id) > 256) throw invalid(field, "must have 1 to 256 bytes of UTF-8");
  return id;
}
