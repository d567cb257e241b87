/**
 * Fine-tuning from a checkpoint folder to a checkpoint folder. The function reads from top to bottom as what happens:
 * prepare, evaluate, step after step with evaluations between, evaluate, save.
 */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime, createSampledProduct, defaultThreads } from "@nanoadam/engine/node";
import { learningRateAt, type Optimizer, warmupSteps } from "@nanoadam/optim";
import { nonFiniteIndex } from "../checkpoint/floats.js";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { type FinetuneInput, type FinetuneOptions, finetuneSchema } from "../options/options.js";
import { parseOptions } from "../options/parse-options.js";
import type { Weights } from "../program/compile-stages.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { acceptedStructures, defaultSampledBelow, isSampled } from "../program/gradient-form.js";
import { Programs } from "../program/program-cache.js";
import { evaluateModel } from "../train/evaluation.js";
import { type BatchSchedule, stepBatches } from "../train/loader.js";
import { MetricsLog, type RunWatcher, type StepRecord } from "../train/observer.js";
import { createOptimizer, defaultLearningRate } from "../train/optimizer.js";
import { type Plan, planRun } from "../train/plan.js";
import { type PreparedRun, prepareRun } from "../train/prepare.js";
import { DivergenceError, trainStep } from "../train/step.js";
import { UndoBuffer } from "../train/undo.js";
import { roundToStorage, saveModel } from "./save-model.js";
import { countParameters, type RunSummary, summarise } from "./summary.js";

/** Evaluations use these masks whatever the run's seed, so that their losses compare. */
const evaluationSeed = 0;

/**
 * Fine-tunes a model and writes it to `options.output`.
 * @throws InputError for anything wrong with options, model or data, before anything is written.
 * @throws DivergenceError when loss or gradients stop being finite; the last good weights are saved all the same.
 */
export async function finetune(input: FinetuneInput, watcher: RunWatcher = {}): Promise<RunSummary> {
  const options = parseOptions(finetuneSchema, input);
  const started = performance.now();
  const run = await prepareRun(options);
  let output: OutputFolder | undefined;
  try {
    output = await OutputFolder.create(options.output, {
      overwrite: options.overwrite,
      inputs: { "--model": options.model, "--train": options.train, "--eval": options.eval },
    });
    const log = await MetricsLog.open(output.path("metrics.jsonl"));
    const summary = await train(options, run, log, watcher, output, started).finally(() => log.close());
    return summary;
  } finally {
    await output?.discard();
    await run.checkpoint.close();
  }
}

async function train(
  options: FinetuneOptions,
  run: PreparedRun,
  log: MetricsLog,
  watcher: RunWatcher,
  output: OutputFolder,
  started: number,
): Promise<RunSummary> {
  const { pretrained, task, evaluationTask } = run;
  const { model, weights } = pretrained;
  const plan = planRun(options, run.train.length);
  const learningRate = options.learningRate ?? defaultLearningRate(options);
  const optimizer = createOptimizer(options, pretrained, plan);
  optimizer.prepare();

  const threads = options.threads ?? defaultThreads();
  const schedule = stepBatches(options, run, plan);
  const sampledBelow = options.sampledBelow ?? defaultSampledBelow;
  const boundOf = new Map(model.parameters.map(({ name, role }) => [name, role === "adapter" ? 0 : sampledBelow]));
  const shared = {
    model,
    weights,
    runtime: cpuRuntime({ threads }),
    arena: new Arena(),
  };
  const evaluationPrograms = new Programs({ ...shared, objective: evaluationTask.objective });
  const training = {
    dropout: options.dropout,
    structures: (name: string) => acceptedStructures(optimizer.need(name), boundOf.get(name) ?? 0),
    checkpointing: options.checkpointing,
  };
  // The density falls during a run, and which gradients are sampled changes with it.
  const trainingPrograms = new Programs({ ...shared, objective: task.objective, training }, () =>
    [...boundOf].map(([name, bound]) => (isSampled(optimizer.need(name), bound) ? "1" : "0")).join(""),
  );
  const evaluate = () =>
    evaluateModel({
      model,
      task: evaluationTask,
      examples: run.evaluation,
      batchSize: options.batchSize,
      programs: evaluationPrograms,
      seed: evaluationSeed,
    });

  // Memory for the largest batch first: a block that grew would lie beside the smaller one for a while.
  await trainingPrograms.of(schedule.largest);
  watcher.onStart?.({ run, plan, learningRate, counts: countParameters(pretrained, optimizer) });
  const before = await evaluate();
  const reportEvaluation = (step: number, evaluation: typeof before) => {
    const record = { step, epoch: step / plan.stepsPerEpoch, eval: evaluation };
    log.write(record);
    watcher.onEvaluation?.(record);
  };
  reportEvaluation(0, before);

  const undo = new UndoBuffer(weights);
  const sampledProduct = createSampledProduct({ threads });
  const accumulator = new GradientAccumulator(model.parameters, sampledProduct);
  const loop = { options, plan, schedule, trainingPrograms, learningRate, optimizer, accumulator, undo, watcher, log };
  const { stepMilliseconds, stopped: stoppedInLoop } = await runSteps(loop, async (step) => {
    reportEvaluation(step, await evaluate());
  }).finally(() => sampledProduct.release());

  const evaluateStored = () => {
    roundToStorage(options.saveDtype, pretrained);
    return evaluate();
  };
  let stopped = stoppedInLoop;
  let final = await evaluateStored();
  if (stopped === undefined && !(Number.isFinite(final.loss) && weightsAreFinite(weights))) {
    undo.restore();
    const learningRates = `with learning rate ${learningRate.toPrecision(3)}`;
    stopped = {
      step: plan.totalSteps,
      reason: `the evaluation loss became ${final.loss} at step ${plan.totalSteps} ${learningRates}; a lower --learning-rate usually helps`,
    };
    final = await evaluateStored();
  }
  // A run that diverged has taken its last step back.
  reportEvaluation(stopped === undefined ? plan.totalSteps : Math.max(0, optimizer.completedSteps - 1), final);
  await trainingPrograms.release();
  await evaluationPrograms.release();
  const summary = await summarise({
    options,
    run,
    plan,
    learningRate,
    optimizer,
    sampledBelow,
    evaluation: { before, final },
    wallSeconds: (performance.now() - started) / 1000,
    stepMilliseconds,
    stopped,
  });
  await saveModel(output, options, run, summary);
  await log.close();
  await output.commit();
  if (stopped !== undefined) {
    throw new DivergenceError(`${stopped.reason}. The last good weights are in ${options.output}.`);
  }
  return summary;
}

