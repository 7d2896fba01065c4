/** AgentMem's behaviour as data: reads the case files of this package and runs them on an implementation. */
export { DriverProcess } from "./driver.ts";
export { equal, type Mismatch, match } from "./match.ts";
export {
  type CaseReport,
  describeEnd,
  describeFailure,
  isRight,
  type Report,
  type RunOptions,
  runSuite,
} from "./report.ts";
export { type Failure, lacking, type Outcome, runCase } from "./run.ts";
export {
  checkTotals,
  type LoadedFile,
  loadSuite,
  type Manifest,
  readPackageFile,
  readVectors,
} from "./suite.ts";
export {
  type Answer,
  CAPABILITIES,
  type CallError,
  type Capability,
  type Case,
  type CaseFile,
  type Driver,
  DriverFault,
  type ExpectedError,
  type Operation,
  type Request,
  RunnerError,
  type Step,
} from "./types.ts";
