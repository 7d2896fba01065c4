import { DriverProcess } from "./driver.ts";
import { type Failure, type Outcome, runCase } from "./run.ts";
import { loadSuite } from "./suite.ts";
import { DriverFault } from "./types.ts";

/** What became of one case. */
export type CaseReport = { file: string; name: string } & Outcome;

/** What became of all of them: `passed + failed + skipped` is the number of cases that were chosen. */
export interface Report {
  format: "1.0";
  driver: string;
  capabilities: readonly string[];
  passed: number;
  failed: number;
  skipped: number;
  /** What the driver did wrong at its end, after the last case. */
  fault: string | null;
  cases: CaseReport[];
}

export interface RunOptions {
  /** The command that starts the driver, as a shell takes it. */
  driver: string;
  capabilities: readonly string[];
  /** Only the cases whose file and name, `cases/scopes.json: a user …`, hold this text. */
  filter?: string;
  /** How many seconds one answer may take; 120 if it is not given. */
  timeout?: number;
  /** Hears of each case as it ends. */
  onCase?: (report: CaseReport) => void;
}

const TIMEOUT = 120;

/**
 * Runs the cases of this package on a driver.
 *
 * @throws DriverFault if it never answers: then there is nothing to report of the cases.
 */
export async function runSuite(options: RunOptions): Promise<Report> {
  const { capabilities, filter = "", onCase } = options;
  const driver = new DriverProcess(options.driver, capabilities, options.timeout ?? TIMEOUT);
  const report: Report = {
    format: "1.0",
    driver: options.driver,
    capabilities,
    passed: 0,
    failed: 0,
    skipped: 0,
    fault: null,
    cases: [],
  };
  for (const { file, content } of loadSuite().files) {
    for (const one of content.cases) {
      if (!`${file}: ${one.name}`.includes(filter)) continue;
      const outcome = await runCase(content, one, driver);
      if (outcome.status === "failed" && !driver.hasAnswered)
        throw new DriverFault(`The driver does not work: ${outcome.failure.mismatch.actual}`);
      report[outcome.status] += 1;
      report.cases.push({ file, name: one.name, ...outcome });
      onCase?.({ file, name: one.name, ...outcome });
    }
  }
  try {
    await driver.end();
  } catch (error) {
    if (!(error instanceof DriverFault)) throw error;
    report.fault = error.message;
  }
  return report;
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

/** The end of a report in words: what was skipped for want of what, the driver's fault, the sums. */
export function describeEnd(report: Report): string {
  const lacked = new Map<string, number>();
  for (const one of report.cases) {
    if (one.status !== "skipped") continue;
    const name = one.lacks.join(", ");
    lacked.set(name, (lacked.get(name) ?? 0) + 1);
  }
  const { passed, failed, skipped, fault } = report;
  return [
    ...[...lacked].map(([name, count]) => `${count} skipped: they require ${name}`),
    ...(fault === null ? [] : [`After the last case the driver failed: ${fault}`]),
    ...(passed + failed === 0 ? ["No case was run."] : []),
    `conformance: ${passed} passed, ${failed} failed, ${skipped} skipped`,
  ].join("\n");
}

/** Whether something ran, and all that ran was right. */
export function isRight({ passed, failed, fault }: Report): boolean {
  return passed > 0 && failed === 0 && fault === null;
}

const SHOWN = 2_000;

function show(value: unknown): string {
  // A driver's own words may have several lines.
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}
