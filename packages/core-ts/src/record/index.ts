import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { invalid } from "../error.js";
import {
  checkId,
  checkName,
  checkWithin,
  SCOPE_READERS,
  type Scope,
  type ScopeIds,
} from "../scope.js";
import { isBlank } from "../text/unicode.js";
import {
  canonical,
  checkNumber,
  checkText,
  copyJson,
  equalJson,
  type Given,
  isObject,
  type JsonObject,
  type JsonValue,
  METADATA_LIMITS,
  measureJson,
  nameOf,
  readOptions,
  utf8Length,
} from "./json.js";
import { formatTime, isTime, parseTime, type TimeInput } from "./time.js";
import { readVector, type Vector } from "./vector.js";

/** One memory, as calls give it back: a copy, with all fields always there (spec 2.1). Times are RFC 3339 text in UTC. */
export interface MemoryRecord extends Scope {
  /** 1 to 256 bytes; a UUID of version 7 (RFC 9562) if the caller gave none. */
  id: string;
  /** Not blank, at most 1 MiB. */
  content: string;
  /** Who says it in a conversation, such as `user`. A record with a role is a *turn*, and search treats it as one. */
  role: string | null;
  /** The speaker's name. */
  name: string | null;
  metadata: JsonObject;
  /** From 0 to 1. */
  importance: number;
  /** When it happened. */
  createdAt: string;
  /** When it was last written. */
  updatedAt: string;
  /** From then on it counts as absent; null: never. */
  expiresAt: string | null;
  /** 1 at `add`, one more at each `update`. */
  version: number;
}

/** A chat message, as content to add. */
export interface Message {
  role: string;
  content: string;
  name?: string | null;
}

/** What may be given with content to add (spec 6.2). Null is the same as leaving out. */
export interface AddOptions extends ScopeIds {
  /** Makes the record a turn of a conversation. Text of 1 to 256 bytes, not blank. */
  role?: string | null;
  /** The speaker's name. Text of 1 to 256 bytes, not blank. */
  name?: string | null;
  /** At most 32 levels and 64 KiB of canonical JSON; `{}` by default. */
  metadata?: JsonObject | null;
  /** From 0 to 1; 0.5 by default. */
  importance?: number | null;
  /** 1 to 256 bytes. An add that is repeated with its id and equal fields writes nothing, so that a retry is safe. */
  id?: string | null;
  /** When it happened; now by default. */
  createdAt?: TimeInput | null;
  /** From then on the record counts as absent. Not together with `ttl`. */
  expiresAt?: TimeInput | null;
  /** Seconds from now to `expiresAt`, at least 0. */
  ttl?: number | null;
  /**
   * Its vector, where the store's embedder is the caller's own and shall not be asked (spec 12.3): as many finite numbers
   * as that has dimensions, not all zero.
   */
  embedding?: Vector | null;
  /** Gives back the live record of equal content, role, name, scope and metadata, if there is one. False by default. */
  dedupe?: boolean | null;
}

/** One of the items of `addMany`. */
export interface AddItem extends AddOptions {
  content: string | Message;
}

/** What `update` changes (spec 6.7): what is left out stays, null clears. */
export interface Changes {
  content?: string;
  /** Replaces the whole. */
  metadata?: JsonObject | null;
  importance?: number | null;
  expiresAt?: TimeInput | null;
  ttl?: number | null;
  /** The new vector, where the store's embedder is the caller's own; null is the same as leaving it out. */
  embedding?: Vector | null;
  /** Fails with `CONFLICT` if the record has another version. */
  ifVersion?: number | null;
}

/** A record as it is stored: times in milliseconds since 1970. Never changed, only replaced. */
export interface StoredRecord extends Readonly<Scope> {
  readonly id: string;
  readonly content: string;
  readonly role: string | null;
  readonly name: string | null;
  readonly metadata: JsonObject;
  readonly importance: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number | null;
  readonly version: number;
}

/** A vector as it was given, whose size is not yet checked, and its name for an error. */
export interface GivenVector {
  readonly vector: Float32Array | null;
  readonly field: string;
}

/** A checked record on its way to the store. */
export interface Draft {
  readonly embedding: GivenVector;
  /** Without an id where the caller gave none. */
  readonly id: string | null;
  readonly record: Omit<StoredRecord, "id">;
  /** The SHA-256 of the fields as they were given, in hexadecimal, if an id was (spec 6.3). */
  readonly request: string | null;
  readonly dedupe: boolean;
}

