import { describe, expect, it } from "vitest";
import { batchNorm } from "./batch-normalization.js";
import { constant } from "./constant.js";
import { convolution } from "./convolution.js";
import { add, dropout, sigmoid } from "./elementwise.js";
import { input, tensorFunction } from "./function.js";
import { gather, takeAlongLast, takeAlongRows } from "./gather.js";
import { linear, matmul } from "./matmul.js";
import { layerNorm, rmsNorm } from "./normalization.js";
import { maxPool } from "./pooling.js";
import { rotary } from "./rotary.js";
import { reshape, transpose } from "./shape.js";
import { concatenate, pad, slice, takeIndex } from "./slice.js";

const float = (...shape: number[]) => input("float32", shape);

describe("an operation on shapes that do not fit names itself and both shapes", () => {
  it.each([
    ["add", () => add(float(2, 3), float(4)), "add: shapes [2, 3] and [4] do not broadcast"],
    ["matmul", () => matmul(float(2, 3), float(4, 5)), "matmul: [2, 3] and [4, 5] have different inner sizes"],
    ["matmul batch", () => matmul(float(2, 3, 3), float(3, 3, 3)), "[2, 3, 3] and [3, 3, 3] have different batches"],
    [
      "linear",
      () => linear(float(2, 3), float(4, 5)),
      "linear: x and the weight have different inner sizes (x [2, 3], weight [4, 5])",
    ],
    ["linear bias", () => linear(float(2, 3), float(4, 3), float(3)), "linear: the bias [3] does not fit"],
    ["layerNorm", () => layerNorm(float(2, 3), float(4), float(3), 1e-5), "layerNorm: [4] does not fit x [2, 3]"],
    ["reshape", () => reshape(float(2, 3), [4]), "reshape: [2, 3] cannot become [4]"],
    ["transpose", () => transpose(float(2, 3), [0, 0]), "transpose: [0, 0] is not an order of the axes of [2, 3]"],
    ["takeIndex", () => takeIndex(float(2, 3), 1, 3), "takeIndex: [2, 3] has no entry 3 along axis 1"],
    ["slice", () => slice(float(2, 3), -1, 1, 4), "slice: [2, 3] has no entries 1 to 4 along axis -1"],
    ["slice of nothing", () => slice(float(2, 3), 0, 1, 1), "slice: [2, 3] has no entries 1 to 1 along axis 0"],
    ["slice axis", () => slice(float(2, 3), 2, 0, 1), "slice: [2, 3] has no axis 2"],
    ["pad", () => pad(float(2, 3), 1, -1, 0), "pad: -1 and 0 zeros cannot be put around axis 1 of [2, 3]"],
    [
      "convolution",
      () => convolution(float(1, 4, 5, 5), float(2, 3, 3, 3), undefined),
      "convolution: the channels do not fit (x [1, 4, 5, 5], weight [2, 3, 3, 3], groups 1)",
    ],
    [
      "convolution of a small image",
      () => convolution(float(1, 3, 2, 5), float(2, 3, 3, 3), undefined),
      "convolution: the kernel 3,3 is larger than the padded image ([1, 3, 2, 5])",
    ],
    [
      "maxPool",
      () => maxPool(float(1, 3, 4, 4), { kernel: 2, padding: 2 }),
      "padding 2,2 is more than half of the kernel",
    ],
    [
      "batchNorm",
      () => batchNorm(float(1, 3, 4, 4), float(3), float(4), 1e-5),
      "batchNorm: [4] for x [1, 3, 4, 4], expected four axes and [channels]",
    ],
    [
      "concatenate",
      () => concatenate([float(2, 3), float(3, 3)], 1),
      "concatenate: float32[2, 3] and float32[3, 3] do not fit together along axis 1",
    ],
    [
      "concatenate types",
      () => concatenate([float(2), input("int32", [2])], 0),
      "concatenate: float32[2] and int32[2] do not fit together along axis 0",
    ],
    ["concatenate nothing", () => concatenate([], 0), "concatenate: there are no tensors"],
    ["constant", () => constant([1, 2, 3], [2]), "constant: 3 values do not fill [2]"],
    ["sigmoid", () => sigmoid(input("int32", [2])), "sigmoid: float32 is expected, but int32[2] was given"],
    ["rmsNorm", () => rmsNorm(float(2, 3), float(2), 1e-5), "rmsNorm: [2] does not fit x [2, 3]"],
    [
      "layerNorm without bias",
      () => layerNorm(float(2, 3), float(2), undefined, 1e-5),
      "layerNorm: [2] does not fit x [2, 3]",
    ],
    ["rotary", () => rotary(float(2, 3), float(2, 3), float(2, 3)), "the last axis of [2, 3] has no two halves"],
    ["rotary tables", () => rotary(float(2, 4), float(3, 4), float(2, 4)), "rotary: shapes [3, 4] and [2, 4] do not"],
    [
      "rotary, larger tables",
      () => rotary(float(2, 4), float(5, 2, 4), float(2, 4)),
      "rotary: [5, 2, 4] does not broadcast to [2, 4]",
    ],
    ["takeAlongLast", () => takeAlongLast(float(2, 3), float(2, 1)), "float32[2, 1] cannot index float32[2, 3]"],
    [
      "takeAlongLast rows",
      () => takeAlongLast(float(4, 2, 3), input("int32", [3, 1])),
      "takeAlongLast: shapes [3] and [4, 2] do not broadcast",
    ],
    [
      "takeAlongLast, more rows",
      () => takeAlongLast(float(2, 3), input("int32", [4, 2, 1])),
      "takeAlongLast: int32[4, 2, 1] has more rows than float32[2, 3]",
    ],
    ["gather", () => gather(float(2, 3), float(2)), "gather: indices are int32[n], but float32[2] was given"],
    ["takeAlongRows", () => takeAlongRows(float(2, 3), input("int32", [3])), "float32[2, 3] does not have 3 rows"],
    ["dropout", () => dropout(float(2, 3), input("bool", [3]), 0.1), "the mask of float32[2, 3] cannot be bool[3]"],
    ["a negative size", () => float(2, -3), "dimensions are integers of at least 0, but [2, -3] was given"],
  ])("%s", (_name, build, message) => {
    expect(build).toThrow(message);
  });

  it("refuses a function that uses an input it is not given", () => {
    const [a, b] = [float(2), float(2)];
    expect(() => tensorFunction("sum", [{ name: "a", value: a }], [{ name: "y", value: add(a, b) }])).toThrow(
      "sum: an input of type float32[2] is used but not given",
    );
  });
});
