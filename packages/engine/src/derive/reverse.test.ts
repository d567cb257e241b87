import { describe, expect, it } from "vitest";
import { batchNorm, fixedBatchNorm } from "../graph/batch-normalization.js";
import { broadcastTo, reduceSum } from "../graph/broadcast.js";
import { constant } from "../graph/constant.js";
import { type ConvolutionOptions, convolution } from "../graph/convolution.js";
import * as elementwise from "../graph/elementwise.js";
import { input, tensorFunction } from "../graph/function.js";
import { gather, takeAlongLast, takeAlongRows } from "../graph/gather.js";
import { linear, matmul } from "../graph/matmul.js";
import { layerNorm, rmsNorm } from "../graph/normalization.js";
import { averagePool, maxPool } from "../graph/pooling.js";
import { rotary } from "../graph/rotary.js";
import { reshape, transpose } from "../graph/shape.js";
import { concatenate, pad, slice, takeIndex } from "../graph/slice.js";
import { logSoftmax, logSumExp, softmax } from "../graph/softmax.js";
import { type Shape, sizeOf } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { normal } from "../kernels/random.js";
import { cpuRuntime, engineNames } from "../runtime/node.js";
import type { TensorData } from "../runtime/runtime.js";
import { derive } from "./reverse.js";

/** One operation on small inputs. Integer inputs are given; float inputs are drawn, and derived by. */
interface Case {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly integers?: readonly { readonly shape: Shape; readonly values: readonly number[] }[];
  readonly mask?: { readonly shape: Shape; readonly values: readonly number[] };
  /** Maps a standard normal draw to an input the operation accepts. */
  readonly draw?: (x: number) => number;
  readonly build: (floats: readonly Value[], integers: readonly Value[], mask: Value | undefined) => Value;
}

const at = (values: readonly Value[], index: number): Value => {
  const value = values[index];
  if (value === undefined) throw new Error(`the case has no input ${index}`);
  return value;
};
const unary = (name: string, build: (x: Value) => Value, shape: Shape = [3, 4]): Case => ({
  name,
  shapes: [shape],
  build: (x) => build(at(x, 0)),
});
const binary = (name: string, build: (a: Value, b: Value) => Value, a: Shape, b: Shape): Case => ({
  name,
  shapes: [a, b],
  build: (x) => build(at(x, 0), at(x, 1)),
});

/** The convolution of an image of 7 x 6 pixels, of which strides leave something over. */
const convolutionCase = (
  name: string,
  [inputs, outputs, ...kernel]: readonly [inputs: number, outputs: number, height: number, width: number],
  options: ConvolutionOptions = {},
): Case => ({
  name: `convolution, ${name}`,
  shapes: [[2, inputs, 7, 6], [outputs, inputs / (options.groups ?? 1), ...kernel], [outputs]],
  build: (x) => convolution(at(x, 0), at(x, 1), at(x, 2), options),
});

