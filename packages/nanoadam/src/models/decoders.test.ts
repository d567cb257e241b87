/** Decoders under every head: padding on either side, what a token sees, and what is refused. */

import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { type Batch, float32Tensor, int32Tensor } from "../data/batch.js";
import { ProgramCache } from "../program/program-cache.js";
import { tokenLoss } from "../tasks/language-model.js";
import { drawnModel } from "../testing/further-encoders.js";
import { expectRefusal } from "../testing/refusal.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import { defineModel } from "./architectures.js";
import type { HeadSpecification } from "./model.js";

const runtime = await cpuRuntime({ threads: 1 });
const length = 14;
const texts = [
  [5, 9, 17, 40, 8, 11, 23, 77, 5, 6, 30],
  [6, 12, 90, 33, 7],
];

/** The texts padded on a side, and the places that a head judges: the last tokens, or all but the last ones. */
function batchOf(head: HeadSpecification, padding: "left" | "right", change = (ids: number[]) => ids): Batch {
  const ids = new Int32Array(texts.length * length).fill(3);
  const mask = new Int32Array(ids.length);
  const places = texts.map((text, row) => {
    const first = row * length + (padding === "left" ? length - text.length : 0);
    ids.set(change([...text]), first);
    mask.fill(1, first, first + text.length);
    return text.map((_, token) => first + token);
  });
  const predicted = places.flatMap((own) => own.slice(0, -1));
  const positions = head.kind === "language-model" ? predicted : places.flat();
  const rows = head.kind === "outputs" && head.per === "example" ? texts.length : positions.length;
  const shape = [texts.length, length];
  return {
    tensors: new Map([
      ["input_ids", int32Tensor(ids, shape)],
      ["attention_mask", int32Tensor(mask, shape)],
      ["predicted_positions", int32Tensor(Int32Array.from(positions), [positions.length])],
      [
        "labels",
        int32Tensor(
          Int32Array.from({ length: rows }, (_, row) => row % 3),
          [rows],
        ),
      ],
      ["label_weights", float32Tensor(new Float32Array(rows).fill(1), [rows, 1])],
    ]),
    weight: rows,
  };
}

