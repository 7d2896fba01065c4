import { type Embedder, embedTexts } from "@agentmem/core/src/embed/embedder.ts";
import type { Imported } from "@agentmem/core/src/memory/importing.ts";
import { EXPORT_READERS, IMPORT_READERS } from "@agentmem/core/src/memory/options.ts";
import { unlessAborted } from "@agentmem/core/src/memory/signal.ts";
import { readOptions } from "@agentmem/core/src/record/json.ts";
import { outcomeOf } from "./deliveries.ts";
import * as wire from "./wire.ts";

// Exports and imports go a step at a time, so that they tell how far they are, and end where they are told to.

/** An export under way in the addon: it tells its outcome under the number that it is given. */
export interface NativeExporting {
  step(call: number): void;
  end(): void;
}

/** An import under way: its steps may ask for the vectors of texts. */
export interface NativeImporting {
  step(call: number, vectors?: Float32Array): void;
  end(): void;
}

interface ExportStep {
  done: number;
  total: number;
  exported: number | null;
}

interface ImportStep {
  texts: string[] | null;
  done: number;
  total: number;
  imported: Imported | null;
}

/** Writes an export to a file; gives the number of its lines. */
export async function exportTo(
  begin: (args: string) => NativeExporting,
  path: unknown,
  options: unknown,
  signal: AbortSignal | null,
): Promise<number> {
  const { onProgress, ...given } = readOptions(options, EXPORT_READERS);
  const args = wire.write({ path: wire.scalar(path, "path"), options: given });
  const native = wire.attempt(() => begin(args));
  try {
    for (;;) {
      const next = () => outcomeOf((call) => native.step(call));
      const step = wire.read(await unlessAborted(signal, next)) as ExportStep;
      if (step.exported !== null) return step.exported;
      onProgress?.(step.done, step.total);
    }
  } finally {
    native.end();
  }
}

/** Takes an export in from a file; `embedder` is the caller's own, if there is one that can be asked. */
export async function importFrom(
  begin: (args: string) => NativeImporting,
  path: unknown,
  options: unknown,
  embedder: Embedder | null,
  signal: AbortSignal | null,
): Promise<Imported> {
  const { onProgress, ...given } = readOptions(options, IMPORT_READERS);
  const args = wire.write({ path: wire.scalar(path, "path"), options: given });
  const native = wire.attempt(() => begin(args));
  let vectors: Float32Array | undefined;
  let told = 0;
  try {
    for (;;) {
      const next = () => outcomeOf((call) => native.step(call, vectors));
      const step = wire.read(await unlessAborted(signal, next)) as ImportStep;
      if (step.imported !== null) {
        const { imported, skipped, replaced } = step.imported;
        return { imported, skipped, replaced };
      }
      if (step.done > told) onProgress?.(step.done, step.total);
      told = step.done;
      const texts = step.texts ?? [];
      const ask = async (asked: Embedder) => wire.joined(await embedTexts(asked, texts, signal));
      vectors =
        embedder === null || texts.length === 0
          ? undefined
          : await unlessAborted(signal, () => ask(embedder));
    }
  } finally {
    native.end();
  }
}
