import type { FileHandle } from "node:fs/promises";
import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { replaceFile } from "../files/write-file.js";
import { asFloat32, narrowToBfloat16, narrowToFloat16 } from "./floats.js";
import { encodeSafetensorsHeader, type SafetensorsDtype } from "./safetensors.js";

export type WritableDtype = "F32" | "BF16" | "F16" | "I64";

const bytesOf: Readonly<Record<WritableDtype, number>> = { I64: 8, F32: 4, BF16: 2, F16: 2 };

/** The dtype in which a tensor read as `dtype` is written: the same where it can be written, else float32. */
export function writableAs(dtype: SafetensorsDtype | undefined): WritableDtype {
  return dtype === "BF16" || dtype === "F16" ? dtype : "F32";
}

/**
 * A tensor to write. `values` are its elements in row-major order, float32 numbers or bfloat16 bits, or a function that
 * yields them when their turn comes: each is asked for once, and only after the one before it has been written, so that one
 * buffer can serve all.
 */
export interface WritableTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WritableDtype;
  readonly values: WeightArray | (() => WeightArray | Promise<WeightArray>);
}

/** The bytes that tensors take in a file, but for its header. */
export function storedBytes(tensors: Iterable<Pick<WritableTensor, "shape" | "dtype">>): number {
  return [...tensors].reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * bytesOf[dtype], 0);
}

/** Descending order of the reference implementation, which puts the widest alignment first. */
const dtypeOrder: Readonly<Record<WritableDtype, number>> = { I64: 0, F32: 1, BF16: 2, F16: 3 };
const pieceLength = 1 << 18;

/**
 * Writes a safetensors file: whole or not at all, and with the same bytes for the same tensors whatever their order.
 * The order in the file is that of Hugging Face's `safetensors`: I64, then F32, then BF16, then F16, each by the UTF-8 bytes of
 * the names. Values are rounded to nearest even. Besides the tensors it takes 2 MiB at most. Throws InputError for
 * a name used twice, a number of values that does not fit the shape, or a path that cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const ordered = [...tensors].sort(
    (a, b) => dtypeOrder[a.dtype] - dtypeOrder[b.dtype] || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const header = encodeSafetensorsHeader(ordered, metadata);
  const buffers = { wide: new Float32Array(pieceLength), halves: new Uint16Array(pieceLength) };
  await replaceFile(path, async (file) => {
    await writeBytes(file, header);
    for (const tensor of ordered) {
      const values = typeof tensor.values === "function" ? await tensor.values() : tensor.values;
      const expected = sizeOf(tensor.shape);
      if (values.length !== expected) {
        throw new InputError(
          `${path}: tensor "${tensor.name}" has ${values.length} values, but its shape [${tensor.shape.join(", ")}] needs ${expected}.`,
        );
      }
      for (let start = 0; start < values.length; start += pieceLength) {
        await writePiece(file, values.subarray(start, start + pieceLength), tensor.dtype, buffers);
      }
    }
  });
}

interface Buffers {
  readonly wide: Float32Array;
  readonly halves: Uint16Array;
}

async function writePiece(file: FileHandle, piece: WeightArray, dtype: WritableDtype, buffers: Buffers): Promise<void> {
  const stored = convert(piece, dtype, buffers);
  await writeBytes(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
}

/** The piece in the file's dtype: itself, or converted into one of the buffers. */
function convert(piece: WeightArray, dtype: WritableDtype, { wide, halves }: Buffers): WeightArray | BigInt64Array {
  if (dtype === "BF16" && piece instanceof Uint16Array) return piece;
  const values = asFloat32(piece, wide);
  if (dtype === "F32") return values;
  if (dtype === "I64") return BigInt64Array.from(values, (value) => BigInt(Math.round(value)));
  const narrowed = halves.subarray(0, piece.length);
  if (dtype === "BF16") narrowToBfloat16(values, narrowed);
  else narrowToFloat16(values, narrowed);
  return narrowed;
}

async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}
