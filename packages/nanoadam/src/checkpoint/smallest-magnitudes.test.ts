import fc from "fast-check";
import { expect, test } from "vitest";
import { smallestMagnitudes, zeroSmallest } from "./smallest-magnitudes.js";

async function* given(arrays: readonly Float32Array[]) {
  yield* arrays;
}

test("so many of the smallest magnitudes of several arrays become 0, of equals the first, and no others", async () => {
  const numbers = fc.float({ noNaN: true, noDefaultInfinity: true });
  const some = fc.oneof(numbers, fc.constantFrom(0, -0, 1, -1, 0.5));
  const arrays = fc.array(fc.float32Array({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      arrays,
      fc.array(some, { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (others, list, share) => {
        const all = [...others, Float32Array.from(list)];
        const flat = all.flatMap((values) => [...values]);
        const count = Math.round(share * flat.length);
        const expected = new Set(
          flat
            .map((value, place) => ({ magnitude: Math.abs(value), place }))
            .sort((a, b) => a.magnitude - b.magnitude || a.place - b.place)
            .slice(0, count)
            .map(({ place }) => place),
        );
        let cut = await smallestMagnitudes(() => given(all), count);
        const pruned = all.map((values) => values.slice());
        for (const values of pruned) cut = zeroSmallest(values, cut);
        const found = pruned.flatMap((values) => [...values]);
        expect(found).toEqual(flat.map((value, place) => (expected.has(place) ? 0 : value)));
      },
    ),
  );
});

test("more than there are cannot be chosen", async () => {
  await expect(smallestMagnitudes(() => given([Float32Array.of(1)]), 2)).rejects.toThrow(RangeError);
});
