/**
 * Fine-tuning from a checkpoint folder to a checkpoint folder. It reads from top to bottom as what happens: prepare,
 * evaluate, step after step with evaluations between, evaluate, save.
 */
import { basename } from "node:path";
import type { Runtime } from "@nanoadam/engine";
import { nonFiniteIndex } from "../checkpoint/floats.js";
import type { Row } from "../data/source.js";
import { DivergenceError, InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { ScratchFile } from "../files/scratch-file.js";
import { hiddenSizeOf } from "../models/architectures.js";
import { type FinetuneInput, type FinetuneOptions, parseFinetuneOptions } from "../options/finetune-options.js";
import { bestMetric } from "../options/saving-options.js";
import type { FinetuneInputFor, UnnamedTask } from "../options/task-options.js";
import type { Weights } from "../program/compile-stages.js";
import { type TaskName, taskKind } from "../tasks/registry.js";
import { reviewOfChange } from "../tasks/review.js";
import { BestWeights } from "../train/best-weights.js";
import type { Stopped } from "../train/loop.js";
import { observeAll } from "../train/observer.js";
import { countParameters } from "../train/parameter-counts.js";
import { planRun } from "../train/plan.js";
import { loraSettings, type PreparedRun, prepareRun } from "../train/prepare.js";
import { settleTraining } from "../train/settle.js";
import { UndoBuffer } from "../train/undo.js";
import { Checkpointer } from "./checkpointer.js";
import { chooseLearningRate } from "./choose-learning-rate.js";
import { type Fingerprint, fingerprinter } from "./fingerprints.js";
import { MetricsLog } from "./metrics-log.js";
import { analysisFiles, Microscope } from "./microscope.js";
import { openRuntime } from "./open-runtime.js";
import { requireMemory } from "./require-memory.js";
import type { RunControl } from "./run-control.js";
import { type FinetuneRun, startRun } from "./run-events.js";
import { RunWatch } from "./run-watch.js";
import {
  type Folder,
  requireStorable,
  roundToStorage,
  saveModel,
  sizeOfSaved,
  weightsFileOf,
  writeJson,
} from "./save-model.js";
import { saveResult } from "./save-result.js";
import { retainedBefore, type SavedRun } from "./saved-run.js";
import { type RunSummary, summarise } from "./summary.js";
import { TrainingSession } from "./training-session.js";
import { measureChange, type WeightChange } from "./weight-shift.js";
import { runInWorker } from "./worker-run.js";

/**
 * Fine-tunes a model and writes it to `output`. Await it for its summary, or loop over its events. The options are those that the
 * `task` takes.
 * @throws InputError for anything wrong with options, model or data, before anything is written.
 * @throws DivergenceError when loss or gradients stop being finite; the last good weights are saved all the same.
 * @throws AbortError once the signal is aborted, or the loop is left.
 */
export function finetune<Task extends TaskName = UnnamedTask>(
  input: FinetuneInputFor<Task>,
  control: RunControl = {},
): FinetuneRun {
  return startRun(control, (observed) =>
    control.worker === true ? runInWorker({ input }, observed) : performRun({ input, control: observed }),
  );
}

/** What to do: a run from its beginning, or the rest of one that was saved. */
export interface RunToPerform {
  readonly input: FinetuneInput;
  readonly control: RunControl;
  readonly saved?: SavedRun;
  /** Whether the trained model is written; by default it is. */
  readonly keepsModel?: boolean;
  /** How the engine is opened, where another thread has to know of its calls. */
  readonly open?: typeof openRuntime;
  /** Given what the run is made from now, throws where that may not be. */
  readonly requireSame?: (fingerprints: () => Promise<readonly Fingerprint[]>) => Promise<void>;
}

/** As `finetune`, or `resumeFinetuning`. */
export async function performRun(work: RunToPerform): Promise<RunSummary> {
  const { input, control, saved, open = openRuntime } = work;
  const options = parseFinetuneOptions(input);
  const started = performance.now() - 1000 * (saved?.state.seconds ?? 0);
  const runtime = await open(options.training, observeAll(control.observers ?? []));
  let peakMemory = 0;
  const run = await prepareRun(options, {
    tell: (notice) => observeAll(control.observers ?? []).onNotice(notice),
    async beforeWeights(known) {
      peakMemory = (await requireMemory(options, known)).peak;
    },
  });
  let output: OutputFolder | undefined;
  let watch: RunWatch | undefined;
  try {
    const fingerprints = await fingerprinter(options, run);
    await work.requireSame?.(fingerprints);
    const inputs = {
      model: run.checkpoint.folders,
      train: fileOf(options.data.train),
      eval: fileOf(options.data.eval),
      retain: options.retention.retain,
      ...control.optionFiles,
    };
    output = await OutputFolder.create(options.output.output, {
      overwrite: options.output.overwrite,
      ownsCheckpoints: saved !== undefined,
      inputs,
      tell: (notice) => observeAll(control.observers ?? []).onNotice(notice),
    });
    await output.requireSpace(await sizeOfSaved(options.output.saveDtype, run));
    watch = await RunWatch.open(options, inputs, observeAll(control.observers ?? []), saved?.metrics);
    const observers = [...watch.observers, ...(control.observers ?? [])];
    const watched = { ...work, control: { ...control, observers } };
    return await train(watched, options, { ...run, runtime, fingerprints, peakMemory }, { output, watch }, started);
  } catch (error) {
    await watch?.fail(error);
    throw error;
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
  { input, control: { observers = [], signal, savesCancelled = false }, saved, keepsModel = true }: RunToPerform,
  options: FinetuneOptions,
  run: PreparedRun & {
    readonly runtime: Runtime;
    readonly peakMemory: number;
    readonly fingerprints: () => Promise<readonly Fingerprint[]>;
  },
  { output, watch }: { readonly output: OutputFolder; readonly watch: RunWatch },
  started: number,
): Promise<RunSummary> {
  const { pretrained, task } = run;
  const hiddenSize = hiddenSizeOf(run.checkpoint.config);
  let settled = settleTraining(options, { examples: run.train.length, hiddenSize });
  const plan = planRun(settled, run.train.length, options.saving);
  const listener = observeAll(observers);
  const log = await MetricsLog.open(output.path(metricsFile), plan.logEvery, listener, saved?.metrics);
  const scratch = new ScratchFile(output.path(".undo"));
  const session = new TrainingSession(options, settled, run, run.runtime);
  const observer = observeAll([log, ...observers]);
  /** What is evaluated at the end is what is saved. */
  const evaluateStored = async () => {
    roundToStorage(options.output.saveDtype, pretrained);
    const review = task.review?.(run.evaluation);
    return { final: await session.evaluate(run.evaluation, review), review };
  };
  const measure = () =>
    measureChange({
      checkpoint: run.checkpoint,
      pretrained,
      lora: loraSettings(pretrained.model, options.adapter),
      seed: options.training.seed,
    });
  const all = [...pretrained.weights.values()].reduce((sum, values) => sum + values.length, 0);
  const shareOf = ({ changed }: WeightChange) => changed / all;

  try {
    await saved?.readWeights(pretrained);
    let optimizer = session.startOptimizer(plan, await saved?.readOptimizer());
    await session.reserve();
    if (options.analysis.analyze) await session.reserveForProbes();
    observer.onStart({
      source: options.model.model,
      architecture: pretrained.model.architecture,
      initialised: pretrained.initialised,
      unused: pretrained.unused,
      counts: countParameters(pretrained, optimizer),
      totalSteps: plan.totalSteps,
      completedSteps: optimizer.completedSteps,
      stepsPerEpoch: plan.stepsPerEpoch,
      batchSize: settled.batchSize,
      learningRate: saved?.state.learningRate ?? settled.learningRate,
      peakMemory: run.peakMemory,
      data: run.data,
    });
    requireStorable(options.output.saveDtype, pretrained);
    const before = saved?.state.before ?? (await session.evaluate(run.evaluation));
    if (!Number.isFinite(before.loss)) {
      throw new InputError(
        `${run.checkpoint.folder}: the loss is ${before.loss} on the evaluation data before the first step, so the weights or the labels are too large for float32; nothing was trained`,
      );
    }
    const known = saved === undefined ? await session.evaluateRetained() : retainedBefore(saved.state);
    let trials = saved?.state.trials;
    if (options.training.learningRate === "auto") {
      const chosen = saved?.state ?? (await chooseLearningRate(session, run, settled, plan, { observer, signal }));
      trials = chosen.trials;
      settled = { ...settled, learningRate: chosen.learningRate };
      if (saved === undefined) optimizer = session.startOptimizer(plan);
    }
    if (saved === undefined) observer.onEvaluation({ step: 0, epoch: 0, eval: before, changedShare: 0, ...known });
    await log.requireWritten();

    const buffers = pretrained.model.buffers.map(({ name }) => name);
    const undo = new UndoBuffer(pretrained.weights, { buffers, storage: scratch });
    const metric = bestMetric(options.saving);
    const best =
      metric === undefined ? undefined : new BestWeights(metric, options.saving.patience, saved?.state.soFar);
    const microscope = options.analysis.analyze
      ? await Microscope.open({ options, settled, plan, run, session, optimizer, listener }, saved?.analysis)
      : undefined;
    if (saved === undefined) await microscope?.begin();
    const checkpointer = new Checkpointer({
      ...{ microscope, input, options, settled, plan, run, output, optimizer, log, best, saved, started },
      ...{ savesCancelled, listener, engine: run.runtime, fingerprints: run.fingerprints },
      results: { before, trials, ...known },
    });
    const { density, finalDensity = density } = options.optimizer;
    // What takes a step back is gone before the result is written.
    const staged = Math.max(
      await sizeOfSaved(options.output.saveDtype, run),
      undo.mostStored(Math.max(density, finalDensity)),
    );
    await output.requireSpace(staged + (await checkpointer.bytes()));
    const { learningRate } = settled;
    const result = await session.takeSteps({
      dataset: run.train,
      plan,
      learningRate,
      observers: [undo, observer, ...[best, microscope].filter((each) => each !== undefined), checkpointer],
      signal,
      before: saved?.state,
      evaluate: async () => ({
        eval: await session.evaluate(run.evaluation),
        changedShare: shareOf(await measure()),
        ...(await session.evaluateRetained()),
      }),
    });
    let { stopped } = result;
    if (stopped !== undefined && optimizer.completedSteps === 0) {
      throw new InputError(`${run.checkpoint.folder}: ${stopped.reason}; nothing was trained`);
    }
    if (stopped !== undefined) undo.restore();
    if (result.endedEarly !== undefined) await microscope?.end(optimizer.completedSteps);
    const chosen = await checkpointer.restoreBest(stopped === undefined ? optimizer.completedSteps : undefined);
    if (stopped !== undefined && chosen === undefined) requireGood(saved, undo, stopped.reason);
    let { final, review } = await evaluateStored();
    const isGood = Number.isFinite(final.loss) && weightsAreFinite(pretrained.weights);
    // A step that has moved some weights has written over what would take back the one before.
    const movedSome = undo.step > optimizer.completedSteps;
    if (stopped !== undefined && movedSome && chosen === undefined && !isGood) {
      throw new DivergenceError(
        `${stopped.reason}. The weights that the step began with give no finite loss either; begin again with another \`learningRate\``,
      );
    }
    if (stopped === undefined && chosen === undefined && !isGood) {
      stopped = lastStepDiverged(optimizer.completedSteps, final.loss, learningRate);
      requireGood(saved, undo, stopped.reason);
      undo.restore();
      ({ final, review } = await evaluateStored());
    }
    // A run that diverged has taken back the last step that moved anything.
    const last = stopped === undefined ? optimizer.completedSteps : Math.max(0, undo.step - 1);
    const step = chosen?.step ?? last;
    const change = await measure();
    const kept = await session.evaluateRetained();
    observer.onEvaluation({
      step,
      epoch: step / plan.stepsPerEpoch,
      eval: final,
      changedShare: shareOf(change),
      ...kept,
    });
    await session.release();
    scratch.close();

    const summary = summarise({
      options,
      settled,
      run,
      engine: run.runtime,
      plan,
      optimizer,
      change,
      sampledBelow: session.sampledBelow,
      evaluation: { before, final },
      retained: { before: known.retained, final: kept.retained },
      review: review?.result() ?? reviewOfChange(taskKind(task.name).metrics[0], before, final, run.evaluation.length),
      trials,
      wallSeconds: (performance.now() - started) / 1000,
      stepMilliseconds: result.stepMilliseconds,
      stopped,
      identity: checkpointer.identity,
      best: chosen,
      endedEarly: result.endedEarly,
    });
    await log.close();
    observer.onSave();
    const save = async (folder: Folder) => {
      if (keepsModel) await saveModel(folder, options, run, options.output.saveDtype);
      await microscope?.write((file) => folder.path(file), basename(options.output.output));
      await writeJson(folder.path("summary.json"), summary);
    };
    const weights = keepsModel ? weightsFileOf(pretrained) : analysisFiles.figures;
    await saveResult(output, save, { weights, others: [metricsFile] });
    await checkpointer.end();
    const pictures = () =>
      Promise.all((review?.mistaken?.() ?? []).map(async (index) => run.evaluation.pictureOf?.(index)));
    await watch.finish(summary, review?.shown?.(), pictures);
    if (stopped !== undefined) {
      const which = chosen === undefined ? "last good" : "best";
      throw new DivergenceError(`${stopped.reason}. The ${which} weights are in ${options.output.output}.`);
    }
    return summary;
  } finally {
    scratch.close();
    await session.release();
    await log.close();
  }
}

/**
 * A run that diverged in the first step after it went on has nothing to take back.
 * @throws DivergenceError then; what is there stays as it is.
 */
function requireGood(saved: SavedRun | undefined, undo: UndoBuffer, reason: string): void {
  if (saved === undefined || !undo.isEmpty) return;
  throw new DivergenceError(
    `${reason}. The weights of ${saved.folder} are no good already; begin again from an earlier checkpoint, or with another \`learningRate\``,
  );
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
