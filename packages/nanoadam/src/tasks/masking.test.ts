import { describe, expect, test } from "vitest";
import { collate } from "../data/batches.js";
import type { EncodedText } from "../data/text/load.js";
import { maskTokens } from "./masking.js";
import { maskedPlaces } from "./objective.js";

const maskId = 4;
const vocabularySize = 1000;

/** A text of so many ordinary tokens between two special ones (2 and 3). */
function textOf(tokens: number): EncodedText {
  const ids = Int32Array.from({ length: tokens + 2 }, (_, i) => 100 + (i % 700));
  const specialMask = new Uint8Array(ids.length);
  for (const [place, id] of [
    [0, 2],
    [ids.length - 1, 3],
  ] as const) {
    ids[place] = id;
    specialMask[place] = 1;
  }
  return { ids, specialMask, typeIds: new Int32Array(ids.length), wasTruncated: false };
}

function batchOf(texts: readonly EncodedText[]) {
  const longest = Math.max(...texts.map(({ ids }) => ids.length));
  return collate(texts, { indices: texts.map((_, index) => index), length: longest + 3 }, 0);
}

function mask(texts: readonly EncodedText[], step = 0, seed = 1) {
  const batch = batchOf(texts);
  const masked = maskTokens(batch, texts, { maskId, vocabularySize, key: { seed, step } });
  const numbers = (name: string) => [...(masked.targets.get(name) ?? [])];
  return {
    ...masked,
    batch,
    positions: numbers("masked_positions"),
    labels: numbers("masked_labels"),
    weights: numbers("masked_weights"),
  };
}

describe("masked tokens", () => {
  const texts = Array.from({ length: 32 }, (_, row) => textOf(20 + 3 * row));
  const ordinary = texts.reduce((sum, { ids }) => sum + ids.length - 2, 0);

  test("are 15 % of the ordinary ones, each once, and never special ones or padding", () => {
    for (let step = 0; step < 20; step++) {
      const { positions, count, batch } = mask(texts, step);
      expect(count).toBe(Math.round(0.15 * ordinary));
      const used = positions.slice(0, count);
      expect(new Set(used).size).toBe(count);
      for (const position of used) {
        expect(batch.attentionMask[position]).toBe(1);
        expect(batch.inputIds[position]).toBeGreaterThanOrEqual(100);
      }
    }
  });

  test("have their own id as label and one weight for all; places not used have weight 0", () => {
    const { positions, labels, weights, count, batch } = mask(texts);
    expect(weights).toHaveLength(maskedPlaces(batch));
    expect(weights.slice(0, count)).toEqual(new Array(count).fill(Math.fround(1 / count)));
    expect(weights.slice(count).every((weight) => weight === 0)).toBe(true);
    expect(labels.slice(0, count)).toEqual(positions.slice(0, count).map((position) => batch.inputIds[position]));
  });

  test("become the mask token in 80 %, a random token in 10 %, and stay in 10 % of the cases", () => {
    let [total, hidden, kept] = [0, 0, 0];
    const random: number[] = [];
    for (let step = 0; step < 60; step++) {
      const { positions, labels, count, inputIds } = mask(texts, step);
      total += count;
      for (const [place, position] of positions.slice(0, count).entries()) {
        const id = inputIds[position] as number;
        if (id === maskId) hidden++;
        else if (id === labels[place]) kept++;
        else random.push(id);
      }
    }
    expect(total).toBeGreaterThan(15_000);
    expect(hidden / total).toBeCloseTo(0.8, 1.7);
    expect(kept / total).toBeCloseTo(0.1, 1.7);
    expect(random.length / total).toBeCloseTo(0.1, 1.7);
    expect(Math.min(...random)).toBeLessThan(30);
    expect(Math.max(...random)).toBeGreaterThan(970);
    expect(Math.max(...random)).toBeLessThan(vocabularySize);
  });

  test("leave every other token of the batch as it was, and the batch itself untouched", () => {
    const { positions, count, inputIds, batch } = mask(texts);
    expect([...batch.inputIds]).toEqual([...batchOf(texts).inputIds]);
    const chosen = new Set(positions.slice(0, count));
    inputIds.forEach((id, position) => {
      if (!chosen.has(position)) expect(id).toBe(batch.inputIds[position]);
    });
  });

  test("are a function of seed and step", () => {
    expect(mask(texts, 3, 5)).toEqual(mask(texts, 3, 5));
    expect(mask(texts, 4, 5).positions).not.toEqual(mask(texts, 3, 5).positions);
    expect(mask(texts, 3, 6).positions).not.toEqual(mask(texts, 3, 5).positions);
  });

  test("are one at least, even in the shortest text, and none where there is no ordinary token", () => {
    expect(mask([textOf(1)])).toMatchObject({ count: 1 });
    const { count, inputIds, batch, weights } = mask([textOf(0)]);
    expect(count).toBe(0);
    expect([...inputIds]).toEqual([...batch.inputIds]);
    expect(weights.every((weight) => weight === 0)).toBe(true);
  });
});
