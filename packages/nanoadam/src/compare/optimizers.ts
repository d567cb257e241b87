/** What a comparison sets against each other: optimizers, alone or with LoRA, and the learning rates each is tried at. */
import { InputError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";

export interface Contestant {
  readonly name: string;
  /** Options of `finetune` that make it. */
  readonly options: Pick<FinetuneInput, "optimizer" | "loraRank">;
  /** Tried when no others are asked for, ascending. */
  readonly learningRates: readonly number[];
}

const loraRank = 8;

const table: readonly Contestant[] = [
  { name: "nanoadam", options: { optimizer: "nanoadam" }, learningRates: [3e-4, 1e-3, 3e-3, 1e-2] },
  { name: "adamw", options: { optimizer: "adamw" }, learningRates: [3e-5, 1e-4, 3e-4, 1e-3] },
  { name: "adamw8bit", options: { optimizer: "adamw8bit" }, learningRates: [3e-5, 1e-4, 3e-4, 1e-3] },
  { name: "microadam", options: { optimizer: "microadam" }, learningRates: [3e-5, 1e-4, 3e-4, 1e-3] },
  { name: "galore", options: { optimizer: "galore" }, learningRates: [1e-4, 3e-4, 1e-3, 3e-3] },
  { name: "sgd", options: { optimizer: "sgd" }, learningRates: [1e-3, 1e-2, 1e-1] },
  { name: "lora", options: { optimizer: "adamw", loraRank }, learningRates: [3e-4, 1e-3, 3e-3] },
  { name: "lora+nanoadam", options: { optimizer: "nanoadam", loraRank }, learningRates: [1e-3, 3e-3, 1e-2] },
];

/** The contestant of a name: a row of the table, or `lora+` before an optimizer of it, at that optimizer's rates. */
function contestantOf(name: string): Contestant | undefined {
  const known = table.find((contestant) => contestant.name === name);
  if (known !== undefined) return known;
  const alone = table.find((contestant) => `lora+${contestant.name}` === name);
  if (alone === undefined || usesLora(alone)) return undefined;
  return { name, options: { ...alone.options, loraRank }, learningRates: alone.learningRates };
}

/**
 * The contestants of a list of names, each once.
 * @throws InputError for a name that there is no contestant of.
 */
export function parseContestants(list: string): Contestant[] {
  return [...new Set(list.split(",").map((name) => name.trim()))].map((name) => {
    const contestant = contestantOf(name);
    if (contestant !== undefined) return contestant;
    const known = table.map((each) => each.name).join(", ");
    throw new InputError(`--optimizers has "${name}", expected some of ${known}, or lora+ before an optimizer`);
  });
}

/** The options of `finetune` for a contestant among those that all share; LoRA's go to those that use it only. */
export function finetuneOptions(
  contestant: Contestant,
  shared: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const own = Object.entries(shared).filter(([option]) => usesLora(contestant) || !option.startsWith("lora"));
  return { ...contestant.options, ...Object.fromEntries(own) };
}

function usesLora({ options }: Contestant): boolean {
  return "loraRank" in options;
}
