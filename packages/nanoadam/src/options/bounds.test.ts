import { expect, test } from "vitest";
import { z } from "zod";
import { compareSchema } from "../compare/options.js";
import { continualSchema } from "../continual/options.js";
import { expectRefusal } from "../testing/refusal.js";
import { applySchema, deltaSchema } from "./delta-options.js";
import { estimateSchema } from "./estimate-options.js";
import { finetuneSchema } from "./finetune-options.js";
import { chatSchema, generateSchema } from "./generation-options.js";
import { inspectSchema } from "./inspect-options.js";
import { parseOptions } from "./parse-options.js";
import { pushSchema } from "./push-options.js";
import {
  evaluateAnswersSchema,
  evaluateSchema,
  exportSchema,
  predictFileSchema,
  predictSchema,
} from "./saved-model-options.js";
import { resumeSchema } from "./saving-options.js";
import { theorySchema } from "./theory-options.js";
import { watchSchema } from "./watch-options.js";

const schemas = {
  finetune: finetuneSchema,
  evaluate: evaluateSchema,
  "evaluate of answers": evaluateAnswersSchema,
  predict: predictFileSchema,
  "predict of a text": predictSchema,
  compare: compareSchema,
  continual: continualSchema,
  estimate: estimateSchema,
  generate: generateSchema,
  chat: chatSchema,
  inspect: inspectSchema,
  export: exportSchema,
  delta: deltaSchema,
  apply: applySchema,
  push: pushSchema,
  watch: watchSchema,
  resume: resumeSchema,
  theory: theorySchema,
};

/** What a field may be, beneath its default, or as one of its forms, or in a list. */
function formsOf(field: z.core.$ZodType): z.ZodType[] {
  const { def } = (field as z.ZodType)._zod as {
    readonly def: {
      innerType?: z.ZodType;
      options?: z.ZodType[];
      in?: z.ZodType;
      out?: z.ZodType;
      element?: z.ZodType;
    };
  };
  const inner = [def.innerType, def.options, def.in, def.out, def.element].flat().filter((form) => form !== undefined);
  return inner.length === 0 ? [field as z.ZodType] : inner.flatMap(formsOf);
}

const forms = Object.entries(schemas).flatMap(([command, schema]) =>
  Object.entries(schema.shape).flatMap(([option, field]) =>
    formsOf(field).map((form) => [command, option, form] as const),
  ),
);
const numbers = forms.flatMap(([command, option, form]) =>
  form instanceof z.ZodNumber ? [[command, option, form.maxValue] as const] : [],
);

test("every number has an upper bound", () => {
  expect(numbers.length).toBeGreaterThan(100);
  for (const [command, option, most] of numbers) {
    expect(most, `${option} of ${command}`).toBeLessThan(1e39);
    expect(most, `${option} of ${command}`).not.toBe(Number.MAX_SAFE_INTEGER);
  }
});

/** Numbers that may be larger than anything that takes memory, each with the reason. */
const large: Readonly<Record<string, string>> = {
  steps: "takes time only, and may be interrupted",
  warmup: "is compared with the step",
  maskInterval: "is compared with the step",
  densityInterval: "is compared with the step",
  galoreGap: "is compared with the step",
  evalEvery: "is compared with the step",
  saveEvery: "is compared with the step",
  logEvery: "is compared with the step",
  patience: "is compared with the evaluations so far",
  limitTrain: "is compared with the rows of the file",
  limitRetain: "is compared with the rows of the file",
  at: "is compared with the step",
  denseLearningRate: "multiplies steps: float32 is the bound",
  limitEval: "is compared with the rows of the file",
  limit: "is compared with the rows of the file",
  keep: "is compared with the checkpoints of the run, for whose space is asked",
  maxNewTokens: "the model's positions are fewer",
  topK: "is compared with the vocabulary",
  seed: "32 bits, of which random numbers are hashes",
  learningRate: "multiplies weights: float32 is the bound",
  learningRates: "multiply weights: float32 is the bound",
  weightDecay: "multiplies weights: float32 is the bound",
  clip: "multiplies gradients: float32 is the bound",
  galoreScale: "multiplies steps: float32 is the bound",
  loraAlpha: "multiplies weights: float32 is the bound",
  temperature: "divides logits: float32 is the bound",
  repetitionPenalty: "divides logits: float32 is the bound",
};

test("every number above a million has a reason", () => {
  const without = numbers.filter(
    ([, option, most]) => (most ?? Number.POSITIVE_INFINITY) > 2 ** 20 && !(option in large),
  );
  expect(without).toEqual([]);
  expect(Object.keys(large).filter((option) => !numbers.some(([, name]) => name === option))).toEqual([]);
});

/** Texts of any length, each with the reason; what they name is looked up, and a message has but their beginning. */
const texts: Readonly<Record<string, readonly string[]>> = {
  "a path or a name of the Hub, which the system or the Hub looks up": [
    ...[
      "model",
      "train",
      "eval",
      "data",
      "output",
      "tensorboard",
      "report",
      "base",
      "delta",
      "to",
      "image",
      "resume",
      "retain",
    ],
  ],
  "names of columns, which are looked up in the table": ["text", "label", "textPair"],
  "names of layers, which are looked up in the model": ["loraTargets"],
  "names and numbers of a table of ours, all compared with it": [
    "optimizers",
    "learningRates",
    "vary",
    "metric",
    "bestBy",
    "dtype",
  ],
  "steps, which are read as numbers": ["at"],
  "a text to be read, which the tokenizer cuts to the model's positions": ["prompt", "system"],
  "a text to be found in an answer": ["stop"],
};

test("every text of any length has a reason", () => {
  const known = new Set(Object.values(texts).flat());
  const found = forms.filter(([, , form]) => form instanceof z.ZodString && form.maxLength === null);
  expect(
    found.filter(([, option]) => !known.has(option)).map(([command, option]) => `${option} of ${command}`),
  ).toEqual([]);
  expect([...known].filter((name) => !found.some(([, option]) => option === name))).toEqual([]);
});

const given = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };

test.each([
  [{ threads: 512 }, "`threads` is 512, expected at most 256"],
  [{ loraRank: 1_000_000 }, "`loraRank` is 1000000, expected at most 1024"],
  [{ optimizer: "microadam", microadamWindow: 1e9 }, "`microadamWindow` is 1000000000, expected at most 1000"],
  [{ microadamWindow: 1000, microadamDensity: 1 }, "`microadamWindow` times `microadamDensity` is more than the 10"],
  [{ seed: 2 ** 32 }, "`seed` is 4294967296, expected at most 4294967295"],
  [{ optimizer: "galore", galoreRank: 65_536 }, "`galoreRank` is 65536, expected at most 1024"],
  [{ steps: 1e300 }, "`steps` is 1e+300, expected at most"],
])("%j", async (options, says) => {
  await expectRefusal(() => parseOptions(finetuneSchema, { ...given, ...options }), says);
});

test("whatever a program gives as an option is refused with one line", async () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [7n, circle, Symbol("seed"), () => 1, "1".repeat(1e6), { a: circle }]) {
    await expectRefusal(
      () => parseOptions(finetuneSchema, { ...given, seed: value }),
      "`seed` is ",
      "expected a number",
    );
  }
  for (const options of [null, undefined, 7n, "text"]) {
    await expectRefusal(() => parseOptions(finetuneSchema, options), "the options are", "expected an object");
  }
  await expectRefusal(() => parseOptions(finetuneSchema, { ...given, ["x".repeat(1e6)]: 1 }), "there is no option");
});
