import { isOwn } from "../embed/vectors.js";
import { AgentMemError, cancelled, invalid } from "../error.js";
import { isLive, isSameRecord, textOf } from "../record/index.js";
import type { LogEvent, Row } from "../store.js";
import type { Engine } from "./engine.js";
import {
  areTaken,
  damaged,
  type Footer,
  type Header,
  hexOf,
  isFooter,
  type Line,
  MAX_LINE_BYTES,
  newDigest,
  readHeader,
  readLine,
} from "./lines.js";
import type { OnExisting } from "./options.js";

/** What an export is read from, twice: a file of the browser's, or any other blob. */
export type ExportSource = Blob;

/** What an import came to, in lines (spec 13.5). */
export interface Imported {
  /** Records, or events, that were written. */
  imported: number;
  /** Those that were there already, or were left. */
  skipped: number;
  /** Records that took the place of others. */
  replaced: number;
}

/** Lines that are written at once; where an embedder is asked, as many as it is asked for. */
const PART = 512;
const ASKED_PART = 64;

/** What becomes of a line. */
type Fate = "imported" | "skipped" | "replaced";

/** A line, and its number in the file. */
interface Numbered {
  readonly line: Line;
  readonly number: number;
}

/** The last line of an id. */
interface Last {
  readonly number: number;
  /** Null in an export without history. */
  readonly kind: string | null;
  readonly hasState: boolean;
  readonly hasVector: boolean;
}

/** What was found when a file was checked. */
interface Survey {
  readonly header: Header;
  readonly lines: number;
  readonly last: ReadonlyMap<string, Last>;
}

/** Takes an export in (spec 13.5 to 13.9). */
export class Importing {
  readonly #engine: Engine;
  readonly #source: ExportSource;
  readonly #onExisting: OnExisting;
  readonly #onProgress: (done: number, total: number) => void;
  readonly #now: number;
  readonly #signal: AbortSignal | null;
  readonly #counts = { imported: 0, skipped: 0, replaced: 0 };
  /** How many events the store had before, with history; all of them are the file's first. */
  #known = 0;
  /** The last event of the store that is known to be one of the file's. */
  #seq = 0;

  constructor(
    engine: Engine,
    source: ExportSource,
    options: {
      onExisting: OnExisting;
      onProgress: (done: number, total: number) => void;
      now: number;
      signal: AbortSignal | null;
    },
  ) {
    this.#engine = engine;
    this.#source = checkSource(source);
    this.#onExisting = options.onExisting;
    this.#onProgress = options.onProgress;
    this.#now = options.now;
    this.#signal = options.signal;
  }

  async run(): Promise<Imported> {
    const survey = await this.#check();
    const vectors = this.#engine.vectors;
    const asks = isOwn(vectors.embedder) && !areTaken(survey.header, vectors.embedder);
    if (asks) this.#engine.checkAsking(survey.header.embedder);
    let part: Numbered[] = [];
    let done = 0;
    const write = async () => {
      await this.#write(part, survey, asks);
      done += part.length;
      part = [];
      this.#onProgress(done, survey.lines);
    };
    for await (const numbered of this.#lines(new Ids())) {
      part.push(numbered);
      if (part.length === (asks ? ASKED_PART : PART)) await write();
    }
    if (part.length > 0) await write();
    return this.#counts;
  }

