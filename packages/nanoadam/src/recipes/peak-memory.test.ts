import { expect, test } from "vitest";
import { peakMemoryBytes } from "./peak-memory.js";

test("counts what was held and let go", () => {
  const before = process.memoryUsage.rss();
  new Uint8Array(200e6).fill(1);
  expect(peakMemoryBytes()).toBeGreaterThan(before + 190e6);
});