const MAX_CONTENT_BYTES = 1_048_576;
const DEFAULT_IMPORTANCE = 0.5;
const MAX_ITEMS = 100_000;
const MAX_ITEMS_BYTES = 268_435_456;

const ADD_READERS = {
  ...SCOPE_READERS,
  role: checkName,
  name: checkName,
  metadata: checkMetadata,
  importance: checkImportance,
  id: checkId,
  createdAt: parseTime,
  expiresAt: parseTime,
  ttl: checkTtl,
  embedding: readVector,
  dedupe: checkBoolean,
};
const { id: _, embedding: __, ...DEFAULTS_READERS } = ADD_READERS;
const ITEM_READERS = { ...ADD_READERS, content: readContent };
const MESSAGE_READERS = { role: checkName, content: checkContent, name: checkName };
const CHANGES_READERS = {
  content: checkContent,
  metadata: checkMetadata,
  importance: checkImportance,
  expiresAt: parseTime,
  ttl: checkTtl,
  embedding: readVector,
  ifVersion: (value: unknown, field: string) =>
    checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
};

const STORED_READERS = {
  ...SCOPE_READERS,
  id: checkId,
  content: checkContent,
  role: checkName,
  name: checkName,
  metadata: checkMetadata,
  importance: checkImportance,
  createdAt: parseTime,
  updatedAt: parseTime,
  expiresAt: parseTime,
  version: (value: unknown, field: string) =>
    checkInteger(value, field, 1, Number.MAX_SAFE_INTEGER),
};
const TIMES: ReadonlySet<string> = new Set(["createdAt", "expiresAt"]);
const NULLABLE: ReadonlySet<string> = new Set([
  ...["userId", "agentId", "runId", "role", "name", "expiresAt"],
]);

type GivenFields = Given<typeof ADD_READERS>;

/** What content says: a message gives a role, and perhaps a name, too. */
interface Said {
  content: string;
  role?: string;
  name?: string | null;
}

/** Reads the arguments of `add` (spec 6.2), called at `now` through a view of the given ids. */
export function readAdd(content: unknown, options: unknown, view: ScopeIds, now: number): Draft {
  const said = readContent(content, "content");
  const given = readOptions(options, ADD_READERS);
  checkGiven(given, view, now, "");
  return draft(said.content, withSpeaker(given, said, ""), view, now, "");
}

/** Reads the arguments of `addMany` (spec 6.6). */
export function readItems(items: unknown, defaults: unknown, view: ScopeIds, now: number): Draft[] {
  if (!Array.isArray(items)) throw invalid("items", `must be an array, not ${nameOf(items)}`);
  if (items.length > MAX_ITEMS)
    throw invalid("items", `has ${items.length} elements: at most ${MAX_ITEMS} are allowed`);
  const common = readOptions(defaults ?? {}, DEFAULTS_READERS, "defaults", "defaults");
  checkGiven(common, view, now, "defaults.");

  let bytes = 0;
  // Array.from, because map would pass over the holes of a sparse array.
  return Array.from(items, (item: unknown, i) => {
    const { content: said, ...given } = readOptions(
      item,
      ITEM_READERS,
      `items[${i}]`,
      `items[${i}]`,
    );
    if (said === undefined || said === null)
      throw invalid(`items[${i}].content`, "is missing: it is what to remember");
    checkGiven(given, view, now, `items[${i}].`);
    const own = withSpeaker(given, said, `items[${i}].`);
    const made = draft(said.content, withDefaults(own, common), view, now, `items[${i}].`);
    bytes += utf8Length(said.content) + utf8Length(canonical(made.record.metadata));
    if (bytes > MAX_ITEMS_BYTES) {
      throw invalid(
        "items",
        `are too large: at most ${MAX_ITEMS_BYTES} bytes of content and metadata are allowed`,
      );
    }
    return made;
  });
}

function readContent(value: unknown, field: string): Said {
  if (typeof value === "string") return { content: checkContent(value, field) };
  if (typeof value !== "object" || value === null) {
    throw invalid(field, `must be text or a message {role, content, name?}, not ${nameOf(value)}`);
  }
  const {
    role = null,
    content = null,
    ...rest
  } = readOptions(value, MESSAGE_READERS, field, field);
  if (role === null) throw invalid(`${field}.role`, "is missing: a message has a role");
  if (content === null) throw invalid(`${field}.content`, "is missing: a message has content");
  return { content, role, ...rest };
}

