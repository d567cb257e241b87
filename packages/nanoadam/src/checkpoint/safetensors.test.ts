import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import {
  encodeSafetensorsHeader,
  parseSafetensorsHeader,
  type SafetensorsDtype,
  safetensorsHeaderBytes,
  type TensorDescription,
  tensorBytes,
} from "./safetensors.js";

/** A header with this text, whatever it says. */
function headerOf(text: string): Uint8Array {
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Parses a header with this text in a file that has `dataBytes` bytes after it. */
function parse(text: string, dataBytes: number) {
  const bytes = headerOf(text);
  return parseSafetensorsHeader(bytes, bytes.length + dataBytes, "model.safetensors");
}

const tensor = (fields: object) => JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields } });

describe("a well-formed header", () => {
  test("gives names, shapes, dtypes, metadata and offsets from the beginning of the file", () => {
    const text = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}';
    const { metadata, tensors } = parse(text, 8);
    const start = 8 + text.length;
    expect(metadata).toEqual({ format: "pt" });
    expect([...tensors.values()]).toEqual([{ name: "a", dtype: "F32", shape: [2, 1], start, end: start + 8 }]);
  });

  test("may hold scalars and tensors without elements", () => {
    const { tensors } = parse(
      '{"empty":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"scalar":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}',
      8,
    );
    expect([...tensors.keys()]).toEqual(["empty", "scalar"]);
  });

  test("is encoded with a length that is a multiple of eight bytes", () => {
    const bytes = encodeSafetensorsHeader([{ name: "w", dtype: "BF16", shape: [3] }], { format: "pt" });
    expect(bytes.length % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8)).trimEnd()).toBe(
      '{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}',
    );
  });
});

const descriptions: fc.Arbitrary<TensorDescription[]> = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__"),
    dtype: fc.constantFrom<SafetensorsDtype>("F32", "F16", "BF16", "F64", "I64", "U8", "BOOL"),
    shape: fc.array(fc.nat(50), { maxLength: 4 }),
  }),
  { selector: ({ name }) => name, maxLength: 8 },
);

describe("properties", () => {
  test("what is encoded is parsed again", () => {
    fc.assert(
      fc.property(descriptions, fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        const bytes = encodeSafetensorsHeader(tensors, metadata);
        const size = tensors.reduce((sum, { dtype, shape }) => sum + tensorBytes(dtype, shape), bytes.length);
        const parsed = parseSafetensorsHeader(bytes, size, "file");
        expect([...parsed.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(tensors);
        expect(Object.entries(parsed.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
    );
  });

  test("a damaged header is parsed or refused with InputError, never anything else", () => {
    const damages = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(descriptions, damages, fc.integer({ min: -20, max: 20 }), (tensors, changes, sizeChange) => {
        const bytes = encodeSafetensorsHeader(tensors, { format: "pt" });
        const size = tensors.reduce((sum, { dtype, shape }) => sum + tensorBytes(dtype, shape), bytes.length);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        try {
          parseSafetensorsHeader(bytes, Math.max(0, size + sizeChange), "file");
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("arbitrary bytes and arbitrary JSON are refused with InputError", () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.json().map(headerOf),
      fc.dictionary(fc.string(), fc.jsonValue()).map((value) => headerOf(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          parseSafetensorsHeader(bytes, bytes.length, "file");
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("refused, naming the file and the tensor", () => {
  const refusals: [string, string, number, RegExp][] = [
    ["JSON that is none", "{nonsense", 0, /model\.safetensors: .*its header is not JSON\./],
    ["JSON that is no object", "[1]", 0, /its header is not a JSON object/],
    ["metadata that is no object", '{"__metadata__":3}', 0, /__metadata__ is not an object of texts/],
    ["metadata with numbers", '{"__metadata__":{"a":3}}', 0, /__metadata__ field "a" is not a text/],
    ["an entry that is no object", '{"w":3}', 0, /tensor "w" is not described by an object/],
    ["an unknown dtype", tensor({ dtype: "F33" }), 8, /tensor "w" has dtype "F33", expected one of BOOL/],
    ["a missing dtype", tensor({ dtype: undefined }), 8, /has dtype missing/],
    ["a negative extent", tensor({ shape: [-2, -1] }), 8, /has shape \[-2,-1\], expected a list of non-negative/],
    ["a fractional extent", tensor({ shape: [1.5] }), 8, /has shape \[1\.5\]/],
    ["a shape that is no list", tensor({ shape: 2 }), 8, /has shape 2,/],
    ["an extent beyond 2^53", tensor({ shape: [2 ** 60] }), 8, /expected a list of non-negative integers/],
    ["a shape far larger than its bytes", tensor({ shape: [1e6, 1e6] }), 8, /has 8 bytes, but .* need 4000000000000/],
    ["a product beyond 2^53", tensor({ shape: [2 ** 30, 2 ** 30] }), 8, /more elements than can be counted/],
    ["a byte count that does not fit the shape", tensor({ shape: [3] }), 8, /has 8 bytes, but .* need 12/],
    ["offsets that are no pair", tensor({ data_offsets: [0] }), 8, /has data_offsets \[0\], expected two/],
    ["offsets that end before they begin", tensor({ data_offsets: [8, 0] }), 8, /end before they begin/],
    ["offsets beyond any file", tensor({ data_offsets: [0, 2 ** 53 - 1] }), 8, /beyond any file's size/],
    ["data beyond the end", tensor({}), 7, /tensor "w" ends at byte \d+ but the file has \d+ bytes; is it cut off\?/],
    ["trailing bytes", tensor({}), 9, /1 bytes after the last tensor belong to no tensor/],
    ["a hole", tensor({ data_offsets: [4, 12] }), 12, /tensor "w" leaves 4 bytes unused/],
    [
      "overlapping tensors",
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
      3,
      /tensor "b" overlaps the tensor before it/,
    ],
    [
      "a name that is there twice",
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\\u0061":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
      2,
      /the header lists "a" twice/,
    ],
  ];
  for (const [what, text, dataBytes, message] of refusals) {
    test(what, () => {
      expect(() => parse(text, dataBytes)).toThrow(InputError);
      expect(() => parse(text, dataBytes)).toThrow(message);
    });
  }

  test("a file too short for the length, or for the header that it states", () => {
    expect(() => safetensorsHeaderBytes(new Uint8Array(3), 3, "m")).toThrow(/^m: the file has 3 bytes, too few/);
    expect(() => safetensorsHeaderBytes(headerOf("{}"), 9, "m")).toThrow(/header should have 2 bytes .* has only 9/);
  });

  test("a stated length that no header has, as of another kind of file", () => {
    expect(() => safetensorsHeaderBytes(new TextEncoder().encode("PK34 zip"), 1000, "m")).toThrow(
      /not a safetensors file/,
    );
    const longest = new Uint8Array(10).fill(255);
    expect(() => safetensorsHeaderBytes(longest, 10, "m")).toThrow(
      /^m: not a safetensors file: .*a header of 18446744073709551615 bytes/,
    );
  });

  test("encoding two tensors of one name", () => {
    const one: TensorDescription = { name: "a", dtype: "F32", shape: [] };
    expect(() => encodeSafetensorsHeader([one, one])).toThrow(/"a" is reserved or used twice/);
  });
});