const cases: readonly Case[] = [
  binary("add", elementwise.add, [3, 4], [3, 4]),
  binary("add, row broadcast", elementwise.add, [2, 3, 4], [4]),
  binary("add, middle broadcast", elementwise.add, [2, 1, 4], [2, 3, 1]),
  binary("subtract, broadcast", elementwise.subtract, [3, 4], [3, 1]),
  binary("multiply, broadcast", elementwise.multiply, [3, 4], [1, 4]),
  { ...binary("divide, broadcast", elementwise.divide, [3, 4], [4]), draw: (x) => 2 + Math.tanh(x) },
  unary("exponential", elementwise.exponential),
  unary("tanh", elementwise.tanh),
  unary("negate", elementwise.negate),
  unary("sine", elementwise.sine),
  unary("cosine", elementwise.cosine),
  unary("sigmoid", elementwise.sigmoid),
  unary("silu", elementwise.silu),
  { ...unary("relu", elementwise.relu), draw: (x) => x + 0.2 * Math.sign(x) },
  unary("scale", (x) => elementwise.scale(x, -1.5)),
  unary("gelu", elementwise.gelu),
  unary("geluTanh", elementwise.geluTanh),
  unary("reduceMean", (x) => elementwise.reduceMean(x, [1])),
  unary("reduceSum of two axes", (x) => reduceSum(x, [0, 2]), [2, 3, 4]),
  unary("broadcastTo", (x) => broadcastTo(x, [2, 3, 4]), [3, 1]),
  unary("reshape", (x) => elementwise.tanh(reshape(x, [6, 2]))),
  unary("transpose", (x) => elementwise.tanh(transpose(x, [2, 0, 1])), [2, 3, 4]),
  unary("takeIndex, first", (x) => takeIndex(x, 1, 0), [2, 3, 4]),
  unary("takeIndex, last", (x) => takeIndex(x, 0, 1), [2, 3, 4]),
  unary("slice", (x) => elementwise.tanh(slice(x, 1, 1, 3)), [2, 4, 3]),
  unary("slice, first of the last axis", (x) => slice(x, -1, 0, 1), [2, 3]),
  unary("slice, every third entry", (x) => elementwise.tanh(slice(x, 1, 1, 7, 3)), [2, 8, 3]),
  unary("slice, every second up to the end", (x) => slice(x, -1, 0, 5, 2), [2, 5]),
  unary("pad", (x) => elementwise.tanh(pad(pad(x, 1, 2, 0), -1, 1, 3)), [2, 3, 2]),
  unary("slices of one value", (x) => elementwise.multiply(slice(x, -1, 0, 2), slice(x, -1, 2, 4)), [3, 4]),
  binary("concatenate", (a, b) => elementwise.tanh(concatenate([a, b, a], 1)), [2, 3, 2], [2, 1, 2]),
  binary("concatenate, last axis", (a, b) => concatenate([a, b], -1), [2, 3], [2, 1]),
  unary("constant", (x) => elementwise.tanh(elementwise.multiply(x, constant([1, -2, 0.5, 3]))), [3, 4]),
  unary("constant, computed with", (x) => elementwise.multiply(x, elementwise.tanh(constant([1, 2], [2, 1]))), [2, 3]),
  {
    name: "rotary",
    shapes: [
      [2, 2, 3, 4],
      [3, 4],
      [2, 1, 3, 4],
    ],
    build: (x) => rotary(at(x, 0), at(x, 1), at(x, 2)),
  },
  unary("softmax", softmax, [2, 3, 4]),
  unary("logSoftmax", logSoftmax),
  unary("logSumExp", logSumExp),
  binary("matmul", matmul, [3, 4], [4, 5]),
  binary("matmul, transposed a", (a, b) => matmul(a, b, { transposeA: true }), [4, 3], [4, 5]),
  binary("matmul, transposed b, scaled", (a, b) => matmul(a, b, { transposeB: true, scale: 0.5 }), [3, 4], [5, 4]),
  binary(
    "matmul, both transposed",
    (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
    [2, 4, 3],
    [2, 5, 4],
  ),
  binary("matmul, batched", matmul, [2, 2, 3, 4], [2, 2, 4, 3]),
  binary("linear", linear, [3, 4], [5, 4]),
  {
    name: "linear with bias",
    shapes: [[3, 4], [5, 4], [5]],
    build: (x) => linear(at(x, 0), at(x, 1), at(x, 2)),
  },
  {
    name: "layerNorm",
    shapes: [[3, 6], [6], [6]],
    build: (x) => layerNorm(at(x, 0), at(x, 1), at(x, 2), 1e-5),
  },
  {
    name: "layerNorm of three axes",
    shapes: [[2, 3, 6], [6], [6]],
    build: (x) => layerNorm(at(x, 0), at(x, 1), at(x, 2), 1e-5),
  },
  {
    name: "gather with a repeated row",
    shapes: [[5, 3]],
    integers: [{ shape: [4], values: [1, 4, 1, 0] }],
    build: (x, i) => elementwise.tanh(gather(at(x, 0), at(i, 0))),
  },
  {
    name: "takeAlongRows",
    shapes: [[3, 4]],
    integers: [{ shape: [3], values: [2, 0, 3] }],
    build: (x, i) => takeAlongRows(logSoftmax(at(x, 0)), at(i, 0)),
  },
  {
    name: "dropout",
    shapes: [[2, 3]],
    mask: { shape: [2, 3], values: [1, 0, 1, 1, 0, 1] },
    build: (x, _i, mask) => elementwise.dropout(elementwise.tanh(at(x, 0)), mask ?? at(x, 0), 0.25),
  },
  {
    name: "layerNorm without bias",
    shapes: [[2, 3, 4], [4]],
    build: (x) => layerNorm(at(x, 0), at(x, 1), undefined, 1e-5),
  },
  { name: "rmsNorm", shapes: [[2, 3, 4], [4]], build: (x) => rmsNorm(at(x, 0), at(x, 1), 1e-5) },
  {
    name: "takeAlongLast, a repeated entry, other indices for each batch",
    shapes: [[2, 2, 5]],
    integers: [{ shape: [2, 2, 3], values: [0, 4, 4, 1, 2, 3, 2, 2, 2, 0, 1, 4] }],
    build: (x, i) => takeAlongLast(at(x, 0), at(i, 0)),
  },
  {
    name: "takeAlongLast, indices in common",
    shapes: [[2, 3, 2, 4]],
    integers: [{ shape: [2, 5], values: [0, 1, 1, 3, 1, 2, 2, 2, 0, 3] }],
    build: (x, i) => elementwise.tanh(takeAlongLast(at(x, 0), at(i, 0))),
  },
  convolutionCase("3 x 3", [2, 3, 3, 3], { padding: 1 }),
  convolutionCase("a stride", [2, 3, 3, 2], { stride: [2, 3], padding: [1, 0] }),
  convolutionCase("a stride longer than the kernel", [2, 2, 1, 1], { stride: 2 }),
  convolutionCase("dilation", [2, 2, 2, 3], { dilation: [3, 2], padding: 2, stride: 2 }),
  convolutionCase("more channels than places of the kernel", [5, 2, 2, 2], { dilation: 2, padding: 1, stride: [1, 2] }),
  convolutionCase("more padding than the kernel reaches", [2, 2, 2, 2], { padding: 2 }),
  convolutionCase("one pixel", [3, 2, 1, 1]),
  {
    name: "convolution, a kernel that is large beside its image",
    shapes: [
      [1, 3, 2, 2],
      [9, 3, 3, 3],
    ],
    build: (x) => convolution(at(x, 0), at(x, 1), undefined, { padding: 1 }),
  },
  {
    name: "convolution, one pixel, more weights than values of the images",
    shapes: [
      [2, 6, 1, 2],
      [6, 6, 1, 1],
    ],
    build: (x) => convolution(at(x, 0), at(x, 1), undefined),
  },
  convolutionCase("groups", [4, 6, 3, 3], { groups: 2, padding: 1, stride: 2 }),
  convolutionCase("depthwise", [3, 3, 3, 3], { groups: 3, padding: 1 }),
  {
    name: "convolution without bias",
    shapes: [
      [1, 2, 4, 4],
      [2, 2, 4, 4],
    ],
    build: (x) => convolution(at(x, 0), at(x, 1), undefined),
  },
  { ...unary("maxPool", (x) => maxPool(x, { kernel: 3, stride: 2, padding: 1 }), [1, 2, 6, 5]), draw: (x) => 9 * x },
  {
    ...unary(
      "maxPool, kernel and stride of two numbers",
      (x) => maxPool(x, { kernel: [2, 3], stride: [1, 2] }),
      [2, 1, 4, 7],
    ),
    draw: (x) => 9 * x,
  },
  unary("averagePool", (x) => averagePool(x, { kernel: 3, stride: 2, padding: 1 }), [2, 2, 6, 5]),
  unary("averagePool without overlap", (x) => averagePool(x, { kernel: [2, 3], stride: [2, 3] }), [1, 2, 5, 6]),
  {
    name: "batchNorm",
    shapes: [[3, 2, 3, 2], [2], [2]],
    build: (x) => batchNorm(at(x, 0), at(x, 1), at(x, 2), 1e-5).output,
  },
  {
    name: "batchNorm of large images",
    shapes: [[2, 1, 16, 16], [1], [1]],
    build: (x) => batchNorm(at(x, 0), at(x, 1), at(x, 2), 1e-5).output,
  },
  {
    name: "fixedBatchNorm",
    shapes: [[2, 3, 2, 2], [3], [3]],
    build: (x) =>
      fixedBatchNorm(
        at(x, 0),
        { weight: at(x, 1), bias: at(x, 2), mean: constant([1, -1, 0.5]), variance: constant([0.5, 2, 1]) },
        1e-3,
      ),
  },
  {
    name: "a value used twice",
    shapes: [[3, 3]],
    build: (x) => elementwise.multiply(elementwise.tanh(at(x, 0)), matmul(at(x, 0), at(x, 0))),
  },
];

function drawn(shape: Shape, site: number, map: (x: number) => number = (x) => x): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => map(normal({ seed: 7, step: 0, site }, i)));
}

