/**
 * Fine-tuning from a checkpoint folder to a checkpoint folder. It reads from top to bottom as what happens: prepare,
 * evaluate, step after step with evaluations between, evaluate, save.
 */
import type { Runtime } from "@nanoadam/engine";
import { nonFiniteIndex } from "../checkpoint/floats.js";
import type { Row } from "../data/source.js";
import { DivergenceError, InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { ScratchFile } from "../files/scratch-file.js";
import { hiddenSizeOf } from "../models/config.js";
import { type FinetuneInput, type FinetuneOptions, parseFinetuneOptions } from "../options/finetune-options.js";
import type { Weights } from "../program/compile-stages.js";
import { taskKind } from "../tasks/registry.js";
import { reviewOfChange } from "../tasks/review.js";
import type { Stopped, StopSignal } from "../train/loop.js";
import { observeAll, type RateTrial, type TrainingObserver } from "../train/observer.js";
import { countParameters } from "../train/parameter-counts.js";
import { planRun } from "../train/plan.js";
import { type PreparedRun, prepareRun } from "../train/prepare.js";
import { settleTraining } from "../train/settle.js";
import { UndoBuffer } from "../train/undo.js";
import { chooseLearningRate } from "./choose-learning-rate.js";
import { MetricsLog } from "./metrics-log.js";
import { openRuntime } from "./open-runtime.js";
import { requireStorable, roundToStorage, saveModel, sizeOfSaved, weightsFileOf } from "./save-model.js";
import { saveResult } from "./save-result.js";
import { type RunSummary, summarise } from "./summary.js";
import { TrainingSession } from "./training-session.js";

/** Who looks on while a run goes, and what may end it. */
export interface RunControl {
  readonly observers?: readonly TrainingObserver[];
  /** Once aborted, the run ends before its next step, and nothing is written. */
  readonly signal?: StopSignal;
  /** Files that the options come from, by names for messages: they are not replaced by the result. */
  readonly optionFiles?: Readonly<Record<string, string>>;
}

/**
 * Fine-tunes a model and writes it to `output`.
 * @throws InputError for anything wrong with options, model or data, before anything is written.
 * @throws DivergenceError when loss or gradients stop being finite; the last good weights are saved all the same.
 * @throws AbortError once the signal is aborted; nothing is written.
 */
export async function finetune(input: FinetuneInput, control: RunControl = {}): Promise<RunSummary> {
  const options = parseFinetuneOptions(input);
  const started = performance.now();
  const runtime = await openRuntime(options.training, observeAll(control.observers ?? []));
  const run = await prepareRun(options);
  let output: OutputFolder | undefined;
  try {
    output = await OutputFolder.create(options.output.output, {
      overwrite: options.output.overwrite,
      inputs: {
        model: run.checkpoint.folders,
        train: fileOf(options.data.train),
        eval: fileOf(options.data.eval),
        ...control.optionFiles,
      },
      tell: (notice) => observeAll(control.observers ?? []).onNotice(notice),
    });
    await output.requireSpace(await sizeOfSaved(options.output.saveDtype, run));
    return await train(options, { ...run, runtime }, output, control, started);
  } finally {
    await output?.discard();
    await run.checkpoint.close();
  }
}

const metricsFile = "metrics.jsonl";

/** The file of data that are one. */
function fileOf(data: string | Iterable<Row> | undefined): string | undefined {
  return typeof data === "string" ? data : undefined;
}

async function train(
  options: FinetuneOptions,
  run: PreparedRun & { readonly runtime: Runtime },
  output: OutputFolder,
  { observers = [], signal }: RunControl,
  started: number,
): Promise<RunSummary> {
  const { pretrained, task } = run;
  const hiddenSize = hiddenSizeOf(run.checkpoint.config);
  let settled = settleTraining(options, { examples: run.train.length, hiddenSize });
  const plan = planRun(settled, run.train.length);
  const log = await MetricsLog.open(output.path(metricsFile), plan.logEvery, observeAll(observers));
  const scratch = new ScratchFile(output.path(".undo"));
  const session = new TrainingSession(options, settled, run, run.runtime);
  const observer = observeAll([log, ...observers]);
  /** What is evaluated at the end is what is saved. */
  const evaluateStored = async () => {
    roundToStorage(options.output.saveDtype, pretrained);
    const review = task.review?.(run.evaluation);
    return { final: await session.evaluate(run.evaluation, review), review };
  };

  try {
    let optimizer = session.startOptimizer(plan);
    await session.reserve();
    observer.onStart({
      source: options.model.model,
      architecture: pretrained.model.architecture,
      initialised: pretrained.initialised,
      unused: pretrained.unused,
      counts: countParameters(pretrained, optimizer),
      totalSteps: plan.totalSteps,
      stepsPerEpoch: plan.stepsPerEpoch,
      batchSize: settled.batchSize,
      learningRate: settled.learningRate,
      data: run.data,
    });
    requireStorable(options.output.saveDtype, pretrained);
    const before = await session.evaluate(run.evaluation);
    if (!Number.isFinite(before.loss)) {
      throw new InputError(
        `${run.checkpoint.folder}: the loss is ${before.loss} on the evaluation data before the first step, so the weights or the labels are too large for float32; nothing was trained`,
      );
    }
    let trials: readonly RateTrial[] | undefined;
    if (options.training.learningRate === "auto") {
      const chosen = await chooseLearningRate(session, run, settled, plan, { observer, signal });
      trials = chosen.trials;
      settled = { ...settled, learningRate: chosen.learningRate };
      optimizer = session.startOptimizer(plan);
    }
    observer.onEvaluation({ step: 0, epoch: 0, eval: before });
    await log.requireWritten();

    const undo = new UndoBuffer(pretrained.weights, { storage: scratch });
    const { learningRate } = settled;
    const result = await session.takeSteps({
      dataset: run.train,
      plan,
      learningRate,
      observers: [undo, observer],
      signal,
      evaluate: () => session.evaluate(run.evaluation),
    });
    let { stopped } = result;
    if (stopped !== undefined) undo.restore();
    let { final, review } = await evaluateStored();
    if (stopped === undefined && !(Number.isFinite(final.loss) && weightsAreFinite(pretrained.weights))) {
      stopped = lastStepDiverged(plan.totalSteps, final.loss, learningRate);
      undo.restore();
      ({ final, review } = await evaluateStored());
    }
    // A run that diverged has taken its last step back.
    const step = stopped === undefined ? plan.totalSteps : Math.max(0, optimizer.completedSteps - 1);
    observer.onEvaluation({ step, epoch: step / plan.stepsPerEpoch, eval: final });
    await session.release();
    scratch.close();

    const summary = await summarise({
      options,
      settled,
      run,
      engine: run.runtime,
      plan,
      optimizer,
      sampledBelow: session.sampledBelow,
      evaluation: { before, final },
      review: review?.result() ?? reviewOfChange(taskKind(task.name).metrics[0], before, final, run.evaluation.length),
      trials,
      wallSeconds: (performance.now() - started) / 1000,
      stepMilliseconds: result.stepMilliseconds,
      stopped,
    });
    await log.close();
    observer.onSave();
    await saveResult(output, (folder) => saveModel(folder, options, run, summary), {
      weights: weightsFileOf(pretrained),
      others: [metricsFile],
    });
    if (stopped !== undefined) {
      throw new DivergenceError(`${stopped.reason}. The last good weights are in ${options.output.output}.`);
    }
    return summary;
  } finally {
    scratch.close();
    await session.release();
    await log.close();
  }
}

function lastStepDiverged(step: number, loss: number, learningRate: number): Stopped {
  const rate = `with learning rate ${learningRate.toPrecision(3)}`;
  return {
    step,
    reason: `the evaluation loss became ${loss} at step ${step} ${rate}; a lower \`learningRate\` usually helps`,
  };
}

function weightsAreFinite(weights: Weights): boolean {
  return [...weights.values()].every((values) => nonFiniteIndex(values) === undefined);
}