/** Checks what single options cannot say: two of them together, the call's time and its view. */
function checkGiven(given: GivenFields, view: ScopeIds, now: number, path: string): void {
  checkWithin(view, given, path);
  if (isGiven(given.expiresAt) && isGiven(given.ttl))
    throw invalid(`${path}ttl`, "must not stand together with expiresAt");
  if (isGiven(given.ttl)) expiryAfter(given.ttl, now, `${path}ttl`);
}

/** Adds the role and name of a message to the options beside it. */
function withSpeaker(given: GivenFields, said: Said, path: string): GivenFields {
  const both = { ...given };
  for (const key of ["role", "name"] as const) {
    const [option, inMessage] = [given[key], said[key]];
    if (isGiven(option) && isGiven(inMessage) && option !== inMessage) {
      throw invalid(`${path}${key}`, "differs from that of the message");
    }
    if (!isGiven(option) && inMessage !== undefined) both[key] = inMessage;
  }
  return both;
}

/** Fills in what an item does not have; `expiresAt` and `ttl` count as one. */
function withDefaults(own: GivenFields, common: GivenFields): GivenFields {
  const merged = { ...common, ...own };
  if ("expiresAt" in own && !("ttl" in own)) delete merged.ttl;
  if ("ttl" in own && !("expiresAt" in own)) delete merged.expiresAt;
  return merged;
}

function draft(
  content: string,
  given: GivenFields,
  view: ScopeIds,
  now: number,
  path: string,
): Draft {
  const { id, dedupe, embedding = null, ...rest } = { ...given, ...view };
  const fields = { content, ...rest };
  return {
    embedding: { vector: embedding, field: `${path}embedding` },
    id: id ?? null,
    dedupe: dedupe ?? false,
    request: isGiven(id) ? requestOf(fields) : null,
    record: {
      content,
      userId: fields.userId ?? null,
      agentId: fields.agentId ?? null,
      runId: fields.runId ?? null,
      role: fields.role ?? null,
      name: fields.name ?? null,
      metadata: fields.metadata ?? {},
      importance: fields.importance ?? DEFAULT_IMPORTANCE,
      createdAt: fields.createdAt ?? now,
      updatedAt: now,
      expiresAt: isGiven(fields.ttl)
        ? expiryAfter(fields.ttl, now, "ttl")
        : (fields.expiresAt ?? null),
      version: 1,
    },
  };
}

/** Hashes the canonical form of the fields that were given, by which a retry is known. */
function requestOf(fields: Readonly<Record<string, JsonValue>>): string {
  const given = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [
      key,
      typeof value === "number" && TIMES.has(key) ? formatTime(value) : value,
    ]);
  return bytesToHex(sha256(new TextEncoder().encode(canonical(Object.fromEntries(given)))));
}

/** What an update does to a record, once it was checked. */
export interface Revision {
  readonly fields: Partial<Pick<StoredRecord, "content" | "metadata" | "importance" | "expiresAt">>;
  readonly ifVersion: number | null;
  readonly embedding: GivenVector;
}