describe.each(engineNames)("every derivative agrees with central finite differences: %s", async (engine) => {
  const runtime = await cpuRuntime({ threads: 1, engine });

  it.each(cases)("$name", async ({ shapes, integers = [], mask, draw, build }) => {
    const floats = shapes.map((shape) => input("float32", shape));
    const indices = integers.map(({ shape }) => input("int32", shape));
    const maskValue = mask === undefined ? undefined : input("bool", mask.shape);
    const output = build(floats, indices, maskValue);
    const inputs = [
      ...floats.map((value, i) => ({ name: `x${i}`, value })),
      ...indices.map((value, i) => ({ name: `i${i}`, value })),
      ...(maskValue === undefined ? [] : [{ name: "mask", value: maskValue }]),
    ];
    const tensors = tensorFunction("case", inputs, [{ name: "y", value: output }]);
    const derivative = derive(tensors, {
      outputs: ["y"],
      inputs: new Map(floats.map((_, i) => [`x${i}`, []])),
    });

    const memory = new Map<string, TensorData>();
    for (const { name, value } of [...derivative.forward.outputs, ...derivative.backward.outputs]) {
      const size = sizeOf(value.type.shape);
      memory.set(name, value.type.dataType === "int32" ? new Int32Array(size) : new Float32Array(size));
    }
    shapes.forEach((shape, i) => {
      memory.set(`x${i}`, drawn(shape, i, draw));
    });
    integers.forEach(({ values }, i) => {
      memory.set(`i${i}`, Int32Array.from(values));
    });
    if (mask !== undefined) memory.set("mask", Uint8Array.from(mask.values));
    const cotangent = drawn(output.type.shape, 100);
    memory.set("cotangent.y", cotangent);

    const forward = (await runtime.compile(derivative.forward)).bind(memory);
    await forward();
    const backward = (await runtime.compile(derivative.backward)).bind(memory);
    await backward();

    const objective = async () => {
      await forward();
      const y = memory.get("y") ?? new Float32Array();
      return cotangent.reduce((sum, weight, i) => sum + weight * (y[i] ?? 0), 0);
    };
    for (let i = 0; i < shapes.length; i++) {
      expect(derivative.gradients.get(`x${i}`)).toEqual([{ kind: "dense", tensor: `gradient.x${i}` }]);
      const x = memory.get(`x${i}`) ?? new Float32Array();
      const analytic = memory.get(`gradient.x${i}`) ?? new Float32Array();
      const numeric = new Float32Array(x.length);
      for (let entry = 0; entry < x.length; entry++) {
        const original = x[entry] ?? 0;
        const step = 5e-3;
        x[entry] = original + step;
        const above = await objective();
        x[entry] = original - step;
        const below = await objective();
        x[entry] = original;
        numeric[entry] = (above - below) / (2 * step);
      }
      const largest = Math.max(1e-2, ...numeric.map(Math.abs));
      numeric.forEach((value, entry) => {
        expect(Math.abs(value - (analytic[entry] ?? Number.NaN)) / largest, `x${i}[${entry}]`).toBeLessThan(3e-3);
      });
    }
  });
});

