/**
 * AgentMem: long-term memory for AI agents, in one file that any number of processes share, from Node and from Python.
 *
 * @packageDocumentation
 */

export { AgentMemError, type ErrorCode } from "@agentmem/core/src/error.ts";
export type { SelectOptions } from "@agentmem/core/src/filter.ts";
export type {
  GetAllOptions,
  Hit,
  MemoryApi,
  MemoryOptions,
  ScopedMemoryApi,
  SearchOptions,
} from "@agentmem/core/src/memory.ts";
export type { SearchMode } from "@agentmem/core/src/rank.ts";
export type {
  AddItem,
  AddOptions,
  Changes,
  MemoryRecord,
  Message,
} from "@agentmem/core/src/record/index.ts";
export type { JsonObject, JsonValue } from "@agentmem/core/src/record/json.ts";
export type { TimeInput } from "@agentmem/core/src/record/time.ts";
export type { Scope, ScopeIds } from "@agentmem/core/src/scope.ts";
export { Memory, ScopedMemory } from "./memory.ts";
