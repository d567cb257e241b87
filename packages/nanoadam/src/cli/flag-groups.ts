/** Which flags of a command belong together in its help, and the short names of some. */
import { adapterSchema } from "../options/adapter-options.js";
import { optimizerSchema } from "../options/optimizer-options.js";

/** The groups in their order; options that no group names are of the last. */
export const flagGroups = ["Usual:", "Optimizer:", "Adapter:", "Advanced:"] as const;

export type FlagGroup = (typeof flagGroups)[number];

/** What most people need, in the order of its help. */
const usual = [
  "model",
  "train",
  "tasks",
  "eval",
  "data",
  "prompt",
  "system",
  "text",
  "textPair",
  "label",
  "base",
  "delta",
  "format",
  "merge",
  "dtype",
  "output",
  "optimizers",
  "learningRates",
  "seeds",
  "maxNewTokens",
  "temperature",
  "topP",
  "task",
  "names",
  "return",
  "epochs",
  "learningRate",
  "batchSize",
  "maxLength",
  "limit",
  "port",
  "report",
  "overwrite",
  "saveEvery",
  "resume",
];

const optimizer = new Set(Object.keys(optimizerSchema.shape));
const adapter = new Set(Object.keys(adapterSchema.shape));

/** The group of an option. */
export function groupOf(option: string): FlagGroup {
  if (usual.includes(option)) return "Usual:";
  if (optimizer.has(option)) return "Optimizer:";
  return adapter.has(option) ? "Adapter:" : "Advanced:";
}

/** Options in the order of their help: by group, the usual ones by use, the others as they came. */
export function inHelpOrder<Entry extends readonly [option: string, ...rest: unknown[]]>(
  entries: readonly Entry[],
): Entry[] {
  const rank = ([option]: Entry) => [flagGroups.indexOf(groupOf(option)), usual.indexOf(option)] as const;
  return entries.toSorted((a, b) => {
    const [[groupA, useA], [groupB, useB]] = [rank(a), rank(b)];
    return groupA - groupB || useA - useB;
  });
}

/** Shorter ways to write a flag. */
export const shortFlags: Readonly<Record<string, string>> = {
  model: "-m",
  output: "-o",
  learningRate: "--lr",
  batchSize: "--batch",
};
