import type { Runtime } from "@nanoadam/engine";
import type { Optimizer } from "@nanoadam/optim";
import type { Row } from "../data/source.js";
import { type FinetuneOptions, flattenOptions } from "../options/finetune-options.js";
import { optimizers } from "../options/optimizers.js";
import type { Review } from "../tasks/review.js";
import type { Best } from "../train/best-weights.js";
import type { DataReport } from "../train/data-report.js";
import type { Evaluation } from "../train/evaluation.js";
import type { RateTrial } from "../train/observer.js";
import { type CountAndShare, countParameters, type ParameterCounts } from "../train/parameter-counts.js";
import type { Plan } from "../train/plan.js";
import type { PreparedRun } from "../train/prepare.js";
import type { SettledTraining } from "../train/settle.js";
import { peakMemoryBytes } from "./peak-memory.js";
import { versions } from "./versions.js";
import type { WeightChange } from "./weight-shift.js";

/** What a run was and what came of it: the content of summary.json. */
export interface RunSummary {
  readonly model: { readonly source: string; readonly architecture: string; readonly type: unknown };
  readonly task: string;
  readonly optimizer: string;
  readonly parameters: ParameterCounts & {
    /** Entries that differ from the checkpoint, or from their initialisation. */
    readonly everChanged: CountAndShare;
    /**
     * The l2 norm of what a tensor moved by, an adapter's product included, as a mean over the tensors that came from the
     * checkpoint; 0 without any.
     */
    readonly meanShift: number;
    /** Entries that are 0, as many are in a pruned network. */
    readonly zeros: CountAndShare;
  };
  readonly initialised: readonly string[];
  readonly unused: readonly string[];
  /** What the data are, and what is worth a look. */
  readonly data: DataReport;
  /** The final answers looked through: by label, confusions, mistakes, and a verdict in a sentence. */
  readonly review: Review;
  readonly examples: { readonly train: number; readonly evaluation: number; readonly truncated: number };
  /** The learning rates that were tried where it was `auto`, and the loss that each led to. */
  readonly learningRateTrials?: readonly RateTrial[];
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly wallSeconds: number;
  /** Median over the run's steps. */
  readonly stepMilliseconds: number;
  readonly peakRssBytes: number;
  readonly optimizerStateBytes: number;
  /** The density up to which the selected entries of a gradient were computed alone. */
  readonly sampledBelow: number;
  readonly evaluation: { readonly before: Evaluation; readonly final: Evaluation };
  /** What the model keeps of what it knew, of a run that measures it. */
  readonly retained?: Retained;
  /** Tells the run from others with the same output, where it has checkpoints. */
  readonly run?: string;
  /** Where the best weights of the run are its result: the step that they are of, and the figure that says so. */
  readonly best?: Best;
  /** Why the run ended before its last step, where nothing was wrong. */
  readonly endedEarly?: string;
  readonly stopped?: { readonly step: number; readonly reason: string };
  /** What computed, and if it is not what one would expect, why. */
  readonly engine: Pick<Runtime, "name" | "version" | "notice">;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** A reference set, and what the base model's own head makes of it on the body that was trained. */
export interface Retained {
  /** The file or folder. */
  readonly data: string;
  readonly task: string;
  readonly examples: number;
  /** With the base model's body; absent of a run that went on and had not measured it when it began. */
  readonly before?: Evaluation;
  readonly final: Evaluation;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/** What was left open, as it came out. */
function settledOf({ batchSize, epochs, learningRate }: SettledTraining) {
  return { batchSize, learningRate, ...(epochs === undefined ? {} : { epochs }) };
}

export interface SummaryInputs {
  readonly options: FinetuneOptions;
  readonly run: PreparedRun;
  readonly engine: RunSummary["engine"];
  readonly plan: Plan;
  readonly settled: SettledTraining;
  readonly optimizer: Optimizer;
  /** How far the weights are from where they began. */
  readonly change: WeightChange;
  readonly sampledBelow: number;
  readonly evaluation: RunSummary["evaluation"];
  readonly retained: { readonly before: Evaluation | undefined; readonly final: Evaluation | undefined };
  readonly review: Review;
  readonly trials: readonly RateTrial[] | undefined;
  readonly wallSeconds: number;
  readonly stepMilliseconds: readonly number[];
  readonly stopped: RunSummary["stopped"];
  readonly identity: string | undefined;
  readonly best: Best | undefined;
  readonly endedEarly: string | undefined;
}

export function summarise(inputs: SummaryInputs): RunSummary {
  const { options, run, plan, optimizer } = inputs;
  const { name, version, notice } = inputs.engine;
  const { pretrained } = run;
  const counts = countParameters(pretrained, optimizer);
  const { changed, meanShift, zeros } = inputs.change;
  return {
    model: {
      source: options.model.model,
      architecture: pretrained.model.architecture,
      type: run.checkpoint.config.model_type,
    },
    task: run.task.name,
    optimizer: options.optimizer.optimizer,
    parameters: {
      ...counts,
      everChanged: { count: changed, share: changed / counts.total },
      meanShift,
      zeros: { count: zeros, share: zeros / counts.total },
    },
    initialised: pretrained.initialised,
    unused: pretrained.unused,
    data: run.data,
    review: inputs.review,
    examples: { train: run.train.length, evaluation: run.evaluation.length, truncated: run.data.tokens.cut },
    ...(inputs.trials === undefined ? {} : { learningRateTrials: inputs.trials }),
    steps: optimizer.completedSteps,
    stepsPerEpoch: plan.stepsPerEpoch,
    wallSeconds: inputs.wallSeconds,
    stepMilliseconds: median(inputs.stepMilliseconds),
    peakRssBytes: peakMemoryBytes(),
    optimizerStateBytes: optimizer.stateBytes(),
    sampledBelow: inputs.sampledBelow,
    evaluation: inputs.evaluation,
    ...retainedOf(inputs),
    ...(inputs.identity === undefined ? {} : { run: inputs.identity }),
    ...(inputs.best === undefined ? {} : { best: inputs.best }),
    ...(inputs.endedEarly === undefined ? {} : { endedEarly: inputs.endedEarly }),
    ...(inputs.stopped === undefined ? {} : { stopped: inputs.stopped }),
    engine: { name, version, ...(notice === undefined ? {} : { notice }) },
    versions: versions(),
    seed: options.training.seed,
    configuration: {
      ...flattenOptions(options),
      ...settledOf(inputs.settled),
      train: dataName(options.data.train),
      eval: dataName(options.data.eval),
      ...(run.columns.text.length === 0 ? {} : run.columns),
      ...(run.files.kind === "text" ? { maxLength: run.files.maximumSize } : {}),
      ...optimizers[options.optimizer.optimizer].settled?.(options.optimizer, plan),
    },
  };
}

function retainedOf({ run, retained: { before, final } }: SummaryInputs): Pick<RunSummary, "retained"> {
  if (run.retention === undefined || final === undefined) return {};
  const { data, task, dataset } = run.retention;
  const figures = { ...(before === undefined ? {} : { before }), final };
  return { retained: { data, task: task.name, examples: dataset.length, ...figures } };
}

/** Data as a summary names them: their file, or that they were rows of a program. */
function dataName(data: string | Iterable<Row> | undefined): string | undefined {
  return data === undefined || typeof data === "string" ? data : "rows of a program";
}
