import { Arena, type CompiledFunction, type Runtime, relu, type TensorFunction } from "@nanoadam/engine";
import { describe, expect, test } from "vitest";
import type { Block, Model, Stage } from "../models/model.js";
import { type LinearOptions, linearParameters } from "../models/parameters.js";
import { compileStages, type ProgramOptions } from "./compile-stages.js";

/** A runtime that notes what it is given, and may fail at one function. */
function notingRuntime(failsAt = Number.POSITIVE_INFINITY) {
  const compiled: TensorFunction[] = [];
  let released = 0;
  const runtime: Runtime = {
    version: "1.0.0",
    name: "noting",
    async compile(tensors): Promise<CompiledFunction> {
      if (compiled.length === failsAt) throw new Error("no memory is left");
      compiled.push(tensors);
      return {
        tensors,
        bind: () => async () => undefined,
        release: async () => {
          released++;
        },
      };
    },
  };
  return { runtime, compiled, released: () => released };
}

const options: LinearOptions = { deviation: 0.02 };

/** Linear layers of the given widths, one after another, all of one block. */
function layers(widths: readonly number[], block: Block): Stage[] {
  return widths.slice(1).map((width, index) => ({
    name: `layer.${index}`,
    block,
    parameters: linearParameters("dense", `layer.${index}`, [widths[index] ?? 0, width], options),
  }));
}

const first: Stage = {
  name: "input",
  block: (context) => context.input("x"),
  parameters: {},
};
const layer: Block = (context) => relu(context.linear("dense", context.hidden()));

function programOf(stages: readonly Stage[], runtime: Runtime): ProgramOptions {
  return {
    model: { stages, parameters: [], head: { kind: "outputs" } } as unknown as Model,
    batch: new Map([["x", { dataType: "float32", shape: [3, 4] }]]),
    weights: new Map(),
    runtime,
    arena: new Arena(),
  };
}

describe("compiled functions", () => {
  test("are shared by stages of one block and inputs of the same types", async () => {
    const { runtime, compiled } = notingRuntime();
    // The last stage has other outputs: logits.
    const stages = await compileStages(programOf([first, ...layers([4, 4, 4, 4], layer)], runtime));
    expect(stages).toHaveLength(4);
    expect(stages[1]?.forward).toBe(stages[2]?.forward);
    expect(compiled).toHaveLength(3);
  });

  test("are not shared by stages of one block and different widths", async () => {
    const { runtime } = notingRuntime();
    const stages = await compileStages(programOf([first, ...layers([4, 6, 4, 6, 4, 2], layer)], runtime));
    expect(stages[1]?.forward).not.toBe(stages[2]?.forward);
    expect(stages[1]?.forward).toBe(stages[3]?.forward);
    expect(stages[2]?.forward).toBe(stages[4]?.forward);
    expect(stages.map(({ tensors }) => tensors.outputs[0]?.value.type.shape[1])).toEqual([4, 6, 4, 6, 4, 2]);
  });

  test("are not shared by blocks that are different objects, though they compute the same", async () => {
    const { runtime } = notingRuntime();
    const other: Block = (context) => layer(context);
    const stages = [first, ...layers([4, 4], layer), ...layers([4, 4], other), ...layers([4, 4], layer)];
    const compiled = await compileStages(programOf(stages, runtime));
    expect(compiled[1]?.forward).not.toBe(compiled[2]?.forward);
  });

  test("are released where a later one cannot be compiled", async () => {
    const { runtime, compiled, released } = notingRuntime(2);
    const failing = compileStages(programOf([first, ...layers([4, 6, 4], layer)], runtime));
    await expect(failing).rejects.toThrow("no memory is left");
    expect(compiled).toHaveLength(2);
    expect(released()).toBe(2);
  });
});
