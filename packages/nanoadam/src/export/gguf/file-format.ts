/**
 * GGUF, version 3, as ggml's documentation has it: what is said of a model by keys, where each tensor is, and the tensors, all
 * little-endian. It is what llama.cpp and what is built on it load.
 */

/** A value with its type; lists are of one type. */
export type GgufValue =
  | { readonly uint32: number }
  | { readonly int32: readonly number[] }
  | { readonly float32: number | readonly number[] }
  | { readonly bool: boolean }
  | { readonly string: string | readonly string[] };

/** How a tensor's numbers are held: `q8_0` as 32 whole numbers of 8 bits after their scale, a float16. */
export type GgufType = "f32" | "f16" | "q8_0";

export interface GgufTensor {
  readonly name: string;
  /** The last axis is the one along which entries follow one another, as everywhere here; the file has axes in the other order. */
  readonly shape: readonly number[];
  readonly type: GgufType;
}

const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const tensorTypes: Readonly<Record<GgufType, number>> = { f32: 0, f16: 1, q8_0: 8 };
const alignment = 32;

/** Numbers that share a scale in `q8_0`. */
export const blockLength = 32;

/** The bytes of a tensor. */
export function ggufBytes({ shape, type }: GgufTensor): number {
  const entries = shape.reduce((product, size) => product * size, 1);
  if (type === "q8_0") return (entries / blockLength) * (blockLength + 2);
  return entries * (type === "f32" ? 4 : 2);
}

/** The bytes that follow so many, before the next tensor begins. */
export function ggufPadding(length: number): Uint8Array {
  return new Uint8Array((alignment - (length % alignment)) % alignment);
}

/** What comes before the tensors, which follow in this order, each with its padding. */
export function ggufHeader(values: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const writer = new Writer();
  writer.bytes(new TextEncoder().encode("GGUF"));
  writer.uint32(3);
  writer.uint64(tensors.length);
  writer.uint64(values.size);
  for (const [key, value] of values) {
    writer.string(key);
    writer.value(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    writer.string(tensor.name);
    writer.uint32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) writer.uint64(size);
    writer.uint32(tensorTypes[tensor.type]);
    writer.uint64(offset);
    const length = ggufBytes(tensor);
    offset += length + ggufPadding(length).length;
  }
  writer.bytes(ggufPadding(writer.length));
  return writer.result();
}

/** Bytes in memory that grows by doubling. */
class Writer {
  #memory = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  result(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  bytes(added: Uint8Array): void {
    this.#reserve(added.length).set(added);
  }

  uint32(value: number): void {
    this.#view(4).setUint32(0, value, true);
  }

  uint64(value: number): void {
    this.#view(8).setBigUint64(0, BigInt(value), true);
  }

  string(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.uint64(encoded.length);
    this.bytes(encoded);
  }

  /** The type of a value, and the value. */
  value(value: GgufValue): void {
    if ("uint32" in value) this.#all("uint32", value.uint32, (each) => this.uint32(each));
    else if ("int32" in value) this.#all("int32", value.int32, (each) => this.#view(4).setInt32(0, each, true));
    else if ("float32" in value) this.#all("float32", value.float32, (each) => this.#view(4).setFloat32(0, each, true));
    else if ("bool" in value) this.#all("bool", value.bool, (each) => this.#view(1).setUint8(0, Number(each)));
    else this.#all("string", value.string, (each) => this.string(each));
  }

  #all<Each>(type: keyof typeof valueTypes, value: Each | readonly Each[], write: (each: Each) => void): void {
    if (!Array.isArray(value)) {
      this.uint32(valueTypes[type]);
      write(value as Each);
      return;
    }
    this.uint32(valueTypes.array);
    this.uint32(valueTypes[type]);
    this.uint64(value.length);
    for (const each of value) write(each);
  }

  #view(length: number): DataView {
    const { buffer, byteOffset } = this.#reserve(length);
    return new DataView(buffer, byteOffset, length);
  }

  #reserve(length: number): Uint8Array {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#memory.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(this.#length)));
      grown.set(this.#memory);
      this.#memory = grown;
    }
    return this.#memory.subarray(start, this.#length);
  }
}
