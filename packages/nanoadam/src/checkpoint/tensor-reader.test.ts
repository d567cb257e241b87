import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { WeightArray } from "@nanoadam/optim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type RawTensor, writeTensors } from "../testing/tensors.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";
import { asFloat32, narrowToBfloat16, narrowToFloat16, widenFloat16 } from "./floats.js";
import { writeSafetensors } from "./write-safetensors.js";

/** Calls `work` with an open checkpoint of the tensors. */
async function withTensors(
  tensors: Readonly<Record<string, RawTensor>>,
  work: (checkpoint: Checkpoint) => Promise<void>,
): Promise<void> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "config.json"), "{}");
  await writeTensors(join(folder, "model.safetensors"), new Map(Object.entries(tensors)));
  const checkpoint = await openCheckpoint(folder);
  await work(checkpoint).finally(() => checkpoint.close());
}

function vector(dtype: string, values: Float32Array | Float64Array | Uint16Array | BigInt64Array): RawTensor {
  return { dtype, shape: [values.length], bytes: new Uint8Array(values.buffer) };
}

function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  narrowToBfloat16(values, bits);
  return bits;
}

/** Float32 numbers after they were stored in a format. */
const stored = {
  F32: (values: Float32Array) => values,
  BF16: (values: Float32Array) => asFloat32(toBfloat16(values), new Float32Array(values.length)),
  F16(values: Float32Array) {
    const halves = new Uint16Array(values.length);
    narrowToFloat16(values, halves);
    const rounded = new Float32Array(values.length);
    widenFloat16(halves, rounded);
    return rounded;
  },
} as const;

const numbers = fc.array(fc.float({ noNaN: true, min: -60000, max: 60000 }), { minLength: 1, maxLength: 40 });
const range = fc.tuple(fc.nat(), fc.nat());

/** A range inside a tensor, from any two numbers. */
function rangeWithin(length: number, [first, second]: readonly [number, number]): [start: number, end: number] {
  const [a, b] = [first % (length + 1), second % (length + 1)];
  return [Math.min(a, b), Math.max(a, b)];
}

test.each(["F32", "BF16", "F16"] as const)("what was written as %s is read, whatever the range", async (dtype) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "config.json"), "{}");
  await fc.assert(
    fc.asyncProperty(numbers, range, fc.boolean(), async (list, ends, isBfloat16) => {
      const given: WeightArray = isBfloat16 ? toBfloat16(Float32Array.from(list)) : Float32Array.from(list);
      const shape = [given.length];
      await writeSafetensors(join(folder, "model.safetensors"), [{ name: "w", shape, dtype, values: given }]);
      const expected = stored[dtype](asFloat32(given, new Float32Array(given.length)));
      const [start, end] = rangeWithin(given.length, ends);
      const checkpoint = await openCheckpoint(folder);
      const [wide, halves] = [new Float32Array(end - start), new Uint16Array(end - start)];
      await checkpoint.read("w", wide, start);
      await checkpoint.read("w", halves, start);
      expect(await checkpoint.readFloat32("w")).toEqual(expected);
      await checkpoint.close();
      expect(wide).toEqual(expected.slice(start, end));
      expect(halves).toEqual(toBfloat16(expected.slice(start, end)));
    }),
    { numRuns: 40 },
  );
});

test("doubles are rounded, to bfloat16 by way of float32", async () => {
  await withTensors({ w: vector("F64", Float64Array.of(1 / 3, -2, 1 + 2 ** -8)) }, async (checkpoint) => {
    const [wide, halves] = [new Float32Array(3), new Uint16Array(3)];
    await checkpoint.read("w", wide);
    await checkpoint.read("w", halves);
    expect([...wide]).toEqual([Math.fround(1 / 3), -2, 1 + 2 ** -8]);
    expect([...halves]).toEqual([0x3eab, 0xc000, 0x3f80]);
  });
});

