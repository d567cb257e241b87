/** Safetensors files read and written without the product's own code, so that a fault in it cannot hide in the tests. */
import { readFile, writeFile } from "node:fs/promises";

/** A tensor as its bytes. */
export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** Writes the tensors one after the other, in the order of the map. */
export async function writeTensors(path: string, tensors: ReadonlyMap<string, RawTensor>): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  await writeFile(path, withHeader(header, ...[...tensors.values()].map(({ bytes }) => bytes)));
}

/** A file's bytes: the header, whatever it claims, then the data. */
export function withHeader(header: unknown, ...data: Uint8Array[]): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...data]);
}

export async function readTensors(path: string): Promise<Map<string, RawTensor>> {
  const file = await readFile(path);
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, dataStart)) as Record<string, HeaderEntry>;
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { dtype, shape, bytes: Uint8Array.from(file.subarray(dataStart + start, dataStart + end)) }],
    ),
  );
}

/** The numbers of an F32 or BF16 tensor. */
export function floatsOf({ dtype, bytes }: RawTensor): Float32Array {
  if (dtype === "F32") return new Float32Array(bytes.slice().buffer);
  if (dtype !== "BF16") throw new Error(`${dtype} is not read by the tests`);
  const words = Uint32Array.from(new Uint16Array(bytes.slice().buffer), (half) => half * 2 ** 16);
  return new Float32Array(words.buffer);
}

/** Float32 numbers as an F32 tensor, or as BF16 by cutting their low bits off. */
export function rawTensor(shape: readonly number[], values: Float32Array, dtype: "F32" | "BF16" = "F32"): RawTensor {
  if (dtype === "F32") return { dtype, shape, bytes: new Uint8Array(values.slice().buffer) };
  const words = new Uint32Array(values.slice().buffer);
  return { dtype, shape, bytes: new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer) };
}
