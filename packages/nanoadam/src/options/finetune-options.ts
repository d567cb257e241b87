/**
 * The options of a run. Whoever gives them gives one flat object, whose names are the library's options, a configuration
 * file's fields and the command line's flags: `maskInterval` is `--mask-interval`. Whoever reads them is given the groups
 * that it needs.
 */
import { z } from "zod";
import { unfitColumns, unfitLoss } from "../tasks/columns.js";
import { taskKind } from "../tasks/registry.js";
import { type AdapterInput, adapterSchema } from "./adapter-options.js";
import { type AnalysisInput, analysisSchema } from "./analysis-options.js";
import { type DataInput, dataSchema } from "./data-options.js";
import { type ModelInput, modelSchema } from "./model-options.js";
import { type ObjectiveInput, objectiveSchema } from "./objective-options.js";
import { mayHoldBfloat16, type OptimizerInput, optimizerSchema } from "./optimizer-options.js";
import { type OutputInput, type OutputOptions, outputNamedAfter, outputSchema } from "./output-options.js";
import { didYouMean, parseOptions } from "./parse-options.js";
import { type RetentionInput, retentionSchema } from "./retention-options.js";
import { bestMetric, type SavingInput, savingSchema } from "./saving-options.js";
import { type TrainingInput, trainingSchema } from "./training-options.js";

const groups = {
  model: modelSchema,
  data: dataSchema,
  objective: objectiveSchema,
  training: trainingSchema,
  optimizer: optimizerSchema,
  adapter: adapterSchema,
  retention: retentionSchema,
  saving: savingSchema,
  analysis: analysisSchema,
  output: outputSchema,
};

const flatSchema = z
  .object({
    ...modelSchema.shape,
    ...dataSchema.shape,
    ...objectiveSchema.shape,
    ...trainingSchema.shape,
    ...optimizerSchema.shape,
    ...adapterSchema.shape,
    ...retentionSchema.shape,
    ...savingSchema.shape,
    ...analysisSchema.shape,
    ...outputSchema.shape,
  })
  .strict();

/** All options of a run in one flat object, as they are given. */
export const finetuneSchema = flatSchema.superRefine((options, context) => {
  for (const [option, message] of unfit(options)) context.addIssue({ code: "custom", path: [option], message });
});

/** The options of a run as they are given. */
export interface FinetuneInput
  extends ModelInput,
    DataInput,
    ObjectiveInput,
    TrainingInput,
    OptimizerInput,
    AdapterInput,
    RetentionInput,
    SavingInput,
    AnalysisInput,
    OutputInput {}

/** A run's options with nothing grouped. */
type FlatOptions = z.output<typeof flatSchema>;

/** A run's options, checked and grouped by what reads them. */
export type FinetuneOptions = {
  readonly [Group in Exclude<keyof typeof groups, "output">]: z.output<(typeof groups)[Group]>;
} & { readonly output: OutputOptions };

/**
 * Checks and groups the options of a run.
 * @throws InputError naming the first option that does not fit.
 */
export function parseFinetuneOptions(input: FinetuneInput): FinetuneOptions {
  const options = parseOptions(finetuneSchema, input);
  return groupOptions({ ...options, output: options.output ?? outputNamedAfter(options.train) });
}

function groupOptions(options: FlatOptions): FinetuneOptions {
  const optionsOf = ({ shape }: z.ZodObject) =>
    Object.fromEntries(Object.entries(options).filter(([option]) => Object.hasOwn(shape, option)));
  const grouped = Object.entries(groups).map(([group, schema]) => [group, optionsOf(schema)]);
  return Object.fromEntries(grouped) as FinetuneOptions;
}

/** The same options in one flat object, by the names that they were given by. */
export function flattenOptions(options: FinetuneOptions): FlatOptions {
  return {
    ...options.model,
    ...options.data,
    ...options.objective,
    ...options.training,
    ...options.optimizer,
    ...options.adapter,
    ...options.retention,
    ...options.saving,
    ...options.analysis,
    ...options.output,
  };
}

