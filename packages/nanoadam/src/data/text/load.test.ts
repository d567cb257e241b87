import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../../testing/fixtures.js";
import { InputError } from "../../errors.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { unigramFiles } from "../../testing/tiny-tokenizer.js";
import { loadTokenizer, type TextTokenizer } from "./load.js";
import { truncateLongestFirst } from "./truncation.js";

/** A byte-level BPE tokenizer of RoBERTa's kind, with a vocabulary small enough to follow by hand. */
const roberta = {
  added_tokens: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].map((content, id) => ({
    id,
    content,
    special: true,
    normalized: false,
    single_word: false,
    lstrip: content === "<mask>",
    rstrip: false,
  })),
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
  post_processor: { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0], trim_offsets: true },
  decoder: { type: "ByteLevel" },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    vocab: {
      "<s>": 0,
      "<pad>": 1,
      "</s>": 2,
      "<unk>": 3,
      "<mask>": 4,
      a: 5,
      b: 6,
      Ġ: 7,
      ab: 8,
      Ġab: 9,
      Ã: 10,
      "©": 11,
    },
    merges: ["a b", "Ġ ab"],
  },
};

async function folderWith(tokenizer: unknown, config: unknown = {}): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  return folder;
}

/** The ids, types and special mask of an encoding as plain lists. */
function encoded(tokenizer: TextTokenizer, text: string, pair: string | undefined, maxLength = 100) {
  const { ids, typeIds, specialMask } = tokenizer.encode(text, pair, maxLength);
  return { ids: [...ids], typeIds: [...typeIds], specialMask: [...specialMask] };
}

describe("byte-level BPE with RoBERTa's template", () => {
  test("one text is <s> a </s>, a pair <s> a </s></s> b </s>, all of type 0", async () => {
    const tokenizer = await loadTokenizer(await folderWith(roberta));
    expect(encoded(tokenizer, "ab abé", undefined)).toEqual({
      ids: [0, 8, 9, 10, 11, 2],
      typeIds: [0, 0, 0, 0, 0, 0],
      specialMask: [1, 0, 0, 0, 0, 1],
    });
    expect(encoded(tokenizer, "ab", "b a")).toEqual({
      ids: [0, 8, 2, 2, 6, 7, 5, 2],
      typeIds: [0, 0, 0, 0, 0, 0, 0, 0],
      specialMask: [1, 0, 1, 1, 0, 0, 0, 1],
    });
    expect(encoded(tokenizer, "", "")).toMatchObject({ ids: [0, 2, 2, 2] });
  });

  test("the mask token swallows the space before it and is no special token of the template", async () => {
    const tokenizer = await loadTokenizer(await folderWith(roberta));
    expect(encoded(tokenizer, "ab <mask> ab", undefined)).toMatchObject({
      ids: [0, 8, 4, 9, 2],
      specialMask: [1, 0, 0, 0, 1],
    });
  });

  test("padding and mask ids, vocabulary size, longest input and files", async () => {
    const config = { pad_token: "<pad>", mask_token: { content: "<mask>", lstrip: true }, model_max_length: 512 };
    const folder = await folderWith(roberta, config);
    await writeFile(join(folder, "merges.txt"), "");
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer).toMatchObject({ padId: 1, maskId: 4, vocabularySize: 12, maximumLength: 512 });
    const names = ["tokenizer.json", "tokenizer_config.json", "merges.txt"];
    expect(tokenizer.files).toEqual(names.map((name) => join(folder, name)));
  });

  test("the same template written as TemplateProcessing or within a Sequence", async () => {
    const part = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
    const template = {
      type: "TemplateProcessing",
      single: [part("<s>"), { Sequence: { id: "A", type_id: 0 } }],
      pair: [part("<s>"), { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
    };
    const processor = { type: "Sequence", processors: [{ type: "ByteLevel" }, template] };
    const tokenizer = await loadTokenizer(await folderWith({ ...roberta, post_processor: processor }));
    expect(encoded(tokenizer, "a", "b")).toEqual({ ids: [0, 5, 6], typeIds: [0, 0, 1], specialMask: [1, 0, 0] });
    const bare = await loadTokenizer(await folderWith({ ...roberta, post_processor: null }));
    expect(encoded(bare, "a", undefined)).toEqual({ ids: [5], typeIds: [0], specialMask: [0] });
  });
});

describe("Unigram with XLM-RoBERTa's template", () => {
  /** The ids that the tokenizers library in Rust gives with the same file. */
  const expected: Readonly<Record<string, readonly number[]>> = {
    "the film": [0, 4, 5, 2],
    "goodly films": [0, 6, 11, 5, 10, 2],
    "bad  badder": [0, 13, 13, 24, 14, 15, 2],
    "café 中": [0, 9, 3, 16, 18, 26, 9, 27, 2],
    "a <mask> film": [0, 9, 16, 28, 5, 2],
    "": [0, 2],
    "  the ": [0, 4, 9, 2],
    ﬁlm: [0, 5, 2],
    "the中film xyz": [0, 4, 27, 18, 19, 20, 21, 9, 3, 2],
  };

  test("finds the likeliest pieces, spaces and unknown letters as the library in Rust", async () => {
    const folder = await temporaryFolder();
    for (const [file, content] of Object.entries(unigramFiles())) await writeFile(join(folder, file), content);
    const tokenizer = await loadTokenizer(folder);
    const found = Object.keys(expected).map((text) => [text, [...tokenizer.encode(text, undefined, 64).ids]]);
    expect(Object.fromEntries(found)).toEqual(expected);
    expect([...tokenizer.encode("the film", "bad", 64).ids]).toEqual([0, 4, 5, 2, 2, 13, 2]);
    expect([tokenizer.padId, tokenizer.maskId, tokenizer.vocabularySize]).toEqual([1, 28, 29]);
  });
});

test("white space is Unicode's: the next-line character is, the byte order mark is not", async () => {
  const pieces = async (files: Readonly<Record<string, string>>, text: string) => {
    const folder = await temporaryFolder();
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    return [...(await loadTokenizer(folder)).encode(text, undefined, 64).ids].slice(1, -1);
  };
  const unigram = JSON.parse(unigramFiles()["tokenizer.json"] ?? "");
  const pre_tokenizer = { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, unigram.pre_tokenizer] };
  const split = { ...unigramFiles(), "tokenizer.json": JSON.stringify({ ...unigram, pre_tokenizer }) };
  expect(await pieces(split, "the\u0085film")).toEqual([4, 5]);
  expect(await pieces(split, "the\uFEFFfilm")).not.toContain(5);
});

