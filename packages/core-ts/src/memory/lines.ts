import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkEmbedder } from "../embed/embedder.js";
import { isOwn, isSame, type Named } from "../embed/vectors.js";
import { AgentMemError, invalid } from "../error.js";
import { readStored, type StoredRecord, toRecord } from "../record/index.js";
import { canonical, type JsonObject, type JsonValue, nameOf, readOptions } from "../record/json.js";
import { formatTime, parseTime } from "../record/time.js";
import { checkId } from "../scope.js";
import type { EventKind } from "../store.js";

// The lines of an export (spec 13.1): written, and read with all checks that the lines before a line do not decide.

/** The version of the form. */
const VERSION = 1;
/** The most bytes that a line has, without its line feed. */
export const MAX_LINE_BYTES = 8_388_608;

/** What the first line says. */
export interface Header {
  readonly history: boolean;
  readonly embedder: Named;
}

/** A state of a record, with what is stored beside it. */
export interface LineState {
  readonly record: StoredRecord;
  /** The hash of the request that added it (spec 6.3), in hexadecimal. */
  readonly request: string | null;
  /** Its vector, where an embedder of the caller's own made one. */
  readonly vector: Int8Array | null;
}

/** A record, or with history an event. */
export interface Line {
  readonly id: string;
  /** Null in an export without history. */
  readonly event: { readonly kind: EventKind; readonly at: number } | null;
  readonly state: LineState | null;
}

/** What the last line says. */
export interface Footer {
  readonly lines: number;
  readonly sha256: string;
}

/** Hashes the bytes before the footer. */
export type Digest = ReturnType<typeof sha256.create>;

export function newDigest(): Digest {
  return sha256.create();
}

export function hexOf(digest: Digest): string {
  return bytesToHex(digest.digest());
}

export function writeHeader({ history, embedder }: Header): string {
  const named = isOwn(embedder) ? { id: embedder.id, dimensions: embedder.dimensions } : embedder;
  return canonical({ agentmem: "export", version: VERSION, history, embedder: named });
}

export function writeFooter({ lines, sha256 }: Footer): string {
  return canonical({ agentmem: "end", lines, sha256 });
}

export function writeLine({ id, event, state }: Line): string {
  const beside: JsonObject = {};
  if (state?.request) beside.request = state.request;
  if (state?.vector) beside.vector = toBase64(state.vector);
  const record = state === null ? null : ({ ...toRecord(state.record) } as JsonObject);
  if (event === null) return canonical({ record, ...beside });
  return canonical({ event: event.kind, at: formatTime(event.at), id, record, ...beside });
}

/** Makes the error for a file that is wrong in one of its lines, which count from 1 (spec 13.6). */
export function damaged(line: number, problem: string): AgentMemError {
  return new AgentMemError("CORRUPT", `lines[${line}]`, `lines[${line}] ${problem}`);
}

/** Reads the first line. */
export function readHeader(bytes: Uint8Array): Header {
  const value = tryParse(bytes);
  if (value === null || value.agentmem !== "export") throw unsupported("is not that of an export");
  if (value.version !== VERSION)
    throw unsupported(`is that of an export of a version that this release does not know`);
  return attempt(1, () => {
    const given = readAll(value, HEADER_READERS, ["agentmem", "version", "history"], ["embedder"]);
    return { history: given.history === true, embedder: given.embedder ?? null };
  });
}

/** Reads a line behind the first: a record or event, or the footer. */
export function readLine(bytes: Uint8Array, line: number, header: Header): Line | Footer {
  const value = tryParse(bytes);
  if (value === null) throw damaged(line, "is no JSON object");
  return attempt(line, () => {
    if (Object.hasOwn(value, "agentmem")) return readFooter(value);
    const read = header.history ? readEvent(value, header) : readRecord(value, header);
    if (read.state?.vector == null && isOwn(header.embedder) && !header.history)
      throw invalid("vector", "is missing");
    return read;
  });
}

/** Tells a footer. */
export function isFooter(line: Line | Footer): line is Footer {
  return "sha256" in line;
}

const HEADER_READERS = {
  agentmem: (value: unknown) => value,
  version: (value: unknown) => value,
  history: readBoolean,
  embedder: readEmbedder,
};
const FOOTER_READERS = { agentmem: readEnd, lines: readCount, sha256: readHash };
const STATE_READERS = { record: readStored, request: readHash, vector: readBase64 };
const EVENT_READERS = { ...STATE_READERS, event: readKind, at: parseTime, id: checkId };

