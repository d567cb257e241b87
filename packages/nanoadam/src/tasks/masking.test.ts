import { describe, expect, test } from "vitest";
import type { EncodedText } from "../data/text/tokenizer.js";
import { maskTokens, mostMasked } from "./masking.js";

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

function mask(text: EncodedText, index = 0, step = 0, seed = 1) {
  const { ids, targets } = maskTokens(text, { maskId, vocabularySize, key: { seed, step }, index });
  return { ids, targets, positions: targets.map(({ position }) => position) };
}

describe("masked tokens", () => {
  const texts = Array.from({ length: 32 }, (_, row) => textOf(20 + 3 * row));

  test("are 15 % of each text's ordinary ones, each once, and never special ones", () => {
    for (const [index, text] of texts.entries()) {
      const ordinary = text.ids.length - 2;
      for (let step = 0; step < 20; step++) {
        const { positions } = mask(text, index, step);
        expect(positions).toHaveLength(Math.round(0.15 * ordinary));
        expect(positions.length).toBeLessThanOrEqual(mostMasked(text.ids.length));
        expect(new Set(positions).size).toBe(positions.length);
        for (const position of positions) {
          expect(text.specialMask[position]).toBe(0);
          expect(text.ids[position]).toBeGreaterThanOrEqual(100);
        }
      }
    }
  });

  test("are every ordinary token equally often", () => {
    const text = textOf(20);
    const counts = new Float64Array(20);
    const draws = 4000;
    for (let index = 0; index < draws; index++) {
      for (const position of mask(text, index).positions) counts[position - 1] = (counts[position - 1] ?? 0) + 1;
    }
    const expected = (3 * draws) / 20;
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(43);
  });

  test("have their own id as label", () => {
    for (const [index, text] of texts.entries()) {
      const { targets } = mask(text, index);
      expect(targets.map(({ label }) => label)).toEqual(targets.map(({ position }) => text.ids[position]));
    }
  });

  test("become the mask token in 80 %, a random token in 10 %, and stay in 10 % of the cases", () => {
    let [total, hidden, kept] = [0, 0, 0];
    const random: number[] = [];
    for (let step = 0; step < 60; step++) {
      for (const [index, text] of texts.entries()) {
        const { ids, targets } = mask(text, index, step);
        total += targets.length;
        for (const { position, label } of targets) {
          const id = ids[position] as number;
          if (id === maskId) hidden++;
          else if (id === label) kept++;
          else random.push(id);
        }
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

  test("leave every other token of the text as it was, and the text itself untouched", () => {
    const text = textOf(100);
    const { positions, ids } = mask(text);
    expect(text).toEqual(textOf(100));
    const chosen = new Set(positions);
    ids.forEach((id, position) => {
      if (!chosen.has(position)) expect(id).toBe(text.ids[position]);
    });
  });

  test("are a function of seed, step and the text's index", () => {
    const text = textOf(100);
    expect(mask(text, 7, 3, 5)).toEqual(mask(text, 7, 3, 5));
    expect(mask(text, 7, 4, 5).positions).not.toEqual(mask(text, 7, 3, 5).positions);
    expect(mask(text, 7, 3, 6).positions).not.toEqual(mask(text, 7, 3, 5).positions);
    expect(mask(text, 8, 3, 5).positions).not.toEqual(mask(text, 7, 3, 5).positions);
  });

  test("are others in every text, however many there are", () => {
    const text = textOf(200);
    const indices = [...Array.from({ length: 2000 }, (_, index) => index), 2 ** 20, 2 ** 24, 2 ** 31 - 1];
    const choices = new Set(indices.map((index) => mask(text, index).positions.join()));
    expect(choices.size).toBe(indices.length);
  });

  test("are one at least, even in the shortest text, and none where there is no ordinary token", () => {
    expect(mask(textOf(1)).targets).toHaveLength(1);
    const { targets, ids } = mask(textOf(0));
    expect(targets).toHaveLength(0);
    expect(ids).toEqual(textOf(0).ids);
  });
});

test("no text has more masked tokens than a batch has places for", () => {
  for (let tokens = 1; tokens < 300; tokens++) {
    expect(mask(textOf(tokens)).targets.length).toBeLessThanOrEqual(mostMasked(tokens + 2));
    // Without special tokens all are ordinary.
    const bare = { ...textOf(tokens), specialMask: new Uint8Array(tokens + 2) };
    expect(mask(bare).targets.length).toBeLessThanOrEqual(mostMasked(tokens + 2));
  }
});
