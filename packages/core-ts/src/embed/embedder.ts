import { AgentMemError, cancelled, invalid } from "../error.js";
import { checkInteger } from "../record/index.js";
import { nameOf, readOptions } from "../record/json.js";
import { checkVector, readVector, type Vector } from "../record/vector.js";
import { checkName } from "../scope.js";

/** An embedder of the caller's own (spec 12.1). */
export interface Embedder {
  /** Names it for good: a store opens with the embedder that its vectors are of. 1 to 256 bytes. */
  id: string;
  /** How many components its vectors have: 1 to 4096. */
  dimensions: number;
  /**
   * Gives the vectors of 1 to 64 texts, in their order (spec 12.4). Without it vectors come as `embedding`, and a call
   * that would need another fails with `EMBEDDER_FAILED`.
   */
  embed?: ((texts: string[]) => readonly Vector[] | Promise<readonly Vector[]>) | null;
}

/** What makes the vectors of a store: the built-in table, an embedder of the caller's own, or nothing (null). */
export type EmbedderOption = "builtin" | Embedder | null;

/** The most texts that `embed` is given at once. */
const BATCH = 64;

const EMBEDDER_READERS = { id: checkEmbedderId, dimensions: checkDimensions, embed: checkEmbed };

/** Checks an embedder that is not null (spec 12.1). */
export function checkEmbedder(value: unknown, field: string): "builtin" | Embedder {
  if (value === "builtin") return value;
  if (typeof value !== "object")
    throw invalid(field, 'must be "builtin", null or an object {id, dimensions, embed?}');
  const { id, dimensions, embed = null } = readOptions(value, EMBEDDER_READERS, field, field);
  if (id === undefined || id === null) throw invalid(`${field}.id`, "is missing");
  if (dimensions === undefined || dimensions === null)
    throw invalid(`${field}.dimensions`, "is missing");
  // Called as a method of what the caller gave, which may need its `this`.
  if (embed === null) return { id, dimensions };
  return { id, dimensions, embed: (texts) => embed.call(value, texts) };
}

function checkEmbedderId(value: unknown, field: string): string {
  const id = checkName(value, field);
  if (id === "builtin" || id.startsWith("agentmem-"))
    throw invalid(field, 'is reserved: "builtin", and what begins with "agentmem-"');
  return id;
}

function checkDimensions(value: unknown, field: string): number {
  return checkInteger(value, field, 1, 4096);
}

function checkEmbed(value: unknown, field: string): NonNullable<Embedder["embed"]> {
  if (typeof value !== "function") throw invalid(field, `must be a function, not ${nameOf(value)}`);
  return value as NonNullable<Embedder["embed"]>;
}

/** Asks the caller's embedder for the vectors of some texts, in batches one after the other (spec 12.4), until the signal is aborted. */
export async function embedTexts(
  embedder: Embedder,
  texts: readonly string[],
  signal: AbortSignal | null,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let begin = 0; begin < texts.length; begin += BATCH) {
    if (signal?.aborted) throw cancelled(signal);
    vectors.push(...(await embedBatch(embedder, texts.slice(begin, begin + BATCH))));
  }
  return vectors;
}

/** Cuts what is to be embedded in batches. */
export function firstBatch<T>(items: readonly T[]): T[] {
  return items.slice(0, BATCH);
}

async function embedBatch(
  { embed, dimensions }: Embedder,
  texts: string[],
): Promise<Float32Array[]> {
  if (!embed) throw noEmbed("embedding");
  let made: unknown;
  const { length } = texts;
  try {
    made = await embed(texts);
  } catch (cause) {
    throw embedFailed("threw an error, which is the cause", { cause });
  }
  if (!Array.isArray(made)) throw embedFailed(`gave no array of vectors, but ${nameOf(made)}`);
  if (made.length !== length) throw embedFailed(`gave ${made.length} vectors for ${length} texts`);
  try {
    return Array.from(made, (vector: unknown) =>
      checkVector(readVector(vector, "a vector"), dimensions, "a vector"),
    );
  } catch (cause) {
    throw embedFailed(`gave what cannot be used: ${(cause as Error).message}`);
  }
}

function embedFailed(problem: string, options?: ErrorOptions): AgentMemError {
  return new AgentMemError("EMBEDDER_FAILED", "embedder", `the embedder ${problem}`, options);
}

/** Makes the error of a call that needs a vector and has no way to one (spec 12.3). */
export function noEmbed(field: string): AgentMemError {
  const message = `${field} is needed: the store's embedder is the caller's own, and was given without embed`;
  return new AgentMemError("EMBEDDER_FAILED", field, message);
}