test("only the target is written, and nothing around it", async () => {
  await withTensors({ w: vector("F32", Float32Array.of(1, 2, 3)) }, async (checkpoint) => {
    const [wide, halves] = [new Float32Array(4), new Uint16Array(4)];
    await checkpoint.read("w", wide.subarray(1, 3), 1);
    await checkpoint.read("w", halves.subarray(1, 3), 1);
    await checkpoint.read("w", wide.subarray(0, 0), 3);
    expect([...wide]).toEqual([0, 2, 3, 0]);
    expect([...halves]).toEqual([0, 0x4000, 0x4040, 0]);
  });
});

const long = 2 ** 18 + 300;

test.each([
  ["F32", Float32Array.from({ length: long }, (_, i) => i % 251)],
  ["BF16", toBfloat16(Float32Array.from({ length: long }, (_, i) => i % 251))],
  ["F64", Float64Array.from({ length: long }, (_, i) => i % 251)],
])("a range longer than one piece is read whole from %s", async (dtype, values) => {
  await withTensors({ w: vector(dtype, values) }, async (checkpoint) => {
    const expected = Float32Array.from({ length: long - 7 }, (_, i) => (i + 7) % 251);
    const [wide, halves] = [new Float32Array(long - 7), new Uint16Array(long - 7)];
    await checkpoint.read("w", wide, 7);
    await checkpoint.read("w", halves, 7);
    expect(Buffer.compare(new Uint8Array(wide.buffer), new Uint8Array(expected.buffer))).toBe(0);
    expect(Buffer.compare(new Uint8Array(halves.buffer), new Uint8Array(toBfloat16(expected).buffer))).toBe(0);
  });
});

describe("refused, with file and tensor:", () => {
  test.each([
    ["a start after the tensor's end", 4, 1],
    ["more than is left", 2, 2],
    ["a negative start", -1, 2],
    ["a start that is no whole number", 0.5, 1],
  ])("%s", async (_, start, length) => {
    await withTensors({ w: vector("F32", Float32Array.of(1, 2, 3)) }, async (checkpoint) => {
      for (const target of [new Float32Array(length), new Uint16Array(length)]) {
        await expectRefusal(
          checkpoint.read("w", target, start),
          /model\.safetensors: tensor "w" has shape \[3\], that is 3 elements, but elements .* to .* were asked for/,
        );
      }
    });
  });

  test("unknown names and dtypes that are no float", async () => {
    await withTensors({ ids: vector("I64", BigInt64Array.of(3n)) }, async (checkpoint) => {
      for (const target of [new Float32Array(1), new Uint16Array(1)]) {
        await expectRefusal(checkpoint.read("w", target), /has no tensor "w"/);
        await expectRefusal(checkpoint.read("ids", target), /model\.safetensors: tensor "ids" has dtype I64, expected/);
      }
    });
  });

  test("what is not finite as bfloat16, at its flat index", async () => {
    const late = new Uint16Array(long);
    late[long - 1] = 0xffc0;
    const tensors = {
      nan: vector("F32", Float32Array.of(0, Number.NaN)),
      overflowing: vector("F32", Float32Array.of(3.38e38, 3.4e38)),
      infinite: vector("F16", Uint16Array.of(0, 0xfc00)),
      late: vector("BF16", late),
    };
    await withTensors(tensors, async (checkpoint) => {
      const halves = new Uint16Array(1);
      await expectRefusal(checkpoint.read("nan", halves, 1), /"nan" is NaN at flat index 1/);
      const overflow = /model\.safetensors: tensor "overflowing" is Infinity at flat index 1, expected finite bfloat16/;
      await expectRefusal(checkpoint.read("overflowing", new Uint16Array(2)), overflow);
      await expectRefusal(checkpoint.read("infinite", halves, 1), /"infinite" is -Infinity at flat index 1/);
      await expectRefusal(checkpoint.read("late", new Uint16Array(long - 5), 5), /"late" is NaN at flat index 262443/);
      await expectRefusal(checkpoint.read("late", new Float32Array(long - 5), 5), /"late" is NaN at flat index 262443/);
    });
  });
});
