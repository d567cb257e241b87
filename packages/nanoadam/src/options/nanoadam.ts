/** The lines of NanoAdam and NanoLion in the table of optimizers: they select alike, and differ in their rules. */
import {
  type BiasCorrection,
  biasCorrections,
  createNanoAdam,
  createNanoLion,
  type EnteringMoment,
  enteringMoments,
} from "@nanoadam/optim";
import { z } from "zod";
import { optimizerEntry } from "./optimizer-entry.js";
import { flag } from "./option-types.js";
import { type SelectionInput, selectionOf, selectionOptions, settledIntervals } from "./selection-options.js";

/** The options of NanoAdam and NanoLion. */
export interface NanoAdamInput extends SelectionInput {
  /** Bias correction of NanoAdam by an entry's age (`entry`), by the step (`global`, the default), or none. */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** How much of NanoAdam's first moment stays from step to step, or of it is in NanoLion's step; by default 0.9. */
  readonly beta1?: number | undefined;
  /** Updates over which NanoAdam's steps of a newly selected entry grow to the whole; by default 0. */
  readonly entryWarmup?: number | undefined;
  /** NanoAdam's second moment of a newly selected entry: 0 (`zero`, the default), or the `mean` of those that stay. */
  readonly enteringMoment?: EnteringMoment | undefined;
}

const options = {
  biasCorrection: z
    .enum(biasCorrections)
    .default("global")
    .meta(flag("nanoadam's bias correction by an entry's age, by the step, or none")),
  beta1: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .meta(flag("how much of nanoadam's first moment stays from step to step, or of nanolion's is in a step", "X")),
  entryWarmup: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .meta(flag("updates over which nanoadam's steps of a newly selected entry grow", "N")),
  enteringMoment: z
    .enum(enteringMoments)
    .default("zero")
    .meta(flag("nanoadam's second moment of a newly selected entry: 0, or the mean of those that stay")),
};

export const nanoadam = optimizerEntry({
  summary: "the smallest weights only",
  options: { ...selectionOptions, ...options },
  defaultLearningRate: 3e-4,
  followsWidth: true,
  comparedAt: [3e-4, 1e-3, 3e-3, 1e-2],
  adaptersComparedAt: [1e-3, 3e-3, 1e-2],
  mayHoldBfloat16: true,
  create: (options, context) =>
    createNanoAdam({
      ...selectionOf(options, context),
      betas: [options.beta1, 0.999],
      biasCorrection: options.biasCorrection,
      entryWarmup: options.entryWarmup,
      enteringMoment: options.enteringMoment,
    }),
  secondMoments: ({ biasCorrection, entryWarmup }) =>
    biasCorrection === "entry" || entryWarmup > 0
      ? undefined
      : { beta2: 0.999, epsilon: 1e-8, isCorrected: biasCorrection === "global" },
  settled: settledIntervals,
});

export const nanolion = optimizerEntry({
  summary: "the smallest weights only, by the signs of their gradients",
  options: { ...selectionOptions, beta1: options.beta1 },
  defaultLearningRate: 1e-4,
  followsWidth: true,
  comparedAt: [1e-4, 3e-4, 1e-3, 3e-3],
  mayHoldBfloat16: true,
  create: (options, context) => createNanoLion({ ...selectionOf(options, context), betas: [options.beta1, 0.99] }),
  settled: settledIntervals,
});
