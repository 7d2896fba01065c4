import type { Hit, MemoryEvent } from "@agentmem/core/src/memory/api.ts";
import type { HitExplanation } from "@agentmem/core/src/rank.ts";
import type { MemoryRecord } from "@agentmem/core/src/record/index.ts";
import type { JsonObject } from "@agentmem/core/src/record/json.ts";

// Records come over the wire as rows, without the names of their fields, which would be half of the text.

/** The fields of a record in the order of spec 2.1. */
export type Row = [
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
export type HitRow = [
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
  search: toHits,
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

// By their places: to take a row apart by a pattern goes through its iterator, which is slow until V8 has compiled it.

function toRecord(row: Row | HitRow): MemoryRecord {
  return {
    id: row[0],
    content: row[1],
    userId: row[2],
    agentId: row[3],
    runId: row[4],
    role: row[5],
    name: row[6],
    metadata: row[7],
    importance: row[8],
    createdAt: row[9],
    updatedAt: row[10],
    expiresAt: row[11],
    version: row[12],
  };
}

export function toRecordOrNull(row: Row | null): MemoryRecord | null {
  return row && toRecord(row);
}

export function toHits(rows: HitRow[]): Hit[] {
  return rows.map(toHit);
}

function toHit(row: HitRow): Hit {
  // Added one by one: a spread of the record takes ten times as long, as long as to read the text of the hit.
  const hit = toRecord(row) as Hit;
  hit.score = row[13];
  const context = row[14];
  if (context !== null)
    hit.context = { before: context[0].map(toRecord), after: context[1].map(toRecord) };
  const explain = row[15];
  if (explain !== null) hit.explain = explain;
  return hit;
}

function toEvent(event: EventRow): MemoryEvent {
  return { ...event, record: event.record && toRecord(event.record) };
}
