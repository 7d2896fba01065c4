import { type Mismatch, match, type Saved } from "./match.ts";
import type { ExpectedError, Step } from "./types.ts";

/** What a call came to: an answer, or an error in the form in which cases state it. */
export type Result =
  | { value: unknown }
  | { error: { code: unknown; field: unknown }; thrown: unknown };

/** Turns what was thrown into a result. What has no code was no AgentMemError, and matches no case. */
export function failed(thrown: unknown): Result {
  const { code, field } = Object(thrown) as { code?: unknown; field?: unknown };
  return { error: { code: code ?? null, field: field ?? null }, thrown };
}

/** Holds a result against what the step expects: null if it is right. */
export function judge(step: Step, result: Result, saved: Saved): Mismatch | null {
  if (step.expectError !== undefined) return judgeError(step.expectError, result);
  if ("error" in result) {
    const actual = { error: result.error, thrown: String(result.thrown) };
    return { path: "$", expected: "no error", actual };
  }
  return step.expect === undefined ? null : match(step.expect, result.value, saved);
}

function judgeError(expected: ExpectedError, result: Result): Mismatch | null {
  const { code, field, hides = [] } = expected;
  if (!("error" in result)) {
    return { path: "$", expected: { error: { code, field } }, actual: result.value };
  }
  const { error, thrown } = result;
  if (error.code !== code) {
    return { path: "$error.code", expected: code, actual: { ...error, thrown: String(thrown) } };
  }
  if (error.field !== field) return { path: "$error.field", expected: field, actual: error.field };
  const leaked = hides.find((text) => String(thrown).includes(text));
  if (leaked === undefined) return null;
  return { path: "$error.message", expected: { without: leaked }, actual: String(thrown) };
}
