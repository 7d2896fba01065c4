/** AgentMem's behaviour as data: reads the case files of this package and runs them on an implementation. */
export { equal, type Mismatch, match } from "./match.ts";
export { describeFailure, Tally } from "./report.ts";
export { DEFAULT_CLOCK, type Failure, lacking, type Outcome, runCase } from "./run.ts";
export {
  checkTotals,
  type LoadedFile,
  loadSuite,
  type Manifest,
  readPackageFile,
  readVectors,
} from "./suite.ts";
export {
  CAPABILITIES,
  type Capability,
  type Case,
  type CaseFile,
  type ExpectedError,
  type Implementation,
  type MemoryLike,
  type OpenRequest,
  type Operation,
  RunnerError,
  type Step,
} from "./types.ts";
export { describeConformance } from "./vitest.ts";
