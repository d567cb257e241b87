import * as library from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { add } from "../graph/elementwise.js";
import { input, tensorFunction } from "../graph/function.js";
import { type NativeLibrary, nativeRuntime, runtimeOn } from "./native.js";
import type { Runtime } from "./runtime.js";

const size = 1 << 20;

/** Runs x + x on an engine; the result, and the bytes that JavaScript held more of after the run. */
async function twice(runtime: Runtime): Promise<{ readonly result: Float32Array; readonly grownBy: number }> {
  const x = input("float32", [size]);
  const compiled = await runtime.compile(
    tensorFunction("twice", [{ name: "x", value: x }], [{ name: "y", value: add(x, x) }]),
  );
  const [from, result] = [new Float32Array(size).fill(1.5), new Float32Array(size)];
  const run = compiled.bind(new Map(Object.entries({ x: from, y: result })));
  const before = process.memoryUsage().arrayBuffers;
  await run();
  const grownBy = process.memoryUsage().arrayBuffers - before;
  await compiled.release();
  return { result, grownBy };
}

/** The library with another message of the error at an output that is no tensor. */
const changedLibrary: NativeLibrary = {
  env: library.env,
  Tensor: library.Tensor,
  InferenceSession: {
    async create(model, options) {
      const session = await library.InferenceSession.create(model, options);
      const run = session.run.bind(session);
      const changed = (...given: Parameters<typeof run>) =>
        run(...given).catch((error: Error) => {
          throw new Error(`${error.message} Or so.`);
        });
      return Object.assign(session, { run: changed });
    },
  },
};

describe("the native engine", () => {
  it("writes outputs where they are bound and makes no copy of them", async () => {
    const { result, grownBy } = await twice(await nativeRuntime({ threads: 1 }));
    expect(grownBy).toBeLessThan(result.byteLength / 2);
    expect(result.every((value) => value === 3)).toBe(true);
  });

  it("copies outputs where the library does not stop at an output that is no tensor as expected", async () => {
    const { result, grownBy } = await twice(await runtimeOn(changedLibrary, { threads: 1 }));
    expect(grownBy).toBeGreaterThan(result.byteLength / 2);
    expect(result.every((value) => value === 3)).toBe(true);
  });
});
