/** Every engine behind the one interface does the same. */
import { describe, expect, it, test } from "vitest";
import { derive } from "../derive/reverse.js";
import { add, dropout, gelu, multiply } from "../graph/elementwise.js";
import { input, tensorFunction } from "../graph/function.js";
import { gather } from "../graph/gather.js";
import { linear, matmul } from "../graph/matmul.js";
import { layerNorm } from "../graph/normalization.js";
import { reshape, transpose } from "../graph/shape.js";
import { softmax } from "../graph/softmax.js";
import { type Shape, sizeOf } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { normal } from "../kernels/random.js";
import { cpuRuntime, engineNames } from "./node.js";
import type { TensorData } from "./runtime.js";

const [texts, length, heads, width, inner] = [3, 10, 4, 32, 64];
const parameters: Readonly<Record<string, Shape>> = {
  embeddings: [50, width],
  query: [width, width],
  key: [width, width],
  value: [width, width],
  attention: [width, width],
  scale: [width],
  shift: [width],
  up: [inner, width],
  "up.bias": [inner],
  down: [width, inner],
};

/** An encoder's layer over embedded tokens, with the gradients of all its parameters. */
function encoderLayer() {
  const values = new Map<string, Value>(
    Object.entries(parameters).map(([name, shape]) => [name, input("float32", shape)]),
  );
  const parameter = (name: string): Value => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`there is no ${name}`);
    return value;
  };
  const tokens = input("int32", [texts * length]);
  const mask = input("bool", [texts * length, width]);
  const hidden = gather(parameter("embeddings"), tokens);
  const perHead = (name: string) =>
    transpose(reshape(linear(hidden, parameter(name)), [texts, length, heads, width / heads]), [0, 2, 1, 3]);
  const scores = softmax(matmul(perHead("query"), perHead("key"), { transposeB: true }));
  const mixed = reshape(transpose(matmul(scores, perHead("value")), [0, 2, 1, 3]), [texts * length, width]);
  const attended = add(hidden, dropout(linear(mixed, parameter("attention")), mask, 0.1));
  const normalised = layerNorm(attended, parameter("scale"), parameter("shift"), 1e-5);
  const raised = gelu(linear(normalised, parameter("up"), parameter("up.bias")));
  const output = multiply(add(normalised, linear(raised, parameter("down"))), normalised);
  values.set("tokens", tokens).set("mask", mask);
  const tensors = tensorFunction(
    "layer",
    [...values].map(([name, value]) => ({ name, value })),
    [{ name: "output", value: output }],
  );
  return derive(tensors, {
    outputs: ["output"],
    inputs: new Map(Object.keys(parameters).map((name) => [name, []])),
  });
}

function drawn(shape: Shape, site: number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => normal({ seed: 5, step: 0, site }, i) / 2);
}

/** What an engine makes of the layer: its output and all gradients. */
async function results(engine: (typeof engineNames)[number]): Promise<ReadonlyMap<string, Float32Array>> {
  const { forward, backward } = encoderLayer();
  const outputs = [...forward.outputs, ...backward.outputs];
  const memory = new Map<string, TensorData>(
    outputs.map(({ name, value }) => [name, new Float32Array(sizeOf(value.type.shape))]),
  );
  for (const [site, [name, shape]] of Object.entries(parameters).entries()) memory.set(name, drawn(shape, site));
  memory.set(
    "tokens",
    Int32Array.from({ length: texts * length }, (_, i) => (i * 7) % 50),
  );
  memory.set(
    "mask",
    Uint8Array.from({ length: texts * length * width }, (_, i) => Number(i % 10 !== 0)),
  );
  memory.set("cotangent.output", drawn([texts * length, width], 99));
  const runtime = await cpuRuntime({ threads: 1, engine });
  for (const part of [forward, backward]) {
    const compiled = await runtime.compile(part);
    await compiled.bind(memory)();
    await compiled.release();
  }
  const wanted = ["output", ...Object.keys(parameters).map((name) => `gradient.${name}`)];
  return new Map(wanted.map((name) => [name, Float32Array.from(memory.get(name) ?? [])]));
}

test("an encoder's layer has the same output and gradients on every engine", async () => {
  const [expected, found] = [await results("native"), await results("wasm")];
  for (const [name, values] of expected) {
    const largest = Math.max(...values.map(Math.abs));
    const others = found.get(name) ?? new Float32Array();
    const difference = Math.max(...values.map((value, i) => Math.abs(value - (others[i] ?? Number.NaN))));
    expect(largest, name).toBeGreaterThan(0);
    expect(difference / largest, name).toBeLessThan(2e-4);
  }
});

describe.each(engineNames)("the engine %s", async (engine) => {
  const runtime = await cpuRuntime({ threads: 1, engine });
  const [table, indices] = [input("float32", [2, 2]), input("int32", [1])];
  const rows = tensorFunction(
    "rows",
    [
      { name: "table", value: table },
      { name: "indices", value: indices },
    ],
    [{ name: "row", value: gather(table, indices) }],
  );
  const bindings = { table: Float32Array.of(1, 2, 3, 4), indices: Int32Array.of(1), row: new Float32Array(2) };

  it("reads its inputs anew at every run", async () => {
    const compiled = await runtime.compile(rows);
    const run = compiled.bind(new Map(Object.entries(bindings)));
    await run();
    expect([...bindings.row]).toEqual([3, 4]);
    bindings.indices[0] = 0;
    bindings.table[0] = 7;
    await run();
    expect([...bindings.row]).toEqual([7, 2]);
    await compiled.release();
  });

  it("refuses memory that does not fit", async () => {
    const compiled = await runtime.compile(rows);
    const bound = (changed: Readonly<Record<string, TensorData>>) => () =>
      compiled.bind(new Map(Object.entries({ ...bindings, ...changed })));
    expect(bound({ row: new Float32Array(3) })).toThrow(
      'rows: "row" is float32[1, 2], but Float32Array(3) was bound to it',
    );
    expect(bound({ indices: new Float32Array(1) })).toThrow('"indices" is int32[1]');
    expect(() => compiled.bind(new Map())).toThrow('rows: no memory is bound to "table"');
    await compiled.release();
  });

  it("reports what goes wrong in a run", async () => {
    const compiled = await runtime.compile(rows);
    const run = compiled.bind(new Map(Object.entries({ ...bindings, indices: Int32Array.of(7) })));
    await expect(run()).rejects.toThrow(/indices element out of data bounds/);
    await compiled.release();
  });
});
