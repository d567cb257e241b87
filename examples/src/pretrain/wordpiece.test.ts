import { describe, expect, it } from "vitest";
import { learnVocabulary, specialTokens, splitWords, wordPieces } from "./wordpiece.js";

describe("splitWords", () => {
  it("lower-cases, strips accents and separates punctuation, as BERT's tokenizer does", () => {
    expect(splitWords("The Café isn't open!")).toEqual(["the", "cafe", "isn", "'", "t", "open", "!"]);
  });

  it("drops invisible characters and keeps symbols that are no punctuation in their words", () => {
    expect(splitWords("soft\u00adware\u0096 20° 5€ a_b 東京")).toEqual([
      "software",
      "20°",
      "5€",
      "a",
      "_",
      "b",
      "東",
      "京",
    ]);
  });
});

describe("learnVocabulary", () => {
  const texts = Array.from({ length: 30 }, () => "low low lower newest newest newest");

  it("starts with the special tokens and every frequent character, and joins the most frequent pairs", () => {
    const vocabulary = learnVocabulary(texts, 40);
    expect(vocabulary.slice(0, 5)).toEqual([...specialTokens]);
    for (const piece of ["l", "##o", "##w", "n", "newest", "low"]) expect(vocabulary).toContain(piece);
  });

  it("stops at the size asked for", () => {
    expect(learnVocabulary(texts, 16)).toHaveLength(16);
  });
});

describe("wordPieces", () => {
  const ids = new Map([...specialTokens, "low", "##er", "##e", "##r"].map((piece, id) => [piece, id]));

  it("takes the longest piece first", () => {
    expect(wordPieces("lower", ids)).toEqual([5, 6]);
  });

  it("gives the unknown token for a word that the pieces do not cover", () => {
    expect(wordPieces("lowly", ids)).toEqual([1]);
  });
});
