/** What an analysis of a run has: the content of analysis.json. */
import type { ChangeRecord } from "./change.js";
import type { HistogramRecord, LogarithmicAxis } from "./joint-histogram.js";
import type { Relation } from "./relation.js";

/** A number that is none (0 over 0) is null in the file. */
export interface GroupFigures extends Relation {
  readonly histogram: HistogramRecord;
  readonly change: ChangeRecord;
  /** The mean of lr / (sqrt(v) + epsilon) over entries that were updated, where the optimizer has such moments. */
  readonly effectiveRate?: number;
}

export interface LayerFigures extends GroupFigures {
  readonly name: string;
}

export interface TensorFigures extends GroupFigures {
  readonly name: string;
  /** The stage of the model that it belongs to; a tied tensor, the first. */
  readonly layer: string;
  readonly role: string;
  readonly shape: readonly number[];
}

/** What a probe has found. */
export interface ProbeRecord {
  /** Steps that were taken before. */
  readonly step: number;
  readonly epoch: number;
  /** Of the probe's batch: its mean loss, the norm of all gradients, and how many examples it has. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly examples: number;
  /** Of the last step. */
  readonly learningRate?: number;
  readonly seconds: number;
  /** All trained matrices but the head's; absent where there are no others. */
  readonly whole?: GroupFigures;
  /** The matrices of each stage of the model together. */
  readonly layers: readonly LayerFigures[];
  readonly tensors: readonly TensorFigures[];
}

export interface Analysis {
  readonly format: 1;
  readonly model: string;
  readonly architecture: string;
  readonly fromScratch: boolean;
  readonly task: string;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly totalSteps: number;
  /** The axes of the histograms: powers of ten, and bins a decade. */
  readonly axes: { readonly weight: LogarithmicAxis; readonly gradient: LogarithmicAxis };
  /** What the rows and columns of `overlap`, and the entries of `caught`, are of; of the whole the gradients' first three. */
  readonly shares: { readonly weights: readonly number[]; readonly gradients: readonly number[] };
  /** What `caught` is of: this share of each tensor, selected as NanoAdam does. */
  readonly selection: { readonly density: number };
  readonly probes: readonly ProbeRecord[];
  /** The share of all weights that differ from what they began as, at each evaluation and probe. */
  readonly changed: readonly { readonly step: number; readonly share: number }[];
}
