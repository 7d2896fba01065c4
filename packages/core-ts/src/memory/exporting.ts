import { AgentMemError, cancelled, invalid } from "../error.js";
import { inScope, type ScopeIds } from "../scope.js";
import type { LogEvent, Row } from "../store.js";
import type { Engine } from "./engine.js";
import { hexOf, type Line, newDigest, writeFooter, writeHeader, writeLine } from "./lines.js";

/** What an export is written to: any stream of bytes. */
export type ExportTarget = WritableStream<Uint8Array>;

/** Lines that are written at once. */
const PART = 256;

/** How an export is made. */
interface Export {
  readonly history: boolean;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal | null;
}

/** Writes an export of the state of now (spec 13.2, 13.3), and gives the number of its lines between header and footer. */
export async function exportTo(
  engine: Engine,
  view: ScopeIds,
  target: ExportTarget,
  { history, onProgress, signal }: Export,
): Promise<number> {
  const { vectors, store } = engine;
  const erasures = store.erasures;
  // States are never changed: what is written later is of this moment all the same.
  const events = history ? store.eventsOf(view) : null;
  const rows = [...store.rows()].filter(({ record }) => inScope(record, view));
  const ofRow = (row: Row) => {
    const { record, request } = row;
    return { record, request, vector: vectors.own(record) };
  };
  const ofEvent = ({ kind, at, id, state }: LogEvent): Line => ({
    id,
    event: { kind, at },
    state: state === null ? null : ofRow(state),
  });
  const lines: readonly (() => Line)[] =
    events?.map((event) => () => ofEvent(event)) ??
    rows.map((row) => () => ({ id: row.record.id, event: null, state: ofRow(row) }));

  const digest = newDigest();
  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    digest.update(bytes);
    return writer.write(bytes);
  };
  const writer = writerOf(target);
  try {
    await write(`${writeHeader({ history, embedder: vectors.embedder })}\n`);
    for (let begin = 0; begin < lines.length; begin += PART) {
      const part = lines.slice(begin, begin + PART);
      await write(part.map((line) => `${writeLine(line())}\n`).join(""));
      if (signal?.aborted) throw cancelled(signal);
      engine.checkOpen();
      onProgress(begin + part.length, lines.length);
    }
    if (store.erasures !== erasures && (history || !store.keeps(rows))) throw erased();
    const footer = writeFooter({ lines: lines.length, sha256: hexOf(digest) });
    await writer.write(new TextEncoder().encode(`${footer}\n`));
    await writer.close();
  } catch (cause) {
    // What has failed by itself need not be told so.
    await writer.abort(cause).catch(() => {});
    if (AgentMemError.is(cause) || !writer.failed(cause)) throw cause;
    throw new AgentMemError("IO", "target", "target failed, for the reason in cause", { cause });
  }
  return lines.length;
}

/** A stream's writer, which knows the errors of the stream from all others. */
interface Writer {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): Promise<void>;
  failed(error: unknown): boolean;
}

function writerOf(target: unknown): Writer {
  const stream = target as ExportTarget | null;
  if (typeof stream !== "object" || stream === null || typeof stream.getWriter !== "function")
    throw invalid("target", "must be a WritableStream");
  if (stream.locked) throw invalid("target", "must not be locked: another writer has it");
  const writer = stream.getWriter();
  const failures: unknown[] = [];
  const note = async (done: Promise<void>) => {
    try {
      await done;
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  return {
    write: (bytes) => note(writer.write(bytes)),
    close: () => note(writer.close()),
    abort: (reason) => writer.abort(reason),
    failed: (error) => failures.includes(error),
  };
}

function erased(): AgentMemError {
  const message = "something of what is exported was erased meanwhile: export again";
  return new AgentMemError("CONFLICT", null, message);
}
