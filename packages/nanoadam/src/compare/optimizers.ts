/** The contestants of a comparison: optimizers, alone or with LoRA, and the learning rates at which each is tried. */
import { InputError } from "../errors.js";
import { adapterSchema } from "../options/adapter-options.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { optimizerNames, optimizers } from "../options/optimizers.js";

export interface Contestant {
  readonly name: string;
  /** Options of `finetune` that make it. */
  readonly options: Pick<FinetuneInput, "optimizer" | "loraRank">;
  /** The values of options that the comparison varies. */
  readonly variation?: Readonly<Record<string, string | number | boolean>>;
  /** Tried when no others are asked for, ascending. */
  readonly learningRates: readonly number[];
}

const loraRank = 8;

/** The contestant of a name: an optimizer, `lora+` before one, or `lora`, which is AdamW with LoRA. */
function contestantOf(name: string): Contestant | undefined {
  const optimizer = name === "lora" ? "adamw" : optimizerNames.find((each) => name === each || name === `lora+${each}`);
  if (optimizer === undefined) return undefined;
  const { comparedAt, adaptersComparedAt = comparedAt } = optimizers[optimizer];
  return name === optimizer
    ? { name, options: { optimizer }, learningRates: comparedAt }
    : { name, options: { optimizer, loraRank }, learningRates: adaptersComparedAt };
}

/**
 * The contestants of a list of names, each once.
 * @throws InputError for a name that there is no contestant of.
 */
export function parseContestants(list: string): Contestant[] {
  return [...new Set(list.split(",").map((name) => name.trim()))].map((name) => {
    const contestant = contestantOf(name);
    if (contestant !== undefined) return contestant;
    const known = optimizerNames.join(", ");
    throw new InputError(`\`optimizers\` has "${name}", expected some of ${known}, lora, or lora+ before an optimizer`);
  });
}

/** The options of `finetune` for a contestant among those that all share; LoRA's go to those that use it only. */
export function finetuneOptions(
  contestant: Contestant,
  shared: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const own = Object.entries(shared).filter(
    ([option]) => usesLora(contestant) || !Object.hasOwn(adapterSchema.shape, option),
  );
  return { ...contestant.options, ...Object.fromEntries(own), ...contestant.variation };
}

function usesLora({ options }: Contestant): boolean {
  return "loraRank" in options;
}
