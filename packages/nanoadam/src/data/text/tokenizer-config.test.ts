/** Where tokenizer_config.json and tokenizer.json disagree, the tokens are those that transformers makes. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import {
  byteFallbackFiles,
  bytePairFiles,
  type TokenizerFiles,
  unigramFiles,
  wordPieceFiles,
} from "../../testing/tiny-tokenizer.js";
import { loadTokenizer } from "./load.js";

type Fields = Readonly<Record<string, unknown>>;

/** A tokenizer with fields of both files replaced; those of tokenizer.json by place. */
async function load(
  files: TokenizerFiles,
  config: Fields,
  change: (tokenizer: Record<string, unknown>) => Fields = () => ({}),
) {
  const folder = await temporaryFolder();
  const tokenizer = JSON.parse(files["tokenizer.json"] ?? "");
  const known = JSON.parse(files["tokenizer_config.json"] ?? "");
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify({ ...tokenizer, ...change(tokenizer) }));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ ...known, ...config }));
  return loadTokenizer(folder);
}

async function ids(tokenizer: ReturnType<typeof load>, text: string, pair?: string, maxLength = 64) {
  return [...(await tokenizer).encode(text, pair, maxLength).ids];
}

const cased = ({ normalizer }: Record<string, unknown>) => ({
  normalizer: { ...(normalizer as Fields), lowercase: false },
});
const unknown = 1;
const [good, film, bare] = [5, 11, 8];

describe("BERT's normalizer", () => {
  test.each([
    ["lower-cases", { do_lower_case: true }, [good]],
    ["keeps case", { do_lower_case: false }, [unknown]],
    ["lower-cases where nothing is said, as BERT does", {}, [good]],
    ["lower-cases by the older class", { tokenizer_class: "BertTokenizerFast", do_lower_case: true }, [good]],
    ["is that of tokenizer.json for classes that say so", { tokenizer_class: "PreTrainedTokenizerFast" }, [unknown]],
    [
      "is that of tokenizer.json for them whatever is said",
      { tokenizer_class: "TokenizersBackend", do_lower_case: true },
      [unknown],
    ],
  ])("%s", async (_, config, expected) => {
    expect(await ids(load(wordPieceFiles(), config, cased), "Good")).toEqual([2, ...expected, 3]);
  });

  test("strips accents as the configuration says, and else where it lower-cases", async () => {
    const of = (config: Fields) => ids(load(wordPieceFiles(), config), "barè");
    expect(await of({})).toEqual([2, bare, 3]);
    expect(await of({ strip_accents: false })).toEqual([2, unknown, 3]);
    expect(await of({ do_lower_case: false })).toEqual([2, unknown, 3]);
    expect(await of({ do_lower_case: false, strip_accents: true })).toEqual([2, bare, 3]);
  });

  test("sets ideographs apart unless told", async () => {
    const of = (config: Fields) => ids(load(wordPieceFiles(), config), "good中film");
    expect(await of({})).toEqual([2, good, unknown, film, 3]);
    expect(await of({ tokenize_chinese_chars: false })).toEqual([2, unknown, 3]);
  });
});

describe("the space before a text", () => {
  const withSpace = (isPrefixed: boolean) => (tokenizer: Record<string, unknown>) => ({
    pre_tokenizer: { ...(tokenizer.pre_tokenizer as Fields), add_prefix_space: isPrefixed },
  });
  const [none, spaced] = [
    [0, 11, 19, 19, 8, 2],
    [0, 37, 19, 8, 2],
  ];

  test.each([
    ["is added", { add_prefix_space: true }, false, spaced],
    ["is not added", { add_prefix_space: false }, true, none],
    ["is not added by RoBERTa where nothing is said", { add_prefix_space: undefined }, true, none],
    [
      "is as in tokenizer.json for classes that say so",
      { add_prefix_space: undefined, tokenizer_class: "PreTrainedTokenizerFast" },
      true,
      spaced,
    ],
  ])("%s", async (_, config, inTokenizer, expected) => {
    expect(await ids(load(bytePairFiles(), config, withSpace(inTokenizer)), "good")).toEqual(expected);
  });

  test("of pieces with a mark in place of spaces, too", async () => {
    expect(await ids(load(unigramFiles(), {}), "film")).toEqual([0, 5, 2]);
    expect(await ids(load(unigramFiles(), { add_prefix_space: false }), "film")).not.toContain(5);
  });
});

