import type { Failure, Outcome } from "./run.ts";
import { RunnerError } from "./types.ts";

/** Counts outcomes, so that no case can be lost between the manifest and the end of a run. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;

  count(outcome: Outcome["status"]): void {
    this[outcome] += 1;
  }

  /** @throws RunnerError if anything ran twice, was left out, or nothing ran at all. */
  check(total: number): void {
    const sum = this.passed + this.failed + this.skipped;
    if (sum !== total)
      throw new RunnerError(`${sum} cases accounted for, the manifest has ${total}`);
    if (this.passed + this.failed === 0) throw new RunnerError("an empty run: all was skipped");
  }
}

/** A failure in full: file, case, step, JSON path, expected and actual. */
export function describeFailure(file: string, name: string, failure: Failure): string {
  const { step, mismatch } = failure;
  return [
    `${file}: ${name}`,
    `  step      ${step}`,
    `  path      ${mismatch.path}`,
    `  expected  ${show(mismatch.expected)}`,
    `  actual    ${show(mismatch.actual)}`,
  ].join("\n");
}

const SHOWN = 2_000;

/** JSON where it can be, cut where it is long. */
function show(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle or a bigint, which a wrong answer may hold.
  }
  text ??= String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}