describe("truncation", () => {
  test("takes from the longer text first, and never special tokens", async () => {
    const tokenizer = await loadTokenizer(await folderWith(roberta));
    expect(encoded(tokenizer, "ababab", undefined, 4).ids).toEqual([0, 8, 8, 2]);
    expect(tokenizer.encode("ababab", undefined, 4).wasTruncated).toBe(true);
    expect(tokenizer.encode("ababab", undefined, 5).wasTruncated).toBe(false);
    expect(encoded(tokenizer, "abababab", "b", 7).ids).toEqual([0, 8, 8, 2, 2, 6, 2]);
  });

  test("known cases of Hugging Face's fast tokenizers", () => {
    const cut = (first: number, second: number, room: number, limit = 20) =>
      Object.values(truncateLongestFirst(first, second, room, limit));
    expect(cut(3, 4, 10)).toEqual([3, 4]);
    expect(cut(10, 2, 8)).toEqual([6, 2]);
    expect(cut(2, 10, 8)).toEqual([2, 6]);
    expect(cut(10, 10, 8)).toEqual([4, 4]);
    expect(cut(10, 10, 7)).toEqual([3, 4]);
    expect(cut(11, 10, 7)).toEqual([4, 3]);
    expect(cut(11, 10, 7, 10)).toEqual([3, 4]);
    expect(cut(9, 0, 4)).toEqual([4, 0]);
  });

  test("fills the room and never cuts the shorter text while the longer one is longer", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(50), (first, second, room) => {
        const kept = truncateLongestFirst(first, second, room, room + 3);
        expect(kept.first + kept.second).toBe(Math.min(room, first + second));
        expect(kept.first).toBeLessThanOrEqual(first);
        expect(kept.second).toBeLessThanOrEqual(second);
        if (kept.first < first) expect(kept.first).toBeGreaterThanOrEqual(kept.second - 1);
        if (kept.second < second) expect(kept.second).toBeGreaterThanOrEqual(kept.first - 1);
      }),
    );
  });
});