describe("long texts", () => {
  test("are cut on the side that the configuration says, else tokenizer.json", async () => {
    const text = "good film bare";
    expect(await ids(load(wordPieceFiles(), {}), text, undefined, 4)).toEqual([2, good, film, 3]);
    const left = { truncation_side: "left" };
    expect(await ids(load(wordPieceFiles(), left), text, undefined, 4)).toEqual([2, film, bare, 3]);
    expect(await ids(load(wordPieceFiles(), left), text, text, 7)).toEqual([2, film, bare, 3, film, bare, 3]);
    const truncation = { direction: "Left", max_length: 99, strategy: "LongestFirst", stride: 0 };
    expect(
      await ids(
        load(wordPieceFiles(), {}, () => ({ truncation })),
        text,
        undefined,
        3,
      ),
    ).toEqual([2, bare, 3]);
    const { wordStarts } = (await load(wordPieceFiles(), left)).encodeWords(["goods", "film"], 4);
    expect([...wordStarts]).toEqual([-1, 2]);
  });

  test("of another side are refused", async () => {
    await expectRefusal(load(wordPieceFiles(), { truncation_side: "middle" }), 'truncation_side is "middle"');
  });
});

test("tokens that the configuration adds are kept whole", async () => {
  const added = { "39": { content: "good-film", special: false, lstrip: false, rstrip: false, normalized: false } };
  expect(await ids(load(wordPieceFiles(), { added_tokens_decoder: added }), "the good-film")).toEqual([2, 9, 39, 3]);
  const withoutMask = (tokenizer: Record<string, unknown>) => ({
    added_tokens: (tokenizer.added_tokens as Fields[]).filter(({ content }) => content !== "[MASK]"),
  });
  expect(await ids(load(wordPieceFiles(), {}, withoutMask), "the [MASK]")).toEqual([2, 9, 4, 3]);
});

test("token types are given where the model is to have them", async () => {
  const types = async (config: Fields) => [...(await load(wordPieceFiles(), config)).encode("good", "film", 9).typeIds];
  expect(await types({})).toEqual([0, 0, 0, 1, 1]);
  expect(await types({ tokenizer_class: "DistilBertTokenizer" })).toEqual([0, 0, 0, 0, 0]);
  expect(await types({ model_input_names: ["input_ids", "attention_mask"] })).toEqual([0, 0, 0, 0, 0]);
  const all = ["input_ids", "token_type_ids", "attention_mask"];
  expect(await types({ tokenizer_class: "DistilBertTokenizer", model_input_names: all })).toEqual([0, 0, 0, 1, 1]);
});

test.each([
  [{ split_special_tokens: true }, "split_special_tokens is true, expected false"],
  [
    { tokenizer_class: "DebertaV2Tokenizer", do_lower_case: true },
    "do_lower_case is true, expected false as in the norm",
  ],
  [{ tokenizer_class: "DebertaV2TokenizerFast", split_by_punct: true }, "split_by_punct is true, expected false as in"],
])("%j is refused", async (config, says) => {
  await expectRefusal(load(unigramFiles(), config), "tokenizer_config.json: ", says);
});

describe("Llama's spaces", () => {
  const [space, a, b, spaceB, go] = [286, 259, 260, 288, 291];

  test.each([
    ["there is one before a text that has none", {}, [1, go], [1, space, a, 2, spaceB]],
    ["the same in older versions", { legacy: true }, [1, go], [1, space, a, 2, spaceB]],
    ["none is added where that is said", { add_prefix_space: false }, [1, go], [1, a, 2, spaceB]],
    [
      "classes that take everything from tokenizer.json add one always",
      { tokenizer_class: "PreTrainedTokenizerFast" },
      [1, space, go],
      [1, space, a, 2, space, spaceB],
    ],
  ])("%s", async (_, config, afterSpace, afterToken) => {
    const tokenizer = load(byteFallbackFiles(), config);
    expect(await ids(tokenizer, " go")).toEqual(afterSpace);
    expect(await ids(tokenizer, "a</s> b")).toEqual(afterToken);
  });

  test("a Mistral's are those of tokenizer.json whatever its class, as config.json tells", async () => {
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries(byteFallbackFiles())) await writeFile(join(folder, name), content);
    await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "mistral" }));
    expect(await ids(loadTokenizer(folder), " go")).toEqual([1, space, go]);
  });

  test("what has no token is made of its bytes, and without a padding token the end token fills batches", async () => {
    const tokenizer = await load(byteFallbackFiles(), { add_prefix_space: false });
    expect([...tokenizer.encode("é", undefined, 9).ids]).toEqual([1, 3 + 0xc3, 3 + 0xa9]);
    expect([...tokenizer.encode("a", "b", 9).ids]).toEqual([1, a, 1, b]);
    expect(tokenizer.padId).toBe(2);
  });
});
