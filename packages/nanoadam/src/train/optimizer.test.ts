import { describe, expect, test } from "vitest";
import { floatsOf, type RawTensor } from "../testing/tensors.js";
import { tinyArchitectures } from "../testing/tiny-checkpoint.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

/** The flat indices of the smallest magnitudes of each chunk of 32,768 entries, by sorting. */
function smallestBySorting(values: Float32Array, density: number): Set<number> {
  const chosen = new Set<number>();
  for (let start = 0; start < values.length; start += 32768) {
    const chunk = Array.from(values.subarray(start, start + 32768), (value, i) => ({ size: Math.abs(value), i }));
    chunk.sort((a, b) => a.size - b.size || a.i - b.i);
    for (const { i } of chunk.slice(0, Math.max(1, Math.ceil(density * chunk.length)))) chosen.add(start + i);
  }
  return chosen;
}

/** Entry by entry, whether two tensors of the same dtype have the same bits. */
function entriesThatDiffer(a: RawTensor, b: RawTensor): number[] {
  const wordsOf = ({ dtype, bytes }: RawTensor) =>
    dtype === "F32" ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  const [left, right] = [wordsOf(a), wordsOf(b)];
  expect(left.length).toBe(right.length);
  return [...left.keys()].filter((i) => left[i] !== right[i]);
}

describe("what NanoAdam leaves alone", () => {
  // 2,100 rows of 16 make two chunks.
  const large = { vocabularySize: 2100 };
  const stays = { maskInterval: 1000, densityInterval: 1000, finalDensity: 0.2, density: 0.2 };

  test.each(
    tinyArchitectures.flatMap((architecture) => [[architecture, "F32"] as const, [architecture, "BF16"] as const]),
  )("%s stored as %s: every entry outside a selection that is made once has its bits", async (architecture, dtype) => {
    const place = await tinyPlace({ architecture, dtype, ...large });
    const { folder } = await tinyRun({ ...stays, steps: 6, weightDecay: 0.1 }, place);
    const [before, after] = [await weightsOf(place.model), await weightsOf(folder)];
    let moved = 0;
    for (const [name, tensor] of before) {
      const written = after.get(name);
      if (written === undefined) throw new Error(`${name} was not written`);
      const differing = entriesThatDiffer(tensor, written);
      moved += differing.length;
      if (/norm/i.test(name)) continue;
      const allowed = smallestBySorting(floatsOf(tensor), 0.2);
      expect(
        differing.filter((entry) => !allowed.has(entry)),
        name,
      ).toEqual([]);
    }
    expect(moved).toBeGreaterThan(1000);
  });

  test("with selections made anew at every step, more entries move than are selected at a time", async () => {
    const place = await tinyPlace();
    const once = await tinyRun({ ...stays, steps: 8 }, place);
    const anew = await tinyRun({ ...stays, maskInterval: 1, steps: 8 }, place);
    const changed = ({ summary }: typeof once) => summary.parameters.everChanged.count;
    expect(changed(anew)).toBeGreaterThan(changed(once));
  });
});
