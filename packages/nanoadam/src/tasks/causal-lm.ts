/** Each token from those before it: how decoders are pretrained. */
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { languageModelKind, readTexts, tokenLoss, tokenMetrics, tokenTargets } from "./language-model.js";
import type { Task, TaskKind } from "./task.js";

/** The position before a token predicts it; the last position of a text predicts nothing. */
export function causalLmTask(text: TextEncoder): Task<EncodedText, never> {
  return {
    name: "causal-lm",
    head: { kind: "language-model", predicts: "next" },
    read: async (source) => textDataset(await readTexts(source, text)),
    collate(examples, size) {
      const targets = examples.flatMap(({ ids }, row) =>
        Array.from(ids.subarray(1), (label, before) => ({ position: row * size + before, label })),
      );
      return {
        tensors: new Map([
          ...tokenTensors(examples, size, text.tokenizer.padId),
          ...tokenTargets(targets, examples.length * Math.max(1, size - 1)),
        ]),
        weight: targets.length,
      };
    },
    loss: tokenLoss,
    metrics: () => tokenMetrics(text.vocabularySize),
    config: () => ({}),
  };
}

export const causalLm = {
  name: "causal-lm",
  description: "each token from those before it, of texts without labels",
  ...languageModelKind,
  fromData: async (_source, { text }) => causalLmTask(text),
  matches: ({ architectures }) => Array.isArray(architectures) && String(architectures[0]).endsWith("ForCausalLM"),
  fromConfig: (_config, _file, { text }) => causalLmTask(text),
} as const satisfies TaskKind;
