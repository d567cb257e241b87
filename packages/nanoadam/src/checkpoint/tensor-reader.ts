/**
 * Reads tensors of open weight files: any range of any float dtype, as float32 numbers or as bfloat16 bits. A tensor
 * stored in the format asked for goes from the file straight to its target; any other is converted piece by piece.
 */

import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { asFloat32, narrowToBfloat16, nonFiniteIndex, widenBfloat16, widenFloat16 } from "./floats.js";
import type { CheckpointEntry, WeightFile, WeightFiles } from "./weight-files.js";

export interface TensorReader {
  /**
   * Fills `target` with a tensor's elements in row-major order, from flat element `start` on: a Float32Array with the numbers
   * widened or rounded to float32, a Uint16Array with bfloat16 bits. Rounding is to nearest even, of F64 to bfloat16 by way of
   * float32. Besides the target it takes at most 3 MiB (of an adapter, its two matrices too).
   *
   * @throws InputError for an unknown name, a dtype that is no float, a range that leaves the tensor, and elements that are
   * NaN or infinite, in the file or after rounding.
   */
  read(name: string, target: WeightArray, start?: number): Promise<void>;
  /** A whole tensor as float32, in `target` or a new array. @throws InputError as `read`, and for a target of another length. */
  readFloat32(name: string, target?: Float32Array): Promise<Float32Array>;
}

/** Elements that are read, converted and checked at a time. */
const pieceLength = 1 << 18;

/** Reads the tensors of open weight files; errors about a missing one name `where`. */
export function tensorReader(where: string, { files, entries }: WeightFiles): TensorReader {
  const fileAt = new Map(files.map((file) => [file.path, file]));

  async function read(name: string, target: WeightArray, start = 0): Promise<void> {
    const entry = requireEntry(where, entries, name);
    const file = fileAt.get(entry.file);
    if (file === undefined) throw new Error(`${entry.file}, which has tensor "${name}", is not open`);
    requireRange(entry, start, target.length);
    const source = { file, entry };
    const length = Math.min(pieceLength, target.length);
    if (target instanceof Float32Array) await readInPieces(entry, target, start, float32Reader(source, length));
    else await readInPieces(entry, target, start, bfloat16Reader(source, length));
  }

  return { read, readFloat32: wholeTensorReader(where, entries, read) };
}

/** `readFloat32` on top of `read`. */
export function wholeTensorReader(
  where: string,
  entries: ReadonlyMap<string, CheckpointEntry>,
  read: TensorReader["read"],
): TensorReader["readFloat32"] {
  return async (name, target) => {
    const { file, shape } = requireEntry(where, entries, name);
    const count = sizeOf(shape);
    const values = target ?? new Float32Array(count);
    if (values.length !== count) {
      throw new InputError(
        `${file}: tensor "${name}" has shape [${shape.join(", ")}], that is ${count} elements, but ${values.length} were expected.`,
      );
    }
    await read(name, values);
    return values;
  };
}

/** @throws InputError for a name that is not among the entries. */
export function requireEntry(
  where: string,
  entries: ReadonlyMap<string, CheckpointEntry>,
  name: string,
): CheckpointEntry {
  const entry = entries.get(name);
  if (entry === undefined) throw new InputError(`${where} has no tensor "${name}".`);
  return entry;
}

/** @throws InputError for elements that are not all inside the tensor. */
export function requireRange({ file, name, shape }: CheckpointEntry, start: number, length: number): void {
  const count = sizeOf(shape);
  if (Number.isSafeInteger(start) && start >= 0 && start + length <= count) return;
  throw new InputError(
    `${file}: tensor "${name}" has shape [${shape.join(", ")}], that is ${count} elements, but elements ${start} to ${start + length} were asked for.`,
  );
}

/** Fills `piece` with the elements from flat element `start` on. */
type PieceReader<Values extends WeightArray> = (start: number, piece: Values) => Promise<void>;

