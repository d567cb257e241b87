/** What `nanoadam compare` found, beside the paper. */
import type { Comparison } from "../compare/comparison.js";
import type { BestResult, OptimizerResult } from "../compare/results.js";
import { formatBytes, formatShare } from "../format.js";
import { type Finding, type Judge, threeDigits } from "./finding.js";
import { outcomeIn } from "./outcome.js";

const comparisonIn = (folder: string | undefined) => outcomeIn<Comparison>(folder, "comparison.json");

/** Figures 4 and 8 to 11. */
export async function criteria([folder]: readonly string[]): Promise<readonly Finding[]> {
  const scores = scoresOf(await comparisonIn(folder));
  const named = (...by: string[]) => by.map((criterion) => `nanoadam criterion=${criterion}`);
  return [
    order(scores, named("small", "random", "large"), "small, random and large weights", "small > random > large"),
    order(scores, named("small", "gradient"), "small weights and large gradients", "small is better"),
  ];
}

/** Table 14. */
export async function staticMask([folder]: readonly string[]): Promise<readonly Finding[]> {
  const names = ["false", "true"].map((value) => `nanoadam static-mask=${value}`);
  const scores = scoresOf(await comparisonIn(folder));
  return [order(scores, names, "Table 14: following the weights, and selected once", "85.65 and 83.54")];
}

/** Tables 11 and 12. */
export function intervals(option: "mask-interval" | "density-interval"): Judge {
  const paper =
    option === "mask-interval"
      ? "at 2.4 to 9 % of an epoch; the shortest is 0.5 points behind, the longest 0.2"
      : "at 12 % of an epoch; the shortest is 0.6 points behind, the longest 0.4";
  return async ([folder]) => {
    const { optimizers, scoreOf, shown } = scoresOf(await comparisonIn(folder));
    const names = optimizers.map(({ optimizer }) => optimizer);
    const best = names.toSorted((a, b) => scoreOf(b) - scoreOf(a))[0] ?? "";
    const figures = names.map((name) => `${name.split("=")[1]}: ${shown(scoreOf(name))}`);
    return [
      {
        what: `steps of ${option}, and the score`,
        paper,
        here: figures.join(", "),
        holds: best !== names[0] && best !== names.at(-1),
      },
    ];
  };
}

/** Figure 17, Table 17. */
export async function rates([folder]: readonly string[]): Promise<readonly Finding[]> {
  const { optimizers } = await comparisonIn(folder);
  const best = (name: string) =>
    optimizers.find(({ optimizer }) => optimizer === name)?.best?.learningRate ?? Number.NaN;
  const [nanoadam, ...others] = ["nanoadam", "adamw", "microadam"].map(best);
  return [
    {
      what: "best learning rate of NanoAdam, AdamW and MicroAdam",
      paper: "1e-3, 1e-4, 1e-4 (ViT-L); 1.1e-4, 7e-5, 4e-5 (QNLI)",
      here: [nanoadam, ...others].map((rate) => rate?.toExponential()).join(", "),
      holds: others.every((rate) => rate < (nanoadam ?? 0)),
    },
  ];
}

/** Tables 2, 3, 15 and 16, Figure 12c. */
export async function comparedOptimizers([folder]: readonly string[]): Promise<readonly Finding[]> {
  const comparison = await comparisonIn(folder);
  const { optimizers, shown } = scoresOf(comparison);
  const row = (
    what: string,
    paper: string,
    { figure, format, holds }: { figure: Figure; format: (value: number) => string; holds: Rule },
  ): Finding => {
    const values = new Map(
      optimizers.map(({ optimizer, best }) => [optimizer, best === undefined ? Number.NaN : figure(best)]),
    );
    const here = [...values].map(([name, value]) => `${name} ${format(value)}`).join(", ");
    return { what, paper, here, holds: holds((name) => values.get(name) ?? Number.NaN, [...values.values()]) };
  };
  const sign = comparison.metric.better === "higher" ? 1 : -1;
  return [
    row("Table 2: score", "NanoAdam is first, 0.4 to 1.5 points ahead", {
      figure: ({ score }) => sign * score.mean,
      format: shown,
      holds: (of, all) => of("nanoadam") >= Math.max(...all),
    }),
    row("Tables 3, 15: optimizer state (the paper: memory)", "NanoAdam has the least", {
      figure: ({ optimizerStateBytes }) => optimizerStateBytes,
      format: formatBytes,
      holds: (of, all) => of("nanoadam") <= Math.min(...all),
    }),
    row("Table 16: time of a step, ms", "NanoAdam takes 1.4 to 2.3 times AdamW's", {
      figure: ({ stepMilliseconds }) => stepMilliseconds,
      format: threeDigits,
      holds: (of) => of("nanoadam") > of("adamw"),
    }),
    row("Figure 12c: weights ever changed", "NanoAdam below 20 %, MicroAdam above 90 %", {
      figure: ({ everChangedShare }) => everChangedShare,
      format: formatShare,
      holds: (of) => of("nanoadam") < 0.2 && of("microadam") > 0.9,
    }),
  ];
}

type Figure = (best: BestResult) => number;
type Rule = (of: (optimizer: string) => number, all: readonly number[]) => boolean;

/** The scores of a comparison. */
interface Scores {
  readonly optimizers: readonly OptimizerResult[];
  /** Turned so that higher is better. */
  scoreOf(optimizer: string): number;
  /** A score of those as people read it. */
  shown(score: number): string;
}

function scoresOf({ metric, optimizers }: Comparison): Scores {
  const isHigherBetter = metric.better === "higher";
  const byName = new Map<string, OptimizerResult>(optimizers.map((result) => [result.optimizer, result]));
  return {
    optimizers,
    scoreOf(name) {
      const mean = byName.get(name)?.best?.score.mean ?? Number.NaN;
      return isHigherBetter ? mean : -mean;
    },
    shown: (score) => (isHigherBetter ? `${threeDigits(100 * score)} %` : threeDigits(-score)),
  };
}

/** Contestants whose scores ought to fall. */
function order({ scoreOf, shown }: Scores, names: readonly string[], what: string, paper: string): Finding {
  const scores = names.map(scoreOf);
  return {
    what,
    paper,
    here: scores.map(shown).join(", "),
    holds: scores.slice(1).every((score, place) => score < (scores[place] ?? Number.NaN)),
  };
}
