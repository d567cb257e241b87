/** The encoders beside BERT, RoBERTa and DistilBERT under every head: gradients, padding and dropout. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { createAdamW, type WeightArray } from "@nanoadam/optim";
import { describe, expect, test } from "vitest";
import { type Batch, float32Tensor, int32Tensor } from "../data/batch.js";
import { InputError } from "../errors.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { ProgramCache } from "../program/program-cache.js";
import { crossEntropy } from "../tasks/loss.js";
import { heldInBfloat16 } from "../testing/bfloat16-weights.js";
import { drawnModel, furtherEncoders } from "../testing/further-encoders.js";
import { seededUniform } from "../testing/tiny-checkpoint.js";
import { float32Sums } from "../testing/whole-gradients.js";
import { defineModel } from "./architectures.js";
import type { HeadSpecification, Model } from "./model.js";

const runtime = await cpuRuntime({ threads: 1 });
const [texts, length] = [2, 12];
/** Tokens of each text; the rest is padding. */
const tokens = [12, 7];

/** Two texts of different lengths; with labels for whatever a head judges. */
function batchOf(
  config: Readonly<Record<string, unknown>>,
  head: HeadSpecification,
  padding = Number(config.pad_token_id),
): Batch {
  const ids = new Int32Array(texts * length).fill(padding);
  const mask = new Int32Array(texts * length);
  for (const [text, count] of tokens.entries()) {
    for (let token = 0; token < count; token++) {
      ids[text * length + token] = 5 + ((7 * token + 13 * text) % 40);
      mask[text * length + token] = 1;
    }
  }
  const shape = [texts, length];
  const predicted = Int32Array.of(1, 4, 14, 17);
  const isOfTexts = head.kind === "outputs" && head.per === "example";
  const rows = isOfTexts ? texts : head.kind === "outputs" ? texts * length : predicted.length;
  const outputs = head.kind === "outputs" ? head.outputs : 48;
  const weights = head.kind === "outputs" && head.per === "position" ? mask : new Int32Array(rows).fill(1);
  return {
    tensors: new Map([
      ["input_ids", int32Tensor(ids, shape)],
      ["attention_mask", int32Tensor(mask, shape)],
      ["token_type_ids", int32Tensor(new Int32Array(texts * length), shape)],
      ["predicted_positions", int32Tensor(predicted, [predicted.length])],
      [
        "labels",
        int32Tensor(
          Int32Array.from({ length: rows }, (_, row) => (5 * row + 1) % outputs),
          [rows],
        ),
      ],
      ["label_weights", float32Tensor(Float32Array.from(weights), [rows, 1])],
    ]),
    weight: weights.reduce((sum, weight) => sum + weight, 0),
  };
}

interface SetUpOptions {
  readonly dropout?: number;
  readonly checkpointing?: "none" | "stage";
  /** Instead of those that are drawn. */
  readonly weights?: ReadonlyMap<string, WeightArray>;
}

function setUp(
  config: Readonly<Record<string, unknown>>,
  head: HeadSpecification,
  { dropout = 0, checkpointing = "none", weights: held }: SetUpOptions = {},
) {
  const { model, weights } = drawnModel(config, head);
  const programs = new ProgramCache({
    model,
    loss: (logits, target) => crossEntropy(logits, target("labels"), { rowWeights: target("label_weights") }),
    weights: held ?? weights,
    runtime,
    arena: new Arena(),
    training: { dropout, form: () => "dense", checkpointing },
  });
  return { model, weights, programs };
}

/** A model's parameters as an optimizer takes them. */
function parametersOf({ parameters }: Model, weights: ReadonlyMap<string, Float32Array>) {
  return parameters.map(({ name, shape }) => ({ name, shape, values: weights.get(name) ?? new Float32Array() }));
}

const heads: readonly (readonly [string, HeadSpecification])[] = [
  ["texts", { kind: "outputs", per: "example", outputs: 3 }],
  ["tokens", { kind: "outputs", per: "position", outputs: 4 }],
  ["the vocabulary", { kind: "language-model", predicts: "masked" }],
];
const cases = Object.entries(furtherEncoders).flatMap(([name, config]) =>
  heads.map(([what, head]) => [name, what, config, head] as const),
);