function readFooter(value: JsonObject): Footer {
  const given = readAll(value, FOOTER_READERS, ["agentmem", "lines", "sha256"], []);
  return { lines: given.lines as number, sha256: given.sha256 as string };
}

function readRecord(value: JsonObject, { embedder }: Header): Line {
  const given = readAll(value, STATE_READERS, ["record"], []);
  const state = stateOf(given, embedder);
  if (state === null) throw invalid("record", "is missing");
  return { id: state.record.id, event: null, state };
}

function readEvent(value: JsonObject, { embedder }: Header): Line {
  const given = readAll(value, EVENT_READERS, ["event", "at", "id"], ["record"]);
  const [kind, at, id] = [given.event as EventKind, given.at as number, given.id as string];
  const state = stateOf(given, embedder);
  if (state !== null && (kind === "DELETE" || kind === "PURGE"))
    throw invalid("record", `must be null after ${kind}`);
  if (state !== null && state.record.id !== id) throw invalid("id", "is not that of its record");
  return { id, event: { kind, at }, state };
}

function stateOf(
  given: { record?: StoredRecord | null; request?: string | null; vector?: Int8Array | null },
  embedder: Named,
): LineState | null {
  const { record = null, request = null, vector = null } = given;
  if (record === null) {
    if (request !== null || vector !== null) throw invalid("record", "is missing");
    return null;
  }
  if (vector !== null) {
    if (!isOwn(embedder)) throw invalid("vector", "is there, but the embedder makes none");
    if (vector.length !== embedder.dimensions) throw invalid("vector", "has other dimensions");
  }
  return { record, request, vector };
}

/** Reads an object whose members are known, of which some must be there, and some may be null. */
function readAll<R extends Parameters<typeof readOptions>[1]>(
  value: JsonObject,
  readers: R,
  needed: readonly string[],
  nullable: readonly string[],
) {
  const given = readOptions(value, readers, "the line");
  for (const key of [...needed, ...nullable])
    if (!Object.hasOwn(value, key)) throw invalid(key, "is missing");
  for (const [key, member] of Object.entries(value))
    if (member === null && !nullable.includes(key)) throw invalid(key, "is null");
  return given;
}

function readEmbedder(value: unknown, field: string): Named {
  if (value === "builtin") return value;
  const embedder = checkEmbedder(value, field);
  if (embedder === "builtin" || Object.hasOwn(value as object, "embed"))
    throw invalid(field, "is none");
  return embedder;
}

function readBoolean(value: unknown, field: string): boolean {
  if (typeof value !== "boolean")
    throw invalid(field, `must be true or false, not ${nameOf(value)}`);
  return value;
}

function readEnd(value: unknown, field: string): string {
  if (value !== "end") throw invalid(field, 'must be "end"');
  return value;
}

function readCount(value: unknown, field: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalid(field, "is no count");
  return value as number;
}

function readKind(value: unknown, field: string): EventKind {
  const kind = (["ADD", "UPDATE", "DELETE", "PURGE"] as const).find((one) => one === value);
  if (kind === undefined) throw invalid(field, "is no kind of event");
  return kind;
}

function readHash(value: unknown, field: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value))
    throw invalid(field, "is no SHA-256 in hexadecimal");
  return value;
}

/** Reads a vector: its greatest magnitude is 127, as that of every one which was quantised (spec 12.5). */
function readBase64(value: unknown, field: string): Int8Array {
  if (typeof value !== "string" || !BASE64.test(value)) throw invalid(field, "is no base64");
  const vector = Int8Array.from(atob(value), (byte) => byte.charCodeAt(0));
  if (toBase64(vector) !== value) throw invalid(field, "is no base64");
  if (vector.includes(-128) || !vector.some((component) => Math.abs(component) === 127))
    throw invalid(field, "is no vector as they are stored");
  return vector;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function toBase64(vector: Int8Array): string {
  return btoa(
    String.fromCharCode(...new Uint8Array(vector.buffer, vector.byteOffset, vector.length)),
  );
}

function tryParse(bytes: Uint8Array): JsonObject | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as JsonValue;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Names the line in which something was found to be wrong. */
function attempt<T>(line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw AgentMemError.is(error) ? damaged(line, `is wrong: ${error.message}`) : error;
  }
}

function unsupported(problem: string): AgentMemError {
  return new AgentMemError("UNSUPPORTED_FORMAT", "lines[1]", `lines[1] ${problem}`);
}

/** Tells whether vectors of a file can be taken by a store. */
export function areTaken(header: Header, store: Named): boolean {
  return isOwn(header.embedder) && isSame(header.embedder, store);
}
