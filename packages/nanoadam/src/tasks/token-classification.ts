/** A tag for each word of a sentence: named entities, parts of speech. */

import { float32Tensor, int32Tensor } from "../data/batch.js";
import { mapInTurns } from "../data/in-turns.js";
import {
  buildIdMap,
  type LabelMap,
  labelMapFor,
  labelMapOfModel,
  labelMapToConfig,
  labelReader,
} from "../data/labels.js";
import { readTaggedWords, readWords, type TaggedWord } from "../data/tagged-words.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedWords } from "../data/text/tokenizer.js";
import { type Entity, entityMetrics, groupWords } from "./entities.js";
import { entityReview } from "./entity-review.js";
import { argmax, probabilitiesOf, rowsOf } from "./logits.js";
import { crossEntropy } from "./loss.js";
import type { Task, TaskKind } from "./task.js";

/** A sentence as tokens, with the id of each word's tag where it is labelled, or with its text. */
export interface TaggedSentence extends EncodedWords {
  readonly tags?: readonly number[];
  readonly text?: string;
}

export interface EntityOutcome {
  readonly entities: readonly Entity[];
}

/** The tag of a word is learned and told at its first token; other tokens have weight 0. */
export function tokenClassificationTask(labels: LabelMap, text: TextEncoder): Task<TaggedSentence, EntityOutcome> {
  const outputs = labels.names.length;
  return {
    name: "token-classification",
    head: { kind: "outputs", per: "position", outputs },
    async read(source) {
      const sentences = await readTaggedWords(source);
      const reader = labelReader(labels, tagsIn(sentences));
      return textDataset(
        await mapInTurns(sentences, (sentence) => ({
          ...text.encodeWords(sentence.map(({ word }) => word)),
          tags: sentence.map(({ tag, line }) => reader.id(tag, source.file, line)),
        })),
        {
          sources: sentences.map((sentence) => ({
            text: sentence.map(({ word }) => word).join(" "),
            line: sentence[0]?.line ?? 0,
          })),
        },
      );
    },
    collate(examples, size) {
      const tokens = tokenTensors(examples, size, text.tokenizer.padId);
      const positions = examples.length * size;
      if (examples.some(({ tags }) => tags === undefined)) return { tensors: new Map(tokens), weight: positions };
      const [ids, weights] = [new Int32Array(positions), new Float32Array(positions)];
      let labelled = 0;
      for (const [row, { wordStarts, tags = [] }] of examples.entries()) {
        for (const [word, start] of wordStarts.entries()) {
          if (start < 0) continue;
          ids[row * size + start] = tags[word] ?? 0;
          weights[row * size + start] = 1;
          labelled++;
        }
      }
      return {
        tensors: new Map([
          ...tokens,
          ["labels", int32Tensor(ids, [positions])],
          ["label_weights", float32Tensor(weights, [positions, 1])],
        ]),
        weight: labelled,
      };
    },
    loss: (logits, target) => crossEntropy(logits, target("labels"), { rowWeights: target("label_weights") }),
    metrics: () => entityMetrics(labels.names),
    review: () => entityReview(labels.names),
    predictor: {
      texts: async (source) => (await readWords(source)).map((words) => ({ text: words.join(" ") })),
      example: ({ text: sentence }) => ({
        ...text.encodeWords(wordsIn(sentence).map(({ word }) => word)),
        text: sentence,
      }),
      dataset: (examples) => textDataset(examples),
      outcome(logits, { wordStarts, text: sentence = "" }) {
        const rows = rowsOf(logits, outputs);
        const words = wordsIn(sentence).flatMap(({ start, end }, index) => {
          const own = rows[wordStarts[index] ?? -1];
          if (own === undefined) return [];
          const best = argmax(own);
          return [{ tag: labels.names[best] ?? "", probability: probabilitiesOf(own)[best] ?? Number.NaN, start, end }];
        });
        return { entities: groupWords(sentence, words) };
      },
      format: ({ entities }) =>
        entities.length === 0
          ? "-"
          : entities
              .map(({ entity_group, word, score }) => `${entity_group} ${word} ${(100 * score).toFixed(1)} %`)
              .join(", "),
      columns: ({ entities }) => ({ entities }),
    },
    // A problem type that the checkpoint came with is of another task.
    config: () => ({ problem_type: undefined, ...labelMapToConfig(labels) }),
  };
}

function tagsIn(sentences: readonly (readonly TaggedWord[])[]): string[] {
  return sentences.flatMap((sentence) => sentence.map(({ tag }) => tag));
}

/** The words of a text between white space. */
function wordsIn(text: string): { readonly word: string; readonly start: number; readonly end: number }[] {
  return Array.from(text.matchAll(/\S+/gu), ({ 0: word, index }) => ({ word, start: index, end: index + word.length }));
}

export const tokenClassification = {
  name: "token-classification",
  description:
    "a tag for each word, as of named entities: JSON with a list of words and a list of tags in each row (tokens and ner_tags unless `text` and `label` name others), or lines of a word first and its tag last, blank between sentences (.conll, .iob, .txt, .tsv)",
  needsLabel: true,
  mostTextColumns: 1,
  mostLabelColumns: 1,
  lossOptions: [],
  metrics: ["f1", "precision", "recall", "accuracy", "loss"],
  async fromData(source, { text, config }) {
    const sentences = await readTaggedWords({ ...source, limit: undefined });
    return tokenClassificationTask(labelMapFor(tagsIn(sentences), config, source.file, buildIdMap), text);
  },
  matches: ({ architectures }) =>
    Array.isArray(architectures) && String(architectures[0]).endsWith("ForTokenClassification"),
  fromConfig: (config, file, { text }) => tokenClassificationTask(labelMapOfModel(config, file), text),
} as const satisfies TaskKind;
