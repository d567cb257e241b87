/** From texts to tokens, and from tokens to the tensors of a batch. */
import { InputError } from "../../errors.js";
import { type HostTensor, int32Tensor } from "../batch.js";
import type { Dataset, ExampleSource } from "../dataset.js";
import type { EncodedText, EncodedWords, TextTokenizer } from "./tokenizer.js";

/** One text, or a pair of texts. */
export interface Texts {
  readonly text: string;
  readonly textPair?: string;
}

/** Encodes texts with a model's tokenizer, to at most so many tokens. */
export interface TextEncoder {
  readonly tokenizer: TextTokenizer;
  readonly maxLength: number;
  /** Rows of the model's word embeddings, which are at least as many as the tokenizer has ids. */
  readonly vocabularySize: number;
  encode(texts: Texts): EncodedText;
  encodeWords(words: readonly string[]): EncodedWords;
}

export function textEncoder(
  tokenizer: TextTokenizer,
  maxLength: number,
  vocabularySize = tokenizer.vocabularySize,
): TextEncoder {
  return {
    tokenizer,
    maxLength,
    vocabularySize,
    encode: ({ text, textPair }) => tokenizer.encode(text, textPair, maxLength),
    encodeWords: (words) => tokenizer.encodeWords(words, maxLength),
  };
}

export interface TextDatasetOptions<Example> {
  readonly classOf?: (example: Example) => number;
  readonly targetsOf?: (example: Example) => ArrayLike<number>;
  /** What each example was made of. */
  readonly sources?: readonly ExampleSource[];
  readonly notes?: readonly string[];
  readonly cutAway?: number;
}

/** Encoded examples as a data set; their size is their number of tokens. */
export function textDataset<Example extends EncodedText>(
  examples: readonly Example[],
  { classOf, targetsOf, sources, notes, cutAway }: TextDatasetOptions<Example> = {},
): Omit<Dataset<Example>, "forTraining"> {
  const at = (index: number): Example => {
    const example = examples[index];
    if (example === undefined) throw new RangeError(`there is no example ${index} among ${examples.length}`);
    return example;
  };
  return {
    length: examples.length,
    sizeOf: (index) => at(index).ids.length,
    load: at,
    wasTruncated: (index) => at(index).wasTruncated,
    ...(classOf === undefined ? {} : { classOf: (index: number) => classOf(at(index)) }),
    ...(targetsOf === undefined ? {} : { targetsOf: (index: number) => targetsOf(at(index)) }),
    ...(sources === undefined ? {} : { sourceOf: (index: number) => sources[index] ?? { text: "", line: 0 } }),
    ...(cutAway === undefined ? {} : { cutAway }),
    ...(notes === undefined ? {} : { notes }),
  };
}

/**
 * `input_ids`, `attention_mask` (1 at tokens, 0 at padding) and `token_type_ids`, each int32 [texts, length], padded on the
 * right.
 * @throws RangeError for a text of more than `length` tokens.
 */
export function tokenTensors(
  texts: readonly Pick<EncodedText, "ids" | "typeIds">[],
  length: number,
  padId: number,
): [string, HostTensor][] {
  const size = texts.length * length;
  const [inputIds, attentionMask, tokenTypeIds] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)];
  inputIds.fill(padId);
  for (const [row, { ids, typeIds }] of texts.entries()) {
    if (ids.length > length) {
      throw new RangeError(`a text of ${ids.length} tokens does not fit a batch of ${length} tokens per row`);
    }
    const start = row * length;
    inputIds.set(ids, start);
    tokenTypeIds.set(typeIds, start);
    attentionMask.fill(1, start, start + ids.length);
  }
  const shape = [texts.length, length];
  return [
    ["input_ids", int32Tensor(inputIds, shape)],
    ["attention_mask", int32Tensor(attentionMask, shape)],
    ["token_type_ids", int32Tensor(tokenTypeIds, shape)],
  ];
}

/**
 * The encoder of a model's tokenizer.
 * @param asked the maximum length that was asked for; by default what model and tokenizer allow
 * @param usual by default no more than this
 * @param folder what messages call the model
 * @throws InputError where the tokenizer's ids exceed the embedding, or more tokens are asked for than there are positions.
 */
export function encoderForModel(
  tokenizer: TextTokenizer,
  model: { readonly vocabularySize: number; readonly maximumLength: number },
  {
    asked,
    folder,
    usual = Number.POSITIVE_INFINITY,
  }: { readonly asked: number | undefined; readonly folder: string; readonly usual?: number },
): TextEncoder {
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new InputError(
      `${folder}: tokenizer.json has ids up to ${tokenizer.vocabularySize - 1}, but the embedding has ${model.vocabularySize} rows (vocab_size in config.json)`,
    );
  }
  if (asked !== undefined && asked > model.maximumLength) {
    throw new InputError(`\`maxLength\` is ${asked}, expected at most the model's ${model.maximumLength} positions`);
  }
  const most = Math.min(model.maximumLength, tokenizer.maximumLength ?? model.maximumLength);
  return textEncoder(tokenizer, asked ?? Math.min(usual, most), model.vocabularySize);
}
