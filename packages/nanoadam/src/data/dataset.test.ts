import { describe, expect, test } from "vitest";
import type { StepKey } from "../random-streams.js";
import { countTruncated, type Dataset, sizesOf, subset } from "./dataset.js";

/** Examples that tell by which index and key they were loaded. */
const whole: Required<Dataset<{ index: number; key: StepKey }>> = {
  length: 6,
  sizeOf: (index) => 10 * index,
  load: (index, key) => ({ index, key }),
  classOf: (index) => index % 3,
  wasTruncated: (index) => index >= 4,
  targetsOf: (index) => [index / 2],
  sourceOf: (index) => ({ text: `text ${index}`, line: index + 2 }),
  forTraining: () => whole,
  imageSize: [2, 3],
  pictureOf: async (index) => `picture ${index}`,
  cutAway: 3,
  notes: ["a note"],
};

describe("a subset", () => {
  const part = subset(whole, [5, 1, 4]);
  const places = [0, 1, 2];

  test("has the sizes, classes and cuts of its examples, in their order", () => {
    expect(part.length).toBe(3);
    expect(sizesOf(part)).toEqual([50, 10, 40]);
    expect(places.map((place) => part.classOf?.(place))).toEqual([2, 1, 1]);
    expect(places.map((place) => part.wasTruncated?.(place))).toEqual([true, false, true]);
    expect([countTruncated(whole), countTruncated(part)]).toEqual([2, 2]);
    expect(places.map((place) => part.sourceOf?.(place).line)).toEqual([7, 3, 6]);
    expect(places.map((place) => part.targetsOf?.(place)[0])).toEqual([2.5, 0.5, 2]);
    expect(part.notes).toEqual(["a note"]);
    expect(part.cutAway).toBe(3);
    expect(part.imageSize).toEqual([2, 3]);
  });

  test("loads by the index in the whole and the key, so what is random about an example is what it is there", async () => {
    const key = { seed: 3, step: 7 };
    expect(await part.load(0, key)).toEqual(await whole.load(5, key));
    expect(await part.load(0, key)).toEqual({ index: 5, key });
    expect(await subset(part, [2]).load(0, key)).toEqual({ index: 4, key });
    expect(await part.pictureOf?.(0)).toBe("picture 5");
  });

  test("has no classes and cuts where the whole has none", () => {
    const { length, sizeOf, load } = whole;
    const bare = subset({ length, sizeOf, load }, [0, 1]);
    expect(bare).not.toHaveProperty("classOf");
    expect(bare).not.toHaveProperty("wasTruncated");
    expect(countTruncated(bare)).toBe(0);
  });

  test("has no example beyond its last", () => {
    expect(() => part.sizeOf(3)).toThrow(RangeError);
    expect(() => part.load(-1, { seed: 0, step: 0 })).toThrow(RangeError);
  });
});
