import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { windowsOver } from "../graph/windows.js";
import { type RandomKey, uniform } from "./random.js";
import { type ChunkedEntries, SampledProduct } from "./sampled-product.js";

const key = (site: number): RandomKey => ({ seed: 1, step: 0, site });
const floats = (length: number, site: number) => Float32Array.from({ length }, (_, i) => uniform(key(site), i) - 0.5);

/** Entries in chunks, each entry with the probability `density`. */
function someEntries(length: number, density: number, chunkSize: number, site: number): ChunkedEntries {
  const [starts, offsets]: [number[], number[]] = [[0], []];
  for (let entry = 0; entry < length; entry++) {
    if (uniform(key(site), entry) < density) offsets.push(entry % chunkSize);
    if ((entry + 1) % chunkSize === 0 || entry + 1 === length) starts.push(offsets.length);
  }
  return { chunkSize, starts: Uint32Array.from(starts), offsets: Uint16Array.from(offsets) };
}

function indicesOf({ chunkSize, starts, offsets }: ChunkedEntries): number[] {
  return [...starts.slice(0, -1)].flatMap((start, chunk) =>
    [...offsets.slice(start, starts[chunk + 1])].map((offset) => chunk * chunkSize + offset),
  );
}

describe("SampledProduct", () => {
  const kernel = new SampledProduct();

  test("adds the entries of the whole product, whatever the sizes", () => {
    const size = fc.integer({ min: 1, max: 37 });
    fc.assert(
      fc.property(
        fc.record({ tokens: size, outputs: size, inputs: size, site: fc.nat(1000) }),
        fc.constantFrom(0, 0.02, 0.3, 1),
        fc.integer({ min: 1, max: 200 }),
        ({ tokens, outputs, inputs, site }, density, chunkSize) => {
          const left = floats(tokens * outputs, 3 * site);
          const right = floats(tokens * inputs, 3 * site + 1);
          const entries = someEntries(outputs * inputs, density, chunkSize, 3 * site + 2);
          const sums = new Float32Array(entries.offsets.length).fill(10);
          kernel.setRight(right, tokens);
          kernel.add(left, entries, sums);
          indicesOf(entries).forEach((entry, position) => {
            const [output, input] = [Math.floor(entry / inputs), entry % inputs];
            let expected = 10;
            for (let token = 0; token < tokens; token++) {
              expected += (left[token * outputs + output] ?? 0) * (right[token * inputs + input] ?? 0);
            }
            expect(Math.abs((sums[position] ?? Number.NaN) - expected)).toBeLessThan(1e-5);
          });
        },
      ),
    );
  });

  test("adds the entries of a convolution's weight gradient, whatever the windows", () => {
    const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
    fc.assert(
      fc.property(
        fc.record({ size: pair(9), kernel: pair(3), stride: pair(3), dilation: pair(2), padding: fc.nat(2) }),
        fc.record({
          images: fc.integer({ min: 1, max: 3 }),
          channels: fc.integer({ min: 1, max: 4 }),
          site: fc.nat(99),
        }),
        fc.integer({ min: 1, max: 5 }),
        ({ size, kernel: places, ...options }, { images, channels, site }, outputs) => {
          const fits = (axis: 0 | 1) =>
            (places[axis] - 1) * options.dilation[axis] + 1 <= size[axis] + 2 * options.padding;
          fc.pre(fits(0) && fits(1));
          const windows = windowsOver("case", [images, channels, ...size], places, options);
          const [[height, width], [rows, columns]] = [size, windows.output];
          const right = floats(images * channels * height * width, 3 * site);
          const left = floats(images * outputs * rows * columns, 3 * site + 1);
          const inputs = channels * places[0] * places[1];
          const entries = someEntries(outputs * inputs, 0.4, 50, 3 * site + 2);
          const sums = new Float32Array(entries.offsets.length);
          kernel.setRightImages(right, images, windows);
          kernel.add(left, entries, sums);
          indicesOf(entries).forEach((entry, position) => {
            const [output, input] = [Math.floor(entry / inputs), entry % inputs];
            const place = input % (places[0] * places[1]);
            const channel = Math.floor(input / (places[0] * places[1]));
            let expected = 0;
            for (let window = 0; window < images * rows * columns; window++) {
              const [image, x] = [Math.floor(window / (rows * columns)), window % columns];
              const y = Math.floor(window / columns) % rows;
              const at = (position: number, axis: 0 | 1, step: number) =>
                position * windows.stride[axis] + step * windows.dilation[axis] - windows.padding[axis];
              const pixelY = at(y, 0, Math.floor(place / places[1]));
              const pixelX = at(x, 1, place % places[1]);
              if (pixelY < 0 || pixelX < 0 || pixelY >= height || pixelX >= width) continue;
              const gradient = left[((image * outputs + output) * rows + y) * columns + x] ?? 0;
              expected += gradient * (right[((image * channels + channel) * height + pixelY) * width + pixelX] ?? 0);
            }
            expect(Math.abs((sums[position] ?? Number.NaN) - expected)).toBeLessThan(1e-5);
          });
        },
      ),
    );
  });

  test("grows its memory to the largest product and keeps it", () => {
    const own = new SampledProduct();
    const entries = someEntries(100 * 100, 0.1, 32_768, 1);
    const run = () => {
      own.setRight(floats(64 * 100, 2), 64);
      own.add(floats(64 * 100, 1), entries, new Float32Array(entries.offsets.length));
    };
    run();
    const { bytes } = own;
    expect(bytes).toBeGreaterThan(4 * 64 * 100 * 4);
    run();
    expect(own.bytes).toBe(bytes);
  });

  test("refuses sizes that do not fit, and a product without a right factor", () => {
    const entries = someEntries(4, 1, 4, 1);
    const [four, five] = [new Float32Array(4), new Float32Array(5)];
    expect(() => new SampledProduct().add(four, entries, four)).toThrow("expected setRight first");
    expect(() => kernel.setRight(five, 2)).toThrow("the right factor has 5 values; expected a multiple of 2");
    kernel.setRight(four, 2);
    expect(() => kernel.add(five, entries, four)).toThrow("the left factor has 5 values; expected a multiple of 2");
    expect(() => kernel.add(four, entries, new Float32Array(3))).toThrow(
      "there are 3 sums; expected one for each of 4 entries",
    );
  });
});
