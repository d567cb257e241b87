/**
 * The header of a safetensors file: eight bytes of length (little-endian), then that many bytes of JSON, then the
 * tensors' bytes. Parsing is strict, as the reference implementation is: the tensors fill the rest of the file without
 * overlap or hole.
 */
import { sizeOf } from "@nanoadam/engine";
import { InputError, shown } from "../errors.js";
import { topLevelKeys } from "../files/json-keys.js";
import { isObject } from "../files/json-value.js";

/** Bits per element of every dtype of the format. */
const bitsPerElement = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type SafetensorsDtype = keyof typeof bitsPerElement;

/** One tensor of a file; `start` and `end` are byte offsets from the beginning of the file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** A tensor to be written: its place follows from the order. */
export type TensorDescription = Pick<TensorEntry, "name" | "dtype" | "shape">;

const lengthBytes = 8;
const largestHeader = 100_000_000;
const metadataKey = "__metadata__";

/** How many bytes at the beginning of the file are its header, the eight bytes of length included. */
export function safetensorsHeaderBytes(firstBytes: Uint8Array, fileSize: number, fileName: string): number {
  if (fileSize < lengthBytes || firstBytes.length < lengthBytes) {
    throw new InputError(`${fileName}: the file has ${fileSize} bytes, too few for a safetensors file; is it cut off?`);
  }
  const view = new DataView(firstBytes.buffer, firstBytes.byteOffset, lengthBytes);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(largestHeader)) {
    throw new InputError(
      `${fileName}: not a safetensors file: it states a header of ${length} bytes, at most ${largestHeader} are allowed.`,
    );
  }
  if (lengthBytes + Number(length) > fileSize) {
    throw new InputError(
      `${fileName}: the header should have ${length} bytes but the file has only ${fileSize}; it is cut off or not a safetensors file.`,
    );
  }
  return lengthBytes + Number(length);
}

/**
 * Parses the header. `bytes` holds at least the header of a file of `fileSize` bytes; `fileName` is used in messages.
 * Throws InputError for a header that is not JSON or breaks the format's rules, naming the tensor.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number, fileName: string): SafetensorsHeader {
  const dataStart = safetensorsHeaderBytes(bytes, fileSize, fileName);
  if (bytes.length < dataStart) {
    throw new InputError(`${fileName}: the header should have ${dataStart} bytes but only ${bytes.length} were read.`);
  }
  const { header, text } = parseHeaderJson(bytes.subarray(lengthBytes, dataStart), fileName);
  refuseDuplicates(text, fileName);
  const tensors: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === metadataKey) metadata = parseMetadata(value, fileName);
    else tensors.push(parseTensor(name, value, dataStart, fileName));
  }
  requireGaplessData(tensors, dataStart, fileSize, fileName);
  return { metadata, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

/**
 * The header bytes (length, JSON, spaces up to a multiple of eight bytes) of a file that holds these tensors one after
 * the other in the given order.
 */
export function encodeSafetensorsHeader(
  tensors: Iterable<TensorDescription>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const fields: string[] = [];
  const metadataNames = Object.keys(metadata).sort();
  if (metadataNames.length > 0) {
    const values = metadataNames.map((name) => `${JSON.stringify(name)}:${JSON.stringify(metadata[name])}`);
    fields.push(`${JSON.stringify(metadataKey)}:{${values.join(",")}}`);
  }
  const names = new Set<string>([metadataKey]);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name)) throw new InputError(`The tensor name ${shown(name)} is reserved or used twice.`);
    names.add(name);
    const end = offset + tensorBytes(dtype, shape);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(lengthBytes + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, lengthBytes);
  return bytes;
}

/** Bytes that a tensor takes in a file. */
export function tensorBytes(dtype: SafetensorsDtype, shape: readonly number[]): number {
  return (sizeOf(shape) * bitsPerElement[dtype]) / 8;
}

function parseHeaderJson(bytes: Uint8Array, fileName: string): { header: Record<string, unknown>; text: string } {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new InputError(`${fileName}: not a safetensors file, or damaged: its header is not JSON.`);
  }
  if (!isObject(header)) {
    throw new InputError(`${fileName}: not a safetensors file: its header is not a JSON object.`);
  }
  return { header, text };
}

function refuseDuplicates(text: string, fileName: string): void {
  const seen = new Set<string>();
  for (const key of topLevelKeys(text)) {
    if (seen.has(key)) throw new InputError(`${fileName}: the header lists ${shown(key)} twice.`);
    seen.add(key);
  }
}

function parseMetadata(value: unknown, fileName: string): Record<string, string> {
  if (!isObject(value)) throw new InputError(`${fileName}: ${metadataKey} is not an object of texts.`);
  const metadata: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") throw new InputError(`${fileName}: ${metadataKey} field "${key}" is not a text.`);
    Object.defineProperty(metadata, key, { value: entry, enumerable: true, configurable: true, writable: true });
  }
  return metadata;
}

function parseTensor(name: string, value: unknown, dataStart: number, fileName: string): TensorEntry {
  const refuse = (fault: string) => new InputError(`${fileName}: tensor ${shown(name)} ${fault}.`);
  if (!isObject(value)) throw refuse("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    throw refuse(`has dtype ${shown(dtype)}, expected one of ${Object.keys(bitsPerElement).join(", ")}`);
  }
  if (!isSizes(shape)) {
    throw refuse(`has shape ${shown(shape)}, expected a list of non-negative integers`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw refuse(`has data_offsets ${shown(offsets)}, expected two non-negative integers`);
  }
  const [start, end] = offsets as [number, number];
  if (start > end) throw refuse(`has data_offsets ${shown(offsets)}, which end before they begin`);
  if (!Number.isSafeInteger(dataStart + end))
    throw refuse(`has data_offsets ${shown(offsets)}, beyond any file's size`);
  const bytes = tensorBytes(dtype, shape);
  const bits = bytes * 8;
  if (!(bits <= Number.MAX_SAFE_INTEGER)) throw refuse(`has shape ${shown(shape)}, more elements than can be counted`);
  if (end - start !== bytes) {
    throw refuse(`has ${end - start} bytes, but its dtype ${dtype} and shape ${shown(shape)} need ${bytes}`);
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

function requireGaplessData(tensors: TensorEntry[], dataStart: number, fileSize: number, fileName: string): void {
  let position = dataStart;
  for (const { name, start, end } of [...tensors].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (end > fileSize) {
      throw new InputError(
        `${fileName}: tensor ${shown(name)} ends at byte ${end} but the file has ${fileSize} bytes; is it cut off?`,
      );
    }
    if (start !== position) {
      const fault = start < position ? "overlaps the tensor before it" : `leaves ${start - position} bytes unused`;
      throw new InputError(`${fileName}: tensor ${shown(name)} ${fault} at byte ${start}.`);
    }
    position = end;
  }
  if (position !== fileSize) {
    throw new InputError(`${fileName}: ${fileSize - position} bytes after the last tensor belong to no tensor.`);
  }
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === "string" && Object.hasOwn(bitsPerElement, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
}
