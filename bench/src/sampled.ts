/**
 * One weight gradient, whole and sampled: ONNX Runtime's matrix product of [tokens, outputs] and [tokens, inputs] factors
 * against the kernel that computes the entries of a selection alone, over densities. The peak is the best matrix product
 * that ONNX Runtime shows on this machine.
 *
 *     node bench/dist/sampled.js [--threads 2] [--tokens 1024] [--inputs 768] [--outputs 768]
 */
import { parseArgs } from "node:util";
import { input, matmul, SampledProduct, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { selectSmallest } from "@nanoadam/optim";

const { values: flags } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    tokens: { type: "string", default: "1024" },
    inputs: { type: "string", default: "768" },
    outputs: { type: "string", default: "768" },
    rounds: { type: "string", default: "7" },
  },
});
const [tokens, inputs, outputs] = [Number(flags.tokens), Number(flags.inputs), Number(flags.outputs)];
const densities = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2];

const filled = (length: number) => Float32Array.from({ length }, (_, index) => Math.sin(index + 1));

async function milliseconds(work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const left = filled(tokens * outputs);
const right = filled(tokens * inputs);
const whole = new Float32Array(outputs * inputs);
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
const compiled = await cpuRuntime({ threads: Number(flags.threads) }).compile(product);
const runWhole = compiled.bind(
  new Map([
    ["left", left],
    ["right", right],
    ["whole", whole],
  ]),
);
const kernel = new SampledProduct();
const operations = 2 * tokens * inputs * outputs;
console.log("density   whole ms   sampled ms   ratio (range)   sampled GFLOP/s   whole GFLOP/s");
for (const density of densities) {
  const selection = selectSmallest(filled(outputs * inputs), { density });
  const sums = new Float32Array(selection.count);
  const pairs: [number, number][] = [];
  for (let round = 0; round <= Number(flags.rounds); round++) {
    const pair: [number, number] = [
      await milliseconds(runWhole),
      await milliseconds(() => kernel.add(left, right, tokens, selection, sums)),
    ];
    if (round > 0) pairs.push(pair);
  }
  const ratios = pairs.map(([dense, sampled]) => dense / sampled);
  const [dense, sampled] = [median(pairs.map(([each]) => each)), median(pairs.map(([, each]) => each))];
  console.log(
    [
      `${100 * density} %`.padEnd(8),
      dense.toFixed(2).padStart(8),
      sampled.toFixed(2).padStart(10),
      `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`.padStart(
        20,
      ),
      ((2 * tokens * selection.count) / sampled / 1e6).toFixed(1).padStart(10),
      (operations / dense / 1e6).toFixed(0).padStart(12),
    ].join("  "),
  );
}
