/**
 * The file of a delta: safetensors, each part a tensor of bytes compressed by Brotli, the last of them the manifest. Parts are
 * written as they come; the header, whose place is left free, in the end.
 */
import type { FileHandle } from "node:fs/promises";
import { encodeSafetensorsHeader, type TensorDescription } from "../checkpoint/safetensors.js";
import { openWeightFile, type WeightFile } from "../checkpoint/weight-files.js";
import { InputError } from "../errors.js";
import { readTensorBytes } from "./base-weights.js";
import { compress, decompress } from "./compression.js";
import { type Manifest, parseManifest } from "./manifest.js";

const manifestPart = "manifest";
const longestManifest = 2 ** 28;
const metadata = { format: "nanoadam-delta" };

/** Adds parts to a file that is open for writing. */
export class DeltaWriter {
  readonly #file: FileHandle;
  readonly #headerSize: number;
  readonly #parts: TensorDescription[] = [];
  #end: number;

  private constructor(file: FileHandle, headerSize: number) {
    this.#file = file;
    this.#headerSize = headerSize;
    this.#end = headerSize;
  }

  /** @param names of all parts that there may be */
  static create(file: FileHandle, names: readonly string[]): DeltaWriter {
    const longest = [...names, manifestPart].map((name) => ({ name, dtype: "U8", shape: [2 ** 40] }) as const);
    return new DeltaWriter(file, encodeSafetensorsHeader(longest, metadata).length);
  }

  /** Adds a part; returns its name. */
  async add(name: string, bytes: Uint8Array): Promise<string> {
    const packed = await compress(bytes);
    await this.#write(packed, this.#end);
    this.#end += packed.length;
    this.#parts.push({ name, dtype: "U8", shape: [packed.length] });
    return name;
  }

  /** Writes the manifest and the header. */
  async finish(manifest: Manifest): Promise<void> {
    await this.add(manifestPart, Buffer.from(JSON.stringify(manifest)));
    const encoded = encodeSafetensorsHeader(this.#parts, metadata);
    const header = Buffer.alloc(this.#headerSize, " ");
    header.set(encoded);
    header.writeBigUInt64LE(BigInt(this.#headerSize - 8));
    await this.#write(header, 0);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
    }
  }
}

export interface DeltaFile {
  readonly path: string;
  readonly manifest: Manifest;
  /** A part's bytes, of which there are `longest` at most. @throws InputError for one that is missing or damaged */
  read(part: string, longest: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @throws InputError for a file that is no delta, or is damaged */
export async function openDelta(path: string): Promise<DeltaFile> {
  const file = await openWeightFile(path);
  try {
    if (!file.tensors.has(manifestPart)) {
      throw new InputError(`${path} has no "${manifestPart}", so it is no delta; \`nanoadam delta\` writes one`);
    }
    const text = await readPart(file, manifestPart, longestManifest);
    return {
      path,
      manifest: parseManifest(Buffer.from(text).toString(), path),
      read: (part, longest) => readPart(file, part, longest),
      close: () => file.handle.close(),
    };
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}

async function readPart(file: WeightFile, part: string, longest: number): Promise<Uint8Array> {
  const entry = file.tensors.get(part);
  if (entry === undefined) throw new InputError(`${file.path} has no part "${part}"; is it damaged?`);
  return decompress(await readTensorBytes(file, entry), longest, `${file.path}: "${part}"`);
}