/** Logits and gradients of a batch. */
async function resultOf(config: Readonly<Record<string, unknown>>, head: HeadSpecification, batch: Batch) {
  const { model, weights } = drawnModel(config, head);
  const programs = new ProgramCache({
    model,
    loss: tokenLoss,
    weights,
    runtime,
    arena: new Arena(),
    training: { dropout: 0, form: () => "dense" },
  });
  const accumulator = wholeGradients(model, weights);
  const logits = await programs.use(batch, async (program) => {
    await program.forward();
    await program.backward(accumulator.add);
    return program.logits().slice();
  });
  await programs.release();
  return { logits, gradients: float32Sums(accumulator), columns: logits.length / batch.weight };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const largestDifference = (one: Float32Array, other: Float32Array) =>
  largest(one.map((value, i) => value - (other[i] ?? Number.NaN)));
const decoders = Object.entries(tinyDecoders);

describe.each(decoders)("%s", (_, config) => {
  test.each<[string, HeadSpecification]>([
    ["the next token", nextToken],
    ["a class of each text", { kind: "outputs", per: "example", outputs: 3 }],
  ])("%s: texts padded on the left and on the right give the same", async (_what, head) => {
    const [left, right] = [
      await resultOf(config, head, batchOf(head, "left")),
      await resultOf(config, head, batchOf(head, "right")),
    ];
    expect(largestDifference(left.logits, right.logits)).toBeLessThan(1e-5 * largest(right.logits));
    const most = Math.max(...[...right.gradients.values()].map(largest));
    for (const [name, gradient] of right.gradients) {
      const other = left.gradients.get(name) ?? new Float32Array();
      expect(largestDifference(other, gradient), name).toBeLessThan(1e-4 * Math.max(largest(gradient), 0.01 * most));
    }
  });

  test("no token sees those that follow", async () => {
    const { logits, columns } = await resultOf(config, nextToken, batchOf(nextToken, "right"));
    const changed = await resultOf(
      config,
      nextToken,
      batchOf(nextToken, "right", (ids) => ids.with(3, 99)),
    );
    const rowsOf = ({ logits: all }: { logits: Float32Array }, from: number, to: number) =>
      all.slice(from * columns, to * columns);
    expect(rowsOf(changed, 0, 3)).toEqual(rowsOf({ logits }, 0, 3));
    expect(largestDifference(rowsOf(changed, 3, 4), rowsOf({ logits }, 3, 4))).toBeGreaterThan(1e-3);
    expect(largestDifference(rowsOf(changed, 5, 6), rowsOf({ logits }, 5, 6))).toBeGreaterThan(1e-6);
  });
});

test("with a window, one layer's tokens see as many tokens as it says, their own included", async () => {
  const config = { ...tinyDecoders["mistral with a window"], num_hidden_layers: 1 };
  const { logits, columns } = await resultOf(config, nextToken, batchOf(nextToken, "right"));
  const changed = await resultOf(
    config,
    nextToken,
    batchOf(nextToken, "right", (ids) => ids.with(1, 99)),
  );
  const rows = Array.from({ length: texts[0]?.length ?? 0 }, (_, row) => row).slice(0, -1);
  const differs = rows.filter(
    (row) =>
      largest(
        logits.slice(row * columns, (row + 1) * columns).map((x, i) => x - (changed.logits[row * columns + i] ?? 0)),
      ) > 0,
  );
  expect(differs).toEqual([1, 2, 3, 4]);
});

test("a head that is the embedding table is an embedding, and one of its own is the head", () => {
  const rolesOf = (config: Readonly<Record<string, unknown>>) =>
    defineModel(config, nextToken)
      .parameters.filter(({ name }) => /embed_tokens|lm_head/.test(name))
      .map(({ name, role }) => [name, role]);
  expect(rolesOf(tinyDecoders.llama)).toEqual([
    ["model.embed_tokens.weight", "embedding"],
    ["lm_head.weight", "head"],
  ]);
  expect(rolesOf(tinyDecoders.qwen3)).toEqual([["model.embed_tokens.weight", "embedding"]]);
});

test("classes of tokens, where there is such a head", async () => {
  const head = { kind: "outputs", per: "position", outputs: 2 } as const;
  expect(defineModel(tinyDecoders.llama, head).architecture).toBe("LlamaForTokenClassification");
  await expectRefusal(() => defineModel(tinyDecoders.opt, head), "OPTForCausalLM has no head for tokens");
});

describe("refused, with the field", () => {
  test.each([
    ["llama", { hidden_act: "mish" }, /hidden_act is "mish": .*"gelu".*"silu"/],
    ["llama", { num_key_value_heads: 3 }, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"],
    ["llama", { hidden_size: 18 }, "hidden_size 18 is not a multiple of 2 * num_attention_heads, 8"],
    ["qwen2 with windows", { layer_types: ["full_attention"] }, "layer_types has 1 entries"],
    ["qwen2 with windows", { layer_types: ["chunked_attention"] }, /layer_types is .*sliding_attention/],
    [
      "qwen3",
      { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
      "layer_types has sliding_attention, but use_sliding_window is not true",
    ],
    ["gemma3", { use_bidirectional_attention: true }, "use_bidirectional_attention is true"],
    ["gemma3", { attn_logit_softcapping: 50 }, "attn_logit_softcapping is 50"],
    [
      "gemma3",
      { rope_parameters: { full_attention: { rope_type: "su" } } },
      'rope_parameters.full_attention.rope_type is "su"',
    ],
    ["opt", { layerdrop: 0.1 }, "layerdrop is 0.1"],
    ["opt", { layer_norm_elementwise_affine: false }, "layer_norm_elementwise_affine is false"],
    ["opt", { activation_function: "tanh" }, /activation_function is "tanh": .*"relu"/],
  ] as const)("%s, %j", async (name, change, says) => {
    await expectRefusal(() => defineModel({ ...tinyDecoders[name], ...change }, nextToken), /^config\.json: /, says);
  });

  test("masked tokens of a decoder, and the next token of an encoder", async () => {
    const masked = { kind: "language-model", predicts: "masked" } as const;
    await expectRefusal(
      () => defineModel(tinyDecoders.llama, masked),
      "a LlamaForCausalLM predicts the next token, which is the `task` causal-lm",
    );
    const bert = { ...tinyDecoders.llama, model_type: "bert" };
    await expectRefusal(
      () => defineModel(bert, nextToken),
      "a BertForMaskedLM predicts masked tokens, which is the `task` masked-lm",
    );
  });
});
