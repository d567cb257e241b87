import { expect, test } from "vitest";
import { resized } from "./resample.js";

const image = { width: 5, height: 4, pixels: Uint8Array.from({ length: 60 }, (_, i) => (i * 73) % 256) };

/** What Pillow 12.3 makes of it, 6 high and 3 wide: the first two rows. */
test.each([
  ["the nearest pixel", 0, [0, 73, 146, 182, 255, 72, 108, 181, 254, 71, 144, 217, 253, 70, 143, 179, 252, 69]],
  ["Lanczos", 1, [101, 41, 131, 196, 218, 48, 105, 209, 169, 64, 79, 176, 217, 128, 82, 159, 194, 120]],
  ["bilinear", 2, [94, 57, 130, 182, 198, 72, 124, 197, 160, 75, 93, 166, 189, 134, 108, 160, 178, 123]],
  ["bicubic", 3, [96, 47, 128, 192, 210, 57, 116, 205, 166, 68, 85, 171, 204, 130, 95, 161, 186, 120]],
] as const)("%s, as Pillow has it", (_name, resampling, expected) => {
  const { width, height, pixels } = resized(image, [6, 3], resampling);
  expect([width, height]).toEqual([3, 6]);
  if (resampling === 0) expect([...pixels.subarray(0, 9)]).toEqual(expected.slice(0, 9));
  else expect([...pixels.subarray(0, 18)]).toEqual(expected);
});
