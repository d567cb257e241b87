/**
 * The waste of a training step: the fraction of its time that its matrix products would take at the machine's best rate, where
 * the rest goes, the memory that it leaves for the garbage collector, and the cost of a run's refreshes. Products are counted as
 * they are needed: forward, for the gradients of inputs, and for the wanted entries of weights' gradients. The rate, a step and
 * a refresh are each the best of several, as nothing else is known of a machine on which other work runs.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createNanoAdam } from "@nanoadam/optim";
import type { FinetuneInput } from "nanoadam";
import { sines } from "./bound-product.js";
import { type StepShape, vocabulary, withModelFolder } from "./model-folder.js";
import type { FigureRow } from "./row.js";
import { peakRate, stepOperations } from "./step-work.js";
import { sumRow, watchedRun } from "./watched-process.js";

/** Steps between two selections by default, 40 times an epoch, in an epoch of 250: 8,000 examples in batches of 32, say. */
const maskInterval = Math.round(250 / 40);

interface Side {
  /** Share of the weights' gradients that is needed. */
  readonly density: number;
  readonly options: Partial<FinetuneInput>;
}

const atDensity = (density: number): Side => ({
  density,
  options: { density, finalDensity: density, staticMask: true },
});

const sides: Readonly<Record<string, Side>> = {
  "NanoAdam 1 %": atDensity(0.01),
  "NanoAdam 10 %": atDensity(0.1),
  AdamW: { density: 1, options: { optimizer: "adamw" } },
};

/** Rows for an encoder of one shape. */
export async function wasteRows(name: string, shape: StepShape, threads: number): Promise<FigureRow[]> {
  return [...(await stepRows(name, shape, threads)), await heapOnceCompiled({ ...shape, ...narrow }, threads)];
}

async function stepRows(name: string, shape: StepShape, threads: number): Promise<FigureRow[]> {
  return withModelFolder(shape, async (folder) => {
    const rows: FigureRow[] = [];
    for (const [side, { density, options }] of Object.entries(sides)) {
      const finetune = { ...finetuneInput(folder, shape, threads), ...options };
      const figures = watchedRun({ finetune, warmUpSteps });
      const operators = join(folder, `operators of ${side}`);
      mkdirSync(operators);
      const { millisecondsByOperator } = watchedRun({ finetune, warmUpSteps, operators });
      const rate = await peakRate(shape, threads);
      const step = Math.min(...figures.milliseconds);
      const products = (1000 * stepOperations(shape, density)) / rate;
      const title = `${name}: ${side}`;
      rows.push(
        {
          name: `${title}: time of its products at this machine's best rate`,
          value: 100 * (products / step),
          unit: "% of the step",
          parts: { "GFLOP/s": rate / 1e9, "products, ms": products, "step, ms": step },
        },
        sumRow(`${title}: time by file`, "ms a step", figures.millisecondsByFile),
        sumRow(`${title}: time of ONNX Runtime by operator`, "ms a run", millisecondsByOperator),
        sumRow(`${title}: left on the heap, by file`, "bytes a step", figures.heapBytes),
        { name: `${title}: array buffers`, value: Math.max(...figures.bufferBytes), unit: "bytes a step" },
      );
      if (density < 1) {
        const refresh = refreshMilliseconds(shape, density);
        rows.push({
          name: `${title}: a refresh of the selection every ${maskInterval} steps`,
          value: (100 * refresh) / (refresh + maskInterval * step),
          unit: "% of the run",
          parts: { "refresh, ms": refresh },
        });
      }
    }
    return rows;
  });
}

const warmUpSteps = 2;
/** Steps after which V8 has compiled what runs once a tensor. */
const stepsUntilCompiled = 300;
/** As what a step leaves on the heap hangs on the number of tensors, not on their sizes, it can be a small encoder's. */
const narrow = { hidden: 128, heads: 4, length: 64 };

async function heapOnceCompiled(shape: StepShape, threads: number): Promise<FigureRow> {
  return withModelFolder(shape, (folder) => {
    const finetune = { ...finetuneInput(folder, shape, threads), ...atDensity(0.01).options };
    const { heapBytes } = watchedRun({ finetune, warmUpSteps: stepsUntilCompiled });
    const name = `${shape.layers} layers, ${shape.hidden} wide: NanoAdam 1 %: left on the heap after ${stepsUntilCompiled} steps`;
    return sumRow(name, "bytes a step", heapBytes);
  });
}

function finetuneInput(folder: string, { batch, length }: StepShape, threads: number): FinetuneInput {
  return {
    ...{ model: join(folder, "model"), train: join(folder, "train.tsv"), eval: join(folder, "eval.tsv") },
    ...{ text: "text", label: "label", output: join(folder, "output"), overwrite: true },
    ...{ batchSize: batch, maxLength: length, dropout: 0, learningRate: 1e-5, threads },
    evalEvery: 1_000_000,
  };
}

/** The fastest of some refreshes of the selection of all weights. */
function refreshMilliseconds({ layers, hidden }: StepShape, density: number): number {
  const sizes = [vocabulary * hidden, ...Array.from({ length: layers }, () => 12 * hidden * hidden)];
  const parameters = sizes.map((size, index) => ({
    name: String(index),
    shape: [size],
    values: sines(size),
  }));
  const optimizer = createNanoAdam({ parameters, density, maskInterval: 1, totalSteps: 100 });
  const times: number[] = [];
  for (let step = 0; step < 8; step++) {
    const started = performance.now();
    optimizer.prepare();
    times.push(performance.now() - started);
    const gradients = parameters.map(({ name }) => {
      const need = optimizer.need(name);
      return [name, new Float32Array(need.kind === "entries" ? need.selection.count : 0).fill(1e-3)] as const;
    });
    optimizer.apply(new Map(gradients), 1e-5);
  }
  return Math.min(...times.slice(1));
}
