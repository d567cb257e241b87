/** Each token from those before it: how decoders are pretrained, and taught to answer. */
import { int32Tensor } from "../data/batch.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import { type LearnedText, type LossOn, mergeTexts } from "../data/text/learned-text.js";
import { chooseInstructionColumns, nestedColumns } from "./instruction-columns.js";
import { readInstructionTexts } from "./instruction-texts.js";
import { languageModelKind, tokenLoss, tokenMetrics, tokenTargets } from "./language-model.js";
import type { Task, TaskKind } from "./task.js";

/**
 * The position before a token predicts it; the last position of a text predicts nothing. Only tokens that are learned are
 * predicted.
 * @param lossOn which those are; where absent, the completion, or what the assistant writes, and plain text whole
 */
export function causalLmTask(text: TextEncoder, lossOn?: LossOn): Task<LearnedText, never> {
  return {
    name: "causal-lm",
    head: { kind: "language-model", predicts: "next" },
    async read(source) {
      const { texts, sources, cutAway } = await readInstructionTexts(source, text, lossOn);
      return textDataset(texts, { sources, cutAway });
    },
    collate(examples, size) {
      const targets = examples.flatMap((example, row) =>
        [...predictedTokens(example)].map(({ position, label }) => ({ position: row * size + position, label })),
      );
      return {
        tensors: new Map([
          ...tokenTensors(examples, size, text.tokenizer.padId),
          ...(examples.some(({ starts }) => starts !== undefined) ? [segmentIds(examples, size)] : []),
          ...tokenTargets(targets, examples.length * Math.max(1, size - 1)),
        ]),
        weight: targets.length,
      };
    },
    merge: mergeTexts,
    loss: tokenLoss,
    metrics: () => tokenMetrics(text.vocabularySize),
    config: () => ({}),
  };
}

/** The tokens of a row that are learned, but for the first of each text, at the positions that predict them. */
function* predictedTokens({ ids, learned, starts = [0] }: LearnedText) {
  const isFirst = new Set(starts);
  for (const [position, label] of ids.subarray(1).entries()) {
    if (!isFirst.has(position + 1) && learned?.[position + 1] !== 0) yield { position, label };
  }
}

/** `segment_ids` int32 [rows, size]: the number of the text that each token is of, within its row. Padding is a text of its own. */
function segmentIds(examples: readonly LearnedText[], size: number) {
  const segments = new Int32Array(examples.length * size);
  for (const [row, { ids, starts = [0] }] of examples.entries()) {
    for (const start of [...starts.slice(1), ids.length]) {
      for (let place = start; place < size; place++)
        segments[row * size + place] = (segments[row * size + place] ?? 0) + 1;
    }
  }
  return ["segment_ids", int32Tensor(segments, [examples.length, size])] as const;
}

export const causalLm = {
  ...languageModelKind,
  name: "causal-lm",
  description:
    "each token from those before it: of conversations (a column messages), prompts with completions (prompt and completion, or question and answer), instructions (instruction, input and output), or texts without labels",
  mostTextColumns: 2,
  usualLength: 512,
  nestedColumns,
  lossOptions: ["lossOn"],
  chooseColumns: (table, named) => chooseInstructionColumns(languageModelKind, table, named),
  fromData: async (_source, { text, lossOn }) => causalLmTask(text, lossOn),
  matches: ({ architectures }) => Array.isArray(architectures) && String(architectures[0]).endsWith("ForCausalLM"),
  fromConfig: (_config, _file, { text, lossOn }) => causalLmTask(text, lossOn),
} as const satisfies TaskKind;
