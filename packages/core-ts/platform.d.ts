// The few globals that the reference uses and that Node and every browser have alike. Declared here, and not by the DOM's
// or Node's types, so that the compiler refuses what only one of them has.
declare class TextEncoder {
  encode(input?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}

declare const crypto: {
  getRandomValues<T extends Uint8Array | Uint32Array>(array: T): T;
};

/** Its type alone: whoever has signals makes them. */
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Base64 to a string of one character a byte, and back. */
declare function atob(data: string): string;
declare function btoa(data: string): string;

/** Streams and blobs, of which callers bring their own: what is used of them. */
interface WritableStream<T> {
  readonly locked: boolean;
  getWriter(): {
    write(chunk: T): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
  };
}

interface ReadableStream<T> {
  getReader(): {
    read(): Promise<{ done: boolean; value?: T | undefined }>;
    cancel(): Promise<void>;
  };
}

interface Blob {
  stream(): ReadableStream<Uint8Array>;
}

declare function structuredClone<T>(value: T): T;