test.each(cases)("%s, a head of %s: gradients are what the loss changes by", async (_name, _what, config, head) => {
  const { model, weights, programs } = setUp(config, head);
  const batch = batchOf(config, head);
  const accumulator = new GradientAccumulator(model.parameters);
  accumulator.begin(createAdamW({ parameters: parametersOf(model, weights) }));
  await programs.use(batch, async (program) => {
    await program.forward();
    await program.backward(accumulator.add);
  });
  const gradients = float32Sums(accumulator);
  const largestOfAll = Math.max(
    ...[...gradients.values()].map((values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)),
  );
  const uniform = seededUniform(8);
  const step = 2e-3;
  for (const { name } of model.parameters) {
    const [values, gradient] = [weights.get(name) ?? new Float32Array(), gradients.get(name) ?? new Float32Array()];
    const steepest = gradient.reduce(
      (best, slope, i) => (Math.abs(slope) > Math.abs(gradient[best] ?? 0) ? i : best),
      0,
    );
    const largest = Math.abs(gradient[steepest] ?? Number.NaN);
    for (const entry of [steepest, Math.floor(uniform() * values.length)]) {
      const value = values[entry] as number;
      const lossAt = async (moved: number) => {
        values[entry] = moved;
        return programs.use(batch, (program) => program.forward());
      };
      const slope = ((await lossAt(value + step)) - (await lossAt(value - step))) / (2 * step);
      values[entry] = value;
      const difference = Math.abs(slope - (gradient[entry] ?? Number.NaN));
      expect(difference, `${name}[${entry}]`).toBeLessThan(0.03 * largest + 3e-3 * Math.max(1, largestOfAll));
    }
  }
  await programs.release();
});

describe.each(Object.entries(furtherEncoders))("%s", (_, config) => {
  const head = { kind: "outputs", per: "position", outputs: 4 } as const;

  test("takes no notice of what stands in the padding", async () => {
    const { programs } = setUp(config, head);
    const logitsWith = (padding: number | undefined) =>
      programs.use(batchOf(config, head, padding), async (program) => {
        await program.forward();
        return program.logits().slice();
      });
    const [plain, other] = [await logitsWith(undefined), await logitsWith(40)];
    for (const [text, count] of tokens.entries()) {
      // Positions that are counted by what is padding change with it: RoBERTa's.
      if (config.pad_token_id === 1) continue;
      const own = (logits: Float32Array) => logits.subarray(4 * text * length, 4 * (text * length + count));
      expect(own(other)).toEqual(own(plain));
    }
    await programs.release();
  });

  test("has dropout while it trains, a function of its key", async () => {
    const { programs } = setUp(config, head, { dropout: 0.3 });
    const batch = batchOf(config, head);
    const lossAt = (step: number) => programs.use(batch, (program) => program.forward({ seed: 1, step }));
    const first = await lossAt(1);
    expect(await lossAt(2)).not.toBe(first);
    expect(await lossAt(1)).toBe(first);
    await programs.release();
  });
});

test.each(Object.entries(furtherEncoders))(
  "%s: weights in bfloat16 and checkpointing give the same bits as their float32 values",
  async (_, config) => {
    const head = { kind: "language-model", predicts: "masked" } as const;
    const { model, weights } = drawnModel(config, head);
    const stored = heldInBfloat16(model.parameters, weights);
    const batch = batchOf(config, head);
    const gradientsOf = async (held: ReadonlyMap<string, WeightArray>, checkpointing: "none" | "stage") => {
      const { programs } = setUp(config, head, { dropout: 0.1, weights: held, checkpointing });
      const accumulator = new GradientAccumulator(model.parameters);
      accumulator.begin(createAdamW({ parameters: parametersOf(model, weights) }));
      const loss = await programs.use(batch, async (program) => {
        const value = await program.forward({ seed: 3, step: 7 });
        await program.backward(accumulator.add);
        return value;
      });
      await programs.release();
      return [loss, float32Sums(accumulator)] as const;
    };
    const plain = await gradientsOf(weights, "none");
    expect(await gradientsOf(stored, "none")).toEqual(plain);
    expect(await gradientsOf(stored, "stage")).toEqual(plain);
  },
);

