/**
 * AgentMem: long-term memory for AI agents, in one file that any number of processes share, from Node and from Python.
 *
 * @packageDocumentation
 */

export type { Embedder, EmbedderOption } from "@agentmem/core/src/embed/embedder.ts";
export { AgentMemError, type ErrorCode } from "@agentmem/core/src/error.ts";
export type { SelectOptions } from "@agentmem/core/src/filter.ts";
export type {
  FileMemoryApi,
  FileScopedMemoryApi,
  Hit,
  HitContext,
  MemoryApi,
  MemoryEvent,
  ScopedMemoryApi,
  Stats,
  Verification,
} from "@agentmem/core/src/memory/api.ts";
export type { Imported } from "@agentmem/core/src/memory/importing.ts";
export type {
  AsOfInput,
  AsOfOptions,
  ChangesOptions,
  ClearOptions,
  CountOptions,
  DeleteOptions,
  ExportOptions,
  GetAllOptions,
  HistoryOption,
  ImportOptions,
  MemoryOptions,
  OnExisting,
  Recency,
  ReembedOptions,
  SearchOptions,
} from "@agentmem/core/src/memory/options.ts";
export type { CallOptions } from "@agentmem/core/src/memory/signal.ts";
export type { HitExplanation, HitTerm, SearchMode } from "@agentmem/core/src/rank.ts";
export type {
  AddItem,
  AddOptions,
  Changes,
  MemoryRecord,
  Message,
} from "@agentmem/core/src/record/index.ts";
export type { JsonObject, JsonValue } from "@agentmem/core/src/record/json.ts";
export type { TimeInput } from "@agentmem/core/src/record/time.ts";
export type { Vector } from "@agentmem/core/src/record/vector.ts";
export type { Scope, ScopeIds } from "@agentmem/core/src/scope.ts";
export type { EventKind, Problem } from "@agentmem/core/src/store.ts";
export { Memory, ScopedMemory } from "./memory.ts";
