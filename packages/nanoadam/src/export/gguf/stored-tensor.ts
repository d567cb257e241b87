/** A parameter's numbers as a GGUF file holds them. */
import { narrowToFloat16 } from "../../checkpoint/floats.js";
import { InputError } from "../../errors.js";
import { bytesOfArray, halvesOf } from "../stored-values.js";
import { blockLength, type GgufTensor } from "./file-format.js";

/**
 * The bytes of a tensor, little-endian.
 * @param turnedHeads of how many heads the rows are, whose halves become neighbours
 * @throws InputError for a value that the type has not
 */
export function ggufBytesOf(
  { name, type }: GgufTensor,
  values: Float32Array,
  turnedHeads?: number,
  rows = 1,
): Uint8Array {
  const ordered = turnedHeads === undefined ? values : asNeighbours(values, rows, turnedHeads);
  if (type === "f16") return halvesOf(name, ordered);
  return type === "f32" ? bytesOfArray(ordered) : blocksOf(name, ordered);
}

/**
 * Rows [heads, 2, size / 2] as [heads, size / 2, 2]: llama.cpp rotates neighbours against each other where Hugging Face rotates
 * the halves of a head.
 */
function asNeighbours(values: Float32Array, rows: number, heads: number): Float32Array {
  const [columns, size] = [values.length / rows, rows / heads];
  const ordered = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, place] = [Math.floor(row / size), row % size];
    const target = head * size + 2 * (place % (size / 2)) + Math.floor((2 * place) / size);
    ordered.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return ordered;
}

/** Of each 32 numbers a scale, of which the largest is 127 times, and how often each is it. */
function blocksOf(name: string, values: Float32Array): Uint8Array {
  const blocks = new DataView(new ArrayBuffer((values.length / blockLength) * (blockLength + 2)));
  const half = new Uint16Array(1);
  for (let start = 0, place = 0; start < values.length; start += blockLength, place += blockLength + 2) {
    const block = values.subarray(start, start + blockLength);
    const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    if (!Number.isFinite(scale) || scale > 65_504) {
      throw new InputError(`${name} holds numbers of which 8 bits cannot be made; leave int8 out of \`dtype\``);
    }
    narrowToFloat16(Float32Array.of(scale), half);
    blocks.setUint16(place, half[0] ?? 0, true);
    for (const [index, value] of block.entries()) {
      blocks.setInt8(place + 2 + index, scale === 0 ? 0 : Math.sign(value) * Math.round(Math.abs(value) / scale));
    }
  }
  return new Uint8Array(blocks.buffer);
}
