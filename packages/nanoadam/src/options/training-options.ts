import { type LearningRateScheduleName, learningRateSchedules } from "@nanoadam/optim";
import { z } from "zod";
import { type Sampling, samplings } from "../data/batches.js";
import { optimizerNames, optimizers } from "./optimizers.js";
import { count, countTo, factor, flag } from "./option-types.js";

/** How batches are run. */
export interface BatchInput {
  /** Examples that run together; in training by default 8 to 32, by the size of the data, else 32. */
  readonly batchSize?: number | undefined;
  /** Processor threads; by default one for each physical core. */
  readonly threads?: number | undefined;
  /**
   * What computes: ONNX Runtime's `native` library (the package onnxruntime-node), or ONNX Runtime in WebAssembly (`wasm`), which
   * runs everywhere and is slower. By default `native`, and `wasm` where that cannot be loaded.
   */
  readonly engine?: "native" | "wasm" | undefined;
}

/** The steps of a run: how many, of what size and at what rate, and what is looked at between them. */
export interface TrainingInput extends BatchInput {
  /**
   * The highest learning rate of the schedule; the default depends on the optimizer and the model's width. `auto` tries some
   * rates around it for a part of the run, on a part of the training data, and takes the best.
   */
  readonly learningRate?: number | "auto" | undefined;
  /** Passes over the training data; by default 3, and up to 30 of small data. Give either this or `steps`. */
  readonly epochs?: number | undefined;
  /** Optimizer steps, instead of `epochs`. */
  readonly steps?: number | undefined;
  /** Batches whose gradients make one step; by default 1. */
  readonly accumulate?: number | undefined;
  /**
   * How batches are made up: examples of like length together (`by-length`, the default), of eight batches at a time, which
   * leaves little padding; or as chance has it (`random`).
   */
  readonly sampling?: Sampling | undefined;
  /** How the learning rate falls after the warm-up; by default `linear`. */
  readonly schedule?: LearningRateScheduleName | undefined;
  /** Warm-up steps, or their fraction of all steps if below 1; by default 0. */
  readonly warmup?: number | undefined;
  /** The largest norm of the gradients, which longer ones are scaled down to; 0 for no clipping. By default 1. */
  readonly clip?: number | undefined;
  /** A dropout rate instead of the model's own. */
  readonly dropout?: number | undefined;
  /**
   * Keep all activations (`none`, the default), or only each stage's input and compute the rest again in the backward pass
   * (`stage`): less memory, more time.
   */
  readonly checkpointing?: "none" | "stage" | undefined;
  /** The density up to which only the selected entries of a gradient are computed; 0 for never. By default 0.12. */
  readonly sampledBelow?: number | undefined;
  /** Steps between evaluations, or `epoch`; by default those of an epoch, or a tenth of the run if that is more. */
  readonly evalEvery?: number | "epoch" | undefined;
  /** Steps between lines of metrics.jsonl; by default a hundredth of the run. */
  readonly logEvery?: number | undefined;
  /** The seed of everything random; by default 42. */
  readonly seed?: number | undefined;
}

/** "3e-4 for nanoadam; 5e-5 for adamw, adamw8bit, microadam; ...". */
const defaultRates = [...new Set(optimizerNames.map((name) => optimizers[name].defaultLearningRate))]
  .map((rate) => {
    const names = optimizerNames.filter((name) => optimizers[name].defaultLearningRate === rate);
    return `${rate.toExponential()} for ${names.join(", ")}`;
  })
  .join("; ");

/** Examples that run together are in memory together; more of them make one step by `accumulate`. */
export const mostTogether = 65_536;
/** Each takes 8 MB and time to start; the machine is a bound too (`recipes/open-runtime.ts`). */
const mostThreads = 256;
/** Random numbers are hashes of the seed's 32 bits: a larger one would repeat a smaller one's run. */
export const mostSeed = 2 ** 32 - 1;

export const trainingSchema = z.object({
  learningRate: z
    .union([factor, z.literal("auto")], { error: "a number above 0, or auto" })
    .optional()
    .meta(
      flag(
        `highest learning rate, or auto to try some briefly (default for a model 768 wide: ${defaultRates}; more for narrower ones, and four times that for adapters)`,
        "X",
      ),
    ),
  epochs: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .meta(flag("passes over the training data (default: 3, and up to 30 of small data)", "N")),
  steps: count.optional().meta(flag("optimizer steps, instead of `epochs`", "N")),
  batchSize: countTo(mostTogether)
    .optional()
    .meta(flag("examples that run together (default: 8 to 32, by the size of the data)", "N")),
  accumulate: countTo(1e6).default(1).meta(flag("batches whose gradients make one step", "N")),
  sampling: z
    .enum(samplings)
    .default("by-length")
    .meta(flag("how batches are made up: of like lengths, for little padding, or as chance has it")),
  schedule: z.enum(learningRateSchedules).default("linear").meta(flag("how the learning rate falls after the warm-up")),
  warmup: z
    .number()
    .min(0)
    .max(1e9)
    .default(0)
    .meta(flag("warm-up steps, or their fraction of all steps if below 1", "X")),
  clip: z.number().min(0).max(3.4e38).default(1).meta(flag("largest norm of the gradients; 0 for no clipping", "X")),
  dropout: z.number().min(0).lt(1).optional().meta(flag("dropout rate instead of the model's own", "X")),
  checkpointing: z
    .enum(["none", "stage"])
    .default("none")
    .meta(flag("keep all activations, or only each stage's input and compute the rest again: less memory, more time")),
  sampledBelow: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta(
      flag("density up to which only the selected entries of a gradient are computed; 0: never (default: 0.12)", "X"),
    ),
  evalEvery: z
    .union([count, z.literal("epoch")], { error: "a whole number of at least 1, or epoch" })
    .optional()
    .meta(flag("steps between evaluations, or epoch (default: every epoch, at most 10 times)", "N")),
  logEvery: count.optional().meta(flag("steps between lines of metrics.jsonl (default: 1/100 of the run)", "N")),
  threads: countTo(mostThreads).optional().meta(flag("processor threads (default: one a physical core)", "N")),
  engine: z
    .enum(["native", "wasm"])
    .optional()
    .meta(flag("ONNX Runtime's own library or WebAssembly (default: native, wasm where that cannot be loaded)")),
  seed: z.number().int().min(0).max(mostSeed).default(42).meta(flag("seed of everything random", "N")),
});

export type TrainingOptions = z.output<typeof trainingSchema>;
