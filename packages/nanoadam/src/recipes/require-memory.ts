/** Looks, before weights are read, whether a run fits the memory that there is. */

import type { Batch } from "../data/batch.js";
import { planBatches } from "../data/batches.js";
import { type Dataset, sizesOf } from "../data/dataset.js";
import { takeTurn } from "../data/in-turns.js";
import { InputError } from "../errors.js";
import { estimateMemory, type MemoryEstimate } from "../estimate/memory.js";
import { estimatedParameters } from "../estimate/parameters.js";
import { estimatedRetention } from "../estimate/retention.js";
import { describeWay, waysOut } from "../estimate/ways-out.js";
import { memoryLimit, returnsFreedMemory } from "../files/memory-limit.js";
import { formatBytes } from "../format.js";
import { defineModel, hiddenSizeOf } from "../models/architectures.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import { mayHoldBfloat16 } from "../options/optimizer-options.js";
import { loadBatch } from "../tasks/load-batch.js";
import type { Task } from "../tasks/task.js";
import { createLoader } from "../train/loader.js";
import { planRun } from "../train/plan.js";
import { type KnownRun, withAdapter } from "../train/prepare.js";
import { settleTraining } from "../train/settle.js";
import { evaluationBatchSize } from "./training-session.js";

/** What a run is expected to take. */
export async function memoryOfRun(options: FinetuneOptions, run: KnownRun): Promise<MemoryEstimate> {
  const { checkpoint, task, trainingTask, train, evaluation, maxLength, reference } = run;
  const hiddenSize = hiddenSizeOf(checkpoint.config);
  const settled = settleTraining(options, { examples: train.length, hiddenSize });
  const plan = planRun(settled, train.length);
  const model = withAdapter(defineModel(checkpoint.config, task.head), options.adapter);
  const loader = createLoader(
    trainingTask,
    train,
    { stepsPerEpoch: 1, totalSteps: 1 },
    { ...settled, maximumSize: maxLength },
  );
  const parameters = estimatedParameters(model, checkpoint, options);
  const batchSize = evaluationBatchSize(options, settled);
  return estimateMemory({
    model,
    parameters,
    optimizer: options.optimizer,
    length: plan,
    trainingBatch: await loader.largest(),
    evaluationBatch: await largestBatch(task, evaluation, batchSize),
    trainingLoss: trainingTask.loss,
    loss: task.loss,
    dropout: settled.dropout,
    checkpointing: settled.checkpointing,
    sampledBelow: settled.sampledBelow,
    movesAtOnce: settled.clip === 0 && settled.accumulate === 1,
    returnsFreedMemory: returnsFreedMemory(),
    isAnalyzed: options.analysis.analyze,
    ...(reference === undefined
      ? {}
      : {
          retention: estimatedRetention(
            {
              base: reference.base,
              loss: reference.task.loss,
              batch: await largestBatch(reference.task, reference.dataset, batchSize),
            },
            { model, parameters },
            checkpoint,
            options,
          ),
        }),
  });
}

/** The batch of an evaluation that is the longest. */
async function largestBatch(task: Task, dataset: Dataset, batchSize: number): Promise<Batch> {
  await takeTurn();
  const plans = planBatches(sizesOf(dataset), { batchSize, shuffle: undefined });
  const largest = plans.reduce((most, each) =>
    each.indices.length * each.size > most.indices.length * most.size ? each : most,
  );
  await takeTurn();
  return loadBatch(task, dataset, largest, { seed: 0, step: 0 });
}

/** An estimate may be so much above what a run takes (`npm run bench -- --only estimate`): only beyond it a run is refused. */
const error = 0.15;

/**
 * What a run will take.
 * @param limit bytes that there are
 * @throws InputError where that is more than there is, with the options that would make it fit.
 */
export async function requireMemory(
  options: FinetuneOptions,
  run: KnownRun,
  limit: number = memoryLimit(),
): Promise<MemoryEstimate> {
  const memory = await memoryOfRun(options, run);
  if (memory.peak * (1 - error) <= limit) return memory;
  const { training, optimizer, adapter, model } = options;
  const settled = settleTraining(options, {
    examples: run.train.length,
    hiddenSize: hiddenSizeOf(run.checkpoint.config),
  });
  const sizing = {
    ...optimizer,
    ...model,
    checkpointing: training.checkpointing,
    batchSize: settled.batchSize,
    mayHoldBfloat16: mayHoldBfloat16(optimizer, adapter) && !model.fromScratch,
  };
  const peakWith = async (change: Readonly<Record<string, string | number>>) =>
    (await memoryOfRun(changed(options, change), run)).peak;
  const ways = (await waysOut(sizing, memory.peak, peakWith)).filter(({ peak }) => peak <= limit);
  const way =
    ways.length === 0
      ? "none of the options that make it smaller is enough; a smaller model, or shorter texts (`maxLength`), would be"
      : `what would fit: ${ways.map(describeWay).join("; or ")}`;
  throw new InputError(
    `The run would take about ${formatBytes(memory.peak)} of memory (weights ${formatBytes(memory.weights)}, optimizer states ${formatBytes(memory.states)}, gradients ${formatBytes(memory.gradients)}, activations ${formatBytes(memory.activations)}), and ${formatBytes(limit)} are there; ${way}.`,
  );
}

/** The options with some changed, each in its group. */
function changed(options: FinetuneOptions, change: Readonly<Record<string, string | number>>): FinetuneOptions {
  const groups = Object.entries(options).map(([group, values]) => [
    group,
    Object.fromEntries([
      ...Object.entries(values),
      ...Object.entries(change).filter(([option]) => groupOf(option) === group),
    ]),
  ]);
  return Object.fromEntries(groups) as FinetuneOptions;
}

function groupOf(option: string): keyof FinetuneOptions {
  if (option === "optimizer" || option === "density") return "optimizer";
  return option === "weights" ? "model" : "training";
}
