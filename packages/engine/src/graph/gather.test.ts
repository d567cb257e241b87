import { expect, it } from "vitest";
import { derive } from "../derive/reverse.js";
import { fillNormal } from "../kernels/random.js";
import { cpuRuntime } from "../runtime/node.js";
import type { TensorData } from "../runtime/runtime.js";
import { input, tensorFunction } from "./function.js";
import { takeAlongLast } from "./gather.js";

it("the derivative of takeAlongLast repeats bit for bit, whatever the threads", async () => {
  const [batches, rows, size, count] = [4, 64, 48, 96];
  const [x, indices] = [input("float32", [batches, rows, size]), input("int32", [rows, count])];
  const named = [
    { name: "x", value: x },
    { name: "indices", value: indices },
  ];
  const taken = { name: "y", value: takeAlongLast(x, indices) };
  const { backward } = derive(tensorFunction("taken", named, [taken]), {
    outputs: ["y"],
    inputs: new Map([["x", []]]),
  });
  const cotangent = new Float32Array(batches * rows * count);
  fillNormal(cotangent, 1, { seed: 1, step: 0, site: 0 });
  const gradientOn = async (threads: number): Promise<Float32Array> => {
    const gradient = new Float32Array(batches * rows * size);
    const memory = new Map<string, TensorData>([
      ["indices", Int32Array.from({ length: rows * count }, (_, position) => (position * 7) % size)],
      ["cotangent.y", cotangent],
      ["gradient.x", gradient],
    ]);
    const runtime = await cpuRuntime({ threads });
    const compiled = await runtime.compile(backward);
    await compiled.bind(memory)();
    await compiled.release();
    return gradient;
  };
  const expected = await gradientOn(1);
  for (const threads of [1, 2, 4]) expect(await gradientOn(threads)).toEqual(expected);
});
