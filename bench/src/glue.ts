/**
 * NanoAdam against AdamW on four GLUE tasks: every learning rate with the first seed, then the best rate of each
 * optimizer with the other seeds. Runs are processes of the command line of their own; a run whose result is already in
 * the results folder is not repeated, so the command can be stopped and taken up again.
 *
 *     node bench/dist/glue.js --model DIR --data DIR [--tasks cola,rte] [--jobs 2] [--results runs/glue]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { RunSummary } from "nanoadam";

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
const rates = { nanoadam: [1e-3, 2e-3, 3e-3], adamw: [1e-4, 2e-4, 3e-4] } as const;
type OptimizerName = keyof typeof rates;
const optimizers = ["nanoadam", "adamw"] as const;
const seeds = [0, 1, 2];
const commandLine = fileURLToPath(new URL("../../packages/nanoadam/bin/nanoadam.js", import.meta.url));

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "../shared/data/models/minibert" },
    data: { type: "string", default: "../shared/data/glue" },
    tasks: { type: "string", default: Object.keys(tasks).join(",") },
    jobs: { type: "string", default: "2" },
    results: { type: "string", default: "runs/glue" },
  },
});

interface Run {
  readonly name: string;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  readonly seed: number;
}

function summaryPath({ name, optimizer, rate, seed }: Run): string {
  return join(flags.results, `${name}-${optimizer}-${rate}-${seed}`, "summary.json");
}

function readSummary(run: Run): RunSummary {
  return JSON.parse(readFileSync(summaryPath(run), "utf8")) as RunSummary;
}

function score(run: Run): number {
  const metric = tasks[run.name]?.metric ?? "accuracy";
  return readSummary(run).evaluation.final[metric] ?? Number.NaN;
}

/** One run in a process of its own, on one thread; the written model is not kept. */
async function perform(run: Run): Promise<void> {
  const task = tasks[run.name];
  if (task === undefined || existsSync(summaryPath(run))) return;
  const folder = join(flags.results, `${run.name}-${run.optimizer}-${run.rate}-${run.seed}`);
  const arguments_ = [
    commandLine,
    "finetune",
    ...["--model", flags.model, "--output", `${folder}.model`, "--overwrite", "--json"],
    ...["--train", join(flags.data, run.name, "train.tsv"), "--eval", join(flags.data, run.name, "validation.tsv")],
    ...["--text", task.columns, "--label", task.label, "--task", task.task, "--epochs", String(task.epochs)],
    ...(task.limitTrain === undefined ? [] : ["--limit-train", String(task.limitTrain)]),
    ...["--optimizer", run.optimizer, "--learning-rate", String(run.rate), "--seed", String(run.seed)],
    ...["--threads", "1", "--eval-every", "1000000"],
  ];
  const child = spawn(process.execPath, arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (piece: Buffer) => {
    text += piece.toString();
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${folder}: exit ${code}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(summaryPath(run), text);
  console.log(`${run.name} ${run.optimizer} rate ${run.rate} seed ${run.seed}: ${(100 * score(run)).toFixed(2)}`);
}

/** Performs runs, so many at a time. */
async function performAll(runs: readonly Run[]): Promise<void> {
  const queue = [...runs];
  const work = async () => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) await perform(run);
  };
  await Promise.all(Array.from({ length: Number(flags.jobs) }, work));
}

function bestRate(name: string, optimizer: OptimizerName): number {
  const scored = rates[optimizer].map((rate) => ({
    rate,
    value: score({ name, optimizer, rate, seed: seeds[0] ?? 0 }),
  }));
  return scored.reduce((best, next) => (next.value > best.value ? next : best)).rate;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));

const names = flags.tasks.split(",");
const rows: string[] = [];
for (const name of names) {
  await performAll(
    optimizers.flatMap((optimizer) => rates[optimizer].map((rate) => ({ name, optimizer, rate, seed: seeds[0] ?? 0 }))),
  );
  const chosen = optimizers.map((optimizer) => ({ optimizer, rate: bestRate(name, optimizer) }));
  await performAll(
    chosen.flatMap(({ optimizer, rate }) => seeds.slice(1).map((seed) => ({ name, optimizer, rate, seed }))),
  );
  for (const { optimizer, rate } of chosen) {
    const runs = seeds.map((seed) => ({ name, optimizer, rate, seed }));
    const scores = runs.map((run) => 100 * score(run));
    const summary = readSummary(runs[0] as Run);
    const sweep = rates[optimizer].map(
      (each) => `${each}: ${(100 * score({ name, optimizer, rate: each, seed: seeds[0] ?? 0 })).toFixed(1)}`,
    );
    rows.push(
      `| ${name} (${tasks[name]?.metric}) | ${optimizer} | ${rate} | ${mean(scores).toFixed(2)} ± ${deviation(scores).toFixed(2)} | ${scores.map((value) => value.toFixed(1)).join(", ")} | ${sweep.join("; ")} | ${(100 * summary.parameters.everChanged.share).toFixed(1)} % | ${(summary.optimizerStateBytes / 1e6).toFixed(1)} MB |`,
    );
  }
}
const table = [
  "| task (metric) | optimizer | best rate | mean ± deviation of 3 seeds | the seeds | all rates, seed 0 | weights changed | state |",
  "|---|---|---|---|---|---|---|---|",
  ...rows,
  "",
].join("\n");
writeFileSync(join(flags.results, "table.md"), table);
console.log(table);
