import type { Hit, MemoryEvent } from "@agentmem/core/src/memory/api.ts";
import type { HitExplanation } from "@agentmem/core/src/rank.ts";
import type { MemoryRecord } from "@agentmem/core/src/record/index.ts";
import type { JsonObject } from "@agentmem/core/src/record/json.ts";

// Records come over the wire as rows, without the names of their fields, which would be half of the text.

/** The fields of a record in the order of spec 2.1. */
type Row = [
  id: string,
  content: string,
  userId: string | null,
  agentId: string | null,
  runId: string | null,
  role: string | null,
  name: string | null,
  metadata: JsonObject,
  importance: number,
  createdAt: string,
  updatedAt: string,
  expiresAt: string | null,
  version: number,
];

/** A record, and what its search says of it. */
type HitRow = [
  ...record: Row,
  score: number,
  context: [before: Row[], after: Row[]] | null,
  explain: HitExplanation | null,
];

interface EventRow extends Omit<MemoryEvent, "record"> {
  record: Row | null;
}

/** What the answers of operations are made of; the others are as they come. */
const READERS: Readonly<Record<string, (answer: never) => unknown>> = {
  add: toRecord,
  addMany: (rows: Row[]) => rows.map(toRecord),
  search: (rows: HitRow[]) => rows.map(toHit),
  get: (row: Row | null) => row && toRecord(row),
  getAll: (rows: Row[]) => rows.map(toRecord),
  update: toRecord,
  history: (events: EventRow[]) => events.map(toEvent),
  changes: (events: EventRow[]) => events.map(toEvent),
};

/** Makes of what came over the wire what the operation gives. */
export function toAnswer(operation: string, answer: unknown): unknown {
  const read = READERS[operation];
  return read ? read(answer as never) : answer;
}

function toRecord(row: Row | HitRow): MemoryRecord {
  const [id, content, userId, agentId, runId, role, name, metadata, importance] = row;
  return {
    id,
    content,
    userId,
    agentId,
    runId,
    role,
    name,
    metadata,
    importance,
    createdAt: row[9],
    updatedAt: row[10],
    expiresAt: row[11],
    version: row[12],
  };
}

function toHit(row: HitRow): Hit {
  const [score, context, explain] = [row[13], row[14], row[15]];
  // Added one by one: a spread of the record takes ten times as long, as long as to read the text of the hit.
  const hit = toRecord(row) as Hit;
  hit.score = score;
  if (context) {
    hit.context = { before: context[0].map(toRecord), after: context[1].map(toRecord) };
  }
  if (explain) hit.explain = explain;
  return hit;
}

function toEvent(event: EventRow): MemoryEvent {
  return { ...event, record: event.record && toRecord(event.record) };
}
