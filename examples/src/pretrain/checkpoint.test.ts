import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPretrained, openCheckpoint } from "nanoadam";
import { afterAll, describe, expect, it } from "vitest";
import { loadTokenizer } from "../../../packages/nanoadam/src/data/text/load.js";
import { writeInitialCheckpoint, writeTokenizer } from "./checkpoint.js";
import { learnVocabulary, splitWords, wordPieces } from "./wordpiece.js";

const folder = mkdtempSync(join(tmpdir(), "nanoadam-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = "The Café isn't open: $5_000 — said “J.R.” (it cost 5€, 20° 東京 \u00adsoft\u0096 ´x´, naïve ™).";
const vocabulary = learnVocabulary(
  Array.from({ length: 30 }, () => text),
  60,
);
const size = { vocabulary: vocabulary.length, hiddenSize: 32, layers: 1, positions: 8 };
const table = (rows: number) => Float32Array.from({ length: rows * size.hiddenSize }, (_, i) => i / 1000);
const tables = { word_embeddings: table(size.vocabulary), position_embeddings: table(size.positions) };

describe("writeInitialCheckpoint", () => {
  it("writes a masked-LM checkpoint that lacks nothing and holds nothing else, with the tables given", async () => {
    const parameters = await writeInitialCheckpoint(folder, size, tables, 0);
    const checkpoint = await openCheckpoint(folder);
    const { weights, initialised, unused } = await loadPretrained(
      checkpoint,
      { kind: "language-model", predicts: "masked" },
      0,
    );
    await checkpoint.close();
    expect(initialised).toEqual([]);
    expect(unused).toEqual([]);
    expect([...weights.values()].reduce((sum, values) => sum + values.length, 0)).toBe(parameters);
    expect(weights.get("bert.embeddings.word_embeddings.weight")).toEqual(tables.word_embeddings);
    expect(weights.get("bert.embeddings.position_embeddings.weight")).toEqual(tables.position_embeddings);
    const normalisation = "bert.encoder.layer.0.output.LayerNorm";
    expect(new Set(weights.get(`${normalisation}.weight`))).toEqual(new Set([1]));
    expect(new Set(weights.get(`${normalisation}.bias`))).toEqual(new Set([0]));
  });

  it("writes the same bytes for the same seed, and others for another", async () => {
    const bytes = async (seed: number) => {
      await writeInitialCheckpoint(folder, size, tables, seed);
      return readFileSync(join(folder, "model.safetensors"));
    };
    const first = await bytes(1);
    expect((await bytes(1)).equals(first)).toBe(true);
    expect((await bytes(2)).equals(first)).toBe(false);
  });
});

describe("writeTokenizer", () => {
  it("writes a tokenizer that splits as the vocabulary was learned", async () => {
    writeTokenizer(folder, vocabulary, 512);
    const tokenizer = await loadTokenizer(folder);
    const ids = new Map(vocabulary.map((token, id) => [token, id]));
    const expected = splitWords(text).flatMap((word) => wordPieces(word, ids));
    expect([...tokenizer.encode(text, undefined, 512).ids]).toEqual([2, ...expected, 3]);
    expect(expected).not.toContain(1);
    expect(tokenizer).toMatchObject({ padId: 0, maskId: 4, vocabularySize: vocabulary.length, maximumLength: 512 });
  });
});
