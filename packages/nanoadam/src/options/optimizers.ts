/**
 * The optimizers there are. Their names, their own options, their default learning rates, the rates at which they are compared,
 * and what `--help` says of them all come from this table: a new optimizer is a folder of `@nanoadam/optim` and a line here.
 */
import {
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoSgd,
  createSgd,
  type Parameter,
  type WeightArray,
} from "@nanoadam/optim";
import { z } from "zod";
import { type NanoAdamInput, nanoadam, nanolion } from "./nanoadam.js";
import {
  type CommonOptimizerOptions,
  type OptimizerContext,
  optimizerEntry,
  type TrainedParameter,
} from "./optimizer-entry.js";
import { count, countTo, factor, flag, fraction } from "./option-types.js";
import { selectionOf, selectionOptions, settledIntervals } from "./selection-options.js";

/** Rates for what updates all weights by Adam's steps. */
const adamRates = { defaultLearningRate: 5e-5, followsWidth: true, comparedAt: [3e-5, 1e-4, 3e-4, 1e-3] };

const adamw = optimizerEntry({
  summary: "all weights",
  options: {},
  ...adamRates,
  adaptersComparedAt: [3e-4, 1e-3, 3e-3],
  mayHoldBfloat16: false,
  create: (options, context) => createAdamW(wholeTensors(options, context)),
  secondMoments: () => ({ beta2: 0.999, epsilon: 1e-8, isCorrected: true }),
});

const adamw8bit = optimizerEntry({
  summary: "all weights, its state in 8 bits",
  options: {},
  ...adamRates,
  mayHoldBfloat16: false,
  create: (options, context) => createAdamW8bit(wholeTensors(options, context)),
});

interface MicroAdamInput {
  /** Steps whose gradients MicroAdam keeps; by default 10. */
  readonly microadamWindow?: number | undefined;
  /** The fraction of a gradient that MicroAdam keeps; by default 0.01. */
  readonly microadamDensity?: number | undefined;
}

/** So many times the hundredth of a gradient that is kept of each step are ten gradients. */
const mostWindow = 1000;

const microadam = optimizerEntry({
  summary: "moments from the largest gradients of the last steps",
  options: {
    microadamWindow: countTo(mostWindow).default(10).meta(flag("steps whose gradients microadam keeps", "N")),
    microadamDensity: fraction.default(0.01).meta(flag("fraction of a gradient that it keeps", "X")),
  },
  ...adamRates,
  mayHoldBfloat16: false,
  create: ({ microadamWindow: window, microadamDensity: density, ...options }, context) =>
    createMicroAdam({ ...wholeTensors(options, context), window, density }),
});

interface GaLoreInput {
  /** Dimensions of GaLore's subspace; by default 256. */
  readonly galoreRank?: number | undefined;
  /** Steps between GaLore's projections; by default 200. */
  readonly galoreGap?: number | undefined;
  /** A factor of GaLore's steps; by default 1. */
  readonly galoreScale?: number | undefined;
}

/** The largest of its paper, for a model of 7 billion weights; each is found by passes over all gradients, and a matrix has no more than its short side. */
const mostDimensions = 1024;

const galore = optimizerEntry({
  summary: "moments in a subspace of the gradients",
  options: {
    galoreRank: countTo(mostDimensions).default(256).meta(flag("dimensions of galore's subspace", "N")),
    galoreGap: count.default(200).meta(flag("steps between its projections", "N")),
    galoreScale: factor.default(1).meta(flag("factor of its steps", "X")),
  },
  defaultLearningRate: 1e-4,
  followsWidth: true,
  comparedAt: [1e-4, 3e-4, 1e-3, 3e-3],
  mayHoldBfloat16: false,
  create: ({ galoreRank: rank, galoreGap: updateGap, galoreScale: scale, ...options }, context) =>
    createGaLore({
      ...wholeTensors(options, context),
      // As its authors do, only the matrices of layers are projected.
      dense: namesWhere(context, ({ role }) => role === "embedding" || role === "head"),
      rank,
      updateGap,
      scale,
    }),
});

interface SgdInput {
  /** The momentum of SGD and of nano gradient descent; by default 0.9. */
  readonly momentum?: number | undefined;
}

const descentOptions = {
  momentum: z.number().min(0).lt(1).default(0.9).meta(flag("momentum of sgd and nanosgd", "X")),
};

const sgd = optimizerEntry({
  summary: "gradient descent with momentum",
  options: descentOptions,
  defaultLearningRate: 1e-2,
  followsWidth: false,
  comparedAt: [1e-3, 1e-2, 1e-1],
  mayHoldBfloat16: false,
  create: ({ momentum, ...options }, context) => createSgd({ ...wholeTensors(options, context), momentum }),
});

const nanosgd = optimizerEntry({
  summary: "gradient descent on the smallest weights only",
  options: { ...selectionOptions, ...descentOptions },
  defaultLearningRate: 5e-2,
  followsWidth: false,
  comparedAt: [1e-2, 3e-2, 1e-1, 3e-1],
  mayHoldBfloat16: true,
  create: ({ momentum, ...options }, context) => createNanoSgd({ ...selectionOf(options, context), momentum }),
  settled: settledIntervals,
});

/** All optimizers, by the names that options call them. */
export const optimizers = { nanoadam, adamw, adamw8bit, microadam, galore, sgd, nanosgd, nanolion };

export type OptimizerName = keyof typeof optimizers;

export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/** Whether an optimizer updates selected entries, as its `density` says. */
export function selectsEntries(name: OptimizerName): boolean {
  return "density" in optimizers[name].options;
}

/** The options that optimizers have of their own; one that several have is the same for all. */
export const ownOptions = {
  ...nanoadam.options,
  ...microadam.options,
  ...galore.options,
  ...sgd.options,
};

/** The options that optimizers have of their own, as they are given. */
export interface OwnInput extends NanoAdamInput, MicroAdamInput, GaLoreInput, SgdInput {}

/** What optimizers that update tensors whole have in common; biases and normalisation layers do not decay. */
function wholeTensors({ weightDecay }: CommonOptimizerOptions, context: OptimizerContext) {
  const noDecay = namesWhere(context, ({ role, shape }) => role === "normalisation" || shape.length === 1);
  return { parameters: context.parameters.map(inFloat32), weightDecay, noDecay };
}

function namesWhere({ parameters }: OptimizerContext, matches: (parameter: TrainedParameter) => boolean): string[] {
  return parameters.filter(matches).map(({ name }) => name);
}

function inFloat32({ name, shape, values }: Parameter<WeightArray>): Parameter {
  if (values instanceof Float32Array) return { name, shape, values };
  throw new Error(`${name} is held in bfloat16, but is to be updated whole`);
}
