/** The charts of a comparison: the score by learning rate, by each number that varies, and over the steps. */
import type { Comparison } from "./comparison.js";
import { formatRate } from "./learning-rates.js";
import { mean, type OptimizerResult } from "./results.js";
import { type FinishedRun, isFinished } from "./run-result.js";
import { type ScoreLine, scoreCurve } from "./score-curve.js";
import { spelled, spelledOption } from "./variations.js";

/** A chart with its heading. */
export interface TitledCurve {
  readonly title: string;
  readonly svg: string;
}

/** The score of every contestant by its learning rate. */
export function rateCurve({ metric, optimizers }: Comparison): string {
  const lines = optimizers.map(
    ({ optimizer, rates }): ScoreLine => ({
      name: optimizer,
      points: rates.flatMap(({ learningRate, score }) =>
        score === undefined ? [] : [{ at: learningRate, mean: score.mean, deviation: score.deviation ?? 0 }],
      ),
    }),
  );
  const tried = optimizers.flatMap(({ rates }) => rates.map(({ learningRate }) => learningRate));
  return scoreCurve(metric, { name: "learning rate", tried, isLogarithmic: true, format: formatRate }, lines);
}

/** For each option that varies as a number, the score at the best rate by it; contestants that differ only in it are a line. */
export function variationCurves({ metric, optimizers }: Comparison): TitledCurve[] {
  const options = new Set(optimizers.flatMap(({ variation }) => Object.keys(variation ?? {})));
  return [...options].flatMap((option) => {
    const varied = optimizers.filter(({ variation }) => variation !== undefined && option in variation);
    const tried = varied.map(({ variation }) => variation?.[option]).filter((value) => typeof value === "number");
    if (tried.length < varied.length || new Set(tried).size < 2) return [];
    const lines = new Map<string, OptimizerResult[]>();
    for (const result of varied) {
      const line = nameWithout(result, option);
      lines.set(line, [...(lines.get(line) ?? []), result]);
    }
    const name = spelledOption(option);
    const [least, most] = [Math.min(...tried), Math.max(...tried)];
    const axis = { name, tried, isLogarithmic: least > 0 && most / least >= 8, format: String };
    const svg = scoreCurve(
      metric,
      axis,
      [...lines].map(([line, results]) => ({ name: line, points: pointsBy(results, option) })),
    );
    return [{ title: `By ${name}`, svg }];
  });
}

/** Each contestant at its best rate over the steps, as means over the seeds: its score, where there were evaluations, and its loss. */
export function stepCurves({ metric, optimizers, runs }: Comparison): TitledCurve[] {
  const lines = (figureOf: (run: FinishedRun) => readonly StepFigure[]): ScoreLine[] =>
    optimizers.flatMap(({ optimizer, best }) => {
      const own = runs
        .filter(isFinished)
        .filter((run) => run.optimizer === optimizer && run.learningRate === best?.learningRate);
      const points = meanBySteps(own.map(figureOf));
      return points.length < 2 ? [] : [{ name: optimizer, points }];
    });
  const scores = lines(({ history }) =>
    (history?.evaluations ?? []).flatMap(({ step, figures }) => {
      const value = figures[metric.name];
      return value === undefined || value === null ? [] : [{ step, value }];
    }),
  );
  const losses = lines(({ history }) => (history?.losses ?? []).map(({ step, loss }) => ({ step, value: loss })));
  const charts = [
    { title: `${metric.name} over the steps`, metric, lines: scores },
    {
      title: "Training loss over the steps",
      metric: { name: "training loss", better: "lower" as const },
      lines: losses,
    },
  ];
  return charts
    .filter((chart) => chart.lines.length > 0)
    .map((chart) => ({ title: chart.title, svg: scoreCurve(chart.metric, stepAxis, chart.lines) }));
}

const stepAxis = { name: "step", tried: [0, 1], isLogarithmic: false, format: String };

interface StepFigure {
  readonly step: number;
  readonly value: number;
}

/** The mean of several runs at the steps that all of them have. */
function meanBySteps(runs: readonly (readonly StepFigure[])[]): ScoreLine["points"] {
  const [first = [], ...others] = runs;
  return first.flatMap(({ step, value }) => {
    const values = [
      value,
      ...others.flatMap((run) => run.filter((each) => each.step === step).map((each) => each.value)),
    ];
    if (values.length < runs.length) return [];
    return [{ at: step, mean: mean(values), deviation: 0 }];
  });
}

/** A contestant's name without the value of an option. */
function nameWithout({ optimizer, variation }: OptimizerResult, option: string): string {
  return optimizer.replace(` ${spelled(option, variation?.[option] ?? "")}`, "");
}

function pointsBy(results: readonly OptimizerResult[], option: string): ScoreLine["points"] {
  return results
    .flatMap(({ variation, best }) => {
      const at = variation?.[option];
      if (best === undefined || typeof at !== "number") return [];
      return [{ at, mean: best.score.mean, deviation: best.score.deviation ?? 0 }];
    })
    .sort((a, b) => a.at - b.at);
}