interface Loop {
  readonly options: FinetuneOptions;
  readonly plan: Plan;
  readonly learningRate: number;
  readonly optimizer: Optimizer;
  readonly schedule: BatchSchedule;
  readonly trainingPrograms: Programs;
  readonly accumulator: GradientAccumulator;
  readonly undo: UndoBuffer;
  readonly watcher: RunWatcher;
  readonly log: MetricsLog;
}

/** All steps of a run, with evaluations between; ends early, the last step taken back, when a step diverges. */
async function runSteps(
  { options, plan, schedule, trainingPrograms, learningRate, optimizer, accumulator, undo, watcher, log }: Loop,
  evaluateAfter: (step: number) => Promise<void>,
): Promise<{ readonly stepMilliseconds: readonly number[]; readonly stopped: RunSummary["stopped"] }> {
  const stepMilliseconds: number[] = [];
  for (let step = 0; step < plan.totalSteps; step++) {
    if (watcher.signal?.aborted === true) {
      throw new InputError(`interrupted after ${step} of ${plan.totalSteps} steps; nothing was written`);
    }
    const started = performance.now();
    const rate = learningRateAt(step, {
      schedule: options.schedule,
      learningRate,
      totalSteps: plan.totalSteps,
      warmupSteps: warmupSteps(options.warmup, plan.totalSteps),
    });
    const { batches, tokens } = schedule.of(step, trainingPrograms);
    try {
      const { loss, gradientNorm } = await trainStep(batches, {
        optimizer,
        accumulator,
        learningRate: rate,
        clip: options.clip === 0 ? undefined : options.clip,
        dropoutKey: { seed: options.seed, step },
        undo,
      });
      const milliseconds = performance.now() - started;
      stepMilliseconds.push(milliseconds);
      const record: StepRecord = {
        step: step + 1,
        epoch: (step + 1) / plan.stepsPerEpoch,
        loss,
        learningRate: rate,
        ...recordedDensity(optimizer),
        gradientNorm,
        tokensPerSecond: (tokens / milliseconds) * 1000,
      };
      if ((step + 1) % plan.logEvery === 0 || step + 1 === plan.totalSteps) log.write(record);
      watcher.onStep?.(record, plan);
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      undo.restore();
      return { stepMilliseconds, stopped: { step: step + 1, reason: error.message } };
    }
    if ((step + 1) % plan.evaluateEvery === 0 && step + 1 < plan.totalSteps) await evaluateAfter(step + 1);
  }
  return { stepMilliseconds, stopped: undefined };
}

function weightsAreFinite(weights: Weights): boolean {
  return [...weights.values()].every((values) => nonFiniteIndex(values) === undefined);
}

function recordedDensity(optimizer: Optimizer): { readonly density?: number } {
  const density = optimizer.density();
  return density === undefined ? {} : { density };
}
