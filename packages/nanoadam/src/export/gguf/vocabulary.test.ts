import { expect, test } from "vitest";
import { byteLevelTokenizer } from "../../testing/byte-level-tokenizer.js";
import { vocabularyValues } from "./vocabulary.js";

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
const rest = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const bytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
const split = (pattern: string) => ({
  type: "Sequence",
  pretokenizers: [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated" }, bytes],
});

function valueAt(preTokenizer: unknown, key: string, more: Readonly<Record<string, unknown>> = {}): unknown {
  const tokenizer = { ...byteLevelTokenizer(preTokenizer), ...more };
  return vocabularyValues({ tokenizer, file: "tokenizer.json", rows: 270 }).get(`tokenizer.ggml.${key}`);
}

test.each([
  ["gpt-2", { ...bytes, use_regex: true }],
  ["llama-bpe", split(`${contractions}\\p{N}{1,3}${rest}`)],
  ["qwen2", split(`${contractions}\\p{N}${rest}`)],
  [
    "smollm",
    {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", individual_digits: true },
        { ...bytes, use_regex: true },
      ],
    },
  ],
])("a byte-level tokenizer that cuts texts as %s does has its name, and its merges", (name, preTokenizer) => {
  expect(valueAt(preTokenizer, "pre")).toEqual({ string: name });
  expect(valueAt(preTokenizer, "model")).toEqual({ string: "gpt2" });
  expect(valueAt(preTokenizer, "merges")).toEqual({ string: ["h e", "Ġ t", "Ġt he"] });
});

test("tokens are ordinary, added or special, and rows without one are unused", () => {
  const pre = { ...bytes, use_regex: true };
  const { int32 = [] } = valueAt(pre, "token_type") as { int32?: readonly number[] };
  expect([int32[0], int32[259], int32[260], int32[261]]).toEqual([1, 3, 4, 5]);
  const { string = [] } = valueAt(pre, "tokens") as { string?: readonly string[] };
  expect(string.slice(256, 262)).toEqual(["he", "Ġt", "Ġthe", "<|end|>", "<think>", "[PAD261]"]);
});

test("what llama.cpp would do otherwise is refused", () => {
  const pre = { ...bytes, use_regex: true };
  expect(() => valueAt({ ...pre, add_prefix_space: true }, "pre")).toThrow("pre_tokenizer (ByteLevel) is none");
  expect(() => valueAt(split("\\s+"), "pre")).toThrow("pre_tokenizer (Split,ByteLevel) is none");
  expect(() => valueAt(pre, "pre", { normalizer: { type: "Lowercase" } })).toThrow("Lowercase normalizer");
  expect(() => valueAt(pre, "pre", { model: { type: "Unigram" } })).toThrow("Unigram tokenizer");
});
