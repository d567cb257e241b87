/** The bytes of a parameter in the form in which a file of another program holds it. */
import type { StoredParameter } from "@nanoadam/engine";
import { narrowToFloat16 } from "../checkpoint/floats.js";
import { InputError } from "../errors.js";

/** The smallest number that float16 has as infinity. */
const float16Overflow = 65_520;

/**
 * The bytes of what is stored of a parameter's values [rows, columns], little-endian.
 * @throws InputError for a value beyond float16 where that is asked for
 */
export function storedBytesOf(
  { parameter, shape, elementType, part }: StoredParameter,
  values: Float32Array,
): Uint8Array {
  if (part.kind === "values") return elementType === "float16" ? halvesOf(parameter, values) : bytesOfArray(values);
  const columns = values.length / (shape[0] ?? 1);
  const scales = scalesOfRows(values, columns, part.levels);
  return bytesOfArray(part.kind === "scales" ? scales : multiplesOfRows(values, columns, scales));
}

export function bytesOfArray({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** @throws InputError for a value beyond float16 */
export function halvesOf(parameter: string, values: Float32Array): Uint8Array {
  const beyond = values.find((value) => Math.abs(value) >= float16Overflow);
  if (beyond !== undefined) {
    throw new InputError(`${parameter} holds ${beyond}, but float16 ends at 65504; leave float16 out of \`dtype\``);
  }
  const halves = new Uint16Array(values.length);
  narrowToFloat16(values, halves);
  return bytesOfArray(halves);
}

/** Of each row the number of which its largest entry is `levels` times; of a row of zeros 1. */
function scalesOfRows(values: Float32Array, columns: number, levels: number): Float32Array {
  return Float32Array.from({ length: values.length / columns }, (_, row) => {
    let largest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    return largest === 0 ? 1 : largest / levels;
  });
}

function multiplesOfRows(values: Float32Array, columns: number, scales: Float32Array): Int8Array {
  const multiples = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    multiples[i] = Math.round((values[i] ?? 0) / (scales[Math.floor(i / columns)] ?? 1));
  }
  return multiples;
}
