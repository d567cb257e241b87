/**
 * All optimizers of the comparison on four GLUE tasks: `nanoadam compare` task by task, and the results as one table and one
 * file. The training sets are cut so that a task takes less than an hour on two cores. A comparison that is there is not made
 * again, so the command can be stopped and taken up again.
 *
 *     node bench/dist/optimizers.js --model DIR --data DIR [--tasks sst2,cola] [--jobs 2] [--results runs/optimizers]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Comparison } from "nanoadam";
import { outputOf } from "./child-process.js";
import { commandLine } from "./step.js";

const pair = ["--text", "sentence1,sentence2"];
const tasks: Readonly<Record<string, readonly string[]>> = {
  sst2: ["--text", "sentence", "--label", "label", "--limit-train", "4000", "--epochs", "2"],
  cola: ["--text", "sentence", "--label", "label", "--limit-train", "3000", "--epochs", "4", "--metric", "matthews"],
  rte: [...pair, "--label", "label", "--limit-train", "2000", "--epochs", "2"],
  stsb: [...pair, "--label", "score", "--task", "regression", "--limit-train", "3000", "--epochs", "2"],
};

interface Contest {
  /** A name for its folder and its rows, beside the task and the optimizer. */
  readonly title?: string;
  readonly rates: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
}

const all: Contest["rates"] = {
  nanoadam: "1e-3:2e-3:4e-3:8e-3",
  adamw: "1e-4:2e-4:4e-4",
  adamw8bit: "1e-4:2e-4:4e-4",
  microadam: "1e-4:3e-4:1e-3",
  galore: "3e-4:1e-3:3e-3",
  lora: "3e-4:1e-3:3e-3",
  "lora+nanoadam": "1e-3:3e-3:1e-2",
};

const contests: readonly Contest[] = [
  { rates: all, flags: [] },
  { title: "correction by entry", rates: { nanoadam: "1e-3:2e-3:4e-3" }, flags: ["--bias-correction", "entry"] },
];

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "../shared/data/models/minibert" },
    data: { type: "string", default: "../shared/data/glue" },
    tasks: { type: "string", default: Object.keys(tasks).join(",") },
    jobs: { type: "string", default: "2" },
    results: { type: "string", default: "runs/optimizers" },
  },
});

function compare(task: string, { title, rates, flags: contestFlags }: Contest): Comparison {
  const own = tasks[task];
  if (own === undefined) throw new Error(`--tasks has "${task}", expected some of ${Object.keys(tasks).join(", ")}`);
  const output = join(flags.results, title === undefined ? task : `${task}, ${title}`);
  const learningRates = Object.entries(rates).map(([optimizer, list]) => `${optimizer}=${list}`);
  outputOf(process.execPath, [
    ...[commandLine, "compare", "--model", flags.model, "--output", output, ...own],
    ...["--train", join(flags.data, task, "train.tsv"), "--eval", join(flags.data, task, "validation.tsv")],
    ...["--optimizers", Object.keys(rates).join(","), "--learning-rates", learningRates.join(","), ...contestFlags],
    // Ranks and gaps for matrices 256 wide and runs of a few hundred steps.
    ...["--galore-rank", "64", "--galore-gap", "50", "--seeds", "3", "--threads", "1", "--jobs", flags.jobs],
  ]);
  return JSON.parse(readFileSync(join(output, "comparison.json"), "utf8")) as Comparison;
}

const comparisons = contests.map((contest) => ({
  contest,
  ofTasks: flags.tasks.split(",").map((task) => ({ task, comparison: compare(task, contest) })),
}));

/** A run's figures without what all runs of a task share, and without the folders of this machine. */
function figuresOf({ optimizer, learningRate, seed, ...outcome }: Comparison["runs"][number]) {
  if (!("summary" in outcome)) return { optimizer, learningRate, seed, ...outcome };
  const { evaluation, parameters, ...summary } = outcome.summary;
  return {
    ...{ optimizer, learningRate, seed },
    final: evaluation.final,
    everChangedShare: parameters.everChanged.share,
    meanShift: parameters.meanShift,
    stepMilliseconds: summary.stepMilliseconds,
    peakRssBytes: summary.peakRssBytes,
    optimizerStateBytes: summary.optimizerStateBytes,
  };
}

const raw = comparisons.flatMap(({ contest: { title }, ofTasks }) =>
  ofTasks.map(({ task, comparison: { configuration, runs, ...comparison } }) => {
    const { model: _model, train: _train, eval: _evaluation, ...shared } = configuration;
    return {
      task,
      ...(title !== undefined && { title }),
      configuration: shared,
      ...comparison,
      runs: runs.map(figuresOf),
    };
  }),
);
writeFileSync(join(flags.results, "optimizers.json"), `${JSON.stringify(raw, null, 1)}\n`);

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const points = (value: number) => (100 * value).toFixed(2);
const bestOf = (comparison: Comparison, name: string) => {
  const best = comparison.optimizers.find(({ optimizer }) => optimizer === name)?.best;
  if (best === undefined) throw new Error(`${name} has no result`);
  return best;
};
const rows = comparisons.flatMap(({ contest: { title, rates }, ofTasks }) =>
  Object.keys(rates).map((name) => {
    const best = ofTasks.map(({ comparison }) => bestOf(comparison, name));
    const cells = best.map(
      ({ score, learningRate }) => `${points(score.mean)} ± ${points(score.deviation ?? 0)} (${learningRate})`,
    );
    const figures = [
      points(mean(best.map(({ score }) => score.mean))),
      `${(mean(best.map(({ optimizerStateBytes }) => optimizerStateBytes)) / 1e6).toFixed(2)} MB`,
      `${points(mean(best.map(({ everChangedShare }) => everChangedShare)))} %`,
      mean(best.map(({ meanShift }) => meanShift)).toFixed(2),
    ];
    return `| ${[title === undefined ? name : `${name}, ${title}`, ...cells, ...figures].join(" | ")} |`;
  }),
);
const heads = comparisons[0]?.ofTasks.map(({ task, comparison }) => `${task}, ${comparison.metric.name} (rate)`) ?? [];
const table = [
  `| optimizer | ${heads.join(" | ")} | mean | state | weights changed | mean l2 shift |`,
  `|---${"|---".repeat(heads.length + 4)}|`,
  ...rows,
  "",
].join("\n");
writeFileSync(join(flags.results, "table.md"), table);
console.log(table);
