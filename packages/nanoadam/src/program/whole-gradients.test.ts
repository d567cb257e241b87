/** Whole gradients that come and go stage by stage are those that an accumulator gathers, each given out once, when it is whole. */
import { Arena, sizeOf } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { expect, test } from "vitest";
import { batchType } from "../data/batch.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { drawnModel } from "../testing/further-encoders.js";
import { encodedNumbers, numberEncoder } from "../testing/number-texts.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import type { GradientForm } from "./gradient-form.js";
import { ProgramCache } from "./program-cache.js";
import { memoryOfProgram } from "./program-memory.js";
import { WholeGradients } from "./whole-gradients.js";

const runtime = await cpuRuntime({ threads: 1 });
const task = causalLmTask({ ...numberEncoder, vocabularySize: tinyDecoders.llama.vocab_size });
const batch = task.collate([encodedNumbers(10, 11, 40, 41, 42, 17), encodedNumbers(12, 13, 14)], 8);

test.each([
  ["llama", undefined],
  ["llama", 300],
  ["qwen3", undefined],
  ["qwen3", 300],
] as const)("%s, its head in pieces of %s logits", async (decoder, mostLogits) => {
  const { model, weights } = drawnModel(tinyDecoders[decoder], nextToken);
  const programs = new ProgramCache({
    model,
    loss: task.loss,
    weights,
    runtime,
    arena: new Arena(),
    ...(mostLogits === undefined ? {} : { mostLogits }),
    training: { dropout: 0, form: () => "dense" },
  });
  const accumulator = wholeGradients(model, weights);
  const found = new Map<string, Float32Array>();
  const together: string[][] = [];
  await programs.use(batch, async (program) => {
    await program.forward({ seed: 1, step: 0 });
    await program.backward(accumulator.add);
    await program.forward({ seed: 1, step: 0 });
    const whole = new WholeGradients(model, (gradients) => {
      together.push([...gradients.keys()]);
      for (const [name, values] of gradients) {
        expect(found.has(name)).toBe(false);
        found.set(name, values.slice());
      }
    });
    await program.backward(whole.add);
    whole.finish();
  });
  await programs.release();
  expect([...found].sort()).toEqual([...float32Sums(accumulator)].sort());
  // A layer's gradients are there together.
  const first = model.stages.find((stage) => stage.name.includes("layers.0"));
  const names = Object.values(first?.parameters ?? {}).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(5);
  expect(together.some((stage) => names.every((name) => stage.includes(name)))).toBe(true);
});

test("a program that gives gradients whole takes the gradients of one stage more, not of the model", async () => {
  const { model, weights } = drawnModel({ ...tinyDecoders.llama, num_hidden_layers: 8 }, nextToken);
  const bytesWith = async (form: GradientForm) => {
    const batchTypes = batchType(model.backbone.extend?.(batch) ?? batch);
    const training = { dropout: 0, form: () => form };
    return (await memoryOfProgram({ model, weights, loss: task.loss, batch: batchTypes, training })).arenaBytes;
  };
  const bytesOf = (parameters: (typeof model)["parameters"]) =>
    parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const stages = model.stages.map(({ parameters }) => bytesOf(Object.values(parameters)));
  const more = (await bytesWith("dense")) - (await bytesWith("product"));
  expect(more).toBeGreaterThan(0);
  // Places begin at multiples of 64 bytes.
  expect(more).toBeLessThanOrEqual(Math.max(...stages) + 64 * 20);
  expect(more).toBeLessThan(bytesOf(model.parameters) / 2);
});