describe.skipIf(!sharedDataIsPresent)("real tokenizers (needs shared/data)", () => {
  const minibert = join(sharedDataFolder, "models", "minibert");

  test("WordPiece with BERT's template, checked by hand against vocab.txt", async () => {
    const tokenizer = await loadTokenizer(minibert);
    const vocabulary = (await readFile(join(minibert, "vocab.txt"), "utf8")).split("\n");
    const tokens = (text: string, pair?: string) =>
      [...tokenizer.encode(text, pair, 128).ids].map((id) => vocabulary[id]).join(" ");
    expect(tokens("It's a charming film.")).toBe("[CLS] it ' s a charming film . [SEP]");
    expect(tokens("Café", "über")).toBe(tokens("cafe", "uber"));
    expect(tokens("a\tb", "c-d")).toBe("[CLS] a b [SEP] c - d [SEP]");
    expect(tokens("the [MASK] \u{1F600}")).toBe("[CLS] the [MASK] [UNK] [SEP]");
    expect(encoded(tokenizer, "the film", "the")).toMatchObject({
      typeIds: [0, 0, 0, 0, 1, 1],
      specialMask: [1, 0, 0, 1, 0, 1],
    });
    expect(tokenizer).toMatchObject({ padId: 0, maskId: 4, vocabularySize: 8192, maximumLength: 128 });
  });

  test("pieces that continue a word are the longest that fit", async () => {
    const tokenizer = await loadTokenizer(minibert);
    const vocabulary = (await readFile(join(minibert, "vocab.txt"), "utf8")).split("\n");
    const pieces = [...tokenizer.encode("unwatchably", undefined, 128).ids.subarray(1, -1)].map((id) => vocabulary[id]);
    expect(pieces.map((piece) => piece?.replace("##", "")).join("")).toBe("unwatchably");
    let rest = "unwatchably";
    for (const [place, piece] of pieces.entries()) {
      const length = piece?.replace("##", "").length ?? 0;
      for (let longer = length + 1; longer <= rest.length; longer++) {
        expect(vocabulary).not.toContain((place > 0 ? "##" : "") + rest.slice(0, longer));
      }
      rest = rest.slice(length);
    }
  });

  test("BPE with byte fallback gives the published ids of stories260K", async () => {
    const tokenizer = await loadTokenizer(join(sharedDataFolder, "models", "stories260K"));
    const text = "Once upon a time, there was a little girl named Lily. She loved to play";
    const ids = "1 403 407 261 378 432 383 286 261 376 298 315 421 395 317 426 338 401 396 267";
    expect([...tokenizer.encode(text, undefined, 20).ids].join(" ")).toBe(ids);
    expect(tokenizer).toMatchObject({ padId: 2, maskId: undefined, vocabularySize: 512 });
  });
});

describe("refused", () => {
  const load = async (tokenizer: unknown) => loadTokenizer(await folderWith(tokenizer));

  test("a folder without tokenizer.json, or with one that is damaged", async () => {
    const folder = await temporaryFolder();
    await expect(loadTokenizer(folder)).rejects.toThrow(/has no tokenizer\.json; save it once in Python/);
    await writeFile(join(folder, "tokenizer.json"), "{");
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json is not valid JSON/);
  });

  test("contents that are no tokenizer", async () => {
    await expect(load({})).rejects.toThrow(/tokenizer\.json has no object "model"/);
    await expect(load({ ...roberta, model: { type: "Magic" } })).rejects.toThrow(/cannot be used as a tokenizer/);
    await expect(load({ ...roberta, post_processor: { type: "Magic" } })).rejects.toThrow(
      /post_processor has type "Magic", expected TemplateProcessing/,
    );
    const broken = { type: "RobertaProcessing", sep: "</s>", cls: ["<s>", 0] };
    await expect(load({ ...roberta, post_processor: broken })).rejects.toThrow(
      /post_processor\.sep is "<\/s>", expected/,
    );
    await expect(load([])).rejects.toThrow(InputError);
  });

  test("a file in the way of the folder", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "tokenizer.json"));
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json could not be read: it is a folder/);
  });

  test("a maximum length without room for text", async () => {
    const tokenizer = await load(roberta);
    expect(() => tokenizer.encode("a", "b", 4)).toThrow(/The maximum length is 4 tokens, .* than the 4 special tokens/);
    expect(() => tokenizer.encode("a", undefined, 2)).toThrow(/The maximum length is 2 tokens, .* 2 special tokens/);
    expect(() => tokenizer.encode("a", undefined, Number.NaN)).toThrow(InputError);
  });

  test("text outside a WordPiece vocabulary whose token for unknown text is missing", async () => {
    const model = { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab: { a: 0 } };
    const tokenizer = await load({ ...roberta, added_tokens: [], model, post_processor: null });
    expect(() => tokenizer.encode("xyz", undefined, 9)).toThrow(
      /is not in the vocabulary, which has no token for unknown/,
    );
  });
});