describe("structured gradients", () => {
  it("hands out the factors of a linear weight's gradient without forming it", () => {
    const [x, weight] = [input("float32", [3, 4]), input("float32", [5, 4])];
    const tensors = tensorFunction(
      "layer",
      [
        { name: "x", value: x },
        { name: "weight", value: weight },
      ],
      [{ name: "y", value: linear(x, weight) }],
    );
    const { gradients, backward } = derive(tensors, { outputs: ["y"], inputs: new Map([["weight", ["product"]]]) });
    expect(gradients.get("weight")).toEqual([{ kind: "product", left: "cotangent.y", right: "x" }]);
    expect(backward.outputs).toEqual([]);
  });

  it("keeps as residuals only what the backward function cannot compute again cheaply", () => {
    const x = input("float32", [2, 6]);
    const y = elementwise.tanh(reshape(elementwise.tanh(x), [3, 4]));
    const tensors = tensorFunction("chain", [{ name: "x", value: x }], [{ name: "y", value: y }]);
    const { residuals } = derive(tensors, { outputs: ["y"], inputs: new Map([["x", []]]) });
    expect(residuals.map(({ value }) => value.node.operation.name)).toEqual(["tanh"]);
  });

  it.each([[["product"]], [[]]] as const)("computes a cheap factor again where it is taken as %j", (structures) => {
    const [x, weight] = [input("float32", [4, 3]), input("float32", [2, 3])];
    const named = [
      { name: "x", value: x },
      { name: "weight", value: weight },
    ];
    const before = elementwise.tanh(x);
    const y = linear(elementwise.gelu(before), weight);
    const tensors = tensorFunction("layer", named, [{ name: "y", value: y }]);
    const inputs = new Map([
      ["x", []],
      ["weight", [...structures]],
    ]);
    const { residuals, backward } = derive(tensors, { outputs: ["y"], inputs });
    expect(residuals.map(({ value }) => value)).toEqual([before]);
    const names = backward.outputs.map(({ name }) => name);
    expect(names).toEqual(
      structures.length === 0 ? ["gradient.x", "gradient.weight"] : ["gradient.x", "gradient.weight.right"],
    );
  });
});
