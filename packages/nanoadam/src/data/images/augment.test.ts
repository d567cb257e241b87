import { expect, test } from "vitest";
import { drawsFor, flipped, randomPart } from "./augment.js";

const image = (width: number, height: number) => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => i % 256),
});

test("draws depend on seed, epoch and image alone", () => {
  const draws = (seed: number, step: number, index: number) => {
    const draw = drawsFor({ seed, step }, index);
    return [draw(), draw()];
  };
  expect(draws(1, 2, 3)).toEqual(draws(1, 2, 3));
  const all = [draws(1, 2, 3), draws(2, 2, 3), draws(1, 3, 3), draws(1, 2, 4)].flat();
  expect(new Set(all).size).toBe(all.length);
});

test("a part lies within its image, whatever the size", () => {
  for (const [width, height] of [
    [1, 1],
    [1, 50],
    [50, 1],
    [31, 17],
  ] as const) {
    for (let index = 0; index < 50; index++) {
      const part = randomPart(image(width, height), drawsFor({ seed: 0, step: 0 }, index));
      expect(part.width).toBeGreaterThanOrEqual(1);
      expect(part.height).toBeGreaterThanOrEqual(1);
      expect(part.width).toBeLessThanOrEqual(width);
      expect(part.height).toBeLessThanOrEqual(height);
      expect(part.pixels.length).toBe(part.width * part.height * 3);
    }
  }
});

test("turned about twice, an image is itself", () => {
  const one = image(3, 2);
  expect([...flipped(one).pixels.subarray(0, 3)]).toEqual([...one.pixels.subarray(6, 9)]);
  expect(flipped(flipped(one))).toEqual(one);
});
