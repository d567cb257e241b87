import { InputError } from "../errors.js";
import type { Contestant } from "./optimizers.js";

/** "3e-4". */
export function formatRate(learningRate: number): string {
  return learningRate.toExponential().replace("e+", "e");
}

/**
 * Gives contestants the learning rates of a `--learning-rates` list, ascending and each once. The list is `auto`, or has
 * rates for all (`1e-4,3e-4`), lists of some (`nanoadam=1e-3:3e-3`), or both; whom it has none for keeps its own.
 * @throws InputError for a name that is not compared, or what is no positive number.
 */
export function withLearningRates(contestants: readonly Contestant[], list: string): Contestant[] {
  if (list.trim() === "auto") return [...contestants];
  /** By contestant; those for all without a name. */
  const rates = new Map<string | undefined, number[]>();
  for (const entry of list.split(",")) {
    const [name, own] = entry.includes("=") ? divide(entry) : [undefined, entry];
    if (name !== undefined && !contestants.some((contestant) => contestant.name === name)) {
      const compared = contestants.map((contestant) => contestant.name).join(", ");
      throw new InputError(`\`learningRates\` has rates for "${name}", expected one of ${compared}`);
    }
    rates.set(name, [...(rates.get(name) ?? []), ...own.split(":").map(parseRate)]);
  }
  return contestants.map((contestant) => {
    const chosen = rates.get(contestant.name) ?? rates.get(undefined) ?? contestant.learningRates;
    return { ...contestant, learningRates: [...new Set(chosen)].sort((a, b) => a - b) };
  });
}

function divide(entry: string): [name: string, rates: string] {
  const at = entry.indexOf("=");
  return [entry.slice(0, at).trim(), entry.slice(at + 1)];
}

function parseRate(text: string): number {
  const rate = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(rate) && rate > 0) return rate;
  throw new InputError(
    `\`learningRates\` has "${text.trim()}", expected auto, or numbers above 0 as in 1e-4,3e-4 or nanoadam=1e-3:3e-3`,
  );
}
