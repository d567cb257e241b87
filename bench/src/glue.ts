/**
 * NanoAdam against AdamW on four GLUE tasks: every learning rate with the first seed, then the best rate of each
 * optimizer with the other seeds. Runs are processes of the command line of their own; a run whose result is already in
 * the results folder is not repeated, so the command can be stopped and taken up again.
 *
 *     node bench/dist/glue.js --model DIR --data DIR [--tasks cola,rte] [--jobs 2] [--results runs/glue]
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deviation, mean, type Run, RunFolder } from "./runs.js";
import { sweepFlags } from "./sweep-flags.js";

interface GlueTask {
  readonly columns: string;
  readonly label: string;
  readonly task: "classification" | "regression";
  readonly metric: "accuracy" | "matthews" | "pearson";
  readonly epochs: number;
  readonly limitTrain?: number;
}

const tasks: Readonly<Record<string, GlueTask>> = {
  sst2: {
    columns: "sentence",
    label: "label",
    task: "classification",
    metric: "accuracy",
    epochs: 2,
    limitTrain: 4000,
  },
  cola: { columns: "sentence", label: "label", task: "classification", metric: "matthews", epochs: 5 },
  rte: { columns: "sentence1,sentence2", label: "label", task: "classification", metric: "accuracy", epochs: 3 },
  stsb: { columns: "sentence1,sentence2", label: "score", task: "regression", metric: "pearson", epochs: 3 },
};

interface Rival {
  readonly name: string;
  readonly flags: readonly string[];
  readonly rates: readonly number[];
}

const rivals: readonly Rival[] = [
  { name: "adamw", flags: ["--optimizer", "adamw"], rates: [1e-4, 2e-4, 4e-4] },
  { name: "nanoadam", flags: ["--optimizer", "nanoadam"], rates: [1e-3, 2e-3, 4e-3] },
  {
    name: "nanoadam, by entry",
    flags: ["--optimizer", "nanoadam", "--bias-correction", "entry"],
    rates: [1e-3, 2e-3, 4e-3],
  },
];
const seeds = [0, 1, 2];

const flags = sweepFlags({ data: "../shared/data/glue", tasks: Object.keys(tasks).join(","), results: "runs/glue" });

interface Setting {
  readonly task: string;
  readonly rival: Rival;
  readonly rate: number;
  readonly seed: number;
}

const folder = new RunFolder(flags.results, Number(flags.jobs));
const nameOf = ({ task, rival, rate, seed }: Setting) => `${task}-${rival.name}-${rate}-${seed}`;

function scoreOf(name: string): number {
  const metric = tasks[name.split("-")[0] ?? ""]?.metric ?? "accuracy";
  return 100 * (folder.summary(name).evaluation.final[metric] ?? Number.NaN);
}

const score = (setting: Setting) => scoreOf(nameOf(setting));

function runOf(setting: Setting): Run {
  const { task: name, rival, rate, seed } = setting;
  const task = tasks[name];
  if (task === undefined) throw new Error(`--tasks has "${name}", expected some of ${Object.keys(tasks).join(", ")}`);
  return {
    name: nameOf(setting),
    flags: [
      ...["--model", flags.model, "--eval-every", "1000000"],
      ...["--train", join(flags.data, name, "train.tsv"), "--eval", join(flags.data, name, "validation.tsv")],
      ...["--text", task.columns, "--label", task.label, "--task", task.task, "--epochs", String(task.epochs)],
      ...(task.limitTrain === undefined ? [] : ["--limit-train", String(task.limitTrain)]),
      ...[...rival.flags, "--learning-rate", String(rate), "--seed", String(seed)],
    ],
  };
}

const performAll = (settings: readonly Setting[]) =>
  folder.perform(settings.map(runOf), (name) => `${name}: ${scoreOf(name).toFixed(2)}`);

function bestRate(task: string, rival: Rival): number {
  const scored = rival.rates.map((rate) => ({ rate, value: score({ task, rival, rate, seed: 0 }) }));
  return scored.reduce((best, next) => (next.value > best.value ? next : best)).rate;
}

const names = flags.tasks.split(",");
const rows: string[] = [];
for (const task of names) {
  await performAll(rivals.flatMap((rival) => rival.rates.map((rate) => ({ task, rival, rate, seed: 0 }))));
  const chosen = rivals.map((rival) => ({ rival, rate: bestRate(task, rival) }));
  await performAll(chosen.flatMap(({ rival, rate }) => seeds.slice(1).map((seed) => ({ task, rival, rate, seed }))));
  for (const { rival, rate } of chosen) {
    const scores = seeds.map((seed) => score({ task, rival, rate, seed }));
    const summary = folder.summary(nameOf({ task, rival, rate, seed: 0 }));
    const sweep = rival.rates.map((each) => `${each}: ${score({ task, rival, rate: each, seed: 0 }).toFixed(1)}`);
    rows.push(
      `| ${task} (${tasks[task]?.metric}) | ${rival.name} | ${rate} | ${mean(scores).toFixed(2)} ± ${deviation(scores).toFixed(2)} | ${scores.map((value) => value.toFixed(1)).join(", ")} | ${sweep.join("; ")} | ${(100 * summary.parameters.everChanged.share).toFixed(1)} % | ${(summary.optimizerStateBytes / 1e6).toFixed(1)} MB |`,
    );
  }
}
const table = [
  "| task (metric) | optimizer | best rate | mean ± deviation of 3 seeds | the seeds | all rates, seed 0 | weights changed | state |",
  "|---|---|---|---|---|---|---|---|",
  ...rows,
  "",
].join("\n");
writeFileSync(folder.path("table.md"), table);
console.log(table);
