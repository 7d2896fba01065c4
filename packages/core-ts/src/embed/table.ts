// The token table: a vector for each token, and its length, which is the token's weight.

import { TABLE_BASE64 } from "./table-data.js";

/** The number of components of a row, and of an embedding made from rows. */
export const DIMENSIONS = 128;

interface Table {
  readonly components: Int8Array;
  readonly norms: Float64Array;
}

let table: Table | undefined;

/** Decodes the table at first use; it stays in memory, 4 MB. */
export function tokenTable(): Table {
  table ??= decodeTable();
  return table;
}

/** Gives the row of a token: a view into the table, not to be written to. */
export function tokenRow(id: number): Int8Array {
  return tokenTable().components.subarray(id * DIMENSIONS, (id + 1) * DIMENSIONS);
}

/** Gives the length of a token's row: the square root of its exact square sum, 0 for a token without meaning. */
export function rowNorm(id: number): number {
  return tokenTable().norms[id] ?? 0;
}

function decodeTable(): Table {
  const components = decodeBase64(TABLE_BASE64);
  const norms = new Float64Array(components.length / DIMENSIONS);
  for (let id = 0; id < norms.length; id++) {
    let square = 0;
    for (let k = id * DIMENSIONS; k < (id + 1) * DIMENSIONS; k++) {
      const component = components[k] ?? 0;
      square += component * component;
    }
    norms[id] = Math.sqrt(square);
  }
  return { components, norms };
}

const BASE64_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Decodes base 64; written out because browsers and Node share no quick decoder for megabytes. */
function decodeBase64(text: string): Int8Array {
  const values = new Uint8Array(128);
  for (let value = 0; value < 64; value++) values[BASE64_DIGITS.charCodeAt(value)] = value;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Int8Array((text.length / 4) * 3 - padding);
  let at = 0;
  for (let from = 0; from < text.length; from += 4) {
    const group =
      ((values[text.charCodeAt(from)] ?? 0) << 18) |
      ((values[text.charCodeAt(from + 1)] ?? 0) << 12) |
      ((values[text.charCodeAt(from + 2)] ?? 0) << 6) |
      (values[text.charCodeAt(from + 3)] ?? 0);
    // Bytes of the padding fall behind the end, where a typed array ignores them.
    bytes[at++] = group >> 16;
    bytes[at++] = group >> 8;
    bytes[at++] = group;
  }
  return bytes;
}
