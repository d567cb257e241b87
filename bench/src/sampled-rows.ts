/**
 * One weight gradient, whole and sampled: ONNX Runtime's matrix product of [tokens, outputs] and [tokens, inputs] factors
 * against the kernel that computes the entries of a selection alone, both on as many threads.
 */
import { createSampledProduct } from "@nanoadam/engine/node";
import { selectSmallest } from "@nanoadam/optim";
import { boundProduct, sines } from "./bound-product.js";
import { measuredRow, type Round, type Row } from "./row.js";

const densities = [0.001, 0.01, 0.03, 0.06, 0.1, 0.2];
const shapes = [
  { outputs: 768, inputs: 768 },
  { outputs: 3072, inputs: 768 },
];
const tokens = 1024;

async function milliseconds(work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** For one thread and for `threads`, and for each shape, a row for each density; the peer is the whole product. */
export async function sampledRows({ rounds, threads }: { rounds: number; threads: number }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const used of new Set([1, threads])) {
    for (const shape of shapes) rows.push(...(await rowsOf(shape, used, 4 * rounds)));
  }
  return rows;
}

async function rowsOf(
  { outputs, inputs }: (typeof shapes)[number],
  threads: number,
  rounds: number,
): Promise<readonly Row[]> {
  const sides = [
    [tokens, outputs],
    [tokens, inputs],
  ] as const;
  const { left, right, run: runWhole, release } = await boundProduct(sides, { transposeA: true }, threads);
  const kernel = createSampledProduct({ threads });
  const rows: Row[] = [];
  for (const density of densities) {
    const selection = selectSmallest(sines(outputs * inputs), { density });
    const sums = new Float32Array(selection.count);
    const measured: Round[] = [];
    for (let round = 0; round < rounds + 1; round++) {
      const peer = await milliseconds(runWhole);
      const ours = await milliseconds(() => {
        kernel.setRight(right, tokens);
        kernel.add(left, selection, sums);
      });
      if (round > 0) measured.push({ ours, peer });
    }
    const weight = `gradient of a ${outputs} x ${inputs} weight from 1,024 tokens`;
    const name = `${weight}, ${100 * density} % of it against the whole, ${threads} thread${threads > 1 ? "s" : ""}`;
    rows.push(measuredRow({ name, unit: "ms", ratioMeans: "times as fast" }, measured));
  }
  await kernel.release();
  await release();
  return rows;
}
