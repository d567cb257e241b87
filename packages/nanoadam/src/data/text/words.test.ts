/** Sentences that come as words. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { bytePairFiles, type TokenizerFiles, tinyWords, wordPieceFiles } from "../../testing/tiny-tokenizer.js";
import { loadTokenizer, type TextTokenizer } from "./load.js";

async function load(files: TokenizerFiles): Promise<TextTokenizer> {
  const folder = await temporaryFolder();
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  return loadTokenizer(folder);
}

function words(tokenizer: TextTokenizer, given: readonly string[], maxLength = 100) {
  const { ids, wordStarts, wasTruncated } = tokenizer.encodeWords(given, maxLength);
  return { ids: [...ids], wordStarts: [...wordStarts], wasTruncated };
}

/** Byte-level BPE as RoBERTa's files have it: a text's first word is without space. */
function withoutPrefixSpace(): TokenizerFiles {
  const files = bytePairFiles();
  const tokenizer = JSON.parse(files["tokenizer.json"] ?? "");
  const preTokenizer = { ...tokenizer.pre_tokenizer, add_prefix_space: false };
  const config = { ...JSON.parse(files["tokenizer_config.json"] ?? ""), add_prefix_space: false };
  return {
    ...files,
    "tokenizer.json": JSON.stringify({ ...tokenizer, pre_tokenizer: preTokenizer }),
    "tokenizer_config.json": JSON.stringify(config),
  };
}

describe("words", () => {
  test("are told by their first token; a word of nothing has none", async () => {
    const tokenizer = await load(wordPieceFiles());
    const pieces = (text: string) => [...tokenizer.encode(text, undefined, 100).ids].slice(1, -1);
    const [good, s, film] = [...pieces("goods"), ...pieces("film")];
    expect(words(tokenizer, ["goods", "", "film"])).toEqual({
      ids: [2, good, s, film, 3],
      wordStarts: [1, -1, 3],
      wasTruncated: false,
    });
    expect(words(tokenizer, [])).toEqual({ ids: [2, 3], wordStarts: [], wasTruncated: false });
  });

  test("beyond the maximum length are cut; one that is cut within keeps its first token", async () => {
    const tokenizer = await load(wordPieceFiles());
    const cut = words(tokenizer, ["film", "goods", "film"], 4);
    expect(cut).toMatchObject({ wordStarts: [1, 2, -1], wasTruncated: true });
    expect(cut.ids).toHaveLength(4);
    expect(words(tokenizer, ["film", "goods"], 5).wasTruncated).toBe(false);
    await expectRefusal(() => tokenizer.encodeWords(["film"], 2), "The maximum length is 2 tokens");
  });

  test("of byte-level BPE read as after a space, the first one too, whatever the tokenizer does with texts", async () => {
    const plain = await load(withoutPrefixSpace());
    const prefixed = await load(bytePairFiles());
    expect([...plain.encode("bad", undefined, 9).ids]).not.toEqual([...prefixed.encode("bad", undefined, 9).ids]);
    const expected = words(prefixed, ["bad", "good"]);
    expect(expected.ids).toEqual([...prefixed.encode("bad good", undefined, 99).ids]);
    expect(words(plain, ["bad", "good"])).toEqual(expected);
  });

  test.each([
    ["WordPiece", wordPieceFiles()],
    ["byte-level BPE", bytePairFiles()],
  ])("of %s are, put together, the text of them", async (_, files) => {
    const tokenizer = await load(files);
    const vocabulary = Object.values(tinyWords).flat();
    const word = fc.oneof(fc.constantFrom(...vocabulary), fc.constantFrom("goods", "filmly", "."));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.integer({ min: 3, max: 30 }), (given, maxLength) => {
        const text = tokenizer.encode(given.join(" "), undefined, maxLength);
        const found = tokenizer.encodeWords(given, maxLength);
        expect([...found.ids]).toEqual([...text.ids]);
        expect([...found.specialMask]).toEqual([...text.specialMask]);
        expect(found.wasTruncated).toBe(text.wasTruncated);
        const kept = [...found.wordStarts].filter((start) => start >= 0);
        expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
        expect(kept.every((start) => found.specialMask[start] === 0)).toBe(true);
        for (const [index, start] of found.wordStarts.entries()) {
          const own = tokenizer.encodeWords([given[index] ?? ""], 100).ids[1];
          if (start >= 0) expect(found.ids[start]).toBe(own);
        }
      }),
    );
  });
});
