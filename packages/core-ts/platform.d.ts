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

/** Base64 to a string of one character a byte. */
declare function atob(data: string): string;

declare function structuredClone<T>(value: T): T;
