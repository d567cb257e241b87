/**
 * Fine-tuning from a checkpoint folder to a checkpoint folder. It reads from top to bottom as what happens: prepare,
 * evaluate, step after step with evaluations between, evaluate, save.
 */
import { Arena, type Runtime } from "@nanoadam/engine";
import { createSampledProduct, defaultThreads } from "@nanoadam/engine/node";
import { nonFiniteIndex } from "../checkpoint/floats.js";
import { DivergenceError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { type FinetuneInput, type FinetuneOptions, parseFinetuneOptions } from "../options/finetune-options.js";
import { defaultLearningRate } from "../options/optimizer-options.js";
import type { Weights } from "../program/compile-stages.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { defaultSampledBelow, gradientForm } from "../program/gradient-form.js";
import { ProgramCache } from "../program/program-cache.js";
import { evaluateModel } from "../train/evaluation.js";
import { createLoader } from "../train/loader.js";
import { runSteps, type Stopped, type StopSignal } from "../train/loop.js";
import { observeAll, type TrainingObserver } from "../train/observer.js";
import { createOptimizer } from "../train/optimizer.js";
import { countParameters } from "../train/parameter-counts.js";
import { planRun } from "../train/plan.js";
import { type PreparedRun, prepareRun } from "../train/prepare.js";
import { UndoBuffer } from "../train/undo.js";
import { MetricsLog } from "./metrics-log.js";
import { openRuntime } from "./open-runtime.js";
import { roundToStorage, saveModel } from "./save-model.js";
import { type RunSummary, summarise } from "./summary.js";

/** Who looks on while a run goes, and what may end it. */
export interface RunControl {
  readonly observers?: readonly TrainingObserver[];
  /** Once aborted, the run ends before its next step, and nothing is written. */
  readonly signal?: StopSignal;
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
      inputs: { model: options.model.model, train: options.data.train, eval: options.data.eval },
    });
    return await train(options, { ...run, runtime }, output, control, started);
  } finally {
    await output?.discard();
    await run.checkpoint.close();
  }
}

async function train(
  options: FinetuneOptions,
  run: PreparedRun & { readonly runtime: Runtime },
  output: OutputFolder,
  { observers = [], signal }: RunControl,
  started: number,
): Promise<RunSummary> {
  const { pretrained, task, trainingTask } = run;
  const { model, weights } = pretrained;
  const { batchSize, accumulate, seed } = options.training;
  const plan = planRun(options.training, run.train.length);
  const learningRate = options.training.learningRate ?? defaultLearningRate(options.optimizer, options.adapter);
  const optimizer = createOptimizer(options.optimizer, pretrained, plan, seed);
  optimizer.prepare();

  const threads = options.training.threads ?? defaultThreads();
  const sampledBelow = options.training.sampledBelow ?? defaultSampledBelow;
  const parameters = new Map(model.parameters.map((parameter) => [parameter.name, parameter]));
  const shared = { model, weights, runtime: run.runtime, arena: new Arena() };
  const evaluationPrograms = new ProgramCache({ ...shared, loss: task.loss });
  const trainingPrograms = new ProgramCache({
    ...shared,
    loss: trainingTask.loss,
    training: {
      dropout: options.training.dropout,
      checkpointing: options.training.checkpointing,
      form: (name) => gradientForm(optimizer.need(name), parameters.get(name)?.role ?? "weight", sampledBelow),
    },
  });
  const undo = new UndoBuffer(weights);
  const log = await MetricsLog.open(output.path("metrics.jsonl"), plan.logEvery);
  const sampledProduct = createSampledProduct({ threads });
  const observer = observeAll([log, ...observers]);
  const evaluate = () => evaluateModel({ task, dataset: run.evaluation, batchSize, programs: evaluationPrograms });
  /** What is evaluated at the end is what is saved. */
  const evaluateStored = () => {
    roundToStorage(options.output.saveDtype, pretrained);
    return evaluate();
  };

  try {
    const maximumSize = run.maxLength;
    const loader = createLoader(trainingTask, run.train, plan, { batchSize, accumulate, seed, maximumSize });
    // Memory for the largest batch first: a block that grew would lie beside the smaller one for a while.
    await trainingPrograms.reserve(await loader.largest());
    observer.onStart({
      source: run.checkpoint.folder,
      architecture: model.architecture,
      initialised: pretrained.initialised,
      unused: pretrained.unused,
      counts: countParameters(pretrained, optimizer),
      totalSteps: plan.totalSteps,
      stepsPerEpoch: plan.stepsPerEpoch,
      trainExamples: run.train.length,
      evaluationExamples: run.evaluation.length,
      maxLength: run.maxLength,
      truncated: run.truncated,
      learningRate,
    });
    const before = await evaluate();
    observer.onEvaluation({ step: 0, epoch: 0, eval: before });

    const result = await runSteps({
      ...options.training,
      learningRate,
      plan,
      loader,
      programs: trainingPrograms,
      optimizer,
      accumulator: new GradientAccumulator(model.parameters, sampledProduct),
      observers: [undo, observer],
      signal,
      evaluate,
    });
    let { stopped } = result;
    if (stopped !== undefined) undo.restore();
    let final = await evaluateStored();
    if (stopped === undefined && !(Number.isFinite(final.loss) && weightsAreFinite(weights))) {
      stopped = lastStepDiverged(plan.totalSteps, final.loss, learningRate);
      undo.restore();
      final = await evaluateStored();
    }
    // A run that diverged has taken its last step back.
    const step = stopped === undefined ? plan.totalSteps : Math.max(0, optimizer.completedSteps - 1);
    observer.onEvaluation({ step, epoch: step / plan.stepsPerEpoch, eval: final });
    await trainingPrograms.release();
    await evaluationPrograms.release();

    const summary = await summarise({
      options,
      run,
      engine: run.runtime,
      plan,
      learningRate,
      optimizer,
      sampledBelow,
      evaluation: { before, final },
      wallSeconds: (performance.now() - started) / 1000,
      stepMilliseconds: result.stepMilliseconds,
      stopped,
    });
    await saveModel(output, options, run, summary);
    await log.close();
    await output.commit();
    if (stopped !== undefined) {
      throw new DivergenceError(`${stopped.reason}. The last good weights are in ${options.output.output}.`);
    }
    return summary;
  } finally {
    await trainingPrograms.release();
    await evaluationPrograms.release();
    await sampledProduct.release();
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
