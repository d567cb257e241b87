/** Normalizers, against what Hugging Face's tokenizers in Rust (0.23) make of the same texts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { bertNormalizer } from "./bert-normalizer.js";
import { mendedNormalizer } from "./normalizer.js";
import { precompiledNormalizer } from "./precompiled-normalizer.js";

const [lowercase, plain] = [
  { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: false },
];

describe("BERT's", () => {
  test.each([
    ["Café ÉCOLE", "cafe ecole"],
    ["good\u{20BB7}film", "good \u{20BB7} film"],
    ["\u{20000}\u{2F800}\u4E2D", " \u{20000}  \u4E3D  \u4E2D "],
    ["ΑΣ ΟΔΟΣ", "ασ οδοσ"],
    ["İI", "ii"],
    ["a\u200Db\u00ADc\uFEFFd\u0000e\uFFFDf", "abcdef"],
    ["a\tb\nc\u00A0d\u3000e", "a b c d e"],
  ])("%j in lower case is %j", (text, expected) => {
    expect(bertNormalizer(lowercase)(text)).toBe(expected);
  });

  test("keeps case and accents where it is told, each by itself", () => {
    expect(bertNormalizer(plain)("Café ΑΣ")).toBe("Café ΑΣ");
    expect(bertNormalizer({ ...plain, strip_accents: true })("Café")).toBe("Cafe");
    expect(bertNormalizer({ ...lowercase, strip_accents: false })("CAFÉ")).toBe("café");
    expect(bertNormalizer({ ...plain, handle_chinese_chars: false })("a中b")).toBe("a中b");
    expect(bertNormalizer({ lowercase: true, strip_accents: false })("A\u200Db")).toBe("a\u200Db");
  });

  test("changes no text a second time, but for spaces", () => {
    const normalize = bertNormalizer(lowercase);
    const words = (text: string) => text.split(/ +/u).join(" ").trim();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const once = normalize(text);
        expect(words(normalize(once))).toBe(words(once));
      }),
    );
  });
});

/** Of the rules ﬁ to fi, ½ to 1⁄2, e and acute to é, a wide A to A, ab to X, and spaces; as SentencePiece wrote it. */
const charsmap = [
  "AAQAAACAAQBhgAEACwAAgGIFAADMDAIAZTQDAIEFAAAQAACAhQUAAAEAAIADAACAgDQCAAAAAICLBQAAgAQCAIAZAACBBQAADQAAgKEF",
  "AAAJAACAnUQCAJAMAgCAFQAAFgAAABkAAAAYAAAAGwAAABoAAAAdAAAAHAAAAB8AAAAeAAAAIQAAACAAAAAjAAAAIgAAAKzUAgAkAAAA",
  "JwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAAAL3pAAAwAAAAMwAAADIAAAC8HAIANAAAADcAAAA2AAAAOQAAADgA",
  "AAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAEkAAABIAAAASwAAAEoAAABNAAAA",
  "TAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEA",
  "AABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABmAAAAaQAAAGgAAABrAAAAagAAAG0AAABsAAAAbwAAAG4AAABxAAAAcAAAAHMAAAByAAAA",
  "dQAAAHQAAAB3AAAAdgAAAHkAAAB4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAADiJAAA4zQAAIUAAACEAAAAhwAAAIYA",
  "AACJAAAAiAAAAIsAAACKAAAAjQAAAIwAAACPAAAA7xwAAPBkAACQAAAAkwAAAJIAAACVAAAAlAAAAJcAAACWAAAAmQAAAJgAAACbAAAA",
  "mgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAMK8AACiAAAApQAAAKQAAACnAAAApgAAAKkAAACoAAAAqwAAAKoAAACtAAAArAAAAK8A",
  "AACuAAAAsQAAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AAAAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAA",
  "wwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADMAAAAzwAAAM4AAADRAAAA0AAAANMAAADSAAAA1QAAANQA",
  "AADXAAAA1gAAANkAAADYAAAA2wAAANoAAADdAAAA3AAAAN8AAADeAAAA4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA",
  "6AAAAOsAAADqAAAA7QAAAOwAAADvAAAA7gAAAPEAAADwAAAA8wAAAPIAAAD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0A",
  "AAD8AAAA/wAAAP4AAAAAIAAx4oGEMgBBAFgAZmkAw6kA",
].join("");

describe("SentencePiece's, with its map", () => {
  test.each([
    ["plain", "plain"],
    ["\uFB01lm \u00BD", "film 1\u20442"],
    ["cafe\u0301", "caf\u00E9"],
    ["e\u0302\u0301", "e\u0302\u0301"],
    ["e\u0301\u0301", "\u00E9"],
    ["\uFF21\u200B\u3000\u0085b", "A  b"],
    ["abab ab", "abab ab"],
    ["\u{1D400}e", "Ae"],
    ["a\u200Db", "a\u200Db"],
  ])("%j is %j", (text, expected) => {
    expect(precompiledNormalizer(charsmap, "tokenizer.json")(text)).toBe(expected);
  });

  test("is one step of a sequence", () => {
    const config = {
      type: "Sequence",
      normalizers: [{ type: "Precompiled", precompiled_charsmap: charsmap }, { type: "Lowercase" }, { type: "Own" }],
    };
    const own = Object.assign((text: string) => `${text}!`, {});
    const library = Object.assign((text: string) => text, { normalizers: [null, null, own] });
    expect(mendedNormalizer(config, library, "tokenizer.json")?.("\uFB01LM ΑΣ")).toBe("film ασ!");
  });

  test("a map that is cut off is refused", async () => {
    await expectRefusal(
      () => precompiledNormalizer("AAQAAA==", "tokenizer.json"),
      "charsmap has 4 bytes, which are no map",
    );
    await expectRefusal(() => precompiledNormalizer("", "tokenizer.json"), "has 0 bytes");
  });
});
