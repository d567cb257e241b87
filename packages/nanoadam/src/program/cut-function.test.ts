/** Weights held in bfloat16 are there in float32 a group at a time: no size of the groups changes what comes out. */
import {
  Arena,
  add,
  type CompiledFunction,
  constant,
  input,
  linear,
  matmul,
  multiply,
  type Runtime,
  relu,
  type TensorFunction,
  tensorFunction,
} from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { batchType } from "../data/batch.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { heldInBfloat16 } from "../testing/bfloat16-weights.js";
import { drawnModel } from "../testing/further-encoders.js";
import { encodedNumbers, numberEncoder } from "../testing/number-texts.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import { cutFunction, groupInputs, mayBeCut } from "./cut-function.js";
import { Program } from "./program.js";

const names = (values: TensorFunction["inputs"]) => values.map(({ name }) => name);

describe("a function of two layers and what goes past them", () => {
  const [x, v, w] = [input("float32", [2, 3]), input("float32", [4, 3]), input("float32", [3, 4])];
  const factor = constant([2]);
  const inner = relu(multiply(linear(x, v), factor));
  const outer = multiply(add(linear(inner, w), x), factor);
  const tensors = tensorFunction(
    "layers",
    [
      { name: "x", value: x },
      { name: "v", value: v },
      { name: "w", value: w },
    ],
    [
      { name: "outer", value: outer },
      { name: "same", value: x },
    ],
  );
  const entries = new Map([
    ["v", 12],
    ["w", 12],
  ]);

  test("is cut where it comes from one group to the next", () => {
    expect(groupInputs(tensors, entries, 24)).toEqual([["v", "w"]]);
    const groups = groupInputs(tensors, entries, 20);
    expect(groups).toEqual([["v"], ["w"]]);
    expect(mayBeCut(tensors, groups)).toBe(true);
    const { parts, between } = cutFunction(tensors, groups, "between");
    expect(parts.map(({ group }) => group)).toEqual([0, 1]);
    expect(names(between)).toEqual(["between.0"]);
    expect(between[0]?.value).toBe(inner);
    expect(parts.map((part) => names(part.tensors.inputs).sort())).toEqual([
      ["v", "x"],
      ["between.0", "w", "x"],
    ]);
    expect(parts.map((part) => names(part.tensors.outputs))).toEqual([["same", "between.0"], ["outer"]]);
  });

  test("stays whole where an operation uses inputs of two groups", () => {
    const mixed = tensorFunction("mixed", tensors.inputs, [{ name: "mixed", value: matmul(v, w) }]);
    expect(mayBeCut(mixed, [["v"], ["w"]])).toBe(false);
    expect(mayBeCut(mixed, [["v", "w"]])).toBe(true);
  });
});

const native = await cpuRuntime({ threads: 1 });
const task = causalLmTask({ ...numberEncoder, vocabularySize: tinyDecoders.llama.vocab_size });
const batch = task.collate([encodedNumbers(10, 11, 40, 41, 42, 17), encodedNumbers(12, 13, 14)], 12);

/** Loss and gradients where so many entries are widened at a time; how many functions that takes, and bytes. */
async function resultOf(decoder: keyof typeof tinyDecoders, checkpointing: "none" | "stage", mostWidened?: number) {
  const { model, weights } = drawnModel(tinyDecoders[decoder], nextToken);
  const held = heldInBfloat16(model.parameters, weights);
  const accumulator = wholeGradients(model, weights);
  let functions = 0;
  const runtime: Runtime = {
    ...native,
    compile(tensors): Promise<CompiledFunction> {
      functions++;
      return native.compile(tensors);
    },
  };
  const arena = new Arena();
  const extended = model.backbone.extend?.(batch) ?? batch;
  const program = await Program.compile({
    ...{ model, runtime, arena, loss: task.loss, weights: held, batch: batchType(extended) },
    ...(mostWidened === undefined ? {} : { mostWidened }),
    training: { dropout: 0.1, form: () => "dense", checkpointing },
  });
  program.load(extended);
  const loss = await program.forward({ seed: 1, step: 2 });
  await program.backward(accumulator.add);
  await program.release();
  return { loss, gradients: float32Sums(accumulator), functions, bytes: arena.bytes };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

test.each([
  ["llama", "stage"],
  ["llama with biases and tied", "none"],
  ["gemma3", "stage"],
  ["opt with narrow embeddings", "stage"],
] as const)("%s, checkpointing %s: a weight at a time gives what all together do", async (decoder, checkpointing) => {
  const whole = await resultOf(decoder, checkpointing);
  for (const mostWidened of [1, 400]) {
    const parts = await resultOf(decoder, checkpointing, mostWidened);
    expect(parts.functions).toBeGreaterThan(whole.functions);
    expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(1e-6);
    const least = 1e-2 * Math.max(...[...whole.gradients.values()].map(largest));
    for (const [name, expected] of whole.gradients) {
      const difference = expected.map((value, i) => value - (parts.gradients.get(name)?.[i] ?? Number.NaN));
      expect(largest(difference), name).toBeLessThanOrEqual(1e-5 * Math.max(largest(expected), least));
    }
  }
});
