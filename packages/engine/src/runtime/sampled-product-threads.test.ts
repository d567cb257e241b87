import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { type RandomKey, uniform } from "../kernels/random.js";
import { type ChunkedEntries, SampledProduct } from "../kernels/sampled-product.js";
import { wasm } from "../kernels/sampled-product-shared.wasm.js";
import { createSampledProduct, workerScript } from "./sampled-product-threads.js";

const key = (site: number): RandomKey => ({ seed: 2, step: 0, site });
const floats = (length: number, site: number) => Float32Array.from({ length }, (_, i) => uniform(key(site), i) - 0.5);

/** Entries of a [rows, columns] matrix, each with the probability `density`; none in every third row. */
function someEntries(rows: number, columns: number, density: number, site: number): ChunkedEntries {
  const chunkSize = 32_768;
  const [starts, offsets]: [number[], number[]] = [[0], []];
  for (let entry = 0; entry < rows * columns; entry++) {
    if (Math.floor(entry / columns) % 3 !== 2 && uniform(key(site), entry) < density) offsets.push(entry % chunkSize);
    if ((entry + 1) % chunkSize === 0 || entry + 1 === rows * columns) starts.push(offsets.length);
  }
  return { chunkSize, starts: Uint32Array.from(starts), offsets: Uint16Array.from(offsets) };
}

interface Sizes {
  readonly tokens: number;
  readonly rows: number;
  readonly columns: number;
  readonly density: number;
}

function sumsBy(product: SampledProduct, { tokens, rows, columns, density }: Sizes, site: number): Float32Array {
  const entries = someEntries(rows, columns, density, site);
  const sums = new Float32Array(entries.offsets.length).fill(1);
  product.setRight(floats(tokens * columns, site + 2), tokens);
  product.add(floats(tokens * rows, site + 1), entries, sums);
  return sums;
}

describe("sampled products on several threads", () => {
  const alone = new SampledProduct();
  const threaded = [1, 2, 3].map((threads) => createSampledProduct({ threads }));
  afterAll(() => Promise.all(threaded.map((product) => product.release())));

  test("are the same bits as on one, whatever the sizes, while memory grows under the workers", async () => {
    const cases: Sizes[] = [
      { tokens: 1, rows: 1, columns: 1, density: 1 },
      { tokens: 3, rows: 5, columns: 2, density: 0 },
      { tokens: 70, rows: 33, columns: 19, density: 0.5 },
      { tokens: 200, rows: 1, columns: 300, density: 0.3 },
      { tokens: 129, rows: 250, columns: 190, density: 0.02 },
      { tokens: 512, rows: 300, columns: 400, density: 0.05 },
    ];
    for (const product of threaded) {
      sumsBy(product, { tokens: 8, rows: 8, columns: 8, density: 1 }, 0);
      await product.ready();
    }
    for (const [index, sizes] of cases.entries()) {
      const expected = sumsBy(alone, sizes, 10 * index);
      for (const product of threaded) {
        for (let repeat = 0; repeat < 5; repeat++) expect(sumsBy(product, sizes, 10 * index)).toEqual(expected);
      }
    }
  });

  test("stay right over many small products, in which threads meet most often", () => {
    const sizes = { tokens: 65, rows: 12, columns: 20, density: 0.4 };
    const expected = sumsBy(alone, sizes, 7);
    for (const product of threaded) {
      for (let repeat = 0; repeat < 300; repeat++) expect(sumsBy(product, sizes, 7)).toEqual(expected);
    }
  });

  test("share a right factor, whose later changes do not count, and may leave one unused", () => {
    const [tokens, columns] = [150, 200];
    const lefts = [20, 300, 7].map((rows, site) => ({ rows, left: floats(tokens * rows, site) }));
    const selections = lefts.map(({ rows }, site) => someEntries(rows, columns, 0.1, site));
    const sumsOf = (product: SampledProduct, place: number) => {
      const entries = selections[place] as ChunkedEntries;
      const sums = new Float32Array(entries.offsets.length);
      product.add(lefts[place]?.left ?? sums, entries, sums);
      return sums;
    };
    const expected = lefts.map((_, place) => {
      alone.setRight(floats(tokens * columns, 9), tokens);
      return sumsOf(alone, place);
    });
    for (const product of [alone, ...threaded]) {
      for (let repeat = 0; repeat < 50; repeat++) {
        product.setRight(floats(70 * 90, repeat), 70);
        const right = floats(tokens * columns, 9);
        product.setRight(right, tokens);
        right.fill(Number.NaN);
        expect(lefts.map((_, place) => sumsOf(product, place))).toEqual(expected);
      }
    }
  });

  test("work after a release, with workers started again, and a release twice does no harm", async () => {
    const product = createSampledProduct({ threads: 2 });
    await product.release();
    const sizes = { tokens: 65, rows: 12, columns: 20, density: 0.4 };
    const expected = sumsBy(alone, sizes, 7);
    for (let round = 0; round < 2; round++) {
      expect(sumsBy(product, sizes, 7)).toEqual(expected);
      await product.ready();
      expect(sumsBy(product, sizes, 7)).toEqual(expected);
      await product.release();
      await product.release();
    }
  });
});

test("waiting for workers starts them, and a release ends the waiting", async () => {
  const product = createSampledProduct({ threads: 2 });
  await product.ready();
  await product.ready();
  await product.release();
  const waiting = product.ready();
  await product.release();
  await waiting;
  await new SampledProduct().ready();
});

const built = new URL("../../dist/runtime/sampled-product-threads.js", import.meta.url);

test.skipIf(!existsSync(built))(
  "a process lives until its release is done, though a worker came up unseen",
  async () => {
    const script = `
    import { createSampledProduct } from ${JSON.stringify(built)};
    for (let round = 0; round < 6; round++) {
      const product = createSampledProduct({ threads: 2 });
      product.ready();
      for (const began = performance.now(); performance.now() - began < 150; );
      await product.release();
    }
    console.log("released");`;
    const arguments_ = ["--input-type=module", "-e", script];
    expect((await promisify(execFile)(process.execPath, arguments_)).stdout).toBe("released\n");
  },
);

describe("a process with a worker", () => {
  /** A worker as products start them, which waits for tasks, and then `rest`. */
  const run = (rest: string) => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const module = new WebAssembly.Module(Buffer.from(${JSON.stringify(wasm)}, "base64"));
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      new Worker(${JSON.stringify(workerScript)}, { eval: true, workerData: { module, memory } }).unref();
      setTimeout(() => { ${rest} }, 200);`;
    return promisify(execFile)(process.execPath, ["-e", script], { timeout: 20_000 });
  };

  test("ends by itself, by process.exit and by an exception", async () => {
    await run("");
    await run("process.exit(0)");
    await expect(run("throw new Error('on purpose')")).rejects.toMatchObject({ code: 1 });
  });
});
