/** The masked tokens of each text (BERT's recipe, see `maskTokens`): how encoders are pretrained. */
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { InputError } from "../errors.js";
import { languageModelKind, readTexts, tokenLoss, tokenMetrics, tokenTargets } from "./language-model.js";
import { type MaskedText, maskTokens, mostMasked } from "./masking.js";
import type { Task, TaskKind } from "./task.js";

type MaskedExample = EncodedText & MaskedText;

/** @throws InputError for a tokenizer without a mask token. */
export function maskedLmTask(text: TextEncoder): Task<MaskedExample, never> {
  const { maskId, vocabularySize, padId } = text.tokenizer;
  if (maskId === undefined) throw new InputError("tokenizer.json has no mask token, which masked-lm needs");
  return {
    name: "masked-lm",
    head: { kind: "language-model", predicts: "masked" },
    async read(source) {
      const texts = await readTexts(source, text);
      return {
        ...textDataset(texts),
        load(index, key) {
          const encoded = texts[index];
          if (encoded === undefined) throw new RangeError(`there is no text ${index} among ${texts.length}`);
          return { ...encoded, ...maskTokens(encoded, { maskId, vocabularySize, key, index }) };
        },
      };
    },
    collate(examples, size) {
      const targets = examples.flatMap((example, row) =>
        example.targets.map(({ position, label }) => ({ position: row * size + position, label })),
      );
      return {
        tensors: new Map([
          ...tokenTensors(examples, size, padId),
          ...tokenTargets(targets, examples.length * mostMasked(size)),
        ]),
        weight: targets.length,
      };
    },
    loss: tokenLoss,
    metrics: () => tokenMetrics(text.vocabularySize),
    config: () => ({}),
  };
}

export const maskedLm = {
  name: "masked-lm",
  description: "hidden words of texts without labels",
  ...languageModelKind,
  fromData: async (_source, { text }) => maskedLmTask(text),
  matches: ({ architectures }) => Array.isArray(architectures) && String(architectures[0]).endsWith("ForMaskedLM"),
  fromConfig: (_config, _file, { text }) => maskedLmTask(text),
} as const satisfies TaskKind;