/** Reads the changes of `update` (spec 6.7, 6.8). */
export function readChanges(changes: unknown, now: number): Revision {
  const { ifVersion = null, embedding = null, ...given } = readOptions(changes, CHANGES_READERS);
  if (Object.keys(given).length === 0 && embedding === null) {
    throw invalid(
      "options",
      "give nothing to change: content, metadata, importance, expiresAt, ttl or embedding is needed",
    );
  }
  const { content, metadata, importance, expiresAt, ttl } = given;
  if (content === null) throw invalid("content", "must be text: content cannot be cleared");
  if (expiresAt !== undefined && ttl !== undefined)
    throw invalid("ttl", "must not stand together with expiresAt");
  return {
    ifVersion,
    embedding: { vector: embedding, field: "embedding" },
    fields: {
      ...(content !== undefined && { content }),
      ...(metadata !== undefined && { metadata: metadata ?? {} }),
      ...(importance !== undefined && { importance: importance ?? DEFAULT_IMPORTANCE }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(ttl !== undefined && { expiresAt: ttl === null ? null : expiryAfter(ttl, now, "ttl") }),
    },
  };
}

/** Gives the next state of a record. */
export function revise(record: StoredRecord, revision: Revision, now: number): StoredRecord {
  return { ...record, ...revision.fields, updatedAt: now, version: record.version + 1 };
}

/** Tells whether a record counts as present at `now` (spec 2.4). */
export function isLive(record: StoredRecord, now: number): boolean {
  return record.expiresAt === null || now < record.expiresAt;
}

/** Gives the text that search analyses (spec 8.3): in a turn with the speaker's name before it. */
export function textOf(record: Pick<StoredRecord, "content" | "role" | "name">): string {
  return record.role !== null && record.name !== null
    ? `${record.name}: ${record.content}`
    : record.content;
}

/** Tells whether `dedupe` takes two records for one (spec 6.5). */
export function isDuplicate(a: Omit<StoredRecord, "id">, b: Omit<StoredRecord, "id">): boolean {
  const keys = ["content", "role", "name", "userId", "agentId", "runId"] as const;
  return keys.every((key) => a[key] === b[key]) && equalJson(a.metadata, b.metadata);
}

/** Tells whether two states are equal in all fields (spec 13.7). */
export function isSameRecord(a: StoredRecord, b: StoredRecord): boolean {
  const keys = Object.keys(STORED_READERS) as (keyof StoredRecord)[];
  return (
    keys.every((key) => key === "metadata" || a[key] === b[key]) &&
    equalJson(a.metadata, b.metadata)
  );
}

/** Reads a record that stands in an export: all its fields, as {@link toRecord} gives them. */
export function readStored(value: unknown, field: string): StoredRecord {
  const given = readOptions(value, STORED_READERS, field, field);
  for (const key of Object.keys(STORED_READERS) as (keyof typeof STORED_READERS)[]) {
    if (given[key] === undefined) throw invalid(`${field}.${key}`, "is missing");
    if (given[key] === null && !NULLABLE.has(key)) throw invalid(`${field}.${key}`, "is null");
  }
  return given as StoredRecord;
}

/** Gives a record to the caller: a copy, times as text. */
export function toRecord(record: StoredRecord): MemoryRecord {
  return {
    ...record,
    metadata: copyJson(record.metadata),
    createdAt: formatTime(record.createdAt),
    updatedAt: formatTime(record.updatedAt),
    expiresAt: record.expiresAt === null ? null : formatTime(record.expiresAt),
  };
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function expiryAfter(ttl: number, now: number, field: string): number {
  const expiresAt = now + Math.floor(ttl * 1000);
  if (!isTime(expiresAt)) throw invalid(field, "reaches beyond the year 9999");
  return expiresAt;
}

function checkContent(value: unknown, field: string): string {
  // Before the text is looked through: a unit of UTF-16 is one byte of UTF-8 at least.
  const tooLarge = typeof value === "string" && value.length > MAX_CONTENT_BYTES;
  const content = tooLarge ? "" : checkText(value, field);
  if (tooLarge || utf8Length(content) > MAX_CONTENT_BYTES) {
    throw invalid(
      field,
      `is too large: at most 1 MiB (${MAX_CONTENT_BYTES} bytes of UTF-8) is allowed`,
    );
  }
  if (isBlank(content)) throw invalid(field, "must not be blank: there is nothing to remember");
  return content;
}

function checkMetadata(value: unknown, field: string): JsonObject {
  const { value: metadata } = measureJson(value, field, METADATA_LIMITS);
  if (!isObject(metadata)) throw invalid(field, `must be a JSON object, not ${nameOf(value)}`);
  return metadata;
}

function checkImportance(value: unknown, field: string): number {
  return checkRange(value, field, 0, 1);
}

function checkTtl(value: unknown, field: string): number {
  return checkRange(value, field, 0, Number.MAX_SAFE_INTEGER);
}

/** Checks a number between two bounds, both allowed. */
export function checkRange(value: unknown, field: string, min: number, max: number): number {
  const checked = checkNumber(value, field);
  if (checked < min || checked > max)
    throw invalid(field, `must be a number from ${min} to ${max}`);
  return checked;
}

/** Checks an integer between two bounds, both allowed. */
export function checkInteger(value: unknown, field: string, min: number, max: number): number {
  if (!Number.isInteger(value)) throw invalid(field, `must be an integer from ${min} to ${max}`);
  return checkRange(value, field, min, max);
}

/** Checks a boolean. */
export function checkBoolean(value: unknown, field: string): boolean {
  if (typeof value !== "boolean")
    throw invalid(field, `must be true or false, not ${nameOf(value)}`);
  return value;
}

/** Checks that a text is one of a few. */
export function checkChoice<T extends string>(
  value: unknown,
  field: string,
  choices: readonly T[],
): T {
  const choice = choices.find((one) => one === value);
  if (choice === undefined) throw invalid(field, `must be one of ${choices.join(", ")}`);
  return choice;
}