/** MicroAdam's memory, in whole gradients. */
const mostGradients = 10;

/** The options of what is selected that do not go together. */
function* unfitSelection(options: FlatOptions): Iterable<readonly [option: string, message: string]> {
  const { density, finalDensity, densitySchedule, enteringMoment } = options;
  if (densitySchedule === "constant") {
    for (const option of ["finalDensity", "densityInterval"] as const) {
      if (options[option] !== undefined) yield [option, "cannot go with a constant `densitySchedule`"];
    }
  } else if (densitySchedule === undefined && finalDensity !== undefined && finalDensity > density) {
    yield ["finalDensity", `is ${finalDensity}, expected at most \`density\` ${density}, or a \`densitySchedule\``];
  }
  if (enteringMoment === "mean" && options.stateOnRefresh === "reset") {
    yield ["enteringMoment", "cannot be mean where `stateOnRefresh` is reset"];
  }
  if (enteringMoment === "mean" && options.biasCorrection === "entry") {
    yield ["enteringMoment", "cannot be mean where `biasCorrection` is entry, which corrects for a moment of 0"];
  }
}

/** The options that do not go together with others, and what is wrong with each. */
function* unfit(options: FlatOptions): Iterable<readonly [option: string, message: string]> {
  const { task, warmup, staticMask, optimizer } = options;
  if (options.epochs !== undefined && options.steps !== undefined) yield ["steps", "cannot go with `epochs`"];
  if (options.eval !== undefined && options.evalShare !== undefined) yield ["evalShare", "cannot go with `eval`"];
  yield* unfitColumns(taskKind(task), options);
  yield* unfitLoss(taskKind(task), options);
  if (options.pack && task !== "causal-lm") yield ["pack", `cannot go with ${task}`];
  if (warmup > 1 && !Number.isInteger(warmup)) {
    yield ["warmup", `is ${warmup}, expected a whole number of steps, or a fraction of them below 1`];
  }
  yield* unfitSelection(options);
  if (options.microadamWindow * options.microadamDensity > mostGradients) {
    yield [
      "microadamWindow",
      `times \`microadamDensity\` is more than the ${mostGradients} gradients that are kept at most`,
    ];
  }
  if (options.retain === undefined) {
    for (const option of ["retainTask", "limitRetain"] as const) {
      if (options[option] !== undefined) yield [option, "needs `retain`"];
    }
  } else if (options.fromScratch) yield ["retain", "cannot go with `fromScratch`, as there is nothing to be kept"];
  if (options.at !== undefined && !options.analyze) yield ["at", "needs `analyze`"];
  if (staticMask && options.maskInterval !== undefined) yield ["maskInterval", "cannot go with `staticMask`"];
  if (staticMask && options.densityInterval !== undefined) yield ["densityInterval", "cannot go with `staticMask`"];
  if (options.weights === "bfloat16") {
    if (options.fromScratch) {
      yield ["weights", "cannot be bfloat16 with `fromScratch`, as weights without a checkpoint are updated whole"];
    }
    if (!mayHoldBfloat16(options, options)) {
      yield ["weights", `cannot be bfloat16 with ${optimizer}, as it updates weights whole; that needs \`loraRank\``];
    }
  }
  const [metric, { metrics }] = [bestMetric(options), taskKind(task)];
  if (metric !== undefined && !metrics.includes(metric)) {
    yield ["bestBy", `is ${metric}, expected one of ${metrics.join(", ")} for ${task}${didYouMean(metric, metrics)}`];
  }
  if (options.loraRank === undefined) {
    for (const option of ["loraAlpha", "loraTargets"] as const) {
      if (options[option] !== undefined) yield [option, "needs `loraRank`"];
    }
    for (const option of ["useRslora", "useDora"] as const) if (options[option]) yield [option, "needs `loraRank`"];
  }
}