/**
 * Fills `target` with the elements from flat element `start` on, at most {@link pieceLength} at a time.
 *
 * @throws InputError for elements that are NaN or infinite, with the entry's file and name.
 */
export async function readInPieces<Values extends WeightArray>(
  entry: CheckpointEntry,
  target: Values,
  start: number,
  readPiece: PieceReader<Values>,
): Promise<void> {
  for (let offset = 0; offset < target.length; offset += pieceLength) {
    const piece = target.subarray(offset, offset + pieceLength) as Values;
    await readPiece(start + offset, piece);
    const found = nonFiniteIndex(piece);
    if (found === undefined) continue;
    const [value] = asFloat32(piece.subarray(found, found + 1));
    const format = piece instanceof Float32Array ? "float32" : "bfloat16";
    throw new InputError(
      `${entry.file}: tensor "${entry.name}" is ${value} at flat index ${start + offset + found}, expected finite ${format} numbers.`,
    );
  }
}

interface Source {
  readonly file: WeightFile;
  readonly entry: CheckpointEntry;
}

/** Reads pieces of at most `length` elements as float32. */
function float32Reader(source: Source, length: number): PieceReader<Float32Array> {
  const { dtype, file, name, shape } = source.entry;
  // A number of its own may be a count, as of the batches that statistics are of.
  if (dtype === "I64" && shape.length === 0) {
    return throughBuffer(source, new BigInt64Array(1), (stored, piece) => piece.fill(Number(stored[0])));
  }
  switch (dtype) {
    case "F32":
      return (start, piece) => fill(source, start, piece);
    case "BF16":
      return throughBuffer(source, new Uint16Array(length), widenBfloat16);
    case "F16":
      return throughBuffer(source, new Uint16Array(length), widenFloat16);
    case "F64":
      return throughBuffer(source, new Float64Array(length), (stored, piece) => piece.set(stored));
    default:
      throw new InputError(
        `${file}: tensor "${name}" has dtype ${dtype}, expected F32, F16, BF16 or F64 as for weights.`,
      );
  }
}

/** Reads pieces of at most `length` elements as bfloat16. */
function bfloat16Reader(source: Source, length: number): PieceReader<Uint16Array> {
  if (source.entry.dtype === "BF16") return (start, piece) => fill(source, start, piece);
  return roundingReader(float32Reader(source, length), length);
}

/** Rounds to bfloat16 what another reads as float32, in pieces of a tensor of which at most `length` elements are wanted. */
export function roundingReader(readFloat32: PieceReader<Float32Array>, length: number): PieceReader<Uint16Array> {
  const buffer = new Float32Array(Math.min(pieceLength, length));
  return async (start, piece) => {
    const values = buffer.subarray(0, piece.length);
    await readFloat32(start, values);
    narrowToBfloat16(values, piece);
  };
}

/** Reads the elements in their stored format into the beginning of `buffer`, and converts them from there. */
function throughBuffer<Stored extends Uint16Array | Float64Array | BigInt64Array>(
  source: Source,
  buffer: Stored,
  convert: (stored: Stored, piece: Float32Array) => void,
): PieceReader<Float32Array> {
  return async (start, piece) => {
    const stored = buffer.subarray(0, piece.length) as Stored;
    await fill(source, start, stored);
    convert(stored, piece);
  };
}

/** Fills `values` with the tensor's bytes, unconverted, from element `start` on. */
async function fill(
  { file, entry }: Source,
  start: number,
  values: Float32Array | Float64Array | Uint16Array | BigInt64Array,
): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let filled = 0; filled < bytes.length; ) {
    const position = entry.start + start * values.BYTES_PER_ELEMENT + filled;
    const { bytesRead } = await file.handle.read(bytes, filled, bytes.length - filled, position);
    if (bytesRead === 0) {
      throw new InputError(`${file.path} ends at byte ${position}, inside tensor "${entry.name}"; it is cut off.`);
    }
    filled += bytesRead;
  }
}
