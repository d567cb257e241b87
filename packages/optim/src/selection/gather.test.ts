import { expect, test } from "vitest";
import { addEntries, gatherEntries, scatterEntries } from "./gather.js";
import { selectSmallest } from "./select.js";

const values = Float32Array.from({ length: 20 }, (_, index) => Math.sin(index + 1));
const selection = selectSmallest(values, { density: 0.4, chunkSize: 7 });

test("what was gathered goes back to where it was, and nothing else changes", () => {
  const packed = gatherEntries(values, selection);
  const changed = values.slice();
  addEntries(values, selection, packed, 1);
  scatterEntries(packed, selection, changed);
  expect(changed.filter((value, index) => value !== values[index])).toHaveLength(selection.count);
  expect(gatherEntries(changed, selection)).toEqual(packed);
  scatterEntries(gatherEntries(values, selection), selection, changed);
  expect(changed).toEqual(values);
});

test("sizes are the selection's", () => {
  expect(() => scatterEntries(new Float32Array(3), selection, values)).toThrow(/packed array has 3 values/);
  expect(() => scatterEntries(new Float32Array(selection.count), selection, new Float32Array(5))).toThrow(
    /whole tensor has 5 values/,
  );
});
