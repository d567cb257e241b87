/** Adapters of a decoder that PEFT made, with the logits, losses and gradients that it has of them: read, and trained. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { type FixtureTensor, readFixture } from "../../../../testing/fixtures.js";
import { type Batch, float32Tensor, int32Tensor } from "../data/batch.js";
import { withLora } from "../models/lora.js";
import type { Model } from "../models/model.js";
import type { Weights } from "../program/compile-stages.js";
import { ProgramCache } from "../program/program-cache.js";
import { tokenLoss } from "../tasks/language-model.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { rawTensor, writeTensors } from "../testing/tensors.js";
import { nextToken } from "../testing/tiny-decoders.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import { openModelFolder } from "./adapter.js";
import { peftName } from "./adapter-tensors.js";
import { loadPretrained } from "./pretrained.js";

const runtime = await cpuRuntime({ threads: 1 });
const folderOfFixtures = fileURLToPath(new URL("../../../../testing/fixtures/", import.meta.url));
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function expectClose(found: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  expect(found.length, what).toBe(expected.length);
  const difference = largest(found.map((value, i) => value - (expected[i] ?? Number.NaN)));
  expect(difference, what).toBeLessThanOrEqual(tolerance * largest(expected));
}

/** The tensors of a fixture whose names begin so, by the rest of their names. */
function tensorsOf(tensors: ReadonlyMap<string, FixtureTensor>, start: string): Map<string, FixtureTensor> {
  const own = [...tensors].filter(([name]) => name.startsWith(start));
  return new Map(own.map(([name, tensor]) => [name.slice(start.length), tensor]));
}

/** Every position but the last of a text predicts the next token. */
function batchOf({ shape: [texts = 1, length = 1], values }: FixtureTensor): Batch {
  const places = Array.from({ length: texts * length }, (_, place) => place).filter(
    (place) => (place + 1) % length !== 0,
  );
  const ids = Int32Array.from(values);
  return {
    tensors: new Map([
      ["input_ids", int32Tensor(ids, [texts, length])],
      ["attention_mask", int32Tensor(new Int32Array(ids.length).fill(1), [texts, length])],
      ["predicted_positions", int32Tensor(Int32Array.from(places), [places.length])],
      [
        "labels",
        int32Tensor(
          Int32Array.from(places, (place) => ids[place + 1] ?? 0),
          [places.length],
        ),
      ],
      ["label_weights", float32Tensor(new Float32Array(places.length).fill(1), [places.length, 1])],
    ]),
    weight: places.length,
  };
}

async function resultOf(model: Model, weights: Weights, batch: Batch) {
  const programs = new ProgramCache({
    ...{ model, weights, runtime, arena: new Arena(), loss: tokenLoss },
    training: { dropout: 0, form: (name) => (name.includes(".lora_") ? "dense" : "none") },
  });
  const accumulator = wholeGradients(model, weights);
  const [loss, logits] = await programs.use(batch, async (program) => {
    const sum = await program.forward();
    await program.backward(accumulator.add, 1 / batch.weight);
    return [sum / batch.weight, program.logits().slice()] as const;
  });
  await programs.release();
  return { loss, logits, gradients: float32Sums(accumulator) };
}

describe.each(["lora", "rslora", "dora"])("PEFT's %s of a Llama", (kind) => {
  const { metadata, tensors } = readFixture(join(folderOfFixtures, `peft_${kind}.safetensors`));
  const adapterConfig = metadata.adapter_config as Readonly<Record<string, unknown>>;
  const adapter = tensorsOf(tensors, "adapter.");
  const batch = batchOf(tensors.get("input_ids") as FixtureTensor);
  const vocabulary = 48;
  const expected = (name: string) => tensors.get(name)?.values as Float32Array;
  /** PEFT's logits of the places that the batch has. */
  const logits = Float32Array.from(
    [...(batch.tensors.get("predicted_positions")?.data ?? [])].flatMap((place) => [
      ...expected("expect.logits").subarray(place * vocabulary, (place + 1) * vocabulary),
    ]),
  );

  async function folders() {
    const folder = await temporaryFolder();
    const [base, own] = [join(folder, "base"), join(folder, "adapter")];
    for (const [at, parts] of [
      [join(base, "model.safetensors"), tensorsOf(tensors, "param.")],
      [join(own, "adapter_model.safetensors"), adapter],
    ] as const) {
      await mkdir(join(at, ".."));
      const raw = [...parts].map(
        ([name, { shape, values }]) => [name, rawTensor(shape, values as Float32Array)] as const,
      );
      await writeTensors(at, new Map(raw));
    }
    await writeFile(join(base, "config.json"), JSON.stringify(metadata.config));
    const config = { ...adapterConfig, base_model_name_or_path: base };
    await writeFile(join(own, "adapter_config.json"), JSON.stringify(config));
    return { base, own };
  }

  test("opened, gives its logits and its loss", async () => {
    const { own } = await folders();
    const checkpoint = await openModelFolder(own);
    const { model, weights } = await loadPretrained(checkpoint, nextToken, 0).finally(() => checkpoint.close());
    const found = await resultOf(model, weights, batch);
    expectClose(found.logits, logits, 1e-4, "logits");
    expect(found.loss).toBeCloseTo(expected("expect.loss")[0] ?? 0, 5);
  });

  test("trained, has its gradients", async () => {
    const { base } = await folders();
    const checkpoint = await openModelFolder(base);
    const { target_modules: targets, use_rslora: useRslora, use_dora: useDora } = adapterConfig;
    const options = {
      ...{ rank: 3, alpha: 5, dropout: 0, useRslora: useRslora === true, useDora: useDora === true },
      targets: Array.isArray(targets) ? (targets as string[]) : [String(targets)],
    };
    const { model, weights } = await loadPretrained(checkpoint, nextToken, 0, {
      adapt: (plain) => withLora(plain, options),
    }).finally(() => checkpoint.close());
    const own = model.parameters.filter(({ role }) => role === "adapter").map(({ name }) => name);
    expect(own.map(peftName).sort()).toEqual([...adapter.keys()].sort());
    for (const name of own) weights.get(name)?.set(adapter.get(peftName(name))?.values ?? []);
    const found = await resultOf(model, weights, batch);
    expectClose(found.logits, logits, 1e-4, "logits");
    for (const name of own) {
      const gradient = found.gradients.get(name) ?? new Float32Array();
      expectClose(gradient, expected(`grad.${peftName(name)}`), 1e-3, name);
    }
  });
});
