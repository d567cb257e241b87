/** Options that a comparison tries several values of: each optimizer with each of them is a contestant of its own. */
import { InputError } from "../errors.js";
import { adapterSchema } from "../options/adapter-options.js";
import { optimizers, ownOptions } from "../options/optimizers.js";
import { flagOf, optionOf } from "../options/option-types.js";
import { didYouMean } from "../options/parse-options.js";
import type { Contestant } from "./optimizers.js";

export type OptionValue = string | number | boolean;

/** An option and the values to try. */
export interface Variation {
  readonly option: string;
  readonly values: readonly OptionValue[];
}

/**
 * The variations of lines such as `criterion=small,large`; options may be spelled as flags are.
 * @param known the options of a run that may vary
 * @throws InputError for a line of another form, an option that may not vary or is there twice, and a value that is there twice
 */
export function parseVariations(lines: readonly string[], known: readonly string[]): Variation[] {
  const variations = lines.map((line): Variation => {
    const at = line.indexOf("=");
    const spelled = (at < 0 ? line : line.slice(0, at)).trim();
    const option = variedOption(line);
    const values = at < 0 ? [] : line.slice(at + 1).split(",");
    if (values.some((value) => value.trim() === "") || values.length === 0) {
      throw new InputError(`\`vary\` has "${line}", expected an option and its values, as in criterion=small,large`);
    }
    if (!known.includes(option)) {
      const instead = elsewhere[option];
      const reason = instead === undefined ? didYouMean(option, known) : `; its values are those of \`${instead}\``;
      throw new InputError(`\`vary\` has "${spelled}", which is no option that may vary${reason}`);
    }
    const parsed = values.map(asValue);
    if (new Set(parsed).size < parsed.length) throw new InputError(`\`vary\` has a value of ${spelled} twice: ${line}`);
    return { option, values: parsed };
  });
  const options = variations.map(({ option }) => option);
  const twice = options.find((option, index) => options.indexOf(option) < index);
  if (twice !== undefined) throw new InputError(`\`vary\` has ${twice} twice; give all of its values at once`);
  return variations;
}

/** The option that a line such as `mask-interval=50,100` is about, by its name. */
export function variedOption(line: string): string {
  const [spelled = ""] = line.split("=");
  return optionOf(spelled.trim().replace(/^--/, ""));
}

/** Options of a comparison that say the values of a run's. */
const elsewhere: Readonly<Record<string, string>> = {
  optimizer: "optimizers",
  learningRate: "learningRates",
  seed: "seeds",
};

function asValue(text: string): OptionValue {
  const value = text.trim();
  if (value === "true" || value === "false") return value === "true";
  return Number.isFinite(Number(value)) ? Number(value) : value;
}

/**
 * Every contestant with every combination of the values that it has a use for.
 * @throws InputError for an option that no contestant uses
 */
export function withVariations(contestants: readonly Contestant[], variations: readonly Variation[]): Contestant[] {
  for (const { option } of variations) {
    if (contestants.some((contestant) => uses(contestant, option))) continue;
    const compared = contestants.map(({ name }) => name).join(", ");
    throw new InputError(`\`vary\` has "${option}", which none of ${compared} uses`);
  }
  return variations.reduce<Contestant[]>(
    (varied, { option, values }) =>
      varied.flatMap((contestant) =>
        uses(contestant, option) ? values.map((value) => variant(contestant, option, value)) : [contestant],
      ),
    [...contestants],
  );
}

function variant(contestant: Contestant, option: string, value: OptionValue): Contestant {
  return {
    ...contestant,
    name: `${contestant.name} ${spelled(option, value)}`,
    variation: { ...contestant.variation, [option]: value },
  };
}

/** "mask-interval": a flag without its dashes. */
export function spelledOption(option: string): string {
  return flagOf(option).slice(2);
}

/** "mask-interval=50". */
export function spelled(option: string, value: OptionValue): string {
  return `${spelledOption(option)}=${value}`;
}

/** Whether an option means anything to a contestant: that of another optimizer does not, and LoRA's only with LoRA. */
function uses({ options }: Contestant, option: string): boolean {
  if (Object.hasOwn(adapterSchema.shape, option)) return options.loraRank !== undefined;
  const own: Readonly<Record<string, unknown>> = optimizers[options.optimizer ?? "nanoadam"].options;
  return Object.hasOwn(own, option) || !Object.hasOwn(ownOptions, option);
}
