import { z } from "zod";
import { finetuneSchema } from "../options/finetune-options.js";
import { countTo, factor, flag, flagOf, path } from "../options/option-types.js";
import { unfitColumns } from "../tasks/columns.js";
import { taskKind } from "../tasks/registry.js";

/** The options that all runs of a comparison share. */
const sharedSchema = z.object(finetuneSchema.shape).omit({
  optimizer: true,
  learningRate: true,
  seed: true,
  output: true,
  overwrite: true,
  tensorboard: true,
  report: true,
  saveEvery: true,
  keep: true,
  analyze: true,
  at: true,
});

const { model, train, ...otherShared } = sharedSchema.shape;

/** Values in one text with commas between them, or, as files have them, in a list. */
const listOf = <Value extends z.ZodType<string | number>>(value: Value, what: string) =>
  z
    .union([value, z.array(value).readonly()], { error: what })
    .transform((values) => (typeof values === "object" ? values.join(",") : String(values)));

/** Runs are processes of their own, which read files. */
export const compareSchema = z
  .object({
    model,
    train: path.meta(train.meta() ?? {}),
    output: path.meta(flag("folder to keep the runs and the comparison in", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("start anew in a folder that has a comparison")),
    optimizers: listOf(z.string(), "names of optimizers")
      .default("nanoadam,adamw")
      .meta(flag("what is compared: names as of finetune, lora, or lora+NAME", "LIST")),
    learningRates: listOf(z.union([z.string(), factor]), "auto, or rates above 0")
      .default("auto")
      .meta(flag("auto, or rates for all (1e-4,3e-4), or for some (nanoadam=1e-3:3e-3,adamw=1e-4)", "LIST")),
    vary: z
      .union([z.string().transform((line) => [line]), z.array(z.string()).readonly()], {
        error: "an option and its values, as in criterion=small,large, or a list of such",
      })
      .default([])
      .meta({
        ...flag("an option and its values, tried with each optimizer that uses it; may be repeated", "OPTION=A,B"),
        isRepeated: true,
      }),
    seeds: countTo(1000).default(3).meta(flag("seeds from 0 on, for each optimizer at its best rate", "N")),
    allSeeds: z.boolean().default(false).meta(flag("run every rate with every seed")),
    metric: z.string().optional().meta(flag("what ranks (default: by task)", "NAME")),
    keepModels: z
      .enum(["none", "delta"])
      .default("none")
      .meta(flag("keep each run's model as what it changed of the base (nanoadam apply rebuilds it)")),
    jobs: countTo(64).default(1).meta(flag("runs at a time; with more than one, step times contend", "N")),
    ...otherShared,
    eval: path.optional().meta(otherShared.eval.meta() ?? {}),
    evalEvery: otherShared.evalEvery.meta(flag("steps between evaluations, or epoch (default: at the end only)", "N")),
  })
  .strict()
  .superRefine((options, context) => {
    for (const [option, message] of unfitColumns(taskKind(options.task), options)) {
      context.addIssue({ code: "custom", path: [option], message });
    }
  });

export type CompareOptions = z.output<typeof compareSchema>;
export type CompareInput = z.input<typeof compareSchema>;

/** What each run trains on is the same, and so is what it learns. */
const neverVaried = ["model", "train", "eval", "text", "label", "task"];

/** The options of a run that a comparison may vary. */
export const variableOptions: readonly string[] = Object.keys(sharedSchema.shape).filter(
  (option) => !neverVaried.includes(option),
);

/** The shared options that have a default, with it. */
export function sharedDefaults(): Record<string, unknown> {
  const defaults = Object.entries(sharedSchema.shape).map(([name, schema]) => [name, schema.safeParse(undefined).data]);
  return Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}

/** Of a comparison's options, given or checked, those that its runs share. */
export function sharedOptions(options: CompareInput | CompareOptions): Record<string, unknown> {
  const shared = Object.keys(sharedSchema.shape);
  return Object.fromEntries(Object.entries(options).filter(([name]) => shared.includes(name)));
}

/** Options as flags of the command line; those that are undefined or false are left out. */
export function commandLineFlags(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [flagOf(name)] : [flagOf(name), String(value)];
  });
}
