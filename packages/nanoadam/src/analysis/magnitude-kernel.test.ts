import fc from "fast-check";
import { expect, test } from "vitest";
import { type Pair, pair } from "../testing/random-entries.js";
import { compareEntries, countEntries, listMarked, type Marks } from "./magnitude-kernel.js";
import { bitsOf, magnitudeMask } from "./magnitudes.js";

const bucketOf = (magnitude: number) => magnitude >>> 16;
const magnitudesOf = (values: Float32Array) => Array.from(bitsOf(values), (bits) => bits & magnitudeMask);

/** More entries than the kernel takes at a time, with what was drawn at both ends. */
function long({ weights, gradient }: Pair): Pair {
  const widened = (values: Float32Array, filler: number) => {
    const all = new Float32Array(40_001 + values.length).map((_, i) => filler * Math.sin(i));
    all.set(values);
    all.set(values, 40_001);
    return all;
  };
  return { weights: widened(weights, 0.02), gradient: widened(gradient, 1e-4) };
}

/** Few runs are enough for the long ones: that chunks join is all they are for. */
function forAnyPair(check: (given: Pair) => void): void {
  fc.assert(fc.property(pair, check));
  fc.assert(
    fc.property(pair, (given) => check(long(given))),
    { numRuns: 3 },
  );
}

/** Vitest takes long over tables of 32,768. */
const areEqual = (a: Uint32Array, b: Uint32Array) => a.every((value, place) => value === b[place]);

function expectCounted({ weights, gradient }: Pair): void {
  const found = countEntries(weights, gradient);
  const plain = { weights: found.weights.map(() => 0), gradient: found.gradient.map(() => 0) };
  const greatest = found.greatest.map(() => 0);
  const [sizes, slopes] = [magnitudesOf(weights), magnitudesOf(gradient)];
  let squares = 0;
  for (const [i, size] of sizes.entries()) {
    const bucket = bucketOf(slopes[i] ?? 0);
    plain.weights[bucketOf(size)] = (plain.weights[bucketOf(size)] ?? 0) + 1;
    plain.gradient[bucket] = (plain.gradient[bucket] ?? 0) + 1;
    greatest[bucket] = Math.max(greatest[bucket] ?? 0, size);
    squares += (gradient[i] ?? 0) ** 2;
  }
  expect(areEqual(found.weights, plain.weights)).toBe(true);
  expect(areEqual(found.gradient, plain.gradient)).toBe(true);
  expect(areEqual(found.greatest, greatest)).toBe(true);
  expect(Math.abs(found.squares - squares)).toBeLessThanOrEqual(1e-12 * squares);
}

test("entries are counted as a plain loop counts them", () => {
  forAnyPair(expectCounted);
});

test("of gradients that are 0 for long stretches every entry is counted", () => {
  fc.assert(
    fc.property(pair, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }), (given, before, behind) => {
      const flat = (length: number) => new Float32Array(length).map((_, i) => -Math.sin(i));
      const weights = Float32Array.of(...flat(before), ...given.weights, ...flat(behind));
      const gradient = new Float32Array(weights.length);
      gradient.set(given.gradient, before);
      expectCounted({ weights, gradient });
    }),
  );
});

test("entries in marked buckets are listed in their order, by weights alone too", () => {
  forAnyPair(({ weights, gradient }) => {
    const [sizes, slopes] = [magnitudesOf(weights), magnitudesOf(gradient)];
    const marks = {
      weights: new Set(sizes.slice(0, 3).map(bucketOf)),
      gradient: new Set(slopes.slice(0, 2).map(bucketOf)),
      gradientFrom: Math.max(...slopes.slice(0, 5).map(bucketOf)),
    };
    const all = sizes.map((_, place) => place);
    const isMarked = (place: number) => marks.weights.has(bucketOf(sizes[place] ?? 0));
    const isSteep = (place: number) => {
      const bucket = bucketOf(slopes[place] ?? 0);
      return marks.gradient.has(bucket) || bucket >= marks.gradientFrom;
    };
    expect(listedOf(weights, gradient, marks)).toEqual(
      all
        .filter((place) => isMarked(place) || isSteep(place))
        .map((place) => [place, (sizes[place] ?? 0) < 0x10000 ? 0 : sizes[place], slopes[place]]),
    );
    const alone = listedOf(weights, undefined, { weights: marks.weights, gradient: new Set() });
    expect(alone.map(([place]) => place)).toEqual(all.filter(isMarked));
  });
});

test("no gradient is listed where none is asked for, and each where all are", () => {
  const values = Float32Array.of(0, 1, -3.4e38, 1e-45);
  const marked = (marks: Partial<Marks>) =>
    listedOf(values, values, { weights: new Set(), gradient: new Set(), ...marks }).map(([place]) => place);
  expect(marked({})).toEqual([]);
  expect(marked({ gradientFrom: 1 })).toEqual([1, 2]);
  expect(marked({ gradientFrom: 0 })).toEqual([0, 1, 2, 3]);
});

function listedOf(weights: Float32Array, gradient: Float32Array | undefined, marks: Marks): number[][] {
  const found: number[][] = [];
  listMarked(weights, gradient, marks, (listed) => {
    for (const [i, place] of listed.places.entries()) {
      found.push([listed.start + place, listed.weights[i] ?? 0, listed.gradient[i] ?? 0]);
    }
  });
  return found;
}

test.each([
  ["most", 0.9],
  ["some", 0.5],
  ["few", 0.1],
  ["no", 0],
])("where %s entries moved, moves are added up by where they began, as a plain loop does", (_, share) => {
  forAnyPair(({ weights: before, gradient }) => {
    const isMoved = (i: number) => (i * 0.618) % 1 < share;
    const now = before.map((value, i) => (isMoved(i) ? value + (gradient[i] ?? 0) : value));
    const sizes = magnitudesOf(before);
    const [lower = 0, upper = 0] = [sizes[0] ?? 0, sizes.at(-1) ?? 0].sort((a, b) => a - b);
    const found = compareEntries(before, now, lower, upper);
    const plain = { changed: 0, squares: 0, small: 0, atLower: 0, middle: 0, atUpper: 0, large: 0 };
    for (const [i, size] of sizes.entries()) {
      const moved = Math.abs((now[i] ?? 0) - (before[i] ?? 0));
      if (moved > 0) plain.changed++;
      plain.squares += moved ** 2;
      if (size < lower) plain.small += moved;
      else if (size === lower) plain.atLower += moved;
      else if (size < upper) plain.middle += moved;
      else if (size === upper) plain.atUpper += moved;
      else plain.large += moved;
    }
    for (const key of Object.keys(plain) as (keyof typeof plain)[]) {
      expect(Math.abs(found[key] - plain[key])).toBeLessThanOrEqual(1e-6 * plain[key]);
    }
  });
});