  /** Reads the whole file, and finds what is wrong with it, or cannot be taken in. */
  async #check(): Promise<Survey> {
    const ids = new Ids();
    const events = [...this.#engine.store.events()];
    let lines = 0;
    for await (const { line, number } of this.#lines(ids)) {
      if (lines % PART === 0) this.#checkWanted();
      lines += 1;
      if (line.event === null) this.#judge(line, number);
      else if (this.#known < events.length) this.#compare(line, events[this.#known++] as LogEvent);
    }
    const { header } = ids;
    if (header === null) throw new Error("a file without a header is refused");
    if (header.history) {
      if (this.#known < events.length) throw inUse();
      this.#seq = events.at(-1)?.seq ?? 0;
      if (this.#onExisting !== "error")
        throw invalid("onExisting", "must be error for an export with history");
    }
    return { header, lines, last: ids.last };
  }

  #checkWanted(): void {
    if (this.#signal?.aborted) throw cancelled(this.#signal);
    this.#engine.checkOpen();
  }

  /** Reads the lines of the file, and checks what depends on those before. */
  async *#lines(ids: Ids): AsyncGenerator<Numbered> {
    const digest = newDigest();
    let header: Header | null = null;
    let footer: Footer | null = null;
    let number = 0;
    for await (const bytes of linesOf(this.#source)) {
      number += 1;
      if (footer !== null) throw damaged(number, "stands behind the footer");
      if (header === null) {
        header = readHeader(bytes);
        ids.header = header;
      } else {
        const line = readLine(bytes, number, header);
        if (isFooter(line)) {
          footer = line;
          if (line.lines !== number - 2 || line.sha256 !== hexOf(digest))
            throw damaged(number, "does not agree with the lines before it: the file was changed");
          ids.checkEnds(isOwn(header.embedder));
          continue;
        }
        ids.take(line, number);
        yield { line, number };
      }
      digest.update(bytes);
      digest.update(LINE_FEED);
    }
    if (header === null) readHeader(new Uint8Array());
    if (footer === null) throw damaged(number + 1, "is missing: the file was cut");
  }

  /** Tells what becomes of a record. */
  #judge({ state }: Line, number: number): Fate {
    if (state === null) throw new Error("a line of a record has one");
    const row = this.#engine.store.get(state.record.id);
    if (row === undefined) return "imported";
    if (isSameRecord(row.record, state.record)) return "skipped";
    if (!isLive(row.record, this.#now)) return "imported";
    if (this.#onExisting === "skip") return "skipped";
    if (this.#onExisting === "replace") return "replaced";
    const field = `lines[${number}]`;
    throw new AgentMemError("ALREADY_EXISTS", field, `${field} has an id that is in use`);
  }

  /** Compares an event of the file with the one of the store that stands in its place. */
  #compare({ id, event, state }: Line, known: LogEvent): void {
    const isSameState =
      state === null || known.state === null
        ? state === known.state
        : isSameRecord(known.state.record, state.record) && known.state.request === state.request;
    if (id !== known.id || event?.kind !== known.kind || event.at !== known.at || !isSameState)
      throw inUse();
  }

  async #write(part: readonly Numbered[], survey: Survey, asks: boolean): Promise<void> {
    this.#checkWanted();
    const { vectors } = this.#engine;
    const asked = asks ? await this.#ask(part, survey) : new Map<number, Float32Array>();
    this.#checkWanted();
    if (vectors !== this.#engine.vectors) throw moved();
    const takes = areTaken(survey.header, vectors.embedder);
    for (const { line, number } of part) {
      const given = takes && line.state?.vector ? Float32Array.from(line.state.vector) : null;
      const vector = given ?? asked.get(number) ?? null;
      if (asks && vector === null && line.event === null && this.#judge(line, number) !== "skipped")
        throw changed();
      if (line.state !== null && vector !== null) vectors.set(line.state.record, vector);
      this.#counts[line.event === null ? this.#add(line, number) : this.#replay(line)] += 1;
    }
  }

  /** Asks the caller's embedder for the vectors of what will be written, of each record in its last state. */
  async #ask(part: readonly Numbered[], { last }: Survey): Promise<Map<number, Float32Array>> {
    const needing = part.filter(({ line, number }) =>
      line.event === null
        ? this.#judge(line, number) !== "skipped"
        : line.state !== null && last.get(line.id)?.number === number,
    );
    const texts = needing.map(({ line }) => ({
      vector: null,
      field: "embedding",
      text: line.state === null ? "" : textOf(line.state.record),
    }));
    const made = texts.length === 0 ? [] : await this.#engine.vectorsOf(texts, this.#signal);
    const pairs = needing.map(({ number }, i): [number, Float32Array] => {
      const vector = made[i];
      if (!vector) throw new Error("an embedder of the caller's own gives a vector for each text");
      return [number, vector];
    });
    return new Map(pairs);
  }

  #add(line: Line, number: number): Fate {
    const fate = this.#judge(line, number);
    const { store } = this.#engine;
    if (line.state === null || fate === "skipped") return fate;
    const { record, request } = line.state;
    if (fate === "replaced") store.delete(record.id, this.#now);
    store.add(record, request, this.#now);
    return fate;
  }

  #replay({ id, event, state }: Line): Fate {
    if (this.#known > 0) {
      this.#known -= 1;
      return "skipped";
    }
    const { store } = this.#engine;
    if (event === null || (store.events().at(-1)?.seq ?? 0) !== this.#seq) throw inUse();
    const row: Omit<Row, "added"> | null =
      state === null ? null : { record: state.record, request: state.request };
    this.#seq = store.replay(event.kind, id, event.at, row);
    return "imported";
  }
}

const LINE_FEED = new Uint8Array([10]);

/** The ids of a file, and what may follow what. */
class Ids {
  header: Header | null = null;
  readonly last = new Map<string, Last>();
  #at = 0;

  take({ id, event, state }: Line, number: number): void {
    const before = this.last.get(id);
    if (event === null && before !== undefined)
      throw damaged(number, `has the id of line ${before.number}`);
    if (event !== null) {
      if (event.at < this.#at) throw damaged(number, "is of a time before that of the line above");
      this.#at = event.at;
      const follows = before?.kind === "ADD" || before?.kind === "UPDATE";
      const isPossible =
        event.kind === "ADD" || (event.kind === "PURGE" ? before === undefined : follows);
      if (!isPossible) throw damaged(number, "is an event that cannot follow those of its id");
    }
    this.last.set(id, {
      number,
      kind: event?.kind ?? null,
      hasState: state !== null,
      hasVector: state?.vector != null,
    });
  }

  /** Checks that each record has its state at the end, and that its vector. */
  checkEnds(needsVector: boolean): void {
    for (const { number, kind, hasState, hasVector } of this.last.values()) {
      if (kind !== "ADD" && kind !== "UPDATE") continue;
      if (!hasState) throw damaged(number, "is the last one of its id, and lacks the record");
      if (needsVector && !hasVector) throw damaged(number, "lacks the vector of its record");
    }
  }
}

/** Cuts a file in lines, and holds no more than one of them; refuses one that is too long before it is read. */
async function* linesOf(source: ExportSource): AsyncGenerator<Uint8Array> {
  const reader = source.stream().getReader();
  let parts: Uint8Array[] = [];
  let [length, number] = [0, 1];
  const take = (bytes: Uint8Array) => {
    length += bytes.length;
    if (length > MAX_LINE_BYTES) throw damaged(number, "has more than 8 MiB");
    parts.push(bytes);
  };
  const line = () => {
    const joined = new Uint8Array(length);
    let end = 0;
    for (const part of parts) {
      joined.set(part, end);
      end += part.length;
    }
    [parts, length, number] = [[], 0, number + 1];
    return joined;
  };
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(unreadable);
      if (done || value === undefined) break;
      let begin = 0;
      for (let end = value.indexOf(10); end >= 0; end = value.indexOf(10, begin)) {
        take(value.subarray(begin, end));
        begin = end + 1;
        yield line();
      }
      take(value.subarray(begin));
    }
    if (length > 0) yield line();
  } finally {
    // What is left need not be read.
    await reader.cancel().catch(() => {});
  }
}

function unreadable(cause: unknown): never {
  throw new AgentMemError("IO", "source", "source cannot be read, for the reason in cause", {
    cause,
  });
}

function checkSource(source: unknown): ExportSource {
  const blob = source as ExportSource | null;
  if (typeof blob !== "object" || blob === null || typeof blob.stream !== "function")
    throw invalid("source", "must be a Blob, which can be read twice");
  return blob;
}

function inUse(): AgentMemError {
  const message =
    "history has no place in this store, which has events of its own: import it into an empty one";
  return new AgentMemError("ALREADY_EXISTS", "history", message);
}

function changed(): AgentMemError {
  const message = "a record was changed by others while it was imported: import again";
  return new AgentMemError("CONFLICT", null, message);
}

function moved(): AgentMemError {
  const message = "the store was moved to another embedder since the import began: import again";
  return new AgentMemError("EMBEDDER_MISMATCH", "embedder", message);
}
