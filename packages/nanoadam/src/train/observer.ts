/** What may look on while a run goes. An observer is an object of its own file and imports nothing of the loop. */
import type { GradientNeed } from "@nanoadam/optim";
import type { DataReport } from "./data-report.js";
import type { Evaluation } from "./evaluation.js";
import type { ParameterCounts } from "./parameter-counts.js";

/** What is known before the first step. */
export interface RunStart {
  /** The folder that the weights come from. */
  readonly source: string;
  readonly architecture: string;
  /** Parameters that the checkpoint lacks, freshly initialised. */
  readonly initialised: readonly string[];
  /** Tensors of the checkpoint that the model does not use. */
  readonly unused: readonly string[];
  readonly counts: ParameterCounts;
  readonly totalSteps: number;
  /** Steps that were taken before, of a run that goes on. */
  readonly completedSteps: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  /** Of the schedule, the highest; where some are tried before, the one that they are around. */
  readonly learningRate: number;
  /** What the run is expected to take of memory, in bytes. */
  readonly peakMemory: number;
  readonly data: DataReport;
}

/** One step as it is logged. */
export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly density?: number;
  readonly gradientNorm: number;
  /** Tokens that are not padding. */
  readonly tokensPerSecond: number;
  readonly examplesPerSecond: number;
}

/** A learning rate that was tried before the run, and the loss that it led to; NaN where it diverged. */
export interface RateTrial {
  readonly learningRate: number;
  readonly loss: number;
}

/** What is measured between steps. */
export interface EvaluationFigures {
  readonly eval: Evaluation;
  /** The share of all weights that differ from what they began as. */
  readonly changedShare?: number;
  /** What the model keeps of what it knew, of a run that measures it. */
  readonly retained?: Evaluation;
}

/** One evaluation as it is logged. */
export interface EvaluationRecord extends EvaluationFigures {
  readonly step: number;
  readonly epoch: number;
}

/** What a log keeps of a run's start. */
export type StartSummary = Pick<
  RunStart,
  "source" | "architecture" | "totalSteps" | "stepsPerEpoch" | "batchSize" | "learningRate"
> & { readonly parameters: number };

export function summaryOfStart(start: RunStart): StartSummary {
  const { source, architecture, totalSteps, stepsPerEpoch, batchSize, learningRate, counts } = start;
  return {
    source,
    architecture,
    parameters: counts.total,
    totalSteps,
    stepsPerEpoch,
    batchSize,
    learningRate,
  };
}

/** The run was saved. */
export interface CheckpointRecord {
  readonly step: number;
  /** The checkpoint's folder. */
  readonly folder: string;
  /** Whether its weights are the best so far, of a run that looks for them. */
  readonly isBest: boolean;
}

/** Where a run is between two steps. */
export interface RunPosition {
  readonly step: number;
  /** Of each step so far. */
  readonly stepMilliseconds: readonly number[];
}

/** Who is told what a person should know that is no error. */
export interface NoticeListener {
  /** A sentence, without a full stop. */
  onNotice?(notice: string): void;
}

/** An error that an observer throws ends the run. */
export interface TrainingObserver extends NoticeListener {
  onStart?(start: RunStart): void;
  /** A learning rate was tried; before the first step. */
  onRateTried?(trial: RateTrial): void;
  /** Just before step number `step`, counted from 1, moves a tensor; its gradient is known to be finite. */
  onUpdate?(step: number, name: string, need: GradientNeed): void;
  onStep?(record: StepRecord): void;
  onEvaluation?(record: EvaluationRecord): void;
  /** A checkpoint is whole, and the run could go on from it. */
  onCheckpoint?(record: CheckpointRecord): void;
  /** After a step and the evaluation that follows it; the next step waits. */
  betweenSteps?(position: RunPosition): Promise<void> | void;
  /** Asked before each step; why the run should end here, in half a sentence. */
  reasonToStop?(): string | undefined;
  /** The run was cancelled, and ends here; what was done about it, in half a sentence. */
  onCancel?(position: RunPosition): Promise<string | undefined>;
  /** All is computed, and the result is about to be written. */
  onSave?(): void;
}

/** Several observers as one, called in their order. */
export function observeAll(observers: readonly TrainingObserver[]): Required<TrainingObserver> {
  return {
    onNotice(notice) {
      for (const observer of observers) observer.onNotice?.(notice);
    },
    onStart(start) {
      for (const observer of observers) observer.onStart?.(start);
    },
    onRateTried(trial) {
      for (const observer of observers) observer.onRateTried?.(trial);
    },
    onUpdate(step, name, need) {
      for (const observer of observers) observer.onUpdate?.(step, name, need);
    },
    onStep(record) {
      for (const observer of observers) observer.onStep?.(record);
    },
    onEvaluation(record) {
      for (const observer of observers) observer.onEvaluation?.(record);
    },
    onCheckpoint(record) {
      for (const observer of observers) observer.onCheckpoint?.(record);
    },
    async betweenSteps(position) {
      for (const observer of observers) await observer.betweenSteps?.(position);
    },
    reasonToStop() {
      for (const observer of observers) {
        const reason = observer.reasonToStop?.();
        if (reason !== undefined) return reason;
      }
      return undefined;
    },
    async onCancel(position) {
      const done: string[] = [];
      for (const observer of observers) done.push((await observer.onCancel?.(position)) ?? "");
      return done.find((each) => each !== "");
    },
    onSave() {
      for (const observer of observers) observer.onSave?.();
    },
  };
}
