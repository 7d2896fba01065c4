import { invalid } from "../error.js";
import { nameOf } from "./json.js";

/** A vector as a caller gives it: finite numbers, not all of them zero. */
export type Vector = readonly number[] | Float32Array | Float64Array;

/** Checks the form of a vector, not yet its size: an array of numbers, rounded to float32. */
export function readVector(value: unknown, field: string): Float32Array {
  // A copy: the caller may write into its own while the call waits.
  if (isFloats(value, "Float32Array")) return copied(value as Float32Array);
  if (isFloats(value, "Float64Array")) return copied(value as Float64Array);
  if (!Array.isArray(value))
    throw invalid(
      field,
      `must be an array of numbers, a Float32Array or a Float64Array, not ${nameOf(value)}`,
    );
  for (let k = 0; k < value.length; k++) {
    if (typeof value[k] !== "number")
      throw invalid(field, `must have numbers as components, not ${nameOf(value[k])}`);
  }
  return Float32Array.from(value as number[]);
}

/** One that was transferred away has no components, and is refused for that; to copy it would throw. */
function copied(floats: Float32Array | Float64Array): Float32Array {
  return floats.length === 0 ? new Float32Array(0) : new Float32Array(floats);
}

/** Not by `instanceof`: a realm of its own has classes of its own. */
function isFloats(value: unknown, name: string): boolean {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === `[object ${name}]`;
}

/** Checks what makes a vector usable: its size, and that it points somewhere (spec 12.3). */
export function checkVector(vector: Float32Array, dimensions: number, field: string): Float32Array {
  if (vector.length !== dimensions)
    throw invalid(field, `has ${vector.length} components: the embedder has ${dimensions}`);
  if (!vector.every((component) => Number.isFinite(component)))
    throw invalid(field, "has a component that is not finite as float32");
  if (vector.every((component) => component === 0))
    throw invalid(field, "is zero in all components");
  return vector;
}
