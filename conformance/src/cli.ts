#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeEnd, describeFailure, isRight, runSuite } from "./report.ts";
import { CAPABILITIES, DriverFault } from "./types.ts";

const HELP = `Runs the cases of AgentMem's conformance suite on an implementation.

  agentmem-conformance --driver "<command>" [--capabilities a,b] [--filter text] [--timeout seconds] [--json file]

  --driver        the command that starts the driver: it reads requests from its standard input and writes answers to its
                  standard output, a line of JSON each (README.md of this package)
  --capabilities  what the implementation can do beyond the core of the contract; cases that require more are skipped:
                  ${CAPABILITIES.slice(0, 5).join(" ")}
                  ${CAPABILITIES.slice(5).join(" ")}
  --filter        only the cases whose file and name hold this text
  --timeout       how many seconds one answer may take, 120 by default
  --json          writes the report to this file, too

It ends with 0 if all that ran passed, with 1 if not, with 2 if it was called wrongly.`;

/** The arguments were wrong; the message says how. */
class Misuse extends Error {}

function readArguments() {
  const options = {
    driver: { type: "string" },
    capabilities: { type: "string", default: "" },
    filter: { type: "string", default: "" },
    timeout: { type: "string", default: "120" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values } = parseArgs({ options });
  const capabilities = values.capabilities.split(",").filter((name) => name !== "");
  const unknown = capabilities.find((name) => !(CAPABILITIES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Misuse(`there is no capability ${unknown}`);
  const timeout = Number(values.timeout);
  if (!(timeout > 0)) throw new Misuse("--timeout takes a number of seconds above 0");
  return { ...values, capabilities, timeout };
}

async function main(): Promise<number> {
  const { driver, json, help, ...options } = readArguments();
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (driver === undefined) throw new Misuse("--driver is missing");
  const report = await runSuite({
    driver,
    ...options,
    onCase: (one) => {
      if (one.status === "failed") console.log(describeFailure(one.file, one.name, one.failure));
    },
  });
  console.log(describeEnd(report));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  return isRight(report) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isFault = error instanceof DriverFault;
  const misused =
    error instanceof Misuse ||
    String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS");
  if (!misused && !isFault) throw error;
  console.error(`agentmem-conformance: ${(error as Error).message}${isFault ? "" : `\n\n${HELP}`}`);
  process.exitCode = isFault ? 1 : 2;
}
