/**
 * AgentMem: long-term memory for AI agents. This is the reference, in plain TypeScript: it keeps all in memory, and says
 * by example what the specification (`docs/spec`) says in words.
 *
 * @packageDocumentation
 */

export type { Embedder, EmbedderOption } from "./embed/embedder.js";
export { AgentMemError, type ErrorCode } from "./error.js";
export type { SelectOptions } from "./filter.js";
export {
  type AsOfInput,
  type AsOfOptions,
  type CallOptions,
  type ChangesOptions,
  type ClearOptions,
  type CountOptions,
  type DeleteOptions,
  type EventKind,
  type ExportOptions,
  type ExportSource,
  type ExportTarget,
  type FileMemoryApi,
  type FileScopedMemoryApi,
  type GetAllOptions,
  type HistoryOption,
  type Hit,
  type HitContext,
  type Imported,
  type ImportOptions,
  Memory,
  type MemoryApi,
  type MemoryEvent,
  type MemoryOptions,
  type OnExisting,
  type Problem,
  type Recency,
  type ReembedOptions,
  ScopedMemory,
  type ScopedMemoryApi,
  type SearchOptions,
  type Stats,
  type StreamMemoryApi,
  type StreamScopedMemoryApi,
  type Verification,
} from "./memory/index.js";
export type { HitExplanation, HitTerm, SearchMode } from "./rank.js";
export type { AddItem, AddOptions, Changes, MemoryRecord, Message } from "./record/index.js";
export type { JsonObject, JsonValue } from "./record/json.js";
export type { TimeInput } from "./record/time.js";
export type { Vector } from "./record/vector.js";
export type { Scope, ScopeIds } from "./scope.js";
