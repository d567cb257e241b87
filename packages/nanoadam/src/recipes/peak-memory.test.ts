import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { peakMemoryBytes } from "./peak-memory.js";

/** Frees at once what nothing holds any longer. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("this Node has no garbage collector to call");
  collect();
}

test("counts what was held, and still does when it was let go", () => {
  collectGarbage();
  const peakBefore = peakMemoryBytes();
  const held = process.memoryUsage.rss();
  expect(peakBefore).toBeGreaterThan(0.99 * held);
  // More than this process has had so far, so that the peak must rise.
  const size = peakBefore - held + 200e6;
  let block: Uint8Array | undefined = new Uint8Array(size).fill(1);
  expect(block.at(-1)).toBe(1);
  const peak = peakMemoryBytes();
  expect(peak).toBeGreaterThan(peakBefore + 190e6);
  expect(peak).toBeLessThan(peakBefore + 300e6);

  block = undefined;
  collectGarbage();
  expect(process.memoryUsage.rss()).toBeLessThan(peak - 150e6);
  // Linux counts pages by processor and adds them up now and then, so a figure may be some pages off.
  expect(peakMemoryBytes()).toBeGreaterThan(peak - 1e6);
});
