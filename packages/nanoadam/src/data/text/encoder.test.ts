import { describe, expect, test } from "vitest";
import { InputError } from "../../errors.js";
import { expectRefusal } from "../../testing/refusal.js";
import type { HostTensor } from "../batch.js";
import { countTruncated, sizesOf } from "../dataset.js";
import { encoderForModel, textDataset, textEncoder, tokenTensors } from "./encoder.js";
import type { EncodedText, TextTokenizer } from "./tokenizer.js";

describe("the tensors of tokens", () => {
  const texts = [
    { ids: Int32Array.of(8), typeIds: Int32Array.of(0) },
    { ids: Int32Array.of(5, 6, 7), typeIds: Int32Array.of(0, 1, 1) },
  ];
  const int32 = (shape: readonly number[], ...data: number[]): HostTensor => ({
    type: { dataType: "int32", shape },
    data: Int32Array.from(data),
  });

  test("are padded on the right", () => {
    expect(tokenTensors(texts, 4, 9)).toEqual([
      ["input_ids", int32([2, 4], 8, 9, 9, 9, 5, 6, 7, 9)],
      ["attention_mask", int32([2, 4], 1, 0, 0, 0, 1, 1, 1, 0)],
      ["token_type_ids", int32([2, 4], 0, 0, 0, 0, 0, 1, 1, 0)],
    ]);
  });

  test("refuse a text that is too long", () => {
    expect(() => tokenTensors(texts, 2, 0)).toThrow(RangeError);
    expect(() => tokenTensors(texts, 2, 0)).toThrow(/a text of 3 tokens does not fit a batch of 2 tokens per row/);
  });
});

function encoded(tokens: number, wasTruncated: boolean): EncodedText {
  const zeros = new Int32Array(tokens);
  return { ids: zeros, typeIds: zeros, specialMask: new Uint8Array(tokens), wasTruncated };
}

describe("a data set of encoded texts", () => {
  const texts = [encoded(3, false), encoded(5, true), encoded(2, false)];
  const dataset = textDataset(texts, { classOf: ({ ids }) => ids.length % 2 });

  test("has their tokens as sizes, and says which were cut and of what class they are", () => {
    expect(sizesOf(dataset)).toEqual([3, 5, 2]);
    expect(countTruncated(dataset)).toBe(1);
    expect([0, 1, 2].map((index) => dataset.classOf?.(index))).toEqual([1, 1, 0]);
    expect(dataset.load(1, { seed: 0, step: 0 })).toBe(texts[1]);
  });

  test("has no classes unless told, and no example beyond its last", () => {
    expect(textDataset(texts).classOf).toBeUndefined();
    expect(() => dataset.load(3, { seed: 0, step: 0 })).toThrow(RangeError);
  });
});

describe("an encoder", () => {
  /** A token for each letter, so many of them at most. */
  const tokenizer = (properties: Partial<TextTokenizer>): TextTokenizer => ({
    encode: (text, textPair = "", maxLength) =>
      encoded(Math.min(maxLength, text.length + textPair.length), text.length + textPair.length > maxLength),
    encodeWords: () => {
      throw new Error("letters are no words");
    },
    decode: (ids) => String.fromCharCode(...ids),
    isSpecial: () => false,
    encodeBare: (text) => [...text].map((letter) => letter.charCodeAt(0)),
    chatTemplate: () => {
      throw new Error("letters are no conversations");
    },
    endId: undefined,
    padId: 0,
    maskId: undefined,
    vocabularySize: 10,
    maximumLength: undefined,
    files: [],
    ...properties,
  });
  const model = { vocabularySize: 10, maximumLength: 512 };
  const training = (asked: number | undefined) => ({ asked, folder: "folder", usual: 128 });

  test("cuts a text, or a pair, to its maximum length", () => {
    const encoder = textEncoder(tokenizer({}), 4);
    expect(encoder.encode({ text: "abc" })).toEqual(encoded(3, false));
    expect(encoder.encode({ text: "abc", textPair: "de" })).toEqual(encoded(4, true));
  });

  test.each([
    ["128 tokens to train", {}, 512, undefined, 128, 128],
    ["as many as it has positions to predict", {}, 512, undefined, undefined, 512],
    ["what the model has positions for", {}, 40, undefined, 128, 40],
    ["what the tokenizer allows to train", { maximumLength: 64 }, 512, undefined, 128, 64],
    ["what the tokenizer allows to predict", { maximumLength: 300 }, 512, undefined, undefined, 300],
    ["what was asked for", { maximumLength: 64 }, 512, 300, undefined, 300],
  ])("of a model takes at most %s", (_, properties, maximumLength, asked, usual, expected) => {
    const encoder = encoderForModel(
      tokenizer(properties),
      { ...model, maximumLength },
      { asked, folder: "folder", ...(usual === undefined ? {} : { usual }) },
    );
    expect(encoder.maxLength).toBe(expected);
  });

  test("is refused for a tokenizer whose ids the embedding does not have", async () => {
    await expectRefusal(
      () => encoderForModel(tokenizer({ vocabularySize: 11 }), model, training(undefined)),
      "folder: tokenizer.json has ids up to 10, but the embedding has 10 rows (vocab_size in config.json)",
    );
  });

  test("is refused for more tokens than there are positions", () => {
    const ask = () => encoderForModel(tokenizer({}), model, training(513));
    expect(ask).toThrow(InputError);
    expect(ask).toThrow("`maxLength` is 513, expected at most the model's 512 positions");
    expect(encoderForModel(tokenizer({}), model, training(512)).maxLength).toBe(512);
  });
});