describe("fields that say the same", () => {
  const logitsOf = async (name: string, change: Readonly<Record<string, unknown>>) => {
    const head = { kind: "outputs", per: "example", outputs: 3 } as const;
    const config = { ...furtherEncoders[name], ...change };
    const { programs } = setUp(config, head);
    const logits = await programs.use(batchOf(config, head), async (program) => {
      await program.forward();
      return program.logits().slice();
    });
    await programs.release();
    return logits;
  };
  const [global, local] = [{ rope_theta: 900 }, { rope_theta: 50 }];
  const old = { global_rope_theta: 900, local_rope_theta: 50 };
  test.each([
    ["modernbert with biases", old, { rope_parameters: { full_attention: global, sliding_attention: local } }],
    ["modernbert with biases", old, { ...old, rope_parameters: { full_attention: { rope_type: "default" } } }],
    ["modernbert with biases", { ...old, local_rope_theta: 900 }, { ...old, local_rope_theta: null }],
    ["modernbert with biases", { local_rope_theta: 10_000 }, {}],
    [
      "modernbert with biases",
      { global_attn_every_n_layers: 2 },
      { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
    ],
    ["deberta-v2 with buckets and shared keys", { pos_att_type: ["c2p", "p2c"] }, { pos_att_type: "P2C | c2p" }],
  ] as const)("%s: %j and %j", async (name, one, other) => {
    const logits = await logitsOf(name, one);
    expect(await logitsOf(name, other)).toEqual(logits);
  });

  test("and others do not", async () => {
    const logits = await logitsOf("modernbert with biases", old);
    expect(await logitsOf("modernbert with biases", { ...old, local_rope_theta: null })).not.toEqual(logits);
    expect(await logitsOf("modernbert with biases", {})).not.toEqual(logits);
  });
});

describe("refused, with the field", () => {
  const texts2 = { kind: "outputs", per: "example", outputs: 2 } as const;
  const of = (name: string) => furtherEncoders[name] ?? {};
  test.each([
    ["deberta-v2 with buckets and shared keys", { conv_kernel_size: 3 }, texts2, "conv_kernel_size is 3"],
    ["deberta-v2 with buckets and shared keys", { relative_attention: false }, texts2, "relative_attention is false"],
    ["deberta-v2 with buckets and shared keys", { embedding_size: 8 }, texts2, "embedding_size is 8"],
    ["deberta-v2 with buckets and shared keys", { pos_att_type: "p2p" }, texts2, "pos_att_type"],
    ["deberta-v2 with buckets and shared keys", { pooler_hidden_size: 8 }, texts2, "pooler_hidden_size is 8"],
    ["deberta-v2 with buckets and shared keys", { position_buckets: 1 }, texts2, "position_buckets is 1"],
    ["deberta-v2 with buckets and shared keys", { position_buckets: 40 }, texts2, "max_relative_positions 20"],
    ["modernbert with biases", { layer_types: ["full_attention"] }, texts2, "layer_types has 1 entries"],
    [
      "modernbert with biases",
      { rope_parameters: { full_attention: { rope_type: "yarn", rope_theta: 1 } } },
      texts2,
      "rope_type",
    ],
    ["modernbert with biases", { rope_scaling: { rope_type: "linear", factor: 2 } }, texts2, "rope_scaling is {"],
    ["modernbert with biases", { num_attention_heads: 16 }, texts2, "2 * num_attention_heads, 32"],
    ["camembert", { hidden_act: "mish" }, texts2, "hidden_act"],
  ] as const)("%s, %j", (name, change, head, says) => {
    const define = () => defineModel({ ...of(name), ...change }, head);
    expect(define).toThrow(InputError);
    expect(define).toThrow(says);
  });
});
