/** Frequencies as transformers 5.18 computes them, for heads of 16 entries and texts of at most 64 tokens. */
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { defineModel } from "./architectures.js";
import { ropeOf } from "./rope.js";

const sizes = { headSize: 16, maximumLength: 64 };
const plain = [1, 0.3162278, 0.1, 0.03162278, 0.01, 0.003162278, 0.001, 0.0003162278];
const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 16 };

test.each([
  ["default", { rope_type: "default" }, 64, plain, 1],
  ["none", {}, 64, plain, 1],
  ["linear", { rope_type: "linear", factor: 4 }, 64, plain.map((frequency) => frequency / 4), 1],
  ["dynamic, of texts that are not too long", { rope_type: "dynamic", factor: 2 }, 64, plain, 1],
  [
    "dynamic, of longer ones",
    { rope_type: "dynamic", factor: 2 },
    128,
    [1, 0.2702961, 0.07306, 0.01974783, 0.005337763, 0.001442777, 0.0003899769, 0.0001054093],
    1,
  ],
  [
    "llama3",
    { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 },
    64,
    [1, 0.09583998, 0.0125, 0.003952847, 0.00125, 0.0003952847, 0.000125, 3.952847e-5],
    1,
  ],
  [
    "yarn",
    yarn,
    64,
    [1, 0.07905694, 0.025, 0.007905695, 0.0025, 0.0007905695, 0.00025, 7.905695e-5],
    1.138629436111989,
  ],
  [
    "yarn with all that it may be told",
    { ...yarn, rope_theta: 500, mscale: 0.7, mscale_all_dim: 1.2, beta_fast: 16, beta_slow: 2, truncate: false },
    64,
    [1, 0.1149658, 0.05286856, 0.02431231, 0.01118034, 0.005141428, 0.002364354, 0.00108728],
    0.9405715251010841,
  ],
  ["yarn with its own factor on scores", { ...yarn, attention_factor: 1.5 }, 64, undefined, 1.5],
] as const)("%s", (_, settings, length, expected, scale) => {
  const { rope_theta = 10_000, rope_type, ...scaling } = { rope_theta: undefined, rope_type: undefined, ...settings };
  const ropes = [
    ropeOf({ rope_parameters: settings }, sizes),
    // As transformers 4 wrote it, and before that.
    ropeOf({ rope_theta, rope_scaling: { ...scaling, rope_type } }, sizes),
    ropeOf({ rope_theta, rope_scaling: { ...scaling, type: rope_type } }, sizes),
  ];
  for (const rope of ropes) {
    expect(rope.scale).toBeCloseTo(scale, 12);
    const found = [...rope.frequencies(length)];
    expected?.forEach(
      (frequency, pair) => void expect(Math.abs((found[pair] ?? 0) / frequency - 1)).toBeLessThan(1e-6),
    );
  }
});

describe("refused, with the field", () => {
  const llama = {
    model_type: "llama",
    vocab_size: 48,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
  };
  test.each([
    [
      { rope_scaling: { rope_type: "longrope", factor: 2 } },
      'rope_scaling.rope_type is "longrope": Invalid option: expected one of "default"|"linear"|"dynamic"|"llama3"|"yarn"',
    ],
    [{ rope_scaling: { type: "su" } }, 'rope_scaling.rope_type is "su"'],
    [{ rope_parameters: { rope_type: "mrope" } }, 'rope_parameters.rope_type is "mrope"'],
    [{ rope_scaling: { rope_type: "linear" } }, "rope_scaling.factor is missing"],
    [{ rope_parameters: { rope_type: "llama3", factor: 8 } }, "rope_parameters.low_freq_factor is missing"],
    [{ rope_parameters: { rope_theta: -1 } }, "rope_parameters.rope_theta is -1"],
    [{ rope_theta: "1e4" }, 'rope_theta is "1e4"'],
    [{ rope_scaling: "linear" }, 'rope_scaling is "linear"'],
    [{ partial_rotary_factor: 0.5 }, "partial_rotary_factor is 0.5"],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, "rope_parameters.partial_rotary_factor is 0.5"],
    [{ head_dim: 7 }, "head_dim 7 is not a multiple of"],
    [
      { rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      'rope_parameters.full_attention is {"rope_theta":10000}',
    ],
  ])("%j", async (fields, says) => {
    const define = () => defineModel({ ...llama, ...fields }, { kind: "language-model", predicts: "next" });
    await expectRefusal(define, /^config\.json: /, says);
  });
});
