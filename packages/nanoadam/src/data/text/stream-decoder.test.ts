import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../../testing/fixtures.js";
import { byteFallbackFiles, bytePairFiles, unigramFiles } from "../../testing/tiny-tokenizer.js";
import { loadTokenizer } from "./load.js";
import { StopStrings } from "./stop-strings.js";
import { StreamDecoder } from "./stream-decoder.js";
import { createTextTokenizer } from "./tokenizer.js";

function tokenizerOf(files: Readonly<Record<string, string>>) {
  const [tokenizer, config] = ["tokenizer.json", "tokenizer_config.json"].map((name) => JSON.parse(files[name] ?? ""));
  const names = { file: "tokenizer.json", configFile: "tokenizer_config.json" };
  return createTextTokenizer({ ...names, tokenizer, config, specialTokens: {}, paths: [] });
}

const tokenizers = {
  "byte fallback": tokenizerOf(byteFallbackFiles()),
  "byte level": tokenizerOf(bytePairFiles()),
  sentencepiece: tokenizerOf(unigramFiles()),
};

describe.each(Object.entries(tokenizers))("%s", (name, tokenizer) => {
  const alphabet = name === "byte fallback" ? fc.string({ unit: "grapheme" }) : fc.stringMatching(/^[a-z ]*$/);

  test("the pieces are the text of all", () => {
    fc.assert(
      fc.property(alphabet, alphabet, (before, text) => {
        // Byte order marks are no text to the library.
        fc.pre(!`${before}${text}`.includes("\uFEFF"));
        const context = tokenizer.encodeBare(before);
        const ids = tokenizer.encodeBare(text).filter((id) => !tokenizer.isSpecial(id));
        const decoder = new StreamDecoder(tokenizer, context);
        const pieces = ids.map((id) => decoder.push(id));
        expect(pieces.join("") + decoder.flush()).toBe(
          tokenizer.decode([...context, ...ids]).slice(tokenizer.decode(context).length),
        );
        if (text.includes("\uFFFD")) return;
        for (const piece of pieces) expect(piece).not.toContain("\uFFFD");
      }),
    );
  });
});

test("a character is held back until its bytes are there", () => {
  const tokenizer = tokenizers["byte fallback"];
  const decoder = new StreamDecoder(tokenizer);
  const bytes = [...Buffer.from("ü😀")].map((byte) => byte + 3);
  expect(bytes.map((id) => decoder.push(id))).toEqual(["", "ü", "", "", "", "😀"]);
  expect(decoder.push(3 + 0xf0)).toBe("");
  expect(decoder.flush()).toBe("\uFFFD");
});

test("special tokens, and ids that are no tokens, have no text", () => {
  const tokenizer = tokenizers["byte fallback"];
  const [good = []] = [tokenizer.encodeBare("good bad")];
  expect(tokenizer.decode([1, ...good, 2], { skipSpecialTokens: true })).toBe("good bad");
  expect(tokenizer.decode([1, ...good, 2])).toBe("<s> good bad</s>");
  expect(tokenizer.decode([...good, 5000])).toBe("good bad");
  expect(tokenizer.decode([])).toBe("");
  const decoder = new StreamDecoder(tokenizer, [1]);
  expect([...good, 2].map((id) => decoder.push(id)).join("")).toBe(" good bad");
});

test.skipIf(!sharedDataIsPresent)("what transformers reads in stories260K's tokens (needs shared/data)", async () => {
  const tokenizer = await loadTokenizer(join(sharedDataFolder, "models", "stories260K"));
  const ids = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426];
  expect(tokenizer.decode(ids)).toBe("<s> Once upon a time, there was a little girl named Lily.");
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(
    "Once upon a time, there was a little girl named Lily.",
  );
});

describe("strings that end a text", () => {
  const read = (strings: readonly string[], pieces: readonly string[]) => {
    const stops = new StopStrings(strings);
    const handed = pieces.map((piece) => stops.push(piece));
    return { handed, rest: stops.flush(), isFound: stops.isFound };
  };

  test("are not handed out, nor what may be their beginning", () => {
    expect(read(["\n\n"], ["one\n", "two\n", "\n", "three"])).toEqual({
      handed: ["one", "\ntwo", "", ""],
      rest: "",
      isFound: true,
    });
    expect(read(["END", "."], ["The EN", "d EN"])).toEqual({ handed: ["The ", "ENd "], rest: "EN", isFound: false });
  });

  test("do not depend on the pieces", () => {
    const letters = fc.array(fc.stringMatching(/^[ab]{1,4}$/), { maxLength: 6 });
    fc.assert(
      fc.property(
        letters,
        fc.array(fc.stringMatching(/^[ab]{1,4}$/), { minLength: 1, maxLength: 3 }),
        (pieces, strings) => {
          const text = pieces.join("");
          const whole = read(strings, [...text]);
          const inPieces = read(strings, pieces);
          expect(inPieces.handed.join("") + inPieces.rest).toBe(whole.handed.join("") + whole.rest);
          const isThere = strings.some((each) => text.includes(each));
          expect([inPieces.isFound, whole.isFound]).toEqual([isThere, isThere]);
          expect(isThere || inPieces.handed.join("") + inPieces.rest === text).toBe(true);
        },
      ),
    );
  });
});
