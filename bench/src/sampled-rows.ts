/**
 * One weight gradient, whole and sampled: ONNX Runtime's matrix product of [tokens, outputs] and [tokens, inputs] factors
 * against the kernel that computes the entries of a selection alone.
 */
import { input, matmul, SampledProduct, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { selectSmallest } from "@nanoadam/optim";
import { measuredRow, type Round, type Row } from "./row.js";

const densities = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2];
const [tokens, inputs, outputs] = [1024, 768, 768];

const filled = (length: number) => Float32Array.from({ length }, (_, index) => Math.sin(index + 1));

async function milliseconds(work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** A row for each density; the peer is the whole product. */
export async function sampledRows({ rounds, threads }: { rounds: number; threads: number }): Promise<Row[]> {
  const [left, right] = [filled(tokens * outputs), filled(tokens * inputs)];
  const leftValue = input("float32", [tokens, outputs]);
  const rightValue = input("float32", [tokens, inputs]);
  const product = tensorFunction(
    "product",
    [
      { name: "left", value: leftValue },
      { name: "right", value: rightValue },
    ],
    [{ name: "whole", value: matmul(leftValue, rightValue, { transposeA: true }) }],
  );
  const compiled = await cpuRuntime({ threads }).compile(product);
  const whole = new Float32Array(outputs * inputs);
  const runWhole = compiled.bind(new Map(Object.entries({ left, right, whole })));
  const kernel = new SampledProduct();
  const rows: Row[] = [];
  for (const density of densities) {
    const selection = selectSmallest(filled(outputs * inputs), { density });
    const sums = new Float32Array(selection.count);
    const measured: Round[] = [];
    for (let round = 0; round < 4 * rounds + 1; round++) {
      const peer = await milliseconds(runWhole);
      const ours = await milliseconds(() => kernel.add(left, right, tokens, selection, sums));
      if (round > 0) measured.push({ ours, peer });
    }
    const name = `gradient of a 768 x 768 weight from 1,024 tokens, ${100 * density} % of it against the whole`;
    rows.push(measuredRow({ name, unit: "ms", ratioMeans: "times as fast" }, measured));
  }
  await compiled.release();
  return rows;
}
